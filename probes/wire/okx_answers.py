"""Reads OKX's REST answers: body to readings, pure (www.okx.com/docs-v5).

Sizes of derivatives are contracts: times `ctVal` (and `ctMult`), which the listing gives; what is not listed is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from probes.dialect import decode
from probes.readings import (
    Funding,
    Instrument,
    InstrumentsListed,
    LongShortRatio,
    MalformedReason,
    Market,
    MarkPrice,
    OpenInterest,
    Reading,
    ServerTime,
    ServiceState,
    ServiceStatus,
    Volume,
    WalletStatus,
)
from probes.venue import (
    BookSnapshot,
    Context,
    Malformed,
)
from probes.wire.okx import ANSWER, ID, RATIOS, Row, refused
from probes.wire.rows import by_rows, newest_row


def rows(body: bytes) -> list[Row]:
    """The rows of a good answer. Raises Refused for an error code in the body."""
    answer = ANSWER.decode(body)
    if str(answer.code) != "0":
        raise refused(str(answer.code), answer.msg)
    return decode.given(answer.data, "$.data")


def at_ms(stamp: str | int, path: str = "$.data[0].ts") -> datetime:
    """The time of a stamp given as text."""
    return decode.at_ms(decode.finite_float(stamp, path), path)


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`data[0].ts`."""
    found = rows(body)
    if not found:
        raise Malformed("$.data[0]: missing")
    at = at_ms(found[0].ts)
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=at, resolution_s=decode.MILLISECOND)]


_WINDOWS = {"scheduled": False, "ongoing": True, "pre_open": True, "completed": False, "canceled": False}


@by_rows("data")
def system_status(body: bytes, context: Context) -> Sequence[Reading]:
    """`[]` is health; else scheduled, ongoing and pre-open windows."""
    return status(rows(body), context)


def status(found: Sequence[Row], context: Context) -> Sequence[Reading]:
    """Windows under way or announced; none under way is health."""
    readings: list[Reading] = []
    for row in found:
        planned = row.maintType == "1"
        ongoing = decode.word(row.state, _WINDOWS, "$.state")
        state = ServiceState.OPERATIONAL
        if ongoing:
            state = ServiceState.MAINTENANCE if row.maintType != "3" else ServiceState.DEGRADED
        if row.state in ("ongoing", "pre_open", "scheduled"):
            readings.append(
                ServiceStatus(
                    venue=ID, received_at=context.received_at, state=state, title=row.title, planned=planned,
                    begins_at=at_ms(row.begin, "$.begin") if row.begin else None,
                    ends_at=at_ms(row.end, "$.end") if row.end else None,
                )
            )  # fmt: skip
    if not any(row.state in ("ongoing", "pre_open") for row in found):
        readings.append(ServiceStatus(venue=ID, received_at=context.received_at, state=ServiceState.OPERATIONAL))
    return readings


@by_rows("data")
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


@by_rows("data")
def instruments(body: bytes, context: Context) -> Sequence[Reading]:
    """`public/instruments` of one type. Inverse contracts are sized in USD: their size in base needs the price."""
    listed = []
    for row in rows(body):
        base, _, quote = decode.name(row.uly or row.instId, "$.instId").partition("-")
        market = decode.word(row.instType, _MARKETS, "$.instType")
        listed.append(
            Instrument(
                symbol=decode.name(row.instId, "$.instId"), base=row.baseCcy or base,
                quote=row.quoteCcy or quote.partition("-")[0], market=market,
                contract_size=Decimal(1) if market is Market.SPOT else _contract_size(row),
                inverse=market is not Market.SPOT and decode.word(row.ctType, _INVERSE, "$.ctType"),
                trading=decode.name(row.state, "$.state") == "live",
            )
        )  # fmt: skip
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=tuple(listed))]


_INVERSE = {"inverse": True, "linear": False}


def _contract_size(row: Row) -> Decimal:
    size = decode.money(row.ctVal, "$.ctVal") * decode.money(row.ctMult, "$.ctMult")
    if size <= 0:
        raise Malformed("$.ctVal: a contract has a size", MalformedReason.SIZE)
    return size


def size_of(context: Context, symbol: str) -> Decimal | None:
    """Base units a contract (1 on spot), None if it is not known or depends on the price."""
    known = context.instruments.get(symbol)
    if known is None:
        return Decimal(1) if symbol.count("-") == 1 else None
    return None if known.inverse else known.contract_size


