"""Reads Bybit's REST answers: body to readings, pure (bybit-exchange.github.io/docs/v5).

Open interest counts both sides on this wire; the single-sided figure is used if given, else half. Spot symbols carry
a "spot:" prefix here, since both markets call them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probes.dialect import decode
from probes.readings import (
    Funding,
    Instrument,
    InstrumentsListed,
    LongShortRatio,
    Market,
    MarkPrice,
    OpenInterest,
    Reading,
    Refusal,
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
    Refused,
)
from probes.wire.bybit import ANSWER, ID, REFUSALS, SPOT, Answer, Result, Row


def result(body: bytes) -> tuple[Result, Answer]:
    """The result of a good answer. Raises Refused for an error code in a 200 body."""
    answer = ANSWER.decode(body)
    if answer.retCode != 0:
        raise Refused(REFUSALS.get(answer.retCode, Refusal.VENUE_ERROR), f"{answer.retCode} {answer.retMsg}")
    if answer.result is None:
        raise Malformed("$.result: missing")
    return answer.result, answer


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`timeNano` as text."""
    nanos = result(body)[0].timeNano
    if nanos is None:
        raise Malformed("$.result.timeNano: missing")
    stamp = decode.at_s(decode.finite_float(nanos, "$.result.timeNano") / 1e9, "$.result.timeNano")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=stamp, resolution_s=1e-6)]


def status_rows(rows: Sequence[Row], context: Context) -> Sequence[Reading]:
    """Announced windows: an ongoing one is maintenance (planned) or a disturbance; none ongoing is operational."""
    readings = [_window(row, context) for row in rows if row.state in ("ongoing", "scheduled")]
    if not any(row.state == "ongoing" for row in rows):
        readings.append(ServiceStatus(venue=ID, received_at=context.received_at, state=ServiceState.OPERATIONAL))
    return readings


def _window(row: Row, context: Context) -> ServiceStatus:
    planned = str(row.maintainType) == "1"
    state = ServiceState.OPERATIONAL
    if row.state == "ongoing":
        state = ServiceState.MAINTENANCE if planned else ServiceState.DEGRADED
    return ServiceStatus(
        venue=ID,
        received_at=context.received_at,
        state=state,
        title=row.title,
        planned=planned,
        begins_at=decode.at_ms(decode.finite_float(row.begin, "$.begin")) if row.begin else None,
        ends_at=decode.at_ms(decode.finite_float(row.end, "$.end")) if row.end else None,
    )


def system_status(body: bytes, context: Context) -> Sequence[Reading]:
    """`/v5/system/status`."""
    return status_rows(result(body)[0].entries, context)


def wallets(body: bytes, context: Context) -> Sequence[Reading]:
    """Signed `coin/query-info`: one reading for each coin and network."""
    return [
        WalletStatus(
            venue=ID,
            asset=row.coin,
            network=chain.chain,
            received_at=context.received_at,
            deposits=str(chain.chainDeposit) == "1",
            withdrawals=str(chain.chainWithdraw) == "1",
        )
        for row in result(body)[0].rows
        for chain in row.chains
    ]


def instruments(body: bytes, context: Context) -> Sequence[Reading]:
    """`instruments-info` of one category."""
    decoded = result(body)[0]
    spot = decoded.category == "spot"
    listed = tuple(
        Instrument(
            symbol=(SPOT if spot else "") + row.symbol,
            base=row.baseCoin,
            quote=row.quoteCoin,
            market=Market.SPOT if spot else Market.PERP if "Perpetual" in row.contractType else Market.FUTURE,
            inverse=row.contractType.startswith("Inverse"),
            trading=row.status == "Trading",
        )
        for row in decoded.entries
    )
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=listed)]


def name_of(context: Context, symbol: str) -> str:
    """Our name of an instrument: the one asked for, else the venue's symbol."""
    return context.instrument.symbol if context.instrument is not None else symbol


