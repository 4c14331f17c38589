"""Describes each reading of a venue as a signal: its kind, value, attributes and stream. Pure and stateless."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from monitor.signals import TARGET_PREFIX, Scalar, SignalKind
from probes.readings import (
    BookMeasured,
    BookRefilled,
    ClaimChanged,
    Deleveraging,
    EngineLag,
    FeedChanged,
    FeedEvent,
    FeedLag,
    FeedMalformed,
    Funding,
    Headroom,
    InstrumentsListed,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    MarketLiquidations,
    MarkPrice,
    OpenInterest,
    Reading,
    RequestTimed,
    RowsMalformed,
    ServerTime,
    ServiceState,
    ServiceStatus,
    SlotMissed,
    VenueClock,
    Volume,
    WalletStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSignal:
    """A signal before its asset, clock correction and number are known. `stream` is the last part of the source's name."""

    kind: SignalKind
    stream: str
    received_at: datetime
    value: float
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    instrument: str | None = None
    asset: str | None = None
    network: str | None = None
    event_time: datetime | None = None


_SEVERITY = {ServiceState.OPERATIONAL: 0.0, ServiceState.DEGRADED: 1.0, ServiceState.MAINTENANCE: 2.0}

_FEED_KINDS = {
    FeedEvent.OPENED: SignalKind.FEED_OPENED,
    FeedEvent.CLOSED: SignalKind.FEED_CLOSED,
    FeedEvent.SILENT: SignalKind.FEED_SILENT,
    FeedEvent.PULSE: SignalKind.FEED_PULSE,
    FeedEvent.GAP: SignalKind.FEED_GAP,
    FeedEvent.RESYNCED: SignalKind.FEED_RESYNCED,
    FeedEvent.BACKLOG: SignalKind.FEED_BACKLOG,
    FeedEvent.SHUTDOWN_ANNOUNCED: SignalKind.FEED_SHUTDOWN,
    FeedEvent.REJECTED: SignalKind.FEED_REJECTED,
}

REFERENCE = "coinglass"
"""Who counts liquidations beside us; no venue of ours."""
_NOTIONALS = {10_000: "10k", 100_000: "100k", 1_000_000: "1m"}


def draft_of(reading: Reading) -> DraftSignal | None:
    """The draft of a reading's signal, or None for a reading that only the probes need (raw server time, listings)."""
    match reading:
        case Liquidation() | MarketLiquidations():
            return _liquidation(reading)
        case BookMeasured() | BookRefilled():
            return _book(reading)
        case RequestTimed():
            return _request(reading)
        case FeedChanged():
            return _feed(reading)
        case WalletStatus() if reading.withdrawals is None and not reading.delayed:
            return None  # a state that the venue does not declare is unknown, not open
        case SlotMissed() | Headroom() | VenueClock() | ServiceStatus() | WalletStatus():
            return _venue(reading)
        case ClaimChanged():
            return _claim(reading)
        case EngineLag() | FeedLag() | FeedMalformed() | RowsMalformed():
            return _stream(reading)
        case OpenInterest() | Funding() | MarkPrice() | LongShortRatio() | Volume():
            return _market(reading)
        case InsuranceFund() | Deleveraging():
            return _cover(reading)
        case ServerTime() | InstrumentsListed():
            return None
        case _ as never:
            assert_never(never)


def _liquidation(reading: Liquidation | MarketLiquidations) -> DraftSignal:
    if isinstance(reading, MarketLiquidations):
        return _total(reading)
    return DraftSignal(
        kind=SignalKind.LIQUIDATION,
        stream="liquidation",
        received_at=reading.received_at,
        event_time=reading.event_time,
        instrument=reading.instrument,
        value=float(reading.notional_usd),
        attributes={
            "side": reading.side.value,
            "price": float(reading.price),
            "quantity": float(reading.quantity),
            "censoring": reading.censoring.value,
            "backlog": reading.backlog,
        },
    )


def _total(reading: MarketLiquidations) -> DraftSignal:
    return DraftSignal(
        kind=SignalKind.MARKET_LIQUIDATIONS,
        stream="market_liquidations",
        received_at=reading.received_at,
        asset=reading.asset,
        value=reading.long_usd + reading.short_usd,
        attributes={
            "begins_s": reading.begins_at.timestamp(),
            "interval_s": reading.interval_s,
            "long_usd": reading.long_usd,
            "short_usd": reading.short_usd,
            "exchanges": reading.exchanges,
        },
    )


