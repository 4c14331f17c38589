"""Compiles the declaration of a book into a reader of one row: a whole book or a change, with its sequence numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from operator import attrgetter
from sys import float_info
from typing import Annotated, Any

import msgspec

from probes.dialect import decode
from probes.dialect.columns import Columns, clock, path_of
from probes.dialect.declared import Books, Name, Rows, Unit
from probes.dialect.market import Head, Reader, namer, stamp_name
from probes.readings import MalformedReason
from probes.readings.quick import quick
from probes.venue import BookDelta, BookSnapshot, Context, Malformed

_snapshot, _delta = quick(BookSnapshot), quick(BookDelta)
Levels = list[tuple[float, float]]
Finite = Annotated[float, msgspec.Meta(gt=-float_info.max, lt=float_info.max)]
"""A figure of a level, compared while it is decoded: one that is no number or not finite makes the book malformed."""
Sides = Callable[[Any, float], tuple[Levels, Levels]]


def books(said: Books, rows: Rows, columns: Columns) -> Reader:
    """A whole book or a change of one."""
    flag = said.whole if isinstance(said.whole, str) else None
    engine_stamp = stamp_name(said.engine_at)
    take = columns.take(said.symbol, stamp_name(said.at), engine_stamp, said.first_id, said.last_id, said.prev_id, flag)
    unpaired = _unpaired(said, columns)
    levels_of = _in_base(said.unit, _updates(said, columns) if said.updates is not None else _sides(said, columns))
    name_of, time, engine_time = namer(rows, said.symbol), clock(said.at), clock(said.engine_at)
    last_number, ids = _number(said.last_id), _ids(said)
    always, whole_kinds, numbered = said.whole is True, said.whole_kinds, said.numbered
    change_kinds, restarts_at = said.change_kinds, said.restarts_at

    def read(row: Any, context: Context, head: Head) -> BookSnapshot | BookDelta | None:
        symbol, stamp, engine, first, last, prev, flagged = take(row)
        name = name_of(symbol, context, head.symbol)
        levels = levels_of(row, context, name)
        if levels is None:
            return None
        bids, asks = levels
        engine_at = engine_time(engine) or head.engine_at
        event_time = time(stamp) or head.at or engine_at
        last_id = last_number(head.sequence if last is None else last)
        if unpaired is not None and unpaired(row):
            raise Malformed(f"{path_of(said.first_id)}: one number of two")
        if not numbered:
            last_id = 0
        restarted = restarts_at is not None and last_id == restarts_at
        if always or restarted or flagged is True or flagged in whole_kinds or head.kind in whole_kinds:
            return _snapshot(
                instrument=name, last_id=last_id, event_time=event_time, engine_time=engine_at,
                bids=bids, asks=asks,
            )  # fmt: skip
        if whole_kinds and (head.kind if flagged is None else flagged) not in change_kinds:
            raise Malformed("$: neither a whole book nor a change", MalformedReason.STATE)
        if not numbered:  # each follows the last: there is nothing to tell a gap by
            return _delta(
                instrument=name, first_id=1, last_id=0, prev_id=0, event_time=event_time, engine_time=engine_at, bids=bids,
                asks=asks,
            )  # fmt: skip
        first_id, last_id, prev_id = ids(first, last_id, prev)
        return _delta(
            instrument=name, first_id=first_id, last_id=last_id, prev_id=prev_id, event_time=event_time,
            engine_time=engine_at, bids=bids, asks=asks,
        )  # fmt: skip

    return read


Ids = tuple[int, int, int | None]


def _ids(said: Books) -> Callable[[Any, int | None, Any], Ids]:
    """The first, last and previous id of a change. Raises Malformed if one is gone that is declared, or that continuity needs."""
    first_number, prev_number = _number(said.first_id), _number(said.prev_id)
    first_path, last_path, prev_path = map(path_of, (said.first_id, said.last_id, said.prev_id))
    has_first, has_prev = said.first_id is not None, said.prev_id is not None

    def ids(first: Any, last_id: int | None, prev: Any) -> Ids:
        if last_id is None:
            raise Malformed(f"{last_path}: missing")
        prev_id = prev_number(prev)
        if prev_id is None and has_prev:
            raise Malformed(f"{prev_path}: missing")
        first_id = first_number(first) if has_first else last_id if prev_id is None else prev_id + 1
        if first_id is None:
            raise Malformed(f"{first_path}: missing")
        return first_id, last_id, prev_id

    return ids


def _unpaired(said: Books, columns: Columns) -> Callable[[Any], bool] | None:
    """Where both numbers have several names, whether a row has one of the first pair without the other."""
    if not isinstance(said.first_id, tuple) or not isinstance(said.last_id, tuple):
        return None
    get = attrgetter(columns.use(said.first_id[0]), columns.use(said.last_id[0]))

    def unpaired(row: Any) -> bool:
        first, last = get(row)
        return (first in (None, "")) is not (last in (None, ""))

    return unpaired


_PLAIN = 2**63


def _number(name: Name | None) -> Callable[[Any], int | None]:
    """Reads a sequence number of 64 bits, as a number or as text."""
    path = path_of(name)

    def number(value: Any) -> int | None:
        if type(value) is int and -_PLAIN < value < _PLAIN:
            return value
        if value is None or value == "":
            return None
        if isinstance(value, str):
            if not value.removeprefix("-").isdecimal() or len(value) > 20:
                raise Malformed(f"{path}: {value[:40]!r} is no whole number")
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Malformed(f"{path}: {str(value)[:40]!r} is no whole number")
        return decode.integer(value, path)

    return number


def _level(said: Books, **more: Any) -> Any:
    """The struct of a level: two named fields, or two positions of a list."""
    price, size = said.level
    if isinstance(price, int):
        at = {price: "price", int(size): "size"}
        width = max(max(at) + 1, said.width)
        places: list[Any] = [(at.get(one, f"p{one}"), Finite if one in at else Any) for one in range(width)]
        return msgspec.defstruct("Level", places, array_like=True, gc=False)
    fields: list[Any] = [("price", Finite), ("size", Finite), *more.items()]
    rename = {"price": price, "size": str(size)} | dict.fromkeys(more, said.side)
    return msgspec.defstruct("Level", fields, rename=rename, gc=False)


def _list_of(shape: Any) -> Any:
    return list[shape]


def _sides(said: Books, columns: Columns) -> Sides:
    """Bids and asks as two lists."""
    shape = tuple[Finite, Finite] if said.pairs else _level(said)
    names, pairs = (said.bids, said.asks), said.pairs
    required = not said.one_sided
    lists = _list_of(shape) if required else _list_of(shape) | None
    get = attrgetter(*(columns.use(one, lists, required=required) for one in names if isinstance(one, str | int)))
    bids_path = path_of(said.bids)

    def sides(row: Any, factor: float) -> tuple[Levels, Levels]:
        bids, asks = get(row)
        if not required:
            if bids is None and asks is None:
                raise Malformed(f"{bids_path}: missing, and the other side as well", MalformedReason.SIZE)
            bids, asks = bids or [], asks or []
        if not pairs:
            return _pairs(bids, factor), _pairs(asks, factor)
        if factor == 1.0:
            return bids, asks
        return [(price, size * factor) for price, size in bids], [(price, size * factor) for price, size in asks]

    return sides


def _updates(said: Books, columns: Columns) -> Sides:
    """One list whose rows name their side."""
    assert isinstance(said.updates, str), "the name of one list"
    shape = _level(said, side=str)
    get = attrgetter(columns.use(said.updates, _list_of(shape), required=True))

    def sides(row: Any, factor: float) -> tuple[Levels, Levels]:
        bids = [one for one in get(row) if one.side in said.bid_is]
        asks = [one for one in get(row) if one.side not in said.bid_is]
        return _pairs(bids, factor), _pairs(asks, factor)

    return sides


def _in_base(unit: Unit, sides: Sides) -> Callable[[Any, Context, str], tuple[Levels, Levels] | None]:
    """Reads both sides in base units; None for contracts of a size that is not known."""
    if unit not in (Unit.CONTRACTS, Unit.USD_CONTRACTS):
        return lambda row, _context, _name: sides(row, 1.0)

    def levels(row: Any, context: Context, name: str) -> tuple[Levels, Levels] | None:
        known = context.instruments.get(name)
        if known is None or (known.inverse and unit is Unit.CONTRACTS):
            return None
        size = float(known.contract_size)
        if not known.inverse:
            return sides(row, size)
        bids, asks = sides(row, 1.0)
        return _by_price(bids, size), _by_price(asks, size)

    return levels


def _by_price(levels: Levels, usd: float) -> Levels:
    """Base units of levels in contracts of so many USD; a price must be above zero."""
    if any(price <= 0 for price, _ in levels):
        raise Malformed("$: a price that is not above zero", MalformedReason.PRICE)
    sized = [(price, contracts * usd / price) for price, contracts in levels]
    if not isfinite(sum(size for _, size in sized)):
        raise Malformed("$: a level is not finite")
    return sized


def _pairs(found: Iterable[Any], factor: float) -> Levels:
    """(price, size in base units) of each level."""
    if factor == 1.0:
        return [(one.price, one.size) for one in found]
    return [(one.price, one.size * factor) for one in found]
