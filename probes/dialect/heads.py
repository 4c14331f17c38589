"""Compiles the head of a frame: one typed decoding of its channel, payload, kind, symbol, sequence and stamps. Pure.

The payload stays undecoded until its channel is known, or is decoded in the same pass where the channel is foreseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from probes.dialect.columns import Row, Scalar, Text
from probes.dialect.declared import Frames
from probes.dialect.decode import Decoder

NO_PAYLOAD = msgspec.Raw(b"")
"""The payload of a frame without one."""
Parts = Callable[[Any], tuple[Any, ...]]


def head(
    frame: Frames, payload: Any = msgspec.Raw, *, several: bool = False, short: bool = False
) -> tuple[Callable[[bytes], Any], Parts]:
    """Decodes a frame's head (`several`: a list of heads) and takes its parts. The decoder also raises `decode.UNREADABLE`.

    The parts are channel, payload (in the shape given), kind, symbol, sequence, and both stamps; `short`: the first two alone.
    """
    one, getters = shaped(frame, payload, short=short)
    whole: Any = list[one] if several else one  # type: ignore[valid-type]
    decoder: Decoder[Any] = Decoder(whole, strict=False)
    return decoder.bare, attrgetter(*getters)


def shaped(frame: Frames, payload: Any, *, short: bool = False) -> tuple[Any, list[str]]:
    """The struct of a head, and the dotted attributes of its parts; as `head`."""
    stamps = [None if one is None else str(one.name) for one in (frame.at, frame.engine_at)]
    paths = [frame.channel, frame.payload, frame.kind, frame.symbol, frame.sequence, *stamps]
    shapes = [Text, payload, Text, Text, Scalar, Scalar, Scalar]
    tree: dict[str, Any] = {}
    getters = []
    for path, shape in [*zip(paths, shapes, strict=True)][: 2 if short else None]:
        getters.append(_place(tree, path, shape) if path else "absent")
    return _built(tree), getters


def _place(tree: dict[str, Any], path: str, shape: Any) -> str:
    """Put a path into the tree of shapes; gives the dotted attributes that read it."""
    steps, attributes = path.split("."), []
    for step in steps[:-1]:
        tree = tree.setdefault(step, {})
        attributes.append(f"f_{step}")
    tree[steps[-1]] = shape
    return ".".join([*attributes, f"f_{steps[-1]}"])


def _built(tree: Mapping[str, Any]) -> Any:
    """The struct of a tree of shapes; what a frame leaves out is None, or a head of which all is."""
    fields: list[Any] = []
    for step, shape in tree.items():
        if isinstance(shape, dict):
            inner = _built(shape)
            fields.append((f"f_{step}", inner, msgspec.field(default_factory=inner)))
        else:
            fields.append((f"f_{step}", shape, NO_PAYLOAD if shape is msgspec.Raw else None))
    return msgspec.defstruct("Head", fields, bases=(Row,), rename={f"f_{step}": step for step in tree})
