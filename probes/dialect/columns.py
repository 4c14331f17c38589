"""Compiles the named fields of a row into a typed msgspec struct, and reads its values: stamps, amounts, flags. Pure.

Each field is decoded once, by msgspec; a reader takes its values from the struct in one step, whatever their names are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from math import inf
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, get_args

import msgspec

from probes.dialect import decode
from probes.dialect.declared import Clock, Name, Stamp
from probes.readings import MalformedReason
from probes.venue import Malformed

Scalar = str | int | float | bool | None
"""A field whose words or figures are read by us: venues change between text and number."""
Text = str | None
Meaning = TypeVar("Meaning")
Time = Callable[[Any], datetime | None]
_EMPTY = (None, "", 0, "0")
_LARGEST = 2**64
"""A whole number up to here is divided as it is; larger ones may be too large for a float."""
_FROM_NUMBER: Mapping[Clock, Callable[[float, str], datetime]] = {
    Clock.S: decode.at_s,
    Clock.MS: decode.at_ms,
    Clock.US: lambda stamp, path: decode.at_s(stamp / 1e6, path),
    Clock.NS: lambda stamp, path: decode.at_s(stamp / 1e9, path),
    Clock.ANY: decode.at_any,
}


class Row(msgspec.Struct, gc=False):
    """The base of all compiled rows, which hold no cycles; `absent` is what a capability without this field reads."""

    absent: ClassVar[None] = None


class Columns:
    """The fields that the readers of one row use. `struct()` is complete when every reader has taken its own."""

    def __init__(self) -> None:
        self._attributes: dict[str | int, str] = {}
        self._types: dict[str, Any] = {}
        self._required: set[str] = set()
        self._inner: dict[str, Columns] = {}

    def use(self, name: str | int, shape: Any = Scalar, *, required: bool = False) -> str:
        """The attribute of a field, which is decoded from now on. A row without a `required` one cannot be read."""
        if isinstance(name, str) and "." in name:
            outer, _, rest = name.partition(".")
            inner = self._inner.setdefault(self._attributes.setdefault(outer, f"f{len(self._attributes)}"), Columns())
            return f"{self._attributes[outer]}.{inner.use(rest, shape, required=required)}"
        attribute = self._attributes.setdefault(name, f"f{len(self._attributes)}")
        if required:
            self._required.add(attribute)
        if shape is not Scalar or attribute not in self._types:
            self._types[attribute] = shape
        return attribute

    def take(self, *names: Name | None) -> Callable[[Any], tuple[Any, ...]]:
        """Reads the values of two or more fields from a row; the first name may be the symbol's, which is a text."""
        chosen = [[self.use(one, Scalar if at else Text) for one in names_of(name)] for at, name in enumerate(names)]
        whole: Callable[[Any], tuple[Any, ...]] = attrgetter(*(one[0] if one else "absent" for one in chosen))
        others = [(at, [attrgetter(two) for two in one[1:]]) for at, one in enumerate(chosen) if len(one) > 1]
        if not others:
            return whole

        def read(row: Any) -> tuple[Any, ...]:
            values = whole(row)
            for at, getters in others:
                if values[at] is None or values[at] == "":
                    later = next((two for get in getters if (two := get(row)) is not None and two != ""), None)
                    values = (*values[:at], later, *values[at + 1 :])
            return values

        return read

    def struct(self, **extra: tuple[str, Any]) -> Any:
        """The struct of the row; `extra` are attributes of other shapes with their wire names."""
        named = {attribute: name for name, attribute in self._attributes.items()}
        positions = {name: attribute for attribute, name in named.items() if isinstance(name, int)}
        if positions:
            fields: list[Any] = [
                (positions.get(at, f"p{at}"), self._types.get(positions.get(at, ""), Any), None)
                for at in range(max(positions) + 1)
            ]
            return msgspec.defstruct("Row", fields, bases=(Row,), array_like=True)
        fields = [
            (attribute, shape, msgspec.NODEFAULT if attribute in self._required else _default(shape))
            for attribute, shape in self._types.items()
        ]
        for attribute, columns in self._inner.items():
            inside = columns.struct()
            fields.append((attribute, inside, msgspec.field(default_factory=inside)))
        fields += [(attribute, shape, _default(shape)) for attribute, (_, shape) in extra.items()]
        names = named | {attribute: name for attribute, (name, _) in extra.items()}
        rename = {key: str(name) for key, name in names.items()}
        return msgspec.defstruct("Row", fields, bases=(Row,), rename=rename, kw_only=True)


