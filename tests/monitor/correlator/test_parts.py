"""Tests of the correlator's parts alone: sources, board, attribution, fusion, levels, settings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from monitor.correlator.active_evidence import MAX_EVIDENCE, ActiveEvidence, WeighedEvidence
from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.fusion import Sight, bounds, leg_verdict, logistic
from monitor.correlator.levels import by_chance, joint_far_per_day, level_of
from monitor.correlator.producer import brief
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import LEGS, Evidence, Leg, LegState, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.branches import Reached
from tests.monitor.correlator.storm import at

S = CorrelatorSettings()
COVERAGE = st.floats(0, 1)
EVIDENCE = st.floats(-S.calm_nats, S.storm_nats)


def signal(kind: SignalKind, second: float, source: str, value: float = 1.0, **attributes: Scalar) -> Signal:
    venue = source.partition("/")[0]
    return Signal(kind, Subject(asset="BTC", venue=venue), at(second), at(second), source, 1, value, attributes)


def receive(sources: Coverage, one: Signal) -> None:
    sources.on_signal(one, one.event_time.timestamp())


def leg_coverage(sources: Coverage, second: float, leg: Leg = Leg.VENUE) -> float:
    return sources.of_leg("BTC", leg, at(second).timestamp())[0]


def declared(*names: str) -> Coverage:
    sources = Coverage()
    for name in names:
        receive(sources, signal(SignalKind.EXPECT, 0, name, 10.0, leg="venue", weight=1.0))
    return sources


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (SignalKind.FEED_SILENT, "silent on an open socket"),
        (SignalKind.FEED_CLOSED, "closed"),
        (SignalKind.FEED_REJECTED, "subscription refused"),
    ],
)
def test_a_source_known_to_be_down_is_blind_until_its_next_signal(kind: SignalKind, reason: str) -> None:
    sources = declared("alpha/book_ws")
    receive(sources, signal(kind, 1, "alpha/book_ws", planned=False))
    receive(sources, signal(kind, 2, "alpha/book_ws", planned=False))
    receive(sources, signal(SignalKind.FEED_OPENED, 3, "alpha/book_ws"))
    source = sources.by_name["alpha/book_ws"]
    assert leg_coverage(sources, 3) == 0
    assert source.why(at(3).timestamp()) == reason
    assert source.since_s(at(3).timestamp()) == at(1).timestamp()
    receive(sources, signal(SignalKind.BOOK, 4, "alpha/book_ws"))
    assert leg_coverage(sources, 4) == 1


def test_a_planned_close_is_not_blindness_until_the_gap_is_over() -> None:
    sources = declared("alpha/book_ws")
    receive(sources, signal(SignalKind.FEED_CLOSED, 5, "alpha/book_ws", planned=True))
    assert leg_coverage(sources, 9) == 1
    assert leg_coverage(sources, 30) < 0.2


def test_sequence_gaps_lower_coverage_for_a_minute() -> None:
    sources = declared("alpha/book_ws")
    for second in range(3):
        receive(sources, signal(SignalKind.FEED_GAP, second, "alpha/book_ws"))
    receive(sources, signal(SignalKind.BOOK, 3, "alpha/book_ws"))
    assert leg_coverage(sources, 4) == pytest.approx(0.85)
    source = sources.by_name["alpha/book_ws"]
    assert source.why(at(4).timestamp()) == "sequence gaps"
    assert source.since_s(at(4).timestamp()) == at(4).timestamp()
    receive(sources, signal(SignalKind.BOOK, 100, "alpha/book_ws"))
    assert leg_coverage(sources, 101) == 1


def test_a_throttled_source_gives_that_as_its_reason() -> None:
    assert declared("alpha/x").by_name["alpha/x"].why(at(1).timestamp()) == "throttled by the venue"


def test_a_request_that_was_not_sent_is_no_sign_of_life() -> None:
    sources = declared("alpha/server_time")
    receive(sources, signal(SignalKind.REQUEST, 30, "alpha/server_time", outcome="geo_blocked", ours=True))
    assert leg_coverage(sources, 30) < 0.2


def test_undeclared_sources_count_only_if_nothing_was_declared() -> None:
    sources = Coverage()
    receive(sources, signal(SignalKind.WALLET, 0, "alpha/wallet_status"))
    receive(sources, signal(SignalKind.WALLET, 1, "alpha/wallet_status"))
    assert (leg_coverage(sources, 1), sources.share("BTC", "alpha")) == (1, 1)
    receive(sources, signal(SignalKind.EXPECT, 2, "beta/book_ws", 10.0, leg="venue", weight=1.0))
    receive(sources, signal(SignalKind.WALLET, 3, "alpha/wallet_status"))
    assert sources.share("BTC", "alpha") == 0
    assert [one.name for one, _ in sources.of_leg("BTC", Leg.VENUE, 0.0)[1]] == ["beta/book_ws"]


def test_malformed_declarations_do_no_harm() -> None:
    sources = Coverage()
    receive(
        sources,
        changed(signal(SignalKind.EXPECT, 0, "alpha/x", 0.0, weight="much"), subject=Subject(asset="BTC")),
    )
    receive(sources, changed(signal(SignalKind.EXPECT, 0, "alpha/y", 5.0), subject=Subject(venue="alpha")))
    receive(
        sources,
        changed(signal(SignalKind.EXPECT, 0, "alpha/x", 7.0, weight=0.0), subject=Subject(asset="ETH")),
    )
    assert sources.assets == ("BTC", "ETH")
    assert sources.by_name["alpha/x"].gap_s == 7.0
    assert sources.of_leg("ETH", Leg.VENUE, 0.0)[0] == 0
    assert not sources.watched("BTC", Leg.MIGRATION)
    assert sources.share("BTC", "alpha") == 0


def evidence(name: str, weight: float = 2.0, second: float = 0, leg: Leg = Leg.MIGRATION, **of: str) -> Evidence:
    return Evidence(
        id=name, leg=leg, name=name, subject=Subject(asset="BTC", **of), grade=2, weight=weight, half_life_s=100.0,
        onset=at(second), at=at(second), value=1.0, normal=0.0, unit="1", far_per_day=1.0, said=name,
    )  # fmt: skip


def test_a_renewal_never_lowers_the_weight_and_faded_evidence_is_removed() -> None:
    board = ActiveEvidence(Coverage())
    board.put(evidence("x", 4.0, 0))
    board.put(evidence("x", 1.0, 50))
    assert [one.weight for one in board.everything()] == [4.0]
    board.put(evidence("x", 1.0, 250))
    assert [one.weight for one in board.everything()] == [1.0]
    board.fade(at(260).timestamp())
    assert board.get("x") is not None
    board.fade(at(2500).timestamp())
    assert board.get("x") is None
    board.withdraw("x")


def test_shared_evidence_of_a_leg_other_than_venue_reaches_no_asset() -> None:
    board = ActiveEvidence(Coverage())
    board.put(replace(evidence("x"), subject=Subject(network="ethereum")))
    assert not board.of("BTC", Leg.MIGRATION, at(0).timestamp())


def test_the_evidence_of_a_leg_can_be_discarded_from_a_given_time() -> None:
    board = ActiveEvidence(Coverage())
    board.put(evidence("old", second=0, leg=Leg.VENUE))
    board.put(evidence("new", second=50, leg=Leg.VENUE))
    board.put(evidence("other", second=50))
    board.discard(Leg.VENUE, at(40).timestamp())
    assert [one.id for one in board.everything()] == ["old", "other"]


def test_the_board_is_bounded_and_drops_the_lightest_evidence() -> None:
    board = ActiveEvidence(Coverage())
    board.put(evidence("light", 0.1))
    for index in range(MAX_EVIDENCE):
        board.put(evidence(f"e{index}"))
    assert board.get("light") is None
    assert sum(1 for _ in board.everything()) == MAX_EVIDENCE


def test_a_request_that_was_not_sent_says_nothing_about_our_network() -> None:
    attribution = Attribution(S)
    for venue in ("alpha", "beta"):
        for second in range(5):
            one = signal(SignalKind.REQUEST, second, f"{venue}/x", outcome="budget", ours=True)
            attribution.on_signal(one, at(second).timestamp())
    assert attribution.on_second(at(5).timestamp()) == []
    assert attribution.vantages == 0


def test_an_hourly_check_that_once_succeeded_does_not_prove_the_venue_reachable() -> None:
    attribution = Attribution(S)
    for venue in ("alpha", "beta"):
        first = signal(SignalKind.REQUEST, 0, f"{venue}/x", check="instruments", outcome="ok")
        attribution.on_signal(first, at(0).timestamp())
        for second in (100, 105):
            one = signal(SignalKind.REQUEST, second, f"{venue}/x", check="server_time", outcome="timeout")
            attribution.on_signal(one, at(second).timestamp())
    assert attribution.on_second(at(106).timestamp()) == [("local", True)]
    first = signal(SignalKind.REQUEST, 299, "beta/x", check="server_time", outcome="ok")
    attribution.on_signal(first, at(299).timestamp())
    assert attribution.on_second(at(300).timestamp()) == [("local", False)]


@given(EVIDENCE, COVERAGE, COVERAGE)
def test_the_interval_only_widens_as_coverage_falls(seen: float, one: float, other: float) -> None:
    more, less = max(one, other), min(one, other)
    low, high = bounds(seen, more, S)
    lower, higher = bounds(seen, less, S)
    assert lower <= low + 1e-9
    assert higher >= high - 1e-9
    assert low <= high + 1e-9
    assert low - 1e-9 <= seen <= high + 1e-9


@given(st.floats(-700, 700))
def test_the_logistic_never_overflows(x: float) -> None:
    assert 0 <= logistic(x) <= 1


capped = Reached("a leg whose evidence is capped")


@given(st.lists(st.floats(0, 4), max_size=5), COVERAGE)
def test_a_legs_contributions_sum_to_its_lower_bound(nats: list[float], coverage: float) -> None:
    weighed = [WeighedEvidence(one, evidence(f"e{index}")) for index, one in enumerate(sorted(nats, reverse=True))]
    verdict = leg_verdict(Leg.MIGRATION, weighed, Sight.even(coverage), True, S)
    assert sum(one.nats for one in verdict.contributions) == pytest.approx(verdict.w_lo, abs=1e-9)
    assert -S.calm_nats - 1e-9 <= verdict.evidence <= S.storm_nats
    heaviest, *rest = [*sorted(nats, reverse=True), 0.0]
    capped(heaviest + (rest[0] / 2 if rest else 0.0) > S.storm_nats)


def test_three_weak_legs_are_a_squall_and_a_higher_probability_makes_a_storm() -> None:
    legs = [leg_verdict(leg, [WeighedEvidence(2.0, evidence("e", leg=leg))], Sight.even(1.0), True, S) for leg in LEGS]
    assert {one.state for one in legs} == {LegState.TRUE}
    grades = dict.fromkeys(LEGS, 2)
    assert level_of(legs, grades, 0.52, S) is Level.SQUALL
    assert level_of(legs, grades, 0.74, S) is Level.PERFECT_STORM


def test_the_joint_rate_of_three_legs_is_far_below_that_of_two_and_of_one() -> None:
    one, two, three = (joint_far_per_day([1.0] * count, [600.0] * count) for count in (1, 2, 3))
    assert one == 1.0
    assert two == pytest.approx(2 * 600 / 86400)
    assert three == pytest.approx(3 * (600 / 86400) ** 2)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0, "by chance: never measured"),
        (24, "by chance 24 times a day"),
        (0.5, "by chance once in 2.0 days"),
        (1 / 21, "by chance once in 3.0 weeks"),
        (1 / 730.5, "by chance once in 2.0 years"),
        (1 / (1e6 * 365.25), "by chance once in 1,000,000 years"),
        (0.99 / (1e6 * 365.25), "by chance less than once in a million years"),
    ],
)
def test_a_false_alarm_rate_is_written_in_words(rate: float, words: str) -> None:
    assert by_chance(rate) == words


@pytest.mark.parametrize(
    "wrong",
    [{"prior": 0.0}, {"storm_p": 1.5}, {"mu_min": 1.0}, {"enter_ticks": 0}, {"lower_ticks": 0}, {"rate_floor": 0.0}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(S, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "shown"),
    [("0x" + "ab" * 20, "0xabab…abab"), ("0x12", "0x12"), ("unknown code", "unknown code"), (None, "None")],
)
def test_addresses_are_shown_short_and_other_text_in_full(given: object, shown: str) -> None:
    assert brief(given) == shown
