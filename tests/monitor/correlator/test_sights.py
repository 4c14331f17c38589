"""How much of each source is seen, told source by source: for the board, without judging anything."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.correlator import Correlator
from monitor.correlator.coverage import Coverage
from monitor.signals import Signal, SignalKind, Subject

START_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def heard(kind: SignalKind, source: str, at_s: float, value: float = 1.0, **attributes: str | bool) -> Signal:
    at = datetime.fromtimestamp(START_S + at_s, UTC)
    return Signal(
        kind=kind, subject=Subject(asset="BTC", venue=source.partition("/")[0], instrument="BTCUSDT"), event_time=at,
        received_at=at, source=source, seq=int(at_s), value=value, attributes=attributes,
    )  # fmt: skip


def test_every_source_is_told_by_name_with_its_sight_its_reason_and_its_claims() -> None:
    coverage = Coverage()
    for one in (
        heard(SignalKind.EXPECT, "okx/liquidation", 0, 10.0, leg="liquidation"),
        heard(SignalKind.EXPECT, "bybit/book", 0, 10.0),
        heard(SignalKind.BOOK, "bybit/book", 1),
        heard(SignalKind.CLAIM, "bybit/book", 1, 1.0, channel="book", main=True, state="proven", reason=""),
        heard(SignalKind.CLAIM, "bybit/book", 1, 0.0, channel="trades", main=True, state="refused", reason="no symbol"),
        heard(SignalKind.FEED_SILENT, "okx/liquidation", 2),
    ):
        coverage.on_signal(one, one.received_at.timestamp())
    [book, liquidation] = coverage.sights(START_S + 3)

    assert (book.name, book.seen, book.claims, book.claims_seen) == ("bybit/book", 0.5, 2, 1)
    assert book.reason == "trades refused no symbol"
    assert (liquidation.name, liquidation.seen, liquidation.reason) == (
        "okx/liquidation",
        0.0,
        "silent on an open socket",
    )
    assert liquidation.since_s == START_S + 2


def test_a_source_that_is_wholly_seen_has_no_reason() -> None:
    coverage = Coverage()
    coverage.on_signal(heard(SignalKind.EXPECT, "bybit/book", 0, 10.0), START_S)
    [one] = coverage.sights(START_S + 1)

    assert (one.seen, one.reason, one.since_s, one.claims) == (1.0, "", None, 0)


def test_a_correlator_that_has_heard_nothing_has_no_source() -> None:
    assert Correlator().sights() == []
