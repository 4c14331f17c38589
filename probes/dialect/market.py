"""Compiles the declaration of each capability of a market into a reader of one row. Pure.

A reader gets the row, its context, and its head: what the frame or the outer row says for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar

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
    Deleveraging,
    Funding,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    MarkPrice,
    OpenInterest,
    Side,
    Volume,
)
from probes.readings.quick import quick
from probes.venue import Context, FundingIntervals, Malformed

_liquidation, _interest, _funding = quick(Liquidation), quick(OpenInterest), quick(Funding)
_mark, _ratio, _volume = quick(MarkPrice), quick(LongShortRatio), quick(Volume)
MAX_INTERVAL_S = 7 * 86_400.0
"""Venues settle funding each hour to each day."""
PRICE, SIZE, SIDE, STAMP = MalformedReason.PRICE, MalformedReason.SIZE, MalformedReason.SIDE, MalformedReason.STAMP


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


def namer(rows: Rows, symbol: words.Name | None) -> Namer:
    """Our symbol of a row: its own, else the frame's or outer row's, else the request's if the rows are declared without one."""
    path, declared, prefix = path_of(symbol), symbol is not None or rows.subject != "", rows.prefix

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


def _side(said: words.Liquidations, columns: Columns) -> Callable[[Any, Any], Side]:
    """The side of a row whose first field names none: that of the second field, where there is one. Raises Malformed."""
    second = said.side[1] if isinstance(said.side, tuple) else None
    other_of = None if second is None else attrgetter(columns.use(second))
    sides, first_path, second_path = said.sides, path_of(said.side), path_of(second)

    def side_of(row: Any, word: Any) -> Side:
        path = first_path
        if other_of is not None and (word in (None, "") or word in sides):
            word, path = other_of(row), second_path
        side = allowed(sides, word, path, SIDE)
        if side is None:
            raise Malformed(f"{path}: names no side", SIDE)
        return side

    return side_of


def liquidations(said: words.Liquidations, rows: Rows, columns: Columns) -> Reader:
    """Forced orders, always with the side that was liquidated."""
    first = said.side[0] if isinstance(said.side, tuple) else said.side
    take, side_of = columns.take(said.symbol, said.price, said.size, stamp_name(said.at), first), _side(said, columns)
    take_order = columns.take(None, said.order_price, said.order_size)
    name_of, time = namer(rows, said.symbol), clock(said.at, required=True)
    price_path, size_path = path_of(said.price), path_of(said.size)
    order_price_path, order_size_path = path_of(said.order_price), path_of(said.order_size)
    orders = said.order_price is not None and said.order_size is not None
    signed, in_quote = said.side is None, said.unit is Unit.QUOTE
    in_contracts, in_usd = said.unit in (Unit.CONTRACTS, Unit.USD_CONTRACTS), said.unit is Unit.USD_CONTRACTS
    bare, sides, censoring, backlog = not rows.prefix, said.sides, said.censoring, said.backlog

    def read(row: Any, context: Context, head: Head) -> Liquidation | None:
        symbol, price_text, size_text, stamp, word = take(row)
        name = (symbol or head.symbol) if bare else None
        if not name:
            name = name_of(symbol, context, head.symbol)
        price, size = decode.money(price_text, price_path, PRICE), decode.money(size_text, size_path, SIZE)
        if orders and (not price or not size):
            _, order_price, order_size = take_order(row)
            price = price or decode.money(order_price, order_price_path, PRICE)
            size = size or decode.money(order_size, order_size_path, SIZE)
        if signed:
            word = "+" if size > 0 else "-"
            size = abs(size)
        if not price or not size or price.is_signed() or size.is_signed():
            raise (
                Malformed(f"{size_path}: not above zero", SIZE)
                if price > 0
                else Malformed(f"{price_path}: not above zero", PRICE)
            )
        notional = None
        if in_contracts:
            known = context.instruments.get(name)
            if known is None or (known.inverse and not in_usd):
                return None
            size *= known.contract_size
            if known.inverse:
                notional, size = size, size / price
        elif in_quote:
            size /= price
        moment = time(stamp)
        assert moment is not None, "a required stamp"
        side = sides.get(word) or side_of(row, word)
        return _liquidation(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=moment,
            side=side, price=price, quantity=size, notional_usd=price * size if notional is None else notional,
            censoring=censoring, backlog=backlog,
        )  # fmt: skip

    return read


