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
from probes.wire.rows import by_rows, newest_row


def result(body: bytes) -> tuple[Result, Answer]:
    """The result of a good answer. Raises Refused for an error code in a 200 body."""
    answer = ANSWER.decode(body)
    if answer.retCode != 0:
        raise Refused(REFUSALS.get(answer.retCode, Refusal.VENUE_ERROR), f"{answer.retCode} {answer.retMsg}")
    if answer.result is None:
        raise Malformed("$.result: missing")
    return answer.result, answer


def rows(body: bytes) -> list[Row]:
    """`result.list` of a good answer. Raises Malformed where there is none: an empty list is one."""
    return decode.given(result(body)[0].entries, "$.result.list")


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`timeNano` as text."""
    nanos = result(body)[0].timeNano
    if nanos is None:
        raise Malformed("$.result.timeNano: missing")
    stamp = decode.at_s(decode.finite_float(nanos, "$.result.timeNano") / 1e9, "$.result.timeNano")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=stamp, resolution_s=1e-6)]


_WINDOWS = {"scheduled": False, "ongoing": True, "completed": False, "canceled": False}
_FLAGS: dict[str, bool | None] = {"1": True, "0": False, "": None}
_CATEGORIES = {"spot": True, "linear": False, "inverse": False, "option": False}


def status_rows(found: Sequence[Row], context: Context) -> Sequence[Reading]:
    """Announced windows: an ongoing one is maintenance (planned) or a disturbance; none ongoing is operational."""
    ongoing = [decode.word(row.state, _WINDOWS, "$.state") for row in found]
    readings = [_window(row, context) for row in found if row.state in ("ongoing", "scheduled")]
    if not any(ongoing):
        readings.append(ServiceStatus(venue=ID, received_at=context.received_at, state=ServiceState.OPERATIONAL))
    return readings


def _window(row: Row, context: Context) -> ServiceStatus:
    planned = str(row.maintainType) == "1"
    state = ServiceState.OPERATIONAL
    if row.state == "ongoing":  # of a kind that the row does not say, the graver is assumed
        state = ServiceState.MAINTENANCE if planned or not str(row.maintainType) else ServiceState.DEGRADED
    return ServiceStatus(
        venue=ID,
        received_at=context.received_at,
        state=state,
        title=row.title,
        planned=planned,
        begins_at=decode.at_ms(decode.finite_float(row.begin, "$.begin")) if row.begin else None,
        ends_at=decode.at_ms(decode.finite_float(row.end, "$.end")) if row.end else None,
    )


@by_rows("result", "list")
def system_status(body: bytes, context: Context) -> Sequence[Reading]:
    """`/v5/system/status`."""
    return status_rows(rows(body), context)


@by_rows("result", "rows", inner="chains")
def wallets(body: bytes, context: Context) -> Sequence[Reading]:
    """Signed `coin/query-info`: one reading for each coin and network."""
    return [
        WalletStatus(
            venue=ID,
            asset=row.coin,
            network=chain.chain,
            received_at=context.received_at,
            deposits=decode.word(str(chain.chainDeposit), _FLAGS, "$.chainDeposit"),
            withdrawals=decode.word(str(chain.chainWithdraw), _FLAGS, "$.chainWithdraw"),
        )
        for row in decode.given(result(body)[0].rows, "$.result.rows")
        for chain in decode.given(row.chains, "$.chains")
    ]


@by_rows("result", "list")
def instruments(body: bytes, context: Context) -> Sequence[Reading]:
    """`instruments-info` of one category."""
    decoded = result(body)[0]
    spot = decode.word(decoded.category, _CATEGORIES, "$.result.category")
    listed = tuple(
        Instrument(
            symbol=(SPOT if spot else "") + decode.name(row.symbol, "$.symbol"),
            base=decode.name(row.baseCoin, "$.baseCoin"),
            quote=decode.name(row.quoteCoin, "$.quoteCoin"),
            market=Market.SPOT if spot else _market(row),
            inverse=row.contractType.startswith("Inverse"),
            trading=decode.name(row.status, "$.status") == "Trading",
        )
        for row in decode.given(decoded.entries, "$.result.list")
    )
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=listed)]


def _market(row: Row) -> Market:
    return Market.PERP if "Perpetual" in decode.name(row.contractType, "$.contractType") else Market.FUTURE


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
            bids=decode.levels(decode.given(decoded.b, "$.result.b"), "$.result.b"),
            asks=decode.levels(decode.given(decoded.a, "$.result.a"), "$.result.a"),
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


@newest_row("result", "list")
def open_interest(body: bytes, context: Context) -> Sequence[Reading]:
    """`open-interest`: newest row first."""
    decoded, _ = result(body)
    found = rows(body)
    if not found:
        return []
    row = found[0]
    at = None if row.timestamp is None else decode.at_ms(decode.finite_float(row.timestamp, "$.timestamp"))
    return interest(row, decoded.symbol or name_of(context, row.symbol), context, at)


@newest_row("result", "list")
def funding(body: bytes, context: Context) -> Sequence[Reading]:
    """`funding/history`: newest row first."""
    readings: list[Reading] = []
    for row in rows(body)[:1]:
        rate = decode.optional_float(row.fundingRate, "$.fundingRate")
        stamp = decode.optional_float(row.fundingRateTimestamp, "$.fundingRateTimestamp")
        if rate is not None:
            at = None if stamp is None else decode.at_ms(stamp)
            readings.append(
                Funding(venue=ID, instrument=row.symbol, received_at=context.received_at, event_time=at, rate=rate)
            )
    return readings


@newest_row("result", "list")
def long_short(body: bytes, context: Context) -> Sequence[Reading]:
    """`account-ratio`: buyRatio over sellRatio, newest first."""
    readings = []
    for row in rows(body)[:1]:
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


@by_rows("result", "list")
def tickers(body: bytes, context: Context) -> Sequence[Reading]:
    """`tickers` of one category: volume, mark and index, funding, open interest, as far as each row has them."""
    decoded, answer = result(body)
    at = None if answer.time is None else decode.at_ms(answer.time, "$.time")
    spot = decode.word(decoded.category, _CATEGORIES, "$.result.category")
    return [
        one
        for row in decode.given(decoded.entries, "$.result.list")
        for one in ticker(row, (SPOT if spot else "") + decode.name(row.symbol, "$.symbol"), spot, context, at)
    ]


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