def book(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
    """`orderbook`: `ts` is the gateway's stamp, `cts` the matching engine's."""
    decoded, _ = result(body)
    return [
        BookSnapshot(
            instrument=name_of(context, decoded.s),
            last_id=decode.optional_integer(decoded.u, "$.result.u"),
            event_time=None if decoded.ts is None else decode.at_ms(decoded.ts, "$.result.ts"),
            engine_time=None if decoded.cts is None else decode.at_ms(decoded.cts, "$.result.cts"),
            bids=decode.levels(decoded.b, "$.result.b"),
            asks=decode.levels(decoded.a, "$.result.a"),
        )
    ]


def interest(row: Row, symbol: str, context: Context, at: Any) -> list[Reading]:
    """Open interest of a row, one side."""
    half = 2 if row.singleOpenInterest in (None, "") else 1
    base = decode.optional_money(row.openInterest if half == 2 else row.singleOpenInterest, "$.openInterest")
    usd = decode.optional_money(
        row.openInterestValue if half == 2 else row.singleOpenInterestValue, "$.openInterestValue"
    )
    if base is None:
        return []
    return [
        OpenInterest(
            venue=ID, instrument=symbol, received_at=context.received_at, event_time=at, base=base / half,
            usd=None if usd is None else usd / half,
        )
    ]  # fmt: skip


def open_interest(body: bytes, context: Context) -> Sequence[Reading]:
    """`open-interest`: newest row first."""
    decoded, _ = result(body)
    if not decoded.entries:
        return []
    row = decoded.entries[0]
    at = None if row.timestamp is None else decode.at_ms(decode.finite_float(row.timestamp, "$.timestamp"))
    return interest(row, decoded.symbol or name_of(context, row.symbol), context, at)


def funding(body: bytes, context: Context) -> Sequence[Reading]:
    """`funding/history`: newest row first."""
    readings: list[Reading] = []
    for row in result(body)[0].entries[:1]:
        rate = decode.optional_float(row.fundingRate, "$.fundingRate")
        stamp = decode.optional_float(row.fundingRateTimestamp, "$.fundingRateTimestamp")
        if rate is not None:
            at = None if stamp is None else decode.at_ms(stamp)
            readings.append(
                Funding(venue=ID, instrument=row.symbol, received_at=context.received_at, event_time=at, rate=rate)
            )
    return readings


def long_short(body: bytes, context: Context) -> Sequence[Reading]:
    """`account-ratio`: buyRatio over sellRatio, newest first."""
    readings = []
    for row in result(body)[0].entries[:1]:
        longs, shorts = (
            decode.optional_float(row.buyRatio, "$.buyRatio"),
            decode.optional_float(row.sellRatio, "$.sellRatio"),
        )
        if longs is None or not shorts or row.timestamp is None:
            raise Malformed("$.result.list[0]: a ratio needs both sides and a time")
        readings.append(
            LongShortRatio(
                venue=ID,
                instrument=row.symbol,
                received_at=context.received_at,
                event_time=decode.at_ms(decode.finite_float(row.timestamp, "$.timestamp")),
                ratio=decode.finite_float(longs / shorts, "$.result.list[0]"),
                basis="accounts",
            )
        )
    return readings


def tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`tickers` of one category: volume, mark and index, funding, open interest, as far as each row has them."""
    decoded, answer = result(body)
    at = None if answer.time is None else decode.at_ms(answer.time, "$.time")
    spot = decoded.category == "spot"
    return [
        one for row in decoded.entries for one in ticker(row, (SPOT if spot else "") + row.symbol, spot, context, at)
    ]  # fmt: skip


def ticker(row: Row, symbol: str, spot: bool, context: Context, at: Any) -> list[Reading]:
    """The readings that a ticker's row gives: open interest, mark, funding, volume."""
    readings = interest(row, symbol, context, at)
    received_at = context.received_at
    mark, index = (
        decode.optional_float(row.markPrice, "$.markPrice"),
        decode.optional_float(row.indexPrice, "$.indexPrice"),
    )
    if mark is not None:
        readings.append(
            MarkPrice(venue=ID, instrument=symbol, received_at=received_at, event_time=at, mark=mark, index=index)
        )
    rate = decode.optional_float(row.fundingRate, "$.fundingRate")
    if rate is not None:
        following = decode.optional_float(row.nextFundingTime, "$.nextFundingTime")
        hours = decode.optional_float(row.fundingIntervalHour, "$.fundingIntervalHour")
        readings.append(
            Funding(
                venue=ID, instrument=symbol, received_at=received_at, event_time=at, rate=rate,
                next_at=decode.at_ms(following) if following else None,
                interval_s=None if hours is None else hours * 3600,
            )
        )  # fmt: skip
    turnover = decode.optional_money(row.turnover24h, "$.turnover24h")
    if turnover is not None:
        readings.append(
            Volume(
                venue=ID, instrument=symbol, received_at=received_at, event_time=at,
                market=Market.SPOT if spot else Market.PERP, base=decode.optional_money(row.volume24h, "$.volume24h"),
                usd=turnover, last=decode.optional_float(row.lastPrice, "$.lastPrice"),
            )
        )  # fmt: skip
    return readings
