"""Gate v4's payloads and what they mean: pure readers of answers and frames (facts: venues §6).

Sizes of futures are contracts: times `quanto_multiplier`, which the listing tells; what is not listed is passed over. The sign
of a liquidation's size is read as the position's direction (one production collector's reading; the documentation does not
say). Stamps came in seconds and now in milliseconds; sizes as numbers or text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from probes import read
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
    Refusal,
    ServerTime,
    Side,
    VenueId,
    Volume,
    WalletStatus,
)
from probes.venue import (
    Ack,
    BookDelta,
    BookSnapshot,
    Context,
    FeedWord,
    Malformed,
    Pong,
    SubscriptionRefused,
)

ID = VenueId("gate")
Text = str | float | None


class Chain(msgspec.Struct):
    """One network of a currency."""

    name: str
    withdraw_disabled: bool | None = None
    withdraw_delayed: bool | None = None
    deposit_disabled: bool | None = None


class Currency(msgspec.Struct):
    """A row of `spot/currencies`, or of `wallet/currency_chains`."""

    currency: str = ""
    delisted: bool = False
    withdraw_disabled: bool | None = None
    withdraw_delayed: bool | None = None
    deposit_disabled: bool | None = None
    chain: str = ""
    chains: list[Chain] = []
    is_disabled: int = 0
    is_deposit_disabled: int | None = None
    is_withdraw_disabled: int | None = None


class Pair(msgspec.Struct):
    """A row of `spot/currency_pairs`."""

    id: str
    base: str
    quote: str
    trade_status: str = "tradable"


class Contract(msgspec.Struct):
    """A row of `futures/usdt/contracts` or `futures/usdt/tickers`."""

    name: str = ""
    contract: str = ""
    quanto_multiplier: Text = None
    in_delisting: bool = False
    mark_price: Text = None
    index_price: Text = None
    funding_rate: Text = None
    funding_interval: float | None = None
    funding_next_apply: float | None = None
    total_size: Text = None
    volume_24h_base: Text = None
    volume_24h_quote: Text = None
    last: Text = None


class SpotTicker(msgspec.Struct):
    """A row of `spot/tickers`."""

    currency_pair: str
    base_volume: Text = None
    quote_volume: Text = None
    last: Text = None


class Level(msgspec.Struct):
    """A level of a futures book."""

    p: float
    s: float


class Book(msgspec.Struct):
    """A REST or pushed book, spot or futures; the pushed letters are t, s, U, u, a, b."""

    id: int | None = None
    current: float | None = None
    update: float | None = None
    asks: list[Level] | list[tuple[float, float]] = []
    bids: list[Level] | list[tuple[float, float]] = []
    a: list[Level] | list[tuple[float, float]] = []
    b: list[Level] | list[tuple[float, float]] = []
    t: int | None = None
    s: str = ""
    contract: str = ""
    U: int | None = None
    u: int | None = None
    full: bool = False


class Stats(msgspec.Struct):
    """A row of `contract_stats`."""

    time: float
    contract: str = ""
    lsr_account: float | None = None
    top_lsr_account: float | None = None
    open_interest: Text = None
    open_interest_usd: Text = None
    mark_price: Text = None


class Rate(msgspec.Struct):
    """A row of `funding_rate`."""

    t: float
    r: Text = None


class Forced(msgspec.Struct):
    """A liquidation, pushed (`price`) or of REST (`fill_price`, `order_price`)."""

    contract: str
    size: Text
    time: float
    price: Text = None
    fill_price: Text = None
    order_price: Text = None
    time_ms: float | None = None


class Fault(msgspec.Struct):
    """An error inside a frame."""

    code: int = 0
    message: str = ""


class Frame(msgspec.Struct):
    """Any frame; `result` is read by channel."""

    channel: str = ""
    event: str = ""
    time_ms: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Fault | None = None


class Time(msgspec.Struct):
    """`spot/time`."""

    server_time: float


TIME = msgspec.json.Decoder(Time, strict=False)
CURRENCIES = msgspec.json.Decoder(list[Currency] | Currency, strict=False)
PAIRS = msgspec.json.Decoder(list[Pair])
CONTRACTS = msgspec.json.Decoder(list[Contract] | Contract, strict=False)
SPOT_TICKERS = msgspec.json.Decoder(list[SpotTicker] | SpotTicker, strict=False)
BOOK = msgspec.json.Decoder(Book, strict=False)
STATS = msgspec.json.Decoder(list[Stats] | Stats, strict=False)
RATES = msgspec.json.Decoder(list[Rate], strict=False)
FORCED = msgspec.json.Decoder(list[Forced] | Forced, strict=False)
FRAME = msgspec.json.Decoder(Frame, strict=False)


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`{"server_time": ms}`."""
    at = read.at_ms(TIME.decode(body).server_time, "$.server_time")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=at, resolution_s=read.MILLISECOND)]


