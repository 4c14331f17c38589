"""Compiles the declaration of each capability of a market into a reader of one row. Pure.

A reader gets the row, its context, and its head: what the frame or the outer row says for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

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
    MarkPrice,
    OpenInterest,
    Volume,
)
from probes.venue import Context, Malformed


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
    """Our symbol of a row: its own, else that of the frame or outer row, else the instrument of the request."""

    def name(symbol: str | None, context: Context, given: str | None) -> str:
        found = symbol or given
        if found:
            return prefix + found
        if context.instrument is None:
            raise Malformed(f"{path}: missing")
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
    prefix, sides, censoring, backlog = rows.prefix, said.sides, said.censoring, said.backlog

    def read(row: Any, context: Context, head: Head) -> Liquidation | None:
        symbol, price_text, size_text, stamp, word = take(row)
        name = prefix + symbol if symbol else name_of(symbol, context, head.symbol)
        price, size = decode.money(price_text, price_path), decode.money(size_text, size_path)
        if signed:
            word, size = "+" if size > 0 else "-", abs(size)
        if price <= 0 or size <= 0:
            raise Malformed(f"{size_path if price > 0 else price_path}: not above zero")
        if in_contracts:
            size_of = contract(context, name)
            if size_of is None:
                return None
            size *= size_of
        elif in_quote:
            size /= price
        moment = time(stamp)
        assert moment is not None, "a required stamp"
        side = sides.get(word) or allowed(sides, word, side_path)
        return Liquidation(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=moment,
            side=side, price=price, quantity=size, notional_usd=price * size,
            censoring=censoring, backlog=backlog,
        )  # fmt: skip

    return read


def open_interests(said: words.OpenInterests, rows: Rows, columns: Columns) -> Reader:
    """Open interest in base units, counted once."""
    take = columns.take(said.symbol, said.size, stamp_name(said.at), said.contract_size, said.usd, said.mark)
    name_of, time, path = namer(rows.prefix, path_of(said.symbol)), clock(said.at), path_of(said.size)

    def read(row: Any, context: Context, head: Head) -> OpenInterest | None:
        symbol, size, stamp, stated, usd_text, mark_text = take(row)
        base = optional_amount(size, path)
        if base is None:
            missing(said, path)
            return None
        name = name_of(symbol, context, head.symbol)
        mark = optional_amount(mark_text, path_of(said.mark))
        usd = optional_amount(usd_text, path_of(said.usd))
        base *= said.scale
        if said.unit is Unit.CONTRACTS:
            contract_size = contract(context, name, optional_amount(stated, path_of(said.contract_size)))
            if contract_size is None:
                return None
            base *= contract_size
        usd = base * mark if usd is None and mark is not None else None if usd is None else usd * said.scale
        return OpenInterest(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=time(stamp) or head.at,
            base=base, usd=usd,
        )  # fmt: skip

    return read


def missing(said: words.Said, path: str) -> None:
    """A row without its figure says nothing of an optional capability; else it is odd."""
    if not said.optional:
        raise Malformed(f"{path}: missing")


def funding_rates(said: words.FundingRates, rows: Rows, columns: Columns) -> Reader:
    """Funding per interval."""
    take = columns.take(said.symbol, said.rate, stamp_name(said.at), stamp_name(said.next_at), said.interval)
    name_of, time, path = namer(rows.prefix, path_of(said.symbol)), clock(said.at), path_of(said.rate)
    next_at, interval_path = clock(said.next_at), path_of(said.interval)

    def read(row: Any, context: Context, head: Head) -> Funding | None:
        symbol, rate_text, stamp, following, interval_text = take(row)
        rate = optional_figure(rate_text, path)
        if rate is None:
            missing(said, path)
            return None
        interval = optional_figure(interval_text, interval_path)
        return Funding(
            venue=context.venue, instrument=name_of(symbol, context, head.symbol), received_at=context.received_at,
            event_time=time(stamp) or head.at, rate=rate * said.scale, next_at=next_at(following),
            interval_s=said.fixed_interval_s if interval is None else figure(interval * said.interval_s, interval_path),
        )  # fmt: skip

    return read


def mark_prices(said: words.MarkPrices, rows: Rows, columns: Columns) -> Reader:
    """Mark and index."""
    take = columns.take(said.symbol, said.mark, stamp_name(said.at), said.index)
    name_of, time, path = namer(rows.prefix, path_of(said.symbol)), clock(said.at), path_of(said.mark)

    def read(row: Any, context: Context, head: Head) -> MarkPrice | None:
        symbol, mark_text, stamp, index = take(row)
        mark = optional_figure(mark_text, path)
        if mark is None:
            missing(said, path)
            return None
        return MarkPrice(
            venue=context.venue, instrument=name_of(symbol, context, head.symbol), received_at=context.received_at,
            event_time=time(stamp) or head.at, mark=mark, index=optional_figure(index, path_of(said.index)),
        )  # fmt: skip

    return read


def long_short_ratios(said: words.LongShortRatios, rows: Rows, columns: Columns) -> Reader:
    """A ratio as given, or of its two parts."""
    take = columns.take(said.symbol, said.ratio, stamp_name(said.at), said.longs, said.shorts)
    name_of, time = namer(rows.prefix, path_of(said.symbol)), clock(said.at)
    parts, path = said.longs is not None, path_of(said.ratio or said.longs)

    def read(row: Any, context: Context, head: Head) -> LongShortRatio | None:
        symbol, ratio_text, stamp, longs, shorts = take(row)
        ratio = optional_figure(longs if parts else ratio_text, path)
        if ratio is None:
            missing(said, path)
            return None
        if parts:
            below = figure(shorts, path_of(said.shorts))
            if below <= 0:
                raise Malformed(f"{path_of(said.shorts)}: not above zero")
            ratio = figure(ratio / below, path)
        return LongShortRatio(
            venue=context.venue, instrument=name_of(symbol, context, head.symbol), received_at=context.received_at,
            event_time=time(stamp) or head.at, ratio=ratio, basis=said.basis,
        )  # fmt: skip

    return read


def volumes(said: words.Volumes, rows: Rows, columns: Columns) -> Reader:
    """The volume of 24 hours."""
    take = columns.take(said.symbol, said.base, stamp_name(said.at), said.quote, said.last)
    name_of, time, path = namer(rows.prefix, path_of(said.symbol)), clock(said.at), path_of(said.quote or said.base)

    def read(row: Any, context: Context, head: Head) -> Volume | None:
        symbol, base_text, stamp, quote_text, last_text = take(row)
        base, quote = (
            optional_amount(base_text, path_of(said.base)),
            optional_amount(quote_text, path_of(said.quote)),
        )
        if base is None and quote is None:
            missing(said, path)
            return None
        name = name_of(symbol, context, head.symbol)
        last = optional_figure(last_text, path_of(said.last))
        if base is not None and said.unit is Unit.CONTRACTS:
            contract_size = contract(context, name)
            base = None if contract_size is None else base * contract_size
        return Volume(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=time(stamp) or head.at,
            market=rows.market, base=base, usd=quote, last=last,
        )  # fmt: skip

    return read