def _book(reading: BookMeasured | BookRefilled) -> DraftSignal:
    if isinstance(reading, BookRefilled):
        return _refill(reading)
    attributes: dict[str, Scalar] = {"state": reading.state.value, "mid": reading.mid, "origin": reading.source}
    for bps, (bids, asks) in reading.depth_usd.items():
        attributes[f"bid_depth_{bps}_usd"] = bids
        attributes[f"ask_depth_{bps}_usd"] = asks
    for notional, (sell, buy) in reading.slippage_bps.items():
        attributes[f"sell_slippage_{_NOTIONALS.get(notional, notional)}_bps"] = sell
        attributes[f"buy_slippage_{_NOTIONALS.get(notional, notional)}_bps"] = buy
    return DraftSignal(
        kind=SignalKind.BOOK,
        stream="book_ws" if reading.source == "ws" else "book_rest",
        received_at=reading.received_at,
        instrument=reading.instrument,
        value=-1.0 if reading.spread_bps is None else reading.spread_bps,
        attributes=attributes,
    )


def _refill(reading: BookRefilled) -> DraftSignal:
    return DraftSignal(
        kind=SignalKind.BOOK_REFILL,
        stream="book_ws",
        received_at=reading.received_at,
        instrument=reading.instrument,
        value=reading.refill_s,
        attributes={"side": reading.side, "fallen": reading.fallen, "censored": reading.censored},
    )


def _request(reading: RequestTimed) -> DraftSignal | None:
    if reading.venue == REFERENCE:
        return None  # it is no venue: its claim says whether it can be seen
    outcome = "ok" if reading.refusal is None else reading.refusal.value
    if reading.venue == "control":
        return DraftSignal(
            kind=SignalKind.CONTROL,
            stream=reading.check,
            received_at=reading.received_at,
            value=reading.latency_s,
            attributes={"outcome": outcome, "target": reading.check},
        )
    attributes: dict[str, Scalar] = {
        "check": reading.check,
        "outcome": outcome,
        "ours": reading.refusal is not None and reading.refusal.is_ours,
        "censored": reading.censored,
        "cold": reading.cold,
        "service_s": reading.service_s,
    }
    if reading.venue.startswith(TARGET_PREFIX):
        attributes["detail"] = reading.detail
    return DraftSignal(
        kind=SignalKind.REQUEST,
        stream=reading.check,
        received_at=reading.received_at,
        instrument=reading.instrument,
        value=reading.latency_s,
        attributes=attributes,
    )


def _feed(reading: FeedChanged) -> DraftSignal:
    return DraftSignal(
        kind=_FEED_KINDS[reading.event],
        stream=reading.feed,
        received_at=reading.received_at,
        instrument=reading.instrument,
        value=reading.value,
        attributes={"planned": reading.planned, "detail": reading.detail},
    )


def _claim(reading: ClaimChanged) -> DraftSignal:
    return DraftSignal(
        kind=SignalKind.CLAIM,
        stream=reading.feed,
        received_at=reading.received_at,
        instrument=reading.instrument,
        value=float(reading.covers),
        attributes={
            "channel": reading.channel,
            "state": reading.state.value,
            "main": reading.main,
            "reason": reading.reason,
        },
    )


