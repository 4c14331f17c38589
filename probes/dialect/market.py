"""Compiles the declaration of each capability of a market into a reader of one row. Pure.

A reader gets the row, its context, and its head: what the frame or the outer row says for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

from probes.dialect import declared as words
from probes.dialect import decode
from probes.dialect.columns import (
    Columns,
    allowed,
    clock,
    figure,
    optional_amount,
    optional_figure,
    path_of,
)
from probes.dialect.declared import Rows, Stamp, Unit
from probes.readings import (
    Funding,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    MarkPrice,
    OpenInterest,
    VenueId,
    Volume,
)
from probes.readings.quick import quick
from probes.venue import Context, Malformed

_liquidation = quick(Liquidation)
PRICE, SIZE, SIDE = MalformedReason.PRICE, MalformedReason.SIZE, MalformedReason.SIDE


class Head(msgspec.Struct):
    """What the frame or the outer row says for its rows: time, symbol, kind, the matching engine's time, the sequence."""

    at: datetime | None = None
    symbol: str | None = None
    kind: str = ""
    engine_at: datetime | None = None
    sequence: Any = None


Reader = Callable[[Any, Context, Head], Any]
"""A row's reading (or instrument, or book); None if it has nothing to say."""
Namer = Callable[[str | None, Context, str | None], str]


def stamp_name(stamp: Stamp | None) -> words.Name | None:
    """The field of a stamp, if there is one."""
    return None if stamp is None else stamp.name


def namer(prefix: str, path: str) -> Namer:
    """Our symbol of a row: its own, else that of the frame or outer row; the request's only where none is declared ("$")."""
    declared = path != "$"

    def name(symbol: str | None, context: Context, given: str | None) -> str:
        found = symbol or given
        if found:
            return prefix + found
        if context.instrument is None or declared:
            raise Malformed(f"{path}: missing", MalformedReason.NAME)
        return context.instrument.symbol

    return name


def contract(context: Context, symbol: str, stated: Decimal | None = None) -> Decimal | None:
    """Base units a contract, by the listing, else as the row states it. None if neither does, or if it depends on the price."""
    known = context.instruments.get(symbol)
    return stated if known is None else None if known.inverse else known.contract_size


def liquidations(said: words.Liquidations, rows: Rows, columns: Columns) -> Reader:
    """Forced orders, always with the side that was liquidated."""
    take = columns.take(said.symbol, said.price, said.size, stamp_name(said.at), said.side)
    name_of, time = namer(rows.prefix, path_of(said.symbol)), clock(said.at, required=True)
    price_path, size_path, side_path = path_of(said.price), path_of(said.size), path_of(said.side)
    signed, in_contracts, in_quote = said.side is None, said.unit is Unit.CONTRACTS, said.unit is Unit.QUOTE
    bare, sides, censoring, backlog = not rows.prefix, said.sides, said.censoring, said.backlog

    def read(row: Any, context: Context, head: Head) -> Liquidation | None:
        symbol, price_text, size_text, stamp, word = take(row)
        name = symbol if symbol and bare else name_of(symbol, context, head.symbol)
        price, size = decode.money(price_text, price_path, PRICE), decode.money(size_text, size_path, SIZE)
        if signed:
            word = "+" if size > 0 else "-"
            size = abs(size)
        if price <= 0 or not size or size < 0:
            raise (
                Malformed(f"{size_path}: not above zero", SIZE)
                if price > 0
                else Malformed(f"{price_path}: not above zero", PRICE)
            )
        if in_contracts:
            known = context.instruments.get(name)
            if known is None or known.inverse:
                return None
            size *= known.contract_size
        elif in_quote:
            size /= price
        moment = time(stamp)
        assert moment is not None, "a required stamp"
        side = sides.get(word) or allowed(sides, word, side_path, SIDE)
        return _liquidation(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=moment,
            side=side, price=price, quantity=size, notional_usd=price * size,
            censoring=censoring, backlog=backlog,
        )  # fmt: skip

    return read


Make = Callable[[tuple[Any, ...], Decimal, "Basics", Context], Any]


