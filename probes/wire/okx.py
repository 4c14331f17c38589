"""OKX v5's payloads and what they mean: pure readers of answers and frames (facts: venues §5).

Everything is text. Sizes of derivatives are contracts: times `ctVal` (and `ctMult`), which the listing tells; what is not
listed is passed over. `posSide` tells whose side was liquidated; in net mode the closing order does (sell: a long).
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
    ServiceState,
    ServiceStatus,
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
    Refused,
    ShutdownAnnounced,
    SubscriptionRefused,
)

ID = VenueId("okx")
REFUSALS = {
    "50011": Refusal.THROTTLED,
    "50061": Refusal.THROTTLED,
    "60014": Refusal.THROTTLED,
    "50013": Refusal.OVERLOADED,
    "50001": Refusal.MAINTENANCE,
    "50004": Refusal.TIMEOUT,
    "50026": Refusal.VENUE_ERROR,
    "50103": Refusal.UNAUTHORIZED,
    "50111": Refusal.UNAUTHORIZED,
    "50113": Refusal.UNAUTHORIZED,
    "51001": Refusal.BAD_REQUEST,
    "60012": Refusal.BAD_REQUEST,
    "60018": Refusal.BAD_REQUEST,
}


class Detail(msgspec.Struct):
    """One forced order."""

    bkPx: str  # noqa: N815  # the venue's names throughout this file
    sz: str
    ts: str | int
    side: str = ""
    posSide: str = ""  # noqa: N815


class Row(msgspec.Struct):
    """A row of any list: each endpoint or channel fills what it has."""

    instId: str = ""  # noqa: N815
    instType: str = ""  # noqa: N815
    ts: str | int = ""
    state: str = ""
    title: str = ""
    begin: str = ""
    end: str = ""
    maintType: str = ""  # noqa: N815
    ccy: str = ""
    chain: str = ""
    canDep: bool | None = None  # noqa: N815
    canWd: bool | None = None  # noqa: N815
    wdEstOpenTime: str = ""  # noqa: N815
    baseCcy: str = ""  # noqa: N815
    quoteCcy: str = ""  # noqa: N815
    settleCcy: str = ""  # noqa: N815
    uly: str = ""
    ctVal: str = ""  # noqa: N815
    ctMult: str = ""  # noqa: N815
    ctType: str = ""  # noqa: N815
    oi: str = ""
    oiCcy: str = ""  # noqa: N815
    oiUsd: str = ""  # noqa: N815
    fundingRate: str = ""  # noqa: N815
    fundingTime: str = ""  # noqa: N815
    nextFundingTime: str = ""  # noqa: N815
    markPx: str = ""  # noqa: N815
    idxPx: str = ""  # noqa: N815
    last: str = ""
    vol24h: str = ""
    volCcy24h: str = ""  # noqa: N815
    asks: list[list[float]] = []
    bids: list[list[float]] = []
    seqId: int | None = None  # noqa: N815
    prevSeqId: int | None = None  # noqa: N815
    checksum: int | None = None
    details: list[Detail] = []


class Answer(msgspec.Struct):
    """The envelope of REST."""

    code: str | int
    msg: str = ""
    data: list[Row] = []


class Ratios(msgspec.Struct):
    """The envelope of the rubik endpoints: rows are lists."""

    code: str | int
    msg: str = ""
    data: list[list[str | float]] = []


class Arg(msgspec.Struct):
    """What a channel was subscribed with."""

    channel: str = ""
    instId: str = ""  # noqa: N815
    instType: str = ""  # noqa: N815


class Frame(msgspec.Struct):
    """Any pushed frame or control message."""

    arg: Arg | None = None
    action: str = ""
    data: list[Row] = []
    event: str = ""
    code: str | int = ""
    msg: str = ""


ANSWER = msgspec.json.Decoder(Answer, strict=False)
RATIOS = msgspec.json.Decoder(Ratios, strict=False)
FRAME = msgspec.json.Decoder(Frame, strict=False)


def refused(code: str, message: str) -> Refused:
    """The refusal of an error code, whatever HTTP status it came with."""
    return Refused(REFUSALS.get(code, Refusal.VENUE_ERROR), f"{code} {message}")


def rows(body: bytes) -> list[Row]:
    """The rows of a good answer. Raises Refused for an error code in the body."""
    answer = ANSWER.decode(body)
    if str(answer.code) != "0":
        raise refused(str(answer.code), answer.msg)
    return answer.data


def _at(stamp: str | int, path: str = "$.data[0].ts") -> datetime:
    return read.at_ms(read.figure(stamp, path), path)


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`data[0].ts`."""
    found = rows(body)
    if not found:
        raise Malformed("$.data[0]: missing")
    at = _at(found[0].ts)
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=at, resolution_s=read.MILLISECOND)]


def system_status(body: bytes, context: Context) -> Sequence[Reading]:
    """`[]` is health; else scheduled, ongoing and pre-open windows."""
    return _status(rows(body), context)


