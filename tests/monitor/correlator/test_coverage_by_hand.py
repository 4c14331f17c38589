"""Tests of a leg's coverage: silence, gaps, censoring and weights, each by the amount that docs/detection.md gives."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed

from monitor.correlator.coverage import Coverage
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import leg_coverage, receive, signal


def expecting(*names: str, leg: str = "venue", gap_s: float = 10.0, **attributes: Scalar) -> Coverage:
    sources = Coverage()
    for name in names:
        receive(sources, signal(SignalKind.EXPECT, 0, name, gap_s, leg=leg, **attributes))
    return sources


@pytest.mark.parametrize(
    ("second", "coverage"), [(10, 1.0), (15, 0.60653), (20, 0.36788), (30, 0.13534), (60, 0.00674)]
)
def test_a_silent_source_is_fresh_for_its_gap_and_then_fades_by_e_for_each_gap(second: float, coverage: float) -> None:
    assert leg_coverage(expecting("alpha/book_ws"), second) == pytest.approx(coverage, abs=1e-5)


@pytest.mark.parametrize(("gaps", "coverage"), [(1, 0.95), (4, 0.8), (10, 0.5), (11, 0.5), (40, 0.5)])
def test_each_sequence_gap_of_the_last_minute_costs_a_twentieth_of_coverage_and_all_at_most_half(
    gaps: int, coverage: float
) -> None:
    sources = expecting("alpha/book_ws")
    for _ in range(gaps):
        receive(sources, signal(SignalKind.FEED_GAP, 1, "alpha/book_ws"))
    assert leg_coverage(sources, 5) == pytest.approx(coverage)


@pytest.mark.parametrize(("second", "coverage"), [(61, 0.95), (61.5, 1.0)])
def test_a_sequence_gap_is_forgotten_after_sixty_seconds(second: float, coverage: float) -> None:
    sources = expecting("alpha/book_ws")
    receive(sources, signal(SignalKind.FEED_GAP, 1, "alpha/book_ws"))
    receive(sources, signal(SignalKind.BOOK, 60, "alpha/book_ws"))
    assert leg_coverage(sources, second) == pytest.approx(coverage)


def test_silence_and_gaps_multiply_in_the_coverage() -> None:
    sources = expecting("alpha/book_ws")
    for _ in range(2):
        receive(sources, signal(SignalKind.FEED_GAP, 1, "alpha/book_ws"))
    assert leg_coverage(sources, 20) == pytest.approx(0.36788 * 0.9, abs=1e-5)


def test_the_coverage_of_a_leg_is_the_mean_of_its_sources_by_their_declared_weight() -> None:
    sources = Coverage()
    receive(sources, signal(SignalKind.EXPECT, 0, "alpha/book_ws", 10.0, leg="venue", weight=3.0))
    receive(sources, signal(SignalKind.EXPECT, 0, "beta/book_ws", 10.0, leg="venue", weight=1.0))
    receive(sources, signal(SignalKind.FEED_CLOSED, 1, "alpha/book_ws", planned=False))
    assert leg_coverage(sources, 2) == pytest.approx(0.25)
    coverage, parts = sources.of_leg("BTC", Leg.VENUE, at(2).timestamp())
    assert [(one.name, own) for one, own in parts] == [("alpha/book_ws", 0.0), ("beta/book_ws", 1.0)]
    assert (sources.share("BTC", "alpha"), sources.share("BTC", "beta"), sources.share("BTC", "nobody")) == (
        0.75,
        0.25,
        0,
    )
    assert coverage == pytest.approx(0.25)


def test_a_source_without_a_declared_weight_counts_as_one() -> None:
    sources = expecting("alpha/x")
    receive(sources, signal(SignalKind.EXPECT, 0, "beta/x", 10.0, leg="venue", weight=3))
    assert sources.share("BTC", "alpha") == 0.25


def test_a_throttled_feed_covers_only_its_trusted_share() -> None:
    sources = expecting("alpha/liquidation", "beta/liquidation", leg="liquidation")
    sources.trust["alpha/liquidation", "BTC"] = 0.2
    assert leg_coverage(sources, 1, Leg.LIQUIDATION) == pytest.approx(0.6)
    assert leg_coverage(sources, 20, Leg.LIQUIDATION) == pytest.approx(0.6 * 0.36788, abs=1e-5)


def test_a_throttled_feed_does_not_lower_other_legs_or_other_assets() -> None:
    sources = expecting("alpha/x")
    receive(
        sources,
        changed(signal(SignalKind.EXPECT, 0, "alpha/x", 10.0, leg="liquidation"), subject=Subject(asset="ETH")),
    )
    sources.trust["alpha/x", "BTC"] = 0.2
    assert leg_coverage(sources, 1) == 1.0
    assert sources.of_leg("ETH", Leg.LIQUIDATION, at(1).timestamp())[0] == 1.0


def test_a_leg_without_sources_has_no_coverage() -> None:
    assert leg_coverage(expecting("alpha/x"), 1, Leg.MIGRATION) == 0


@pytest.mark.parametrize(
    "kind",
    [SignalKind.FEED_OPENED, SignalKind.FEED_SHUTDOWN, SignalKind.MISSED_SLOT, SignalKind.FEED_GAP, SignalKind.EXPECT],
)
def test_a_feeds_own_status_signal_is_no_sign_of_life(kind: SignalKind) -> None:
    sources = expecting("alpha/book_ws")
    receive(sources, signal(kind, 20, "alpha/book_ws", 10.0, leg="venue"))
    assert sources.by_name["alpha/book_ws"].last_s == at(0).timestamp()


@pytest.mark.parametrize("kind", [SignalKind.BOOK, SignalKind.FEED_PULSE, SignalKind.REQUEST, SignalKind.HEAD])
def test_every_signal_that_came_over_the_wire_is_a_sign_of_life(kind: SignalKind) -> None:
    sources = expecting("alpha/book_ws")
    receive(sources, signal(SignalKind.FEED_SILENT, 5, "alpha/book_ws"))
    receive(sources, signal(kind, 20, "alpha/book_ws"))
    assert leg_coverage(sources, 30) == 1.0


def test_an_older_signal_does_not_move_the_last_sign_of_life_back() -> None:
    sources = expecting("alpha/book_ws")
    receive(sources, signal(SignalKind.BOOK, 20, "alpha/book_ws"))
    receive(sources, signal(SignalKind.BOOK, 3, "alpha/book_ws"))
    assert leg_coverage(sources, 30) == 1.0


def test_a_stalled_head_makes_the_chain_blind() -> None:
    sources = expecting("ethereum/chain", leg="migration")
    receive(sources, signal(SignalKind.HEAD_STALLED, 4, "ethereum/chain"))
    assert leg_coverage(sources, 5, Leg.MIGRATION) == 0
    assert sources.by_name["ethereum/chain"].why(at(5).timestamp()) == "head stalled"


def test_silence_is_reported_with_its_length_and_since_the_last_sign_of_life() -> None:
    source = expecting("alpha/x").by_name["alpha/x"]
    assert source.why(at(11).timestamp()) == "nothing for 11 s"
    assert source.since_s(at(11).timestamp()) == at(0).timestamp()
    assert source.why(at(10).timestamp()) == "throttled by the venue"
    assert source.since_s(at(10).timestamp()) == at(10).timestamp()


def test_an_undeclared_source_is_expected_every_minute() -> None:
    sources = Coverage()
    receive(sources, signal(SignalKind.BOOK, 0, "alpha/book_ws"))
    assert leg_coverage(sources, 60) == 1.0
    assert leg_coverage(sources, 120) == pytest.approx(0.36788, abs=1e-5)


@pytest.mark.parametrize(
    ("source", "leg"),
    [("alpha/liquidation", Leg.LIQUIDATION), ("ethereum/chain", Leg.MIGRATION), ("alpha/book_ws", Leg.VENUE)],
)
def test_an_undeclared_source_counts_for_the_leg_of_its_stream(source: str, leg: Leg) -> None:
    sources = Coverage()
    receive(sources, signal(SignalKind.BOOK, 0, source))
    assert [one for one in Leg if sources.watched("BTC", one)] == [leg]


def test_a_declared_gap_of_zero_counts_as_a_millisecond() -> None:
    sources = expecting("alpha/x", gap_s=0.0)
    assert sources.by_name["alpha/x"].gap_s == 0.001


def test_a_second_declaration_changes_the_gap_and_not_the_last_sign_of_life() -> None:
    sources = expecting("alpha/x")
    receive(sources, signal(SignalKind.EXPECT, 50, "alpha/x", 40.0, leg="venue"))
    assert leg_coverage(sources, 40) == 1.0
    assert leg_coverage(sources, 80) == pytest.approx(0.36788, abs=1e-5)


def test_a_venues_share_comes_from_its_largest_declared_weight() -> None:
    sources = expecting("beta/x", weight=2.0)
    for name, weight in (("alpha/x", 1.0), ("alpha/y", 6.0), ("alpha/z", 2.0)):
        receive(sources, signal(SignalKind.EXPECT, 0, name, 10.0, leg="venue", weight=weight))
    assert sources.share("BTC", "alpha") == 0.75
    assert sources.trading("alpha") == ("BTC",)
    assert sources.trading("gamma") == ()


def test_the_sources_of_a_venue_are_those_of_its_venue_leg_in_order_of_name() -> None:
    sources = expecting("alpha/y", "alpha/x", "beta/x")
    receive(sources, signal(SignalKind.EXPECT, 0, "alpha/liquidation", 10.0, leg="liquidation"))
    assert [one.name for one in sources.of_venue("alpha")] == ["alpha/x", "alpha/y"]
    receive(sources, signal(SignalKind.EXPECT, 0, "alpha/w", 10.0, leg="venue"))
    assert [one.name for one in sources.of_venue("alpha")] == ["alpha/w", "alpha/x", "alpha/y"]
    assert sources.of_venue("gamma") == []


def test_a_later_source_is_included_in_a_leg_that_was_already_read() -> None:
    sources = expecting("alpha/x")
    assert leg_coverage(sources, 1) == 1
    receive(sources, signal(SignalKind.EXPECT, 0, "beta/x", 10.0, leg="venue"))
    receive(sources, signal(SignalKind.FEED_CLOSED, 1, "beta/x", planned=False))
    assert leg_coverage(sources, 2) == 0.5


def test_a_source_is_idle_after_three_of_its_gaps_and_is_reported_once_each_way() -> None:
    sources = expecting("beta/x", "alpha/x")
    assert sources.idle_changes(at(30).timestamp(), 3.0) == []
    assert sources.idle_changes(at(31).timestamp(), 3.0) == [("alpha/x", True), ("beta/x", True)]
    assert sources.idle_changes(at(32).timestamp(), 3.0) == []
    receive(sources, signal(SignalKind.BOOK, 33, "beta/x"))
    assert sources.idle_changes(at(34).timestamp(), 3.0) == [("beta/x", False)]


def test_a_request_that_failed_through_us_leaves_a_blind_source_blind() -> None:
    sources = expecting("alpha/x")
    receive(sources, signal(SignalKind.FEED_CLOSED, 1, "alpha/x", planned=False))
    receive(sources, signal(SignalKind.REQUEST, 2, "alpha/x", outcome="budget", ours=True))
    assert leg_coverage(sources, 3) == 0


def test_at_most_thirty_two_gaps_are_remembered() -> None:
    sources = expecting("alpha/x")
    for second in range(40):
        receive(sources, signal(SignalKind.FEED_GAP, second, "alpha/x"))
    assert list(sources.by_name["alpha/x"].gaps) == [at(second).timestamp() for second in range(8, 40)]


def test_a_venues_declared_shares_replace_those_of_undeclared_sources() -> None:
    sources = Coverage()
    receive(sources, signal(SignalKind.BOOK, 0, "alpha/x"))
    receive(
        sources,
        changed(signal(SignalKind.BOOK, 0, "alpha/x"), subject=Subject(asset="ETH", venue="alpha")),
    )
    receive(sources, signal(SignalKind.EXPECT, 1, "beta/x", 10.0, leg="venue"))
    assert (sources.share("BTC", "alpha"), sources.share("BTC", "beta"), sources.share("ETH", "alpha")) == (0, 1, 1)
    assert sources.assets == ("BTC", "ETH")


def test_signals_of_no_asset_declare_nothing() -> None:
    sources = Coverage()
    one = Signal(SignalKind.FEED_PULSE, Subject(venue="alpha"), at(0), at(0), "alpha/x", 1, 1.0, {})
    receive(sources, one)
    assert sources.assets == ()
    assert list(sources.by_name) == ["alpha/x"]