def _venue(reading: SlotMissed | Headroom | VenueClock | ServiceStatus | WalletStatus) -> DraftSignal:
    at = reading.received_at
    match reading:
        case SlotMissed():
            return DraftSignal(
                kind=SignalKind.MISSED_SLOT, stream=reading.check, received_at=at, instrument=reading.instrument,
                value=reading.missed, attributes={"check": reading.check},
            )  # fmt: skip
        case Headroom():
            return DraftSignal(
                kind=SignalKind.HEADROOM, stream="budget", received_at=at, value=reading.left,
                attributes={"host": reading.host, "budget": reading.budget, "declared": reading.declared},
            )  # fmt: skip
        case VenueClock():
            return DraftSignal(
                kind=SignalKind.CLOCK_OFFSET, stream="clock", received_at=at, value=reading.offset_s,
                attributes={"bound_s": reading.bound_s, "origin": reading.origin},
            )  # fmt: skip
        case ServiceStatus():
            return DraftSignal(
                kind=SignalKind.VENUE_STATUS, stream="system_status", received_at=at, value=_SEVERITY[reading.state],
                attributes={
                    "title": reading.title, "planned": reading.planned, "service": reading.service,
                    "begins_s": _unix_s(reading.begins_at),
                    "ends_s": _unix_s(reading.ends_at),
                },
            )  # fmt: skip
        case WalletStatus():
            state = 0.0 if reading.withdrawals is False else 0.5 if reading.delayed else 1.0
            return DraftSignal(
                kind=SignalKind.WALLET, stream="wallet_status", received_at=at, value=state, asset=reading.asset,
                network=reading.network,
                attributes={
                    "deposits": reading.deposits, "withdrawals": reading.withdrawals, "delayed": reading.delayed,
                },
            )  # fmt: skip
        case _ as never:
            assert_never(never)


def _unix_s(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _stream(reading: EngineLag | FeedLag | FeedMalformed | RowsMalformed) -> DraftSignal:
    at = reading.received_at
    match reading:
        case EngineLag():
            return DraftSignal(
                kind=SignalKind.ENGINE_LAG, stream=reading.feed, received_at=at, instrument=reading.instrument,
                value=reading.lag_s,
            )  # fmt: skip
        case FeedLag():
            return DraftSignal(
                kind=SignalKind.FEED_LAG, stream=reading.feed, received_at=at, instrument=reading.instrument,
                value=reading.lag_s, attributes={"bound_s": reading.bound_s},
            )  # fmt: skip
        case FeedMalformed():
            return DraftSignal(
                kind=SignalKind.MALFORMED, stream=reading.feed, received_at=at, value=reading.count,
                attributes={"path": reading.path, "reason": MalformedReason.SHAPE.value},
            )  # fmt: skip
        case RowsMalformed():
            return DraftSignal(
                kind=SignalKind.MALFORMED, stream=reading.check, received_at=at, value=reading.count,
                attributes={"path": reading.path, "reason": reading.reason.value},
            )  # fmt: skip
        case _ as never:
            assert_never(never)


def _cover(reading: InsuranceFund | Deleveraging) -> DraftSignal:
    """What covers losses beyond margin: a fund, and after it the positions of others."""
    if isinstance(reading, InsuranceFund):
        kind, stream, value = SignalKind.INSURANCE_FUND, "insurance_fund", float(reading.balance)
        attributes: dict[str, Scalar] = {"fund": reading.fund, "currency": reading.currency}
    else:
        kind, stream, value, attributes = SignalKind.DELEVERAGING, "deleveraging", float(reading.active), {}
    return DraftSignal(
        kind=kind,
        stream=stream,
        received_at=reading.received_at,
        event_time=reading.event_time,
        instrument=reading.instrument,
        value=value,
        attributes=attributes,
    )


def _market(reading: OpenInterest | Funding | MarkPrice | LongShortRatio | Volume) -> DraftSignal | None:
    kind, stream, value, attributes = _figures(reading)
    if value is None:
        return None
    return DraftSignal(
        kind=kind,
        stream=stream,
        received_at=reading.received_at,
        event_time=reading.event_time,
        instrument=reading.instrument,
        value=value,
        attributes=attributes,
    )


def _figures(
    reading: OpenInterest | Funding | MarkPrice | LongShortRatio | Volume,
) -> tuple[SignalKind, str, float | None, dict[str, Scalar]]:
    match reading:
        case OpenInterest():
            usd = None if reading.usd is None else float(reading.usd)
            return SignalKind.OPEN_INTEREST, "open_interest", usd, {"base": float(reading.base)}
        case Funding():
            return SignalKind.FUNDING, "funding", reading.rate, {"interval_s": reading.interval_s}
        case MarkPrice():
            return SignalKind.MARK_PRICE, "mark_price", reading.mark, {"index": reading.index}
        case LongShortRatio():
            return SignalKind.LONG_SHORT_RATIO, "long_short_ratio", reading.ratio, {"basis": reading.basis}
        case Volume():
            usd = None if reading.usd is None else float(reading.usd)
            return SignalKind.VOLUME, "volume", usd, {"market": reading.market.value, "last": reading.last}
        case _ as never:
            assert_never(never)
