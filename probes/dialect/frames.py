"""Compiles `Frames` and the rows of each channel into the form's `read` of a feed. Pure.

A frame with news costs two typed decodings: its head, and the rows of its channel. All other frames are rare and are read as
plain JSON by the table of controls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from probes.dialect.answers import found
from probes.dialect.columns import Row, Scalar, Text, clock
from probes.dialect.declared import Control, Frames, Liquidations, Means, Rows
from probes.dialect.decode import Decoder
from probes.dialect.market import Head
from probes.dialect.rows import RowsReader, compiled, reader
from probes.readings import MalformedReason, Refusal
from probes.venue import (
    Ack,
    Context,
    FeedMessage,
    Heard,
    Malformed,
    Pong,
    ReadFrame,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)

_EMPTY = msgspec.Raw(b"")
_TEXTS: Mapping[Means, tuple[FeedMessage, ...]] = {Means.PONG: (Pong(),), Means.ACK: (Ack(),)}


def frames(frame: Frames, channels: Mapping[str, Rows | tuple[Rows, ...]]) -> ReadFrame:
    """The reader of a feed's frames. `channels` maps a channel's name (or its key by `topic`) to the rows it carries."""
    routes = {name: _route(rows if isinstance(rows, tuple) else (rows,)) for name, rows in channels.items()}
    (head_of, parts_of), at_of, engine_of = _head(frame), clock(frame.at), clock(frame.engine_at)
    unpack, topic, news, texts, proves = frame.unpack, frame.topic, frame.news, frame.texts, frame.proves

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        if texts and raw in texts:
            return _TEXTS.get(texts[raw], ())
        if unpack is not None:
            raw = unpack(raw)
        named, payload, kind, symbol, sequence, at, engine_at = parts_of(head_of(raw))
        channel = named
        if topic is not None and channel is not None:
            channel, symbol = topic(channel)
        route = routes.get(channel)
        if route is None or payload is _EMPTY or (news and (kind or "") not in news):
            return _control(frame, raw)
        read_rows, stampless = route
        if payload is None:
            payload = raw
        if stampless:
            meant = read_rows(payload, context, Head(None, symbol, kind or ""))
            return (
                meant
                if meant or channel not in proves
                else [Heard(name=proves[channel].format(channel=named, symbol=symbol))]
            )
        return read_rows(payload, context, Head(at_of(at), symbol, kind or "", engine_of(engine_at), sequence))

    said = [one for rows in channels.values() for one in (rows if isinstance(rows, tuple) else (rows,))]
    compiled(read, *said, channels=tuple(channels))
    return read


def either(*reads: ReadFrame) -> ReadFrame:
    """Reads a frame by the first of `reads` that has something to say: for a socket with frames of several forms."""
    return lambda raw, context: next((words for one in reads if (words := one(raw, context))), ())


def _route(rows: tuple[Rows, ...]) -> tuple[RowsReader, bool]:
    """The reader of a channel, and whether its rows always have their own stamps, so that the frame's need not be read."""
    readers = [reader(one) for one in rows]
    stampless = all(isinstance(said, Liquidations) for one in rows for said in one.says)
    if len(readers) == 1:
        return readers[0], stampless
    return (lambda raw, context, head: [one for read in readers for one in read(raw, context, head)]), stampless


def _head(frame: Frames) -> tuple[Callable[[bytes], Any], Callable[[Any], tuple[Any, ...]]]:
    """Decodes a frame's head, and takes its parts: channel, payload (not yet decoded), kind, symbol, sequence, both stamps."""
    stamps = [None if one is None else str(one.name) for one in (frame.at, frame.engine_at)]
    paths = [frame.channel, frame.payload, frame.kind, frame.symbol, frame.sequence, *stamps]
    shapes = [Text, msgspec.Raw, Text, Text, Scalar, Scalar, Scalar]
    tree: dict[str, Any] = {}
    getters = []
    for path, shape in zip(paths, shapes, strict=True):
        getters.append(_place(tree, path, shape) if path else "absent")
    decoder: Decoder[Any] = Decoder(_built(tree), strict=False)
    return decoder.decode, attrgetter(*getters)


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
            fields.append((f"f_{step}", shape, _EMPTY if shape is msgspec.Raw else None))
    return msgspec.defstruct("Head", fields, bases=(Row,), rename={f"f_{step}": step for step in tree})


_PLAIN: Decoder[Any] = Decoder(Any)


def _control(frame: Frames, raw: bytes) -> Sequence[FeedMessage]:
    """A frame without news: the first control that fits; a frame that none fits says nothing."""
    whole = _PLAIN.decode(raw)
    for control in frame.controls:
        value = found(whole, control.path)
        hashable = value if isinstance(value, str | int | float | bool) else None
        fits = value is not None and (control.values is None or hashable in control.values)
        if fits and (not control.starts or (isinstance(value, str) and value.startswith(control.starts))):
            return _meant(frame, control, whole)
    return ()


def _meant(frame: Frames, control: Control, whole: Any) -> Sequence[FeedMessage]:
    text = found(whole, control.text) if control.text else None
    words = "" if text is None else str(text)
    names = () if control.names is None else tuple(control.names(whole))
    number = found(whole, control.id) if control.id else None
    request = "" if number is None else str(number)
    match control.means:
        case Means.REPLY:
            return () if control.reply is None else (Reply(text=control.reply(whole)),)
        case Means.ACK:
            outcome = found(whole, control.outcome) if control.outcome else None
            if control.outcome and (not isinstance(outcome, str) or outcome not in control.outcome_is):
                raise Malformed(f"$.{control.outcome}: {str(outcome)[:40]!r} is no confirmation", MalformedReason.STATE)
            return (Ack(subject=words, names=names, request=request, complete=control.complete),)
        case Means.PONG:
            return (Pong(),)
        case Means.SHUTDOWN:
            return (ShutdownAnnounced(detail=words),)
        case Means.REFUSED:
            code = str(found(whole, control.code)) if control.code else ""
            kind = frame.refusals.get(code, Refusal.BAD_REQUEST)
            return (SubscriptionRefused(kind=kind, detail=f"{code} {words}".strip(), names=names, request=request),)
    return ()