def _default(shape: Any) -> Any:
    return None if shape in (Scalar, Text) or type(None) in get_args(shape) else msgspec.field(default_factory=list)


def names_of(name: Name | None) -> tuple[str | int, ...]:
    """The fields of which the first that is given counts."""
    return () if name is None else name if isinstance(name, tuple) else (name,)


def path_of(name: Name | None) -> str:
    """Where a field is, as failures name it."""
    first = name[0] if isinstance(name, tuple) else name
    return "$" if first is None else f"$[{first}]" if isinstance(first, int) else f"$.{first}"


@cache
def clock(stamp: Stamp | None, *, required: bool = False) -> Time:
    """Reads a stamp's value. An optional one that is empty or 0 is None; a required one raises Malformed."""
    if stamp is None:
        return lambda _value: None
    path, unit = path_of(stamp.name), stamp.clock
    read: Callable[[Any, str], datetime] = _FROM_NUMBER.get(unit, _iso)

    whole = int if unit is not Clock.ISO else None
    from_ms = datetime.fromtimestamp if unit is Clock.MS else None

    last: tuple[int, datetime | None] = (0, None)

    def time(value: Any) -> datetime | None:
        """One stamp is often read again at once: figures of a frame share theirs, and the next settlement is hours ahead."""
        nonlocal last
        if type(value) is whole and 0 < value <= _LARGEST:
            known, moment = last  # both in one step: readers are shared between threads
            if value != known:
                moment = (
                    from_ms(value / 1000, UTC) if from_ms is not None and value <= decode.MAX_MS else read(value, path)
                )
                last = (value, moment)
            return moment
        if type(value) is str and whole is int and value[:1] > "0" and len(value) < 20 and value.isdecimal():
            return time(int(value))
        if value in _EMPTY:
            if required:
                raise Malformed(f"{path}: missing", MalformedReason.STAMP)
            return None
        return read(value if unit is Clock.ISO else figure(value, path), path)

    return time


def _iso(value: Any, path: str) -> datetime:
    try:
        at: datetime = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        raise Malformed(f"{path}: {str(value)[:40]!r} is no time") from None
    if at.tzinfo is None:
        raise Malformed(f"{path}: {str(value)[:40]!r} has no zone")
    return decode.at_s(at.timestamp(), path)


def figure(value: Any, path: str) -> float:
    """A required finite number, from text or number."""
    if type(value) is str and value:
        return decode.finite_float(value, path)
    if value is None or value == "" or value is True or value is False:
        raise Malformed(f"{path}: missing" if value is None or value == "" else f"{path}: {value} is no number")
    return decode.finite_float(value, path)


def optional_figure(value: Any, path: str) -> float | None:
    """As `figure`, None if the venue left it empty."""
    if value is None or value == "":
        return None
    if type(value) is str:
        try:
            number = float(value)
        except ValueError:
            number = inf
        if -inf < number < inf:
            return number
    return figure(value, path)


def optional_amount(value: Any, path: str) -> Decimal | None:
    """As `decode.money`, None if the venue left it empty."""
    return None if value is None or value == "" else decode.money(value, path)


def allowed(
    table: Mapping[Any, Meaning], value: Hashable, path: str, reason: MalformedReason = MalformedReason.STATE
) -> Meaning:
    """What a word of the wire means. Raises Malformed for one that the declaration does not have."""
    try:
        return table[value]
    except KeyError:
        raise Malformed(f"{path}: {str(value)[:40]!r} is not allowed", reason) from None