def book(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
    """`market/books`."""
    symbol = context.instrument.symbol if context.instrument is not None else ""
    size = size_of(context, symbol) or Decimal(1)
    return [
        BookSnapshot(
            instrument=symbol,
            last_id=decode.optional_integer(row.seqId, "$.data[0].seqId"),
            event_time=at_ms(row.ts),
            bids=decode.levels(decode.given(row.bids, "$.data[0].bids"), "$.data[0].bids", float(size)),
            asks=decode.levels(decode.given(row.asks, "$.data[0].asks"), "$.data[0].asks", float(size)),
        )
        for row in rows(body)[:1]
    ]


@by_rows("data")
def open_interest(body: bytes, context: Context) -> Sequence[Reading]:
    """`oiCcy` is base units, `oiUsd` USD."""
    return interest_rows(rows(body), context)


def interest_rows(found: Sequence[Row], context: Context) -> list[Reading]:
    """Open interest of rows."""
    return [
        OpenInterest(
            venue=ID, instrument=row.instId, received_at=context.received_at, event_time=at_ms(row.ts),
            base=decode.money(row.oiCcy, "$.oiCcy"), usd=decode.optional_money(row.oiUsd, "$.oiUsd"),
        )
        for row in found
    ]  # fmt: skip


@by_rows("data")
def funding(body: bytes, context: Context) -> Sequence[Reading]:
    """`funding-rate`; rows without a rate yet are passed over."""
    return funding_rows(rows(body), context)


def funding_rows(found: Sequence[Row], context: Context) -> list[Reading]:
    """Funding of rows."""
    return [
        Funding(
            venue=ID, instrument=row.instId, received_at=context.received_at,
            event_time=at_ms(row.ts) if row.ts else None, rate=decode.finite_float(row.fundingRate, "$.fundingRate"),
            next_at=at_ms(row.fundingTime, "$.fundingTime") if row.fundingTime else None,
        )
        for row in found
        if row.fundingRate
    ]  # fmt: skip


@by_rows("data")
def marks(body: bytes, context: Context) -> Sequence[Reading]:
    """`mark-price` rows."""
    return mark_rows(rows(body), context)


def mark_rows(found: Sequence[Row], context: Context) -> list[Reading]:
    """Mark and index prices of rows."""
    return [
        MarkPrice(
            venue=ID, instrument=row.instId, received_at=context.received_at, event_time=at_ms(row.ts),
            mark=decode.optional_float(row.markPx, "$.markPx"), index=decode.optional_float(row.idxPx, "$.idxPx"),
        )
        for row in found
    ]  # fmt: skip


@newest_row("data")
def long_short(body: bytes, context: Context) -> Sequence[Reading]:
    """`[[ts, ratio]]` newest first; the taker form `[[ts, sold, bought]]` gives bought over sold."""
    answer = RATIOS.decode(body)
    if str(answer.code) != "0":
        raise refused(str(answer.code), answer.msg)
    readings = []
    for row in decode.given(answer.data, "$.data")[:1]:
        if len(row) < 2:
            raise Malformed("$.data[0]: a ratio needs a time and a figure")
        ratio, basis = decode.finite_float(row[1], "$.data[0][1]"), "accounts"
        if len(row) > 2:
            if ratio <= 0:
                raise Malformed("$.data[0][1]: nothing sold", MalformedReason.FIGURE)
            ratio = decode.finite_float(decode.finite_float(row[2], "$.data[0][2]") / ratio)
            basis = "taker_volume"
        readings.append(
            LongShortRatio(
                venue=ID, instrument=context.instrument.symbol if context.instrument else "",
                received_at=context.received_at, event_time=decode.at_ms(decode.finite_float(row[0], "$.data[0][0]")),
                ratio=ratio, basis=basis,
            )
        )  # fmt: skip
    return readings


@by_rows("data")
def tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`vol24h`, `volCcy24h`: quote on spot, base on derivatives (times last for USD)."""
    return ticker_rows(rows(body), context)


def ticker_rows(found: Sequence[Row], context: Context) -> list[Reading]:
    """24 h volumes of rows."""
    readings: list[Reading] = []
    for row in found:
        market = decode.word(row.instType, _MARKETS, "$.instType")
        last = decode.optional_money(row.last, "$.last")
        amount = decode.optional_money(row.volCcy24h, "$.volCcy24h")
        traded = amount if not amount else None if last is None else amount * last
        usd = amount if market is Market.SPOT else traded
        readings.append(
            Volume(
                venue=ID, instrument=row.instId, received_at=context.received_at, event_time=at_ms(row.ts), market=market,
                base=decode.optional_money(row.vol24h, "$.vol24h") if market is Market.SPOT else amount, usd=usd,
                last=None if last is None else float(last),
            )
        )  # fmt: skip
    return readings