def wallets(body: bytes, context: Context) -> Sequence[Reading]:
    """Keyless: one reading for each currency and network; Gate alone flags delays."""
    found = CURRENCIES.decode(body)
    told: list[Reading] = []
    for row in found if isinstance(found, list) else [found]:
        chains = row.chains or [Chain(row.chain, row.withdraw_disabled, row.withdraw_delayed, row.deposit_disabled)]
        if row.is_withdraw_disabled is not None:
            off = bool(row.is_disabled)
            chains = [
                Chain(row.chain, off or bool(row.is_withdraw_disabled), None, off or bool(row.is_deposit_disabled))
            ]
        told += [
            WalletStatus(
                    venue=ID, asset=row.currency or _asset(context), network=chain.name,
                    received_at=context.received_at, deposits=_open(chain.deposit_disabled),
                    withdrawals=_open(chain.withdraw_disabled), delayed=chain.withdraw_delayed,
            )
            for chain in chains
        ]  # fmt: skip
    return told


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
    told: list[Reading] = []
    for row in found if isinstance(found, list) else [found]:
        name = row.name or row.contract
        base, _, quote = name.partition("_")
        size = read.some_money(row.quanto_multiplier, "$.quanto_multiplier")
        listed.append(
            Instrument(
                symbol=name, base=base, quote=quote, market=Market.PERP, contract_size=size or Decimal(1),
                trading=not row.in_delisting,
            )
        )  # fmt: skip
        told += _marks(row, name, context, None)
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=tuple(listed)), *told]


def _marks(row: Contract, name: str, context: Context, at: datetime | None) -> list[Reading]:
    told: list[Reading] = []
    mark, index = read.some_figure(row.mark_price, "$.mark_price"), read.some_figure(row.index_price, "$.index_price")
    if mark is not None:
        told.append(
            MarkPrice(venue=ID, instrument=name, received_at=context.received_at, event_time=at, mark=mark, index=index)
        )
    rate = read.some_figure(row.funding_rate, "$.funding_rate")
    if rate is not None:
        following = row.funding_next_apply
        told.append(
            Funding(
                venue=ID, instrument=name, received_at=context.received_at, event_time=at, rate=rate,
                next_at=read.at_any(following, "$.funding_next_apply") if following else None,
                interval_s=row.funding_interval,
            )
        )  # fmt: skip
    return told


def size_of(context: Context, symbol: str) -> Decimal | None:
    """Base units a contract, None where the listing does not tell."""
    known = context.instruments.get(symbol)
    return None if known is None else known.contract_size


def tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`futures/usdt/tickers`: mark, funding, open interest (contracts), volume."""
    found = CONTRACTS.decode(body)
    rows = found if isinstance(found, list) else [found]
    return [one for row in rows for one in _ticker(row, context, None)]


def _ticker(row: Contract, context: Context, at: datetime | None) -> list[Reading]:
    name = row.contract or row.name
    told = _marks(row, name, context, at)
    size = size_of(context, name) or read.some_money(row.quanto_multiplier, "$.quanto_multiplier")
    total = read.some_money(row.total_size, "$.total_size")
    mark = read.some_money(row.mark_price, "$.mark_price")
    if total is not None and size is not None:
        base = total * size
        told.append(
            OpenInterest(
                venue=ID, instrument=name, received_at=context.received_at, event_time=at, base=base,
                usd=None if mark is None else base * mark,
            )
        )  # fmt: skip
    quote = read.some_money(row.volume_24h_quote, "$.volume_24h_quote")
    if quote is not None:
        told.append(
            Volume(
                venue=ID, instrument=name, received_at=context.received_at, event_time=at, market=Market.PERP,
                base=read.some_money(row.volume_24h_base, "$.volume_24h_base"), usd=quote,
                last=read.some_figure(row.last, "$.last"),
            )
        )  # fmt: skip
    return told


def spot_tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`spot/tickers`: volume."""
    found = SPOT_TICKERS.decode(body)
    return [_spot_ticker(row, context, None) for row in (found if isinstance(found, list) else [found])]


def _spot_ticker(row: SpotTicker, context: Context, at: datetime | None) -> Volume:
    return Volume(
        venue=ID, instrument="spot:" + row.currency_pair, received_at=context.received_at, event_time=at,
        market=Market.SPOT, base=read.some_money(row.base_volume, "$.base_volume"),
        usd=read.some_money(row.quote_volume, "$.quote_volume"), last=read.some_figure(row.last, "$.last"),
    )  # fmt: skip


def _levels(rows: Sequence[Level | tuple[float, float]], size: float, path: str) -> list[tuple[float, float]]:
    return read.levels([(one.p, one.s) if isinstance(one, Level) else one for one in rows], path, size)


