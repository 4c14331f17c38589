"""Reads Gate's REST answers: body to readings, pure (www.gate.com/docs/developers/apiv4).

Sizes of futures are contracts: times `quanto_multiplier`, which the listing gives; what is not listed is skipped. The sign
of a liquidation's size is read as the position's direction (one production collector's reading; the documentation does not
say).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from probes import decode
from probes.readings import (
    Censoring,
    Funding,
    Instrument,
    InstrumentsListed,
    Liquidation,
    LongShortRatio,
    Market,
    MarkPrice,
    OpenInterest,
    Reading,
    ServerTime,
    Side,
    Volume,
    WalletStatus,
)
from probes.venue import (
    BookSnapshot,
    Context,
    Malformed,
)
from probes.wire.gate import (
    BOOK,
    CONTRACTS,
    CURRENCIES,
    FORCED,
    ID,
    PAIRS,
    RATES,
    SPOT_TICKERS,
    STATS,
    TIME,
    Chain,
    Contract,
    Level,
    SpotTicker,
    Stats,
)


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`{"server_time": ms}`."""
    at = decode.at_ms(TIME.decode(body).server_time, "$.server_time")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=at, resolution_s=decode.MILLISECOND)]


def wallets(body: bytes, context: Context) -> Sequence[Reading]:
    """Keyless: one reading for each currency and network; Gate alone flags delays."""
    found = CURRENCIES.decode(body)
    readings: list[Reading] = []
    for row in found if isinstance(found, list) else [found]:
        chains = row.chains or [Chain(row.chain, row.withdraw_disabled, row.withdraw_delayed, row.deposit_disabled)]
        if row.is_withdraw_disabled is not None:
            off = bool(row.is_disabled)
            chains = [
                Chain(row.chain, off or bool(row.is_withdraw_disabled), None, off or bool(row.is_deposit_disabled))
            ]
        readings += [
            WalletStatus(
                    venue=ID, asset=row.currency or _asset(context), network=chain.name,
                    received_at=context.received_at, deposits=_open(chain.deposit_disabled),
                    withdrawals=_open(chain.withdraw_disabled), delayed=chain.withdraw_delayed,
            )
            for chain in chains
        ]  # fmt: skip
    return readings


def _open(disabled: bool | None) -> bool | None:
    return None if disabled is None else not disabled


def _asset(context: Context) -> str:
    return context.instrument.base if context.instrument is not None else ""


def pairs(body: bytes, context: Context) -> Sequence[Reading]:
    """`spot/currency_pairs`."""
    listed = tuple(
        Instrument(
            symbol="spot:" + one.id, base=one.base, quote=one.quote, market=Market.SPOT,
            trading=one.trade_status == "tradable",
        )
        for one in PAIRS.decode(body)
    )  # fmt: skip
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=listed)]


def contracts(body: bytes, context: Context) -> Sequence[Reading]:
    """`futures/usdt/contracts`: the listing, and mark and funding with it."""
    found = CONTRACTS.decode(body)
    listed = []
    readings: list[Reading] = []
    for row in found if isinstance(found, list) else [found]:
        name = row.name or row.contract
        base, _, quote = name.partition("_")
        size = decode.optional_money(row.quanto_multiplier, "$.quanto_multiplier")
        listed.append(
            Instrument(
                symbol=name, base=base, quote=quote, market=Market.PERP, contract_size=size or Decimal(1),
                trading=not row.in_delisting,
            )
        )  # fmt: skip
        readings += _marks(row, name, context, None)
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=tuple(listed)), *readings]


def _marks(row: Contract, name: str, context: Context, at: datetime | None) -> list[Reading]:
    readings: list[Reading] = []
    mark, index = (
        decode.optional_float(row.mark_price, "$.mark_price"),
        decode.optional_float(row.index_price, "$.index_price"),
    )
    if mark is not None:
        readings.append(
            MarkPrice(venue=ID, instrument=name, received_at=context.received_at, event_time=at, mark=mark, index=index)
        )
    rate = decode.optional_float(row.funding_rate, "$.funding_rate")
    if rate is not None:
        following = row.funding_next_apply
        readings.append(
            Funding(
                venue=ID, instrument=name, received_at=context.received_at, event_time=at, rate=rate,
                next_at=decode.at_any(following, "$.funding_next_apply") if following else None,
                interval_s=decode.optional_float(row.funding_interval, "$.funding_interval"),
            )
        )  # fmt: skip
    return readings


def size_of(context: Context, symbol: str) -> Decimal | None:
    """Base units a contract, None if the listing does not give them."""
    known = context.instruments.get(symbol)
    return None if known is None else known.contract_size


def tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`futures/usdt/tickers`: mark, funding, open interest (contracts), volume."""
    found = CONTRACTS.decode(body)
    rows = found if isinstance(found, list) else [found]
    return [one for row in rows for one in ticker(row, context, None)]


def ticker(row: Contract, context: Context, at: datetime | None) -> list[Reading]:
    """The readings that a contract's ticker gives: mark, funding, open interest, volume."""
    name = row.contract or row.name
    readings = _marks(row, name, context, at)
    size = size_of(context, name) or decode.optional_money(row.quanto_multiplier, "$.quanto_multiplier")
    total = decode.optional_money(row.total_size, "$.total_size")
    mark = decode.optional_money(row.mark_price, "$.mark_price")
    if total is not None and size is not None:
        base = total * size
        readings.append(
            OpenInterest(
                venue=ID, instrument=name, received_at=context.received_at, event_time=at, base=base,
                usd=None if mark is None else base * mark,
            )
        )  # fmt: skip
    quote = decode.optional_money(row.volume_24h_quote, "$.volume_24h_quote")
    if quote is not None:
        readings.append(
            Volume(
                venue=ID, instrument=name, received_at=context.received_at, event_time=at, market=Market.PERP,
                base=decode.optional_money(row.volume_24h_base, "$.volume_24h_base"), usd=quote,
                last=decode.optional_float(row.last, "$.last"),
            )
        )  # fmt: skip
    return readings


def spot_tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`spot/tickers`: volume."""
    found = SPOT_TICKERS.decode(body)
    return [spot_ticker(row, context, None) for row in (found if isinstance(found, list) else [found])]


def spot_ticker(row: SpotTicker, context: Context, at: datetime | None) -> Volume:
    """A pair's volume."""
    return Volume(
        venue=ID, instrument="spot:" + row.currency_pair, received_at=context.received_at, event_time=at,
        market=Market.SPOT, base=decode.optional_money(row.base_volume, "$.base_volume"),
        usd=decode.optional_money(row.quote_volume, "$.quote_volume"), last=decode.optional_float(row.last, "$.last"),
    )  # fmt: skip


def levels(rows: Sequence[Level | tuple[float, float]], size: float, path: str) -> list[tuple[float, float]]:
    """Levels of either market, (price, base units)."""
    return decode.levels([(one.p, one.s) if isinstance(one, Level) else one for one in rows], path, size)


def book(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
    """`order_book` of either market, with its id; `current` in ms (spot) or seconds (futures)."""
    decoded = BOOK.decode(body)
    symbol = context.instrument.symbol if context.instrument is not None else ""
    size = float(size_of(context, symbol) or 1)
    stamp = decoded.update if decoded.update is not None else decoded.current
    return [
        BookSnapshot(
            instrument=symbol, last_id=decode.optional_integer(decoded.id, "$.id"),
            event_time=None if stamp is None else decode.at_any(stamp, "$.update"),
            bids=levels(decoded.bids, size, "$.bids"), asks=levels(decoded.asks, size, "$.asks"),
        )
    ]  # fmt: skip


def funding(body: bytes, context: Context) -> Sequence[Reading]:
    """`funding_rate`: newest first."""
    return [
        Funding(
            venue=ID, instrument=context.instrument.symbol if context.instrument else "",
            received_at=context.received_at, event_time=decode.at_any(row.t, "$[0].t"), rate=decode.finite_float(row.r, "$[0].r"),
        )
        for row in RATES.decode(body)[:1]
        if row.r is not None
    ]  # fmt: skip


def stats(body: bytes, context: Context) -> Sequence[Reading]:
    """`contract_stats`: long/short ratios and open interest; the newest row counts."""
    found = STATS.decode(body)
    rows = found if isinstance(found, list) else [found]
    return [one for row in rows[-1:] for one in stats_row(row, context)]


def stats_row(row: Stats, context: Context) -> list[Reading]:
    """Ratios of one row."""
    name = row.contract or (context.instrument.symbol if context.instrument else "")
    at = decode.at_any(row.time, "$.time")
    return [
        LongShortRatio(
            venue=ID, instrument=name, received_at=context.received_at, event_time=at, ratio=ratio, basis=basis
        )
        for text, basis in ((row.lsr_account, "accounts"), (row.top_lsr_account, "top_accounts"))
        if (ratio := decode.optional_float(text, "$.lsr_account")) is not None
    ]


def liquidations(body: bytes, context: Context) -> Sequence[Reading]:
    """`liq_orders` of REST, whole seconds: old news, the cross-check of the feed."""
    return forced(body, context, backlog=True)


def forced(raw: bytes | msgspec.Raw, context: Context, *, backlog: bool = False) -> list[Reading]:
    """Liquidations, pushed or of REST."""
    found = FORCED.decode(raw)
    readings: list[Reading] = []
    for row in found if isinstance(found, list) else [found]:
        size = size_of(context, row.contract)
        if size is None:
            continue
        contracts_closed = decode.money(row.size if row.size is not None else "", "$.size")
        price = decode.optional_money(row.price or row.fill_price or row.order_price, "$.price")
        if price is None:
            raise Malformed("$.price: missing")
        quantity = abs(contracts_closed) * size
        readings.append(
            Liquidation(
                venue=ID, instrument=row.contract, received_at=context.received_at,
                event_time=decode.at_any(row.time_ms or row.time, "$.time"),
                side=Side.LONG if contracts_closed > 0 else Side.SHORT, price=price, quantity=quantity,
                notional_usd=price * quantity, censoring=Censoring.COMPLETE, backlog=backlog,
            )
        )  # fmt: skip
    return readings