class Basics(TypedDict):
    """What every reading of a row has."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None


def _reading(
    said: words.Said, rows: Rows, columns: Columns, names: tuple[words.Name | None, ...], make: Make
) -> Reader:
    """A reader whose first figure must be there, or else the row says nothing (optional) or is odd."""
    take, path = columns.take(said.symbol, stamp_name(said.at), *names), path_of(names[0])
    name_of, time = namer(rows.prefix, path_of(said.symbol)), clock(said.at)

    def read(row: Any, context: Context, head: Head) -> Any:
        symbol, stamp, *figures = take(row)
        first = optional_amount(figures[0], path)
        if first is None:
            if said.optional:
                return None
            raise Malformed(f"{path}: missing")
        basics = Basics(
            venue=context.venue, instrument=name_of(symbol, context, head.symbol), received_at=context.received_at,
            event_time=time(stamp) or head.at,
        )  # fmt: skip
        return make(tuple(figures), first, basics, context)

    return read


def open_interests(said: words.OpenInterests, rows: Rows, columns: Columns) -> Reader:
    """Open interest in base units, counted once."""
    size_path, usd_path, mark_path = map(path_of, (said.contract_size, said.usd, said.mark))

    def make(figures: tuple[Any, ...], base: Decimal, basics: Basics, context: Context) -> OpenInterest | None:
        mark, usd = optional_amount(figures[3], mark_path), optional_amount(figures[2], usd_path)
        base *= said.scale
        if said.unit is Unit.CONTRACTS:
            size = contract(context, basics["instrument"], optional_amount(figures[1], size_path))
            if size is None:
                return None
            base *= size
        usd = usd * said.scale if usd is not None else base * mark if mark is not None else None
        return OpenInterest(**basics, base=base, usd=usd)

    return _reading(said, rows, columns, (said.size, said.contract_size, said.usd, said.mark), make)


def funding_rates(said: words.FundingRates, rows: Rows, columns: Columns) -> Reader:
    """Funding per interval."""
    next_at, interval_path = clock(said.next_at), path_of(said.interval)

    def make(figures: tuple[Any, ...], rate: Decimal, basics: Basics, context: Context) -> Funding:
        interval = optional_figure(figures[2], interval_path)
        seconds = said.fixed_interval_s if interval is None else figure(interval * said.interval_s, interval_path)
        return Funding(**basics, rate=float(rate) * said.scale, next_at=next_at(figures[1]), interval_s=seconds)

    return _reading(said, rows, columns, (said.rate, stamp_name(said.next_at), said.interval), make)


def mark_prices(said: words.MarkPrices, rows: Rows, columns: Columns) -> Reader:
    """Mark and index."""
    index_path = path_of(said.index)

    def make(figures: tuple[Any, ...], mark: Decimal, basics: Basics, context: Context) -> MarkPrice:
        return MarkPrice(**basics, mark=float(mark), index=optional_figure(figures[1], index_path))

    return _reading(said, rows, columns, (said.mark, said.index), make)


def long_short_ratios(said: words.LongShortRatios, rows: Rows, columns: Columns) -> Reader:
    """A ratio as given, or of its two parts."""
    parts, path = said.longs is not None, path_of(said.shorts)

    def make(figures: tuple[Any, ...], ratio: Decimal, basics: Basics, context: Context) -> LongShortRatio:
        if parts:
            shorts = decode.money(figures[1], path)
            if shorts <= 0:
                raise Malformed(f"{path}: not above zero")
            ratio /= shorts
        return LongShortRatio(**basics, ratio=float(ratio), basis=said.basis)

    return _reading(said, rows, columns, (said.longs if parts else said.ratio, said.shorts), make)


def volumes(said: words.Volumes, rows: Rows, columns: Columns) -> Reader:
    """The volume of 24 hours. The quote volume counts as the row's figure where the venue has one, else the base volume."""
    quoted, base_path, last_path = said.quote is not None, path_of(said.base), path_of(said.last)

    def make(figures: tuple[Any, ...], volume: Decimal, basics: Basics, context: Context) -> Volume:
        base = optional_amount(figures[1], base_path)
        if base is not None and said.unit is Unit.CONTRACTS:
            size = contract(context, basics["instrument"])
            base = None if size is None else base * size
        last = optional_figure(figures[2], last_path)
        return Volume(**basics, market=rows.market, base=base, usd=volume if quoted else None, last=last)

    return _reading(said, rows, columns, (said.quote if quoted else said.base, said.base, said.last), make)
