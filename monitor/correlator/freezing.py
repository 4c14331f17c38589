"""Encodes a graph of the correlator's own objects as bytes and decodes it: `Correlator.freeze` and `thaw` use it.

The encoding is plain MessagePack, no pickle: it calls no constructor, and makes only classes of the correlator's own packages.
An object with two references is written once and is one object again. Numbers keep their bits and dicts their order. An
image is valid only for the code that made it: the shape of each class is written beside it and compared, and an image that
does not fit is refused, never read in part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from typing import Any

import msgspec

FORMAT = "stormwatch.correlator/1"
PACKAGES = ("monitor.correlator", "monitor.detect", "monitor.signals", "monitor.incidents")
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1
"""The integers that MessagePack can hold; others are written as text."""
_SERIES: Mapping[str, type[Any]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class NotAnImage(ValueError):
    """The bytes are not an image, or an image of another version of the correlator."""


def pack(state: Mapping[str, object]) -> bytes:
    """The image of named objects. Raises TypeError for an object whose class is not in the correlator's packages."""
    writer = _Writer()
    roots = {name: writer.value(one) for name, one in state.items()}
    return msgspec.msgpack.encode([FORMAT, writer.classes, writer.nodes, roots])


def unpack(image: bytes) -> dict[str, Any]:
    """The named objects of an image. Raises NotAnImage."""
    try:
        form, classes, nodes, roots = msgspec.msgpack.decode(image)
        _check_format(form)
        reader = _Reader([_class_of(*one) for one in classes])
        for node in nodes:
            reader.add(*node)
        return {name: reader.value(one) for name, one in roots.items()}
    except NotAnImage:
        raise
    except (
        msgspec.DecodeError,
        ArithmeticError,
        AttributeError,
        ImportError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise NotAnImage(f"not an image of this correlator: {error}") from error


def _check_format(form: object) -> None:
    if form != FORMAT:
        raise NotAnImage(f"the format is {form!r}, not {FORMAT}")


def _slots(kind: type) -> list[str]:
    if issubclass(kind, msgspec.Struct):
        return list(kind.__struct_fields__)
    return [name for one in reversed(kind.__mro__) for name in vars(one).get("__slots__", ())]


def _shape(kind: type) -> list[str]:
    """The state of a class: its slots, and every name that its __init__ uses."""
    initializer = getattr(vars(kind).get("__init__"), "__code__", None)
    return sorted({*_slots(kind), *(initializer.co_names if initializer else ())})


def _class_of(module: str, name: str, fields: list[str], shape: list[str]) -> tuple[type, list[str]]:
    if not any(module == package or module.startswith(f"{package}.") for package in PACKAGES):
        raise NotAnImage(f"{module}.{name} is no class of the correlator")
    kind = getattr(import_module(module), name)
    if not isinstance(kind, type) or kind.__module__ != module or shape != _shape(kind) or set(fields) - set(shape):
        raise NotAnImage(f"{module}.{name} has another shape than when the image was made")
    return kind, fields


class _Writer:
    """Numbers objects children first, so that an image is read in one pass."""

    def __init__(self) -> None:
        self.classes: list[list[object]] = []
        self.nodes: list[list[object]] = []
        self._numbers: dict[int, int] = {}
        self._kinds: dict[type, tuple[int, list[str]]] = {}

    def value(self, one: object) -> object:
        """A scalar as it is, anything else as [its number]."""
        kind = type(one)
        if one is None or kind in (bool, float, str) or (kind is int and _MIN_INT <= one <= _MAX_INT):  # type: ignore[operator]
            return one
        if kind is datetime and one.tzinfo is UTC:  # type: ignore[attr-defined]
            return one  # MessagePack's own timestamp: it comes back the same
        number = self._numbers.get(id(one))
        if number is None:
            node = self._node(one)
            number = self._numbers[id(one)] = len(self.nodes)
            self.nodes.append(node)
        return [number]

    def _node(self, one: object) -> list[object]:
        name = type(one).__name__
        if isinstance(one, Enum):
            return [self._kind(type(one), [])[0], one.value]
        if isinstance(one, datetime):
            return ["at", one.isoformat()]
        if type(one) is int:
            return ["int", hex(one)]
        if isinstance(one, deque):
            return ["deque", one.maxlen, *map(self.value, one)]
        if isinstance(one, Mapping):
            return ["dict", *(self.value(part) for pair in one.items() for part in pair)]
        if isinstance(one, set | frozenset):
            return [name, *(self.value(part) for part in sorted(one, key=repr))]
        if isinstance(one, list | tuple):
            return [name, *map(self.value, one)]
        number, fields = self._kind(type(one), [*_slots(type(one)), *getattr(one, "__dict__", ())])
        return [number, *(self.value(getattr(one, field)) for field in fields)]

    def _kind(self, kind: type, fields: list[str]) -> tuple[int, list[str]]:
        known = self._kinds.get(kind)
        if known is None:
            module = kind.__module__
            if not any(module == package or module.startswith(f"{package}.") for package in PACKAGES):
                raise TypeError(
                    f"{module}.{kind.__qualname__} cannot be frozen: it is not in the correlator's packages"
                )
            known = self._kinds[kind] = (len(self.classes), fields)
            self.classes.append([module, kind.__name__, fields, _shape(kind)])
        return known


class _Reader:
    """Makes the objects of an image, in order."""

    def __init__(self, classes: list[tuple[type, list[str]]]) -> None:
        self._classes = classes
        self._objects: list[Any] = []

    def value(self, one: Any) -> Any:
        """The value that was written."""
        return self._objects[one[0]] if isinstance(one, list) else one

    def add(self, kind: str | int, *parts: Any) -> None:
        """Make the next object."""
        self._objects.append(self._object(kind, parts) if isinstance(kind, int) else self._plain(kind, parts))

    def _plain(self, kind: str, parts: tuple[Any, ...]) -> object:
        if kind == "at":
            return datetime.fromisoformat(parts[0])
        if kind == "int":
            return int(parts[0], 16)
        values = [self.value(one) for one in parts]
        if kind == "deque":
            return deque(values[1:], maxlen=values[0])
        if kind == "dict":
            return dict(zip(values[::2], values[1::2], strict=True))
        return _SERIES[kind](values)

    def _object(self, number: int, parts: tuple[Any, ...]) -> object:
        kind, fields = self._classes[number]
        if issubclass(kind, Enum):
            return kind(parts[0])
        if issubclass(kind, msgspec.Struct):
            return kind(**dict(zip(fields, map(self.value, parts), strict=True)))
        new: object = object.__new__(kind)
        for field, part in zip(fields, parts, strict=True):
            object.__setattr__(new, field, self.value(part))  # frozen ones too
        return new