def _status(found: Sequence[Row], context: Context) -> Sequence[Reading]:
    told: list[Reading] = []
    for row in found:
        planned = row.maintType in ("", "1")
        ongoing = row.state in ("ongoing", "pre_open")
        state = ServiceState.OPERATIONAL
        if ongoing:
            state = ServiceState.MAINTENANCE if row.maintType != "3" else ServiceState.DEGRADED
        if row.state in ("ongoing", "pre_open", "scheduled"):
            told.append(
                ServiceStatus(
                    venue=ID, received_at=context.received_at, state=state, title=row.title, planned=planned,
                    begins_at=_at(row.begin, "$.begin") if row.begin else None,
                    ends_at=_at(row.end, "$.end") if row.end else None,
                )
            )  # fmt: skip
    if not any(row.state in ("ongoing", "pre_open") for row in found):
        told.append(ServiceStatus(venue=ID, received_at=context.received_at, state=ServiceState.OPERATIONAL))
    return told


def wallets(body: bytes, context: Context) -> Sequence[Reading]:
    """Signed `asset/currencies`: one row for each coin and network."""
    return [
        WalletStatus(
            venue=ID, asset=row.ccy, network=row.chain, received_at=context.received_at, deposits=row.canDep,
            withdrawals=row.canWd, note=f"opens {row.wdEstOpenTime}" if row.wdEstOpenTime else "",
        )
        for row in rows(body)
    ]  # fmt: skip


_MARKETS = {"SPOT": Market.SPOT, "SWAP": Market.PERP, "FUTURES": Market.FUTURE}


def instruments(body: bytes, context: Context) -> Sequence[Reading]:
    """`public/instruments` of one type. Inverse contracts are sized in USD: their size in base needs the price."""
    listed = []
    for row in rows(body):
        base, _, quote = (row.uly or row.instId).partition("-")
        size = read.money(row.ctVal or "1", "$.ctVal") * read.money(row.ctMult or "1", "$.ctMult")
        listed.append(
            Instrument(
                symbol=row.instId, base=row.baseCcy or base, quote=row.quoteCcy or quote.partition("-")[0],
                market=_MARKETS.get(row.instType, Market.FUTURE), contract_size=size, inverse=row.ctType == "inverse",
                trading=row.state in ("live", ""),
            )
        )  # fmt: skip
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=tuple(listed))]


def _size(context: Context, symbol: str) -> Decimal | None:
    """Base units a contract (1 on spot), None where it is not known or depends on the price."""
    known = context.instruments.get(symbol)
    if known is None:
        return Decimal(1) if symbol.count("-") == 1 else None
    return None if known.inverse else known.contract_size