Make = Callable[[tuple[Any, ...], Any, str, datetime | None, Context], Any]
"""Makes a reading of a row's values (as taken, from the third on), its first figure, its instrument and its time."""
Figure = TypeVar("Figure", Decimal, float)


def _reading(
    said: words.Said,
    rows: Rows,
    columns: Columns,
    names: tuple[words.Name | None, ...],
    make: Make,
    first_figure: Callable[[Any, str], Figure | None],
) -> Reader:
    """A reader whose first figure must be there, or else the row says nothing (optional) or is odd."""
    take, path = columns.take(said.symbol, stamp_name(said.at), *names), path_of(names[0])
    name_of, time, bare = namer(rows, said.symbol), clock(said.at), not rows.prefix

    def read(row: Any, context: Context, head: Head) -> Any:
        figures = take(row)
        first = first_figure(figures[2], path)
        if first is None:
            if said.optional:
                return None
            raise Malformed(f"{path}: missing")
        symbol = figures[0]
        name = symbol if symbol and bare else name_of(symbol, context, head.symbol)
        return make(figures, first, name, time(figures[1]) or head.at, context)

    return read


def open_interests(said: words.OpenInterests, rows: Rows, columns: Columns) -> Reader:
    """Open interest in base units, counted once."""
    size_path, usd_path, mark_path = map(path_of, (said.contract_size, said.usd, said.mark))

    def make(
        figures: tuple[Any, ...], base: Decimal, name: str, at: datetime | None, context: Context
    ) -> OpenInterest | None:
        if figures[6] is not None and figures[6] != "":
            return None
        mark, usd = optional_amount(figures[5], mark_path), optional_amount(figures[4], usd_path)
        base *= said.scale
        if said.unit is Unit.CONTRACTS:
            size = contract(context, name, optional_amount(figures[3], size_path))
            if size is None:
                return None
            base *= size
        usd = usd * said.scale if usd is not None else base * mark if mark is not None else None
        return _interest(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=at,
            base=base, usd=usd,
        )  # fmt: skip

    names = (said.size, said.contract_size, said.usd, said.mark, said.unless)
    return _reading(said, rows, columns, names, make, optional_amount)


def funding_rates(said: words.FundingRates, rows: Rows, columns: Columns) -> Reader:
    """Funding per interval."""
    next_at, following, interval_path = clock(said.next_at), clock(said.following), path_of(said.interval)
    following_path = path_of(stamp_name(said.following))

    def make(figures: tuple[Any, ...], rate: float, name: str, at: datetime | None, context: Context) -> Funding:
        interval = optional_figure(figures[4], interval_path)
        seconds = said.fixed_interval_s if interval is None else figure(interval * said.interval_s, interval_path)
        due, after = next_at(figures[3]), following(figures[5])
        if seconds is None and due is not None and after is not None:
            seconds = (after - due).total_seconds()
            if seconds <= 0:
                raise Malformed(f"{following_path}: not after the settlement before it", STAMP)
        if seconds is None and context.funding is not None:
            seconds = context.funding.by_symbol.get(name, context.funding.otherwise_s)
        return _funding(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=at,
            rate=rate * said.scale, next_at=due, interval_s=seconds,
        )  # fmt: skip

    names = (said.rate, stamp_name(said.next_at), said.interval, stamp_name(said.following))
    return _reading(said, rows, columns, names, make, optional_figure)


def intervals(said: words.Intervals, rows: Rows, columns: Columns) -> Reader:
    """The length of one instrument's funding interval; the rows' reader makes one list of all."""
    take, path = columns.take(said.symbol, said.interval), path_of(said.interval)
    name_of = namer(rows, said.symbol)

    def read(row: Any, context: Context, head: Head) -> FundingIntervals:
        symbol, interval = take(row)
        name, seconds = name_of(symbol, context, head.symbol), figure(interval, path) * said.interval_s
        if not 0 < seconds <= MAX_INTERVAL_S:
            raise Malformed(f"{path}: {seconds} s is no interval", MalformedReason.FIGURE)
        return FundingIntervals(by_symbol={name: seconds}, otherwise_s=None)

    return read


