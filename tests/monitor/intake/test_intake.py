"""Tests of the intake: every reading becomes the right signals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest

from chain.events import (
    Address,
    NetworkId,
)
from monitor.intake import Intake
from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS
from probes.readings import (
    BookMeasured,
    BookRefilled,
    BookState,
    Censoring,
    ClaimChanged,
    ClaimState,
    Deleveraging,
    EngineLag,
    FeedChanged,
    FeedEvent,
    FeedLag,
    FeedMalformed,
    Funding,
    Headroom,
    Instrument,
    InstrumentsListed,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MalformedReason,
    Market,
    MarketLiquidations,
    MarkPrice,
    OpenInterest,
    Reading,
    Refusal,
    RequestTimed,
    RowsMalformed,
    ServerTime,
    ServiceState,
    ServiceStatus,
    Side,
    SlotMissed,
    VenueClock,
    VenueId,
    Volume,
    WalletStatus,
)

NOW = datetime(2026, 10, 10, 21, 15, tzinfo=UTC)
V = VenueId("bybit")
NET = NetworkId("ethereum")
PROXY = Address("0x" + "aa" * 20)
POOL = Address("0x" + "bb" * 20)
OTHER = Address("0x" + "cc" * 20)


def intake() -> Intake:
    under_test = Intake(
        vantage="tokyo",
        assets=["BTC", "ETH"],
        contracts={("ethereum", PROXY): ["ETH"]},
        pools={("ethereum", POOL): ["ETH", "BTC"]},
    )
    under_test.know("bybit", [Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", market=Market.PERP)])
    return under_test


def liquidation(**changes: object) -> Liquidation:
    return Liquidation(
        **{
            "venue": V,
            "instrument": "BTCUSDT",
            "received_at": NOW,
            "event_time": NOW - timedelta(seconds=1),
            "side": Side.LONG,
            "price": Decimal(50_000),
            "quantity": Decimal("0.5"),
            "notional_usd": Decimal(25_000),
            "censoring": Censoring.COMPLETE,
            **changes,
        }  # type: ignore[arg-type]  # keyword changes of a test builder
    )


def request(**changes: object) -> RequestTimed:
    return RequestTimed(
        **{
            "venue": V,
            "check": "server_time",
            "instrument": None,
            "scheduled_at": NOW,
            "sent_at": NOW,
            "received_at": NOW,
            "latency_s": 0.08,
            "service_s": 0.07,
            "phases": (),
            "cold": True,
            "status": 200,
            "refusal": None,
            "censored": False,
            "body_bytes": 10,
            **changes,
        }  # type: ignore[arg-type]  # keyword changes of a test builder
    )


READINGS: list[tuple[Reading, SignalKind | None, float | None]] = [
    (liquidation(), SignalKind.LIQUIDATION, 25_000),
    (request(), SignalKind.REQUEST, 0.08),
    (request(venue=VenueId("control"), check="anycast"), SignalKind.CONTROL, 0.08),
    (
        SlotMissed(venue=V, check="server_time", instrument=None, scheduled_at=NOW, received_at=NOW, missed=3),
        SignalKind.MISSED_SLOT,
        3,
    ),
    (
        Headroom(venue=V, budget="ip", received_at=NOW, left=0.4, used=60, limit=100, window_s=60, declared=True),
        SignalKind.HEADROOM,
        0.4,
    ),
    (ServerTime(venue=V, received_at=NOW, event_time=NOW, resolution_s=0.001), None, None),
    (
        VenueClock(venue=V, received_at=NOW, offset_s=1.27, bound_s=0.02, samples=4, origin="rest"),
        SignalKind.CLOCK_OFFSET,
        1.27,
    ),
    (ServiceStatus(venue=V, received_at=NOW, state=ServiceState.MAINTENANCE), SignalKind.VENUE_STATUS, 2),
    (
        WalletStatus(venue=V, asset="ETH", network="ERC20", received_at=NOW, deposits=True, withdrawals=None),
        None,
        None,
    ),
    (
        WalletStatus(venue=V, asset="ETH", network="ERC20", received_at=NOW, deposits=True, withdrawals=False),
        SignalKind.WALLET,
        0,
    ),
    (
        WalletStatus(
            venue=V, asset="ETH", network="ERC20", received_at=NOW, deposits=True, withdrawals=True, delayed=True
        ),
        SignalKind.WALLET,
        0.5,
    ),
    (InstrumentsListed(venue=V, received_at=NOW, instruments=()), None, None),
    (
        BookMeasured(
            venue=V,
            instrument="BTCUSDT",
            received_at=NOW,
            event_time=None,
            source="ws",
            state=BookState.OK,
            mid=50_000.0,
            spread_bps=0.2,
            depth_usd={10: (1e6, 2e6)},
            slippage_bps={10_000: (0.1, None)},
            levels=10,
            updates=5,
            age_s=0.1,
        ),
        SignalKind.BOOK,
        0.2,
    ),
    (
        BookRefilled(
            venue=V, instrument="BTCUSDT", received_at=NOW, side="bid", refill_s=4.0, fallen=0.8, censored=False
        ),
        SignalKind.BOOK_REFILL,
        4.0,
    ),
    (
        OpenInterest(
            venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, base=Decimal(10), usd=Decimal(500_000)
        ),
        SignalKind.OPEN_INTEREST,
        500_000,
    ),
    (Funding(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, rate=1e-4), SignalKind.FUNDING, 1e-4),
    (
        MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=50_000.0, index=None),
        SignalKind.MARK_PRICE,
        50_000,
    ),
    (MarkPrice(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, mark=None, index=1.0), None, None),
    (
        LongShortRatio(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=NOW, ratio=1.5, basis="accounts"),
        SignalKind.LONG_SHORT_RATIO,
        1.5,
    ),
    (
        InsuranceFund(
            venue=V,
            fund="USDT",
            instrument=None,
            received_at=NOW,
            event_time=NOW,
            balance=Decimal("83.5"),
            currency="USDT",
        ),
        SignalKind.INSURANCE_FUND,
        83.5,
    ),
    (
        Deleveraging(venue=V, instrument="BTCUSDT", received_at=NOW, event_time=None, active=True),
        SignalKind.DELEVERAGING,
        1,
    ),
    (
        Volume(
            venue=V,
            instrument="BTCUSDT",
            received_at=NOW,
            event_time=None,
            market=Market.PERP,
            base=Decimal(1),
            usd=Decimal(50_000),
        ),
        SignalKind.VOLUME,
        50_000,
    ),
    (
        Volume(
            venue=V, instrument="BTCUSDT", received_at=NOW, event_time=None, market=Market.PERP, base=None, usd=None
        ),
        None,
        None,
    ),
    (
        EngineLag(venue=V, feed="book_ws", instrument="BTCUSDT", received_at=NOW, lag_s=0.3),
        SignalKind.ENGINE_LAG,
        0.3,
    ),
    (
        FeedLag(venue=V, feed="book_ws", instrument="BTCUSDT", received_at=NOW, lag_s=0.2, bound_s=0.01),
        SignalKind.FEED_LAG,
        0.2,
    ),
    (
        FeedChanged(venue=V, feed="book_ws", instrument=None, received_at=NOW, event=FeedEvent.SILENT, value=31.0),
        SignalKind.FEED_SILENT,
        31,
    ),
    (FeedMalformed(venue=V, feed="book_ws", received_at=NOW, path="$.data", count=7), SignalKind.MALFORMED, 7),
    (
        RowsMalformed(
            venue=V, check="liquidation", received_at=NOW, reason=MalformedReason.SIDE, path="$.o.S", count=2
        ),
        SignalKind.MALFORMED,
        2,
    ),
    (
        ClaimChanged(
            venue=V,
            feed="liquidation",
            channel="forceOrder",
            instrument=None,
            received_at=NOW,
            main=True,
            state=ClaimState.REFUSED,
            covers=False,
            reason="bad_request: 2 Invalid request",
        ),
        SignalKind.CLAIM,
        0,
    ),
    (
        MarketLiquidations(
            venue=VenueId("coinglass"),
            asset="BTC",
            received_at=NOW,
            begins_at=NOW - timedelta(hours=1),
            interval_s=1800.0,
            long_usd=2e6,
            short_usd=1e6,
            exchanges=3,
        ),
        SignalKind.MARKET_LIQUIDATIONS,
        3e6,
    ),
    (request(venue=VenueId("coinglass")), None, None),
    (request(venue=VenueId("target:rpc"), refusal=Refusal.UNMET, detail="HTTP 500"), SignalKind.REQUEST, 0.08),
]


@pytest.mark.parametrize(("reading", "kind", "value"), READINGS, ids=lambda one: type(one).__name__)
def test_every_reading_has_its_signal(reading: Reading, kind: SignalKind | None, value: float | None) -> None:
    signals = intake().reading(reading)

    assert [one.kind for one in signals] == ([] if kind is None else [kind])
    for one in signals:
        assert one.value == value
        assert set(one.attributes) <= set(KINDS[one.kind].attributes)
        assert one.subject.vantage == "tokyo"


def test_a_request_to_a_target_of_the_operators_own_says_which_condition_failed() -> None:
    own = request(venue=VenueId("target:rpc"), refusal=Refusal.UNMET, detail="HTTP 500")
    (signal,) = intake().reading(own)
    (venues,) = intake().reading(request(refusal=Refusal.OVERLOADED, detail="HTTP 503"))

    assert (signal.subject.venue, signal.attributes["detail"], signal.attributes["ours"]) == (
        "target:rpc",
        "HTTP 500",
        False,
    )
    assert "detail" not in venues.attributes


def test_a_window_of_a_venue_keeps_its_begin_and_end() -> None:
    status = ServiceStatus(
        venue=V,
        received_at=NOW,
        state=ServiceState.MAINTENANCE,
        begins_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        planned=True,
    )
    (signal,) = intake().reading(status)

    assert (signal.attributes["begins_s"], signal.attributes["ends_s"]) == (NOW.timestamp(), NOW.timestamp() + 3600)


def test_every_kind_of_reading_is_tested_here() -> None:
    assert {type(reading) for reading, _, _ in READINGS} == set(get_args(Reading))