def book(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
    """`order_book` of either market, with its id; `current` in ms (spot) or seconds (futures)."""
    said = BOOK.decode(body)
    symbol = context.instrument.symbol if context.instrument is not None else ""
    size = float(size_of(context, symbol) or 1)
    stamp = said.update if said.update is not None else said.current
    return [
        BookSnapshot(
            instrument=symbol, last_id=said.id, event_time=None if stamp is None else read.at_any(stamp, "$.update"),
            bids=_levels(said.bids, size, "$.bids"), asks=_levels(said.asks, size, "$.asks"),
        )
    ]  # fmt: skip


def funding(body: bytes, context: Context) -> Sequence[Reading]:
    """`funding_rate`: newest first."""
    return [
        Funding(
            venue=ID, instrument=context.instrument.symbol if context.instrument else "",
            received_at=context.received_at, event_time=read.at_any(row.t, "$[0].t"), rate=read.figure(row.r, "$[0].r"),
        )
        for row in RATES.decode(body)[:1]
        if row.r is not None
    ]  # fmt: skip


def stats(body: bytes, context: Context) -> Sequence[Reading]:
    """`contract_stats`: long/short ratios and open interest; the newest row is told."""
    found = STATS.decode(body)
    rows = found if isinstance(found, list) else [found]
    return [one for row in rows[-1:] for one in _stats(row, context)]


def _stats(row: Stats, context: Context) -> list[Reading]:
    name = row.contract or (context.instrument.symbol if context.instrument else "")
    at = read.at_any(row.time, "$.time")
    return [
        LongShortRatio(
            venue=ID, instrument=name, received_at=context.received_at, event_time=at, ratio=ratio, basis=basis
        )
        for ratio, basis in ((row.lsr_account, "accounts"), (row.top_lsr_account, "top_accounts"))
        if ratio is not None
    ]


def liquidations(body: bytes, context: Context) -> Sequence[Reading]:
    """`liq_orders` of REST, whole seconds: old news, the cross-check of the feed."""
    return _forced(body, context, backlog=True)


def _forced(raw: bytes | msgspec.Raw, context: Context, *, backlog: bool = False) -> list[Reading]:
    found = FORCED.decode(raw)
    told: list[Reading] = []
    for row in found if isinstance(found, list) else [found]:
        size = size_of(context, row.contract)
        if size is None:
            continue
        contracts_closed = read.money(row.size if row.size is not None else "", "$.size")
        price = read.some_money(row.price or row.fill_price or row.order_price, "$.price")
        if price is None:
            raise Malformed("$.price: missing")
        quantity = abs(contracts_closed) * size
        told.append(
            Liquidation(
                venue=ID, instrument=row.contract, received_at=context.received_at,
                event_time=read.at_any(row.time_ms or row.time, "$.time"),
                side=Side.LONG if contracts_closed > 0 else Side.SHORT, price=price, quantity=quantity,
                notional_usd=price * quantity, censoring=Censoring.COMPLETE, backlog=backlog,
            )
        )  # fmt: skip
    return told


def frame(body: bytes, context: Context) -> Sequence[FeedWord]:
    """One frame of either socket."""
    message = FRAME.decode(body)
    if message.error is not None:
        return [SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail=f"{message.error.code} {message.error.message}")]
    if message.channel.endswith(".pong"):
        return [Pong()]
    if message.event in ("subscribe", "unsubscribe"):
        return [Ack(subject=message.channel)]
    at = None if message.time_ms is None else read.at_ms(message.time_ms, "$.time_ms")
    market, _, kind = message.channel.partition(".")
    match kind:
        case "public_liquidates":
            return _forced(message.result, context)
        case "order_book_update" | "obu" | "order_book":
            return _book_frame(message, market, kind, at, context)
        case "tickers":
            return _ticker_frame(message, market, context, at)
        case "contract_stats":
            found = STATS.decode(message.result)
            return [one for row in (found if isinstance(found, list) else [found]) for one in _stats(row, context)]
    return ()


def _ticker_frame(message: Frame, market: str, context: Context, at: datetime | None) -> Sequence[FeedWord]:
    if market == "spot":
        tickers_found = SPOT_TICKERS.decode(message.result)
        rows = tickers_found if isinstance(tickers_found, list) else [tickers_found]
        return [_spot_ticker(row, context, at) for row in rows]
    found = CONTRACTS.decode(message.result)
    return [one for row in (found if isinstance(found, list) else [found]) for one in _ticker(row, context, at)]


def _book_frame(message: Frame, market: str, kind: str, at: datetime | None, context: Context) -> Sequence[FeedWord]:
    said = BOOK.decode(message.result)
    name = said.contract or said.s
    if kind == "obu":
        name = name.removeprefix("ob.").rpartition(".")[0]
    size = Decimal(1) if market == "spot" else size_of(context, name)
    if size is None:
        return ()
    symbol = "spot:" + name if market == "spot" else name
    engine = None if not said.t else read.at_ms(said.t, "$.result.t")
    bids = _levels(said.b or said.bids, float(size), "$.result.b")
    asks = _levels(said.a or said.asks, float(size), "$.result.a")
    if kind == "order_book" or said.full:
        last_id = said.u if said.u is not None else said.id
        return [
            BookSnapshot(
                instrument=symbol, last_id=last_id, event_time=at or engine, engine_time=engine, bids=bids, asks=asks
            )
        ]
    return [
        BookDelta(
            instrument=symbol, first_id=read.whole(said.U, "$.result.U"), last_id=read.whole(said.u, "$.result.u"),
            prev_id=None, event_time=at or engine, engine_time=engine, bids=bids, asks=asks,
        )
    ]  # fmt: skip