def mark_prices(said: words.MarkPrices, rows: Rows, columns: Columns) -> Reader:
    """Mark and index."""
    index_path, marked = path_of(said.index), said.mark is not None

    def make(figures: tuple[Any, ...], first: float, name: str, at: datetime | None, context: Context) -> MarkPrice:
        return _mark(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=at,
            mark=first if marked else None, index=optional_figure(figures[3], index_path),
        )  # fmt: skip

    return _reading(said, rows, columns, (said.mark if marked else said.index, said.index), make, optional_figure)


def long_short_ratios(said: words.LongShortRatios, rows: Rows, columns: Columns) -> Reader:
    """A ratio as given, or of its two parts."""
    parts, path = said.longs is not None, path_of(said.shorts)

    def make(
        figures: tuple[Any, ...], ratio: Decimal, name: str, at: datetime | None, context: Context
    ) -> LongShortRatio:
        if parts:
            shorts = decode.money(figures[3], path)
            if shorts <= 0:
                raise Malformed(f"{path}: not above zero")
            ratio /= shorts
        return _ratio(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=at,
            ratio=float(ratio), basis=said.basis,
        )  # fmt: skip

    return _reading(said, rows, columns, (said.longs if parts else said.ratio, said.shorts), make, optional_amount)


def insurance_funds(said: words.InsuranceFunds, rows: Rows, columns: Columns) -> Reader:
    """What a fund holds. The pool of an instrument is called after it, one of all after its currency."""
    take = columns.take(said.symbol, stamp_name(said.at), said.balance, said.currency)
    path, currency_path = map(path_of, (said.balance, said.currency))
    name_of, time = namer(rows, said.symbol), clock(said.at, required=said.at is not None)

    def read(row: Any, context: Context, head: Head) -> InsuranceFund:
        symbol, stamp, held, currency = take(row)
        if said.currency is not None and (not isinstance(currency, str) or not currency):
            raise Malformed(f"{currency_path}: missing", MalformedReason.NAME)
        pool = None if said.symbol is None else name_of(symbol, context, head.symbol)
        unit = said.fixed_currency if said.currency is None else str(currency)
        return InsuranceFund(
            venue=context.venue, fund=pool or unit, instrument=pool, received_at=context.received_at,
            event_time=time(stamp) or head.at, balance=decode.money(held, path), currency=unit,
        )  # fmt: skip

    return read


def deleveragings(said: words.Deleveragings, rows: Rows, columns: Columns) -> Reader:
    """Whether auto-deleveraging goes on."""
    take = columns.take(said.symbol, stamp_name(said.at), said.state)
    name_of, time, path = namer(rows, said.symbol), clock(said.at), path_of(said.state)

    def read(row: Any, context: Context, head: Head) -> Deleveraging:
        symbol, stamp, state = take(row)
        return Deleveraging(
            venue=context.venue, instrument=name_of(symbol, context, head.symbol), received_at=context.received_at,
            event_time=time(stamp) or head.at, active=allowed(said.states, state, path),
        )  # fmt: skip

    return read


def volumes(said: words.Volumes, rows: Rows, columns: Columns) -> Reader:
    """The volume of 24 hours. The quote volume counts as the row's figure where the venue has one, else the base volume."""
    quoted, priced, base_path, last_path = said.quote is not None, said.priced, path_of(said.base), path_of(said.last)

    def make(figures: tuple[Any, ...], volume: Decimal, name: str, at: datetime | None, context: Context) -> Volume:
        base = optional_amount(figures[3], base_path)
        if base is not None and said.unit is Unit.CONTRACTS:
            size = contract(context, name)
            base = None if size is None else base * size
        last = optional_amount(figures[4], last_path)
        usd = volume if quoted else None
        if priced and base is not None:
            usd = base * last if last is not None else None if base else base
        return _volume(
            venue=context.venue, instrument=name, received_at=context.received_at, event_time=at,
            market=rows.market, base=base, usd=usd, last=None if last is None else float(last),
        )  # fmt: skip

    return _reading(
        said, rows, columns, (said.quote if quoted else said.base, said.base, said.last), make, optional_amount
    )
