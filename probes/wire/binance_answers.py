"""Reads Binance's REST answers: body to readings, pure (developers.binance.com)."""

from __future__ import annotations

from collections.abc import Sequence

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
    ServerTime,
    ServiceState,
    ServiceStatus,
    VenueId,
    Volume,
    WalletStatus,
)
from probes.venue import BookSnapshot, Context, Malformed, ReadAnswer
from probes.wire import binance as wire
from probes.wire.rows import by_rows, newest_row

ID = VenueId("binance_usdm")
SPOT = "spot:"
"""Both markets call their symbols alike: spot ones carry this prefix here."""


_STATES = {"0": ServiceState.OPERATIONAL, "1": ServiceState.MAINTENANCE}


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`{"serverTime": ms}`."""
    stamp = decode.at_ms(wire.SERVER_TIME.decode(body).server_time, "$.serverTime")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=stamp, resolution_s=decode.MILLISECOND)]


def system_status(body: bytes, context: Context) -> Sequence[Reading]:
    """`{"status": 0|1, "msg"}`: 0 normal, 1 maintenance."""
    decoded = wire.STATUS.decode(body)
    state = decode.word(str(decoded.status), _STATES, "$.status")
    return [ServiceStatus(venue=ID, received_at=context.received_at, state=state, title=decoded.msg)]


@by_rows(inner="networkList")
def wallets(body: bytes, context: Context) -> Sequence[Reading]:
    """Signed `capital/config/getall`: one reading for each coin and network."""
    return [
        WalletStatus(
            venue=ID,
            asset=coin.coin,
            network=one.network,
            received_at=context.received_at,
            deposits=one.deposit_enable,
            withdrawals=one.withdraw_enable,
            delayed=one.busy,
            note=one.withdraw_desc or one.special_tips or "",
        )
        for coin in wire.COINS.decode(body)
        for one in coin.network_list
    ]


@by_rows("symbols")
def instruments(body: bytes, context: Context) -> Sequence[Reading]:
    """`exchangeInfo`: perpetuals and dated futures; `status` TRADING."""
    listed = [
        Instrument(
            symbol=decode.name(one.symbol, "$.symbol"),
            base=decode.name(one.base_asset, "$.baseAsset"),
            quote=decode.name(one.quote_asset, "$.quoteAsset"),
            market=Market.PERP if decode.name(one.contract_type, "$.contractType") == "PERPETUAL" else Market.FUTURE,
            trading=decode.name(one.status, "$.status") == "TRADING",
        )
        for one in wire.EXCHANGE_INFO.decode(body).symbols
    ]
    spot = [
        Instrument(symbol=SPOT + one.symbol, base=one.base, quote=one.quote, market=Market.SPOT)
        for one in listed
        if one.market is Market.PERP and one.quote == "USDT"
    ]
    return [InstrumentsListed(venue=ID, received_at=context.received_at, instruments=tuple(listed + spot))]


def book(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
    """`depth`: `lastUpdateId`, `E` message output time, `T` transaction time."""
    decoded = wire.DEPTH.decode(body)
    return [
        BookSnapshot(
            instrument=_symbol(context),
            last_id=decode.integer(decoded.lastUpdateId, "$.lastUpdateId"),
            event_time=None if decoded.E is None else decode.at_ms(decoded.E, "$.E"),
            engine_time=None if decoded.T is None else decode.at_ms(decoded.T, "$.T"),
            bids=decode.levels(decoded.bids, "$.bids"),
            asks=decode.levels(decoded.asks, "$.asks"),
        )
    ]


def open_interest(body: bytes, context: Context) -> Sequence[Reading]:
    """`openInterest` in base units; the history form adds its value in USD."""
    rows = wire.OPEN_INTEREST.decode(body)
    row = rows if isinstance(rows, wire.OpenInterest) else rows[-1] if rows else None
    if row is None:
        return []
    base = row.openInterest if row.openInterest is not None else row.sumOpenInterest
    stamp = row.time if row.time is not None else row.timestamp
    if base is None:
        raise Malformed("$.openInterest: missing")
    return [
        OpenInterest(
            venue=ID,
            instrument=row.symbol,
            received_at=context.received_at,
            event_time=None if stamp is None else decode.at_ms(stamp, "$.time"),
            base=decode.money(base, "$.openInterest"),
            usd=decode.optional_money(row.sumOpenInterestValue, "$.sumOpenInterestValue"),
        )
    ]


@by_rows()
def premium(body: bytes, context: Context) -> Sequence[Reading]:
    """`premiumIndex`: mark, index and last funding rate; also the funding history's rows."""
    rows = wire.PREMIUM.decode(body)
    readings: list[Reading] = []
    for row in rows if isinstance(rows, list) else [rows]:
        rate = decode.optional_float(
            row.lastFundingRate if row.lastFundingRate is not None else row.fundingRate, "$.rate"
        )
        stamp = row.time if row.time is not None else row.fundingTime
        at = None if stamp is None else decode.at_ms(stamp, "$.time")
        mark, index = (
            decode.optional_float(row.markPrice, "$.markPrice"),
            decode.optional_float(row.indexPrice, "$.indexPrice"),
        )
        if mark is not None:
            readings.append(
                MarkPrice(
                    venue=ID,
                    instrument=row.symbol,
                    received_at=context.received_at,
                    event_time=at,
                    mark=mark,
                    index=index,
                )
            )
        if rate is not None:
            following = decode.at_ms(row.nextFundingTime, "$.nextFundingTime") if row.nextFundingTime else None
            readings.append(
                Funding(
                    venue=ID, instrument=row.symbol, received_at=context.received_at, event_time=at, rate=rate,
                    next_at=following,
                )
            )  # fmt: skip
    return readings


def long_short(basis: str) -> ReadAnswer:
    """A reader of one of the ratio endpoints; the newest row counts."""

    @newest_row(at=-1)
    def reader(body: bytes, context: Context) -> Sequence[Reading]:
        rows = wire.RATIOS.decode(body)
        if not rows:
            return []
        row = rows[-1]
        ratio = row.longShortRatio if row.longShortRatio is not None else row.buySellRatio
        if ratio is None:
            return []
        taker = row.longShortRatio is None
        return [
            LongShortRatio(
                venue=ID,
                instrument=row.symbol or _symbol(context),
                received_at=context.received_at,
                event_time=decode.at_ms(row.timestamp, "$[-1].timestamp"),
                ratio=decode.finite_float(ratio, "$[-1].ratio"),
                basis="taker_volume" if taker else basis,
            )
        ]

    return reader


def volume(body: bytes, context: Context) -> Sequence[Reading]:
    """`ticker/24hr`: `volume` base, `quoteVolume` USD."""
    row = wire.TICKER.decode(body)
    market = context.instrument.market if context.instrument is not None else Market.PERP
    return [
        Volume(
            venue=ID,
            instrument=_symbol(context) if context.instrument is not None else row.symbol,
            received_at=context.received_at,
            event_time=decode.at_ms(row.closeTime, "$.closeTime"),
            market=market,
            base=decode.money(row.volume, "$.volume"),
            usd=decode.money(row.quoteVolume, "$.quoteVolume"),
            last=decode.finite_float(row.lastPrice, "$.lastPrice"),
        )
    ]


def _symbol(context: Context) -> str:
    return context.instrument.symbol if context.instrument is not None else ""