def book(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
    """`market/books`."""
    symbol = context.instrument.symbol if context.instrument is not None else ""
    size = _size(context, symbol) or Decimal(1)
    return [
        BookSnapshot(
            instrument=symbol,
            last_id=row.seqId,
            event_time=_at(row.ts),
            bids=read.levels(row.bids, "$.data[0].bids", float(size)),
            asks=read.levels(row.asks, "$.data[0].asks", float(size)),
        )
        for row in rows(body)[:1]
    ]


def open_interest(body: bytes, context: Context) -> Sequence[Reading]:
    """`oiCcy` is base units, `oiUsd` USD."""
    return _interest(rows(body), context)


def _interest(found: Sequence[Row], context: Context) -> list[Reading]:
    return [
        OpenInterest(
            venue=ID, instrument=row.instId, received_at=context.received_at, event_time=_at(row.ts),
            base=read.money(row.oiCcy or row.oi, "$.oiCcy"), usd=read.some_money(row.oiUsd, "$.oiUsd"),
        )
        for row in found
    ]  # fmt: skip


def funding(body: bytes, context: Context) -> Sequence[Reading]:
    """`funding-rate`; rows without a rate yet are passed over."""
    return _funding(rows(body), context)


def _funding(found: Sequence[Row], context: Context) -> list[Reading]:
    return [
        Funding(
            venue=ID, instrument=row.instId, received_at=context.received_at,
            event_time=_at(row.ts) if row.ts else None, rate=read.figure(row.fundingRate, "$.fundingRate"),
            next_at=_at(row.fundingTime, "$.fundingTime") if row.fundingTime else None,
        )
        for row in found
        if row.fundingRate
    ]  # fmt: skip


def marks(body: bytes, context: Context) -> Sequence[Reading]:
    """`mark-price` rows."""
    return _marks(rows(body), context)


def _marks(found: Sequence[Row], context: Context) -> list[Reading]:
    return [
        MarkPrice(
            venue=ID, instrument=row.instId, received_at=context.received_at, event_time=_at(row.ts),
            mark=read.some_figure(row.markPx, "$.markPx"), index=read.some_figure(row.idxPx, "$.idxPx"),
        )
        for row in found
    ]  # fmt: skip


def long_short(body: bytes, context: Context) -> Sequence[Reading]:
    """`[[ts, ratio]]` newest first; the taker form `[[ts, sold, bought]]` gives bought over sold."""
    answer = RATIOS.decode(body)
    if str(answer.code) != "0":
        raise refused(str(answer.code), answer.msg)
    told = []
    for row in answer.data[:1]:
        if len(row) < 2:
            raise Malformed("$.data[0]: a ratio needs a time and a figure")
        ratio, basis = read.figure(row[1], "$.data[0][1]"), "accounts"
        if len(row) > 2:
            ratio, basis = read.figure(row[2], "$.data[0][2]") / (ratio or 1e-9), "taker_volume"
        told.append(
            LongShortRatio(
                venue=ID, instrument=context.instrument.symbol if context.instrument else "",
                received_at=context.received_at, event_time=read.at_ms(read.figure(row[0], "$.data[0][0]")),
                ratio=ratio, basis=basis,
            )
        )  # fmt: skip
    return told


def tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`vol24h`, `volCcy24h`: quote on spot, base on derivatives (times last for USD)."""
    return _tickers(rows(body), context)


def _tickers(found: Sequence[Row], context: Context) -> list[Reading]:
    told: list[Reading] = []
    for row in found:
        market = _MARKETS.get(row.instType, Market.FUTURE)
        last = read.some_money(row.last, "$.last")
        amount = read.some_money(row.volCcy24h, "$.volCcy24h")
        usd = amount if market is Market.SPOT or amount is None or last is None else amount * last
        told.append(
            Volume(
                venue=ID, instrument=row.instId, received_at=context.received_at, event_time=_at(row.ts), market=market,
                base=read.some_money(row.vol24h, "$.vol24h") if market is Market.SPOT else amount, usd=usd,
                last=None if last is None else float(last),
            )
        )  # fmt: skip
    return told


def frame(body: bytes, context: Context) -> Sequence[FeedWord]:
    """One frame of the public socket; plain "pong" answers our ping."""
    if body == b"pong":
        return [Pong()]
    message = FRAME.decode(body)
    if message.event:
        return _control(message)
    if message.arg is None:
        return ()
    match message.arg.channel:
        case "liquidation-orders":
            return [one for row in message.data for one in _forced(row, context)]
        case "books" | "books-l2-tbt" | "books50-l2-tbt" | "books5":
            return [one for row in message.data for one in _book(message, message.arg.instId, row, context)]
        case "mark-price" | "index-tickers":
            return _marks(message.data, context)
        case "funding-rate":
            return _funding(message.data, context)
        case "open-interest":
            return _interest(message.data, context)
        case "tickers":
            return _tickers(message.data, context)
        case "status":
            return _status(message.data, context)
    return ()


def _control(message: Frame) -> Sequence[FeedWord]:
    code = str(message.code)
    if message.event == "notice" and code == "64008":
        return [ShutdownAnnounced(detail=message.msg)]
    if message.event == "error":
        return [SubscriptionRefused(kind=REFUSALS.get(code, Refusal.VENUE_ERROR), detail=f"{code} {message.msg}")]
    return [Ack(subject=message.arg.channel if message.arg else "")]


def _book(message: Frame, symbol: str, row: Row, context: Context) -> Sequence[FeedWord]:
    size = _size(context, symbol)
    if size is None:
        return ()
    bids = read.levels(row.bids, "$.data[0].bids", float(size))
    asks = read.levels(row.asks, "$.data[0].asks", float(size))
    at = _at(row.ts)
    if message.action != "update":
        return [BookSnapshot(instrument=symbol, last_id=row.seqId, event_time=at, bids=bids, asks=asks)]
    if row.seqId is None or row.prevSeqId is None:
        return ()  # the wire before sequence ids: it had checksums, which are no more
    return [
        BookDelta(
            instrument=symbol, first_id=row.prevSeqId + 1, last_id=row.seqId, prev_id=row.prevSeqId, event_time=at,
            bids=bids, asks=asks,
        )
    ]  # fmt: skip


def _forced(row: Row, context: Context) -> Sequence[FeedWord]:
    size = _size(context, row.instId)
    if size is None:
        return ()
    told = []
    for one in row.details:
        price = read.money(one.bkPx, "$.data[0].details[0].bkPx")
        quantity = read.money(one.sz, "$.data[0].details[0].sz") * size
        long = one.posSide == "long" or (one.posSide in ("", "net") and one.side == "sell")
        told.append(
            Liquidation(
                venue=ID, instrument=row.instId, received_at=context.received_at,
                event_time=_at(one.ts, "$.data[0].details[0].ts"), side=Side.LONG if long else Side.SHORT, price=price,
                quantity=quantity, notional_usd=price * quantity, censoring=Censoring.ONE_PER_SECOND,
            )
        )  # fmt: skip
    return told
