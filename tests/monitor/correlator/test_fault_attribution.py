"""Tests of fault attribution: when the fault is LOCAL, PATH, VENUE or MARKET, and what prevents each."""

from __future__ import annotations

import pytest

from monitor.correlator.attribution import Attribution
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Fault, Leg, LegState, Level
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.storm import at

VENUES = ("a", "b", "c", "d", "e", "f", "g")
CONTROLS = ("x", "y", "z")


def ask(
    one: Attribution, second: float, name: str, outcome: str, vantage: str | None = "home", check: str = "time"
) -> None:
    """One request to a venue, or to a control target if the name is one of CONTROLS."""
    control = name in CONTROLS
    kind = SignalKind.CONTROL if control else SignalKind.REQUEST
    subject = Subject(venue=None if control else name, vantage=vantage)
    attributes: dict[str, Scalar] = {"outcome": outcome, "check": check, "ours": False}
    if control:
        attributes["target"] = name
    source = f"control/{name}" if control else f"{name}/{check}"
    signal = Signal(kind, subject, at(second), at(second), source, 1, 1.0, attributes)
    one.on_signal(signal, at(second).timestamp())


def rounds(one: Attribution, down: str, good: str = "", *, since: int = 0, count: int = 2) -> None:
    """Rounds of one request each: the targets in `down` time out, the targets in `good` answer."""
    for second in range(since, since + count):
        for name in down:
            ask(one, second, name, "timeout")
        for name in good:
            ask(one, second, name, "ok")


def close(one: Attribution, second: float) -> list[tuple[str, bool]]:
    return one.on_second(at(second).timestamp())


def watch() -> Attribution:
    return Attribution(CorrelatorSettings())


def test_one_control_that_answers_prevents_local_whatever_else_is_down() -> None:
    attribution = watch()
    rounds(attribution, "abcdefgxy", "z")
    assert close(attribution, 2) == []
    assert not attribution.suspected


def test_a_control_that_failed_once_prevents_local_but_the_suspicion_remains() -> None:
    attribution = watch()
    rounds(attribution, "abcdefgxy", "z", count=1)
    rounds(attribution, "abcdefgxyz", since=1, count=1)
    assert close(attribution, 2) == []
    assert attribution.suspected


@pytest.mark.parametrize(("down", "good", "local"), [("abcdexyz", "fg", True), ("abcdxyz", "efg", False)])
def test_eight_targets_of_ten_are_local_and_seven_are_not(down: str, good: str, *, local: bool) -> None:
    attribution = watch()
    rounds(attribution, down, good)
    assert close(attribution, 2) == ([("home", True)] if local else [])
    assert attribution.suspected is local


def test_one_failed_round_raises_a_suspicion_and_the_second_means_local() -> None:
    attribution = watch()
    rounds(attribution, "abcxyz", count=1)
    assert close(attribution, 1) == []
    assert attribution.suspected
    assert not attribution.local_since_s
    rounds(attribution, "abcxyz", since=1, count=1)
    assert close(attribution, 2) == [("home", True)]
    assert attribution.local_since_s == {"home": at(2).timestamp()}


def test_two_checks_that_failed_once_each_are_not_two_rounds() -> None:
    attribution = watch()
    for name in "abx":
        ask(attribution, 0, name, "timeout", check="time")
        ask(attribution, 0, name, "timeout", check="depth")
    assert close(attribution, 1) == []


def test_one_check_of_two_instruments_is_two_checks() -> None:
    attribution = watch()
    for name in "abx":
        for instrument in ("BTC-PERP", "ETH-PERP"):
            subject = Subject(venue=name, vantage="home", instrument=instrument)
            attributes: dict[str, Scalar] = {"outcome": "timeout", "check": "depth", "ours": False}
            signal = Signal(SignalKind.REQUEST, subject, at(0), at(0), f"{name}/depth", 1, 1.0, attributes)
            attribution.on_signal(signal, at(0).timestamp())
    assert close(attribution, 1) == []
    assert attribution.suspected


def test_one_check_that_failed_twice_is_enough_when_another_failed_once() -> None:
    attribution = watch()
    for name in "abx":
        ask(attribution, 0, name, "timeout", check="depth")
    rounds(attribution, "abx")
    assert close(attribution, 2) == [("home", True)]


@pytest.mark.parametrize(("outcome", "answered"), [("geo_blocked", True), ("timeout", False), ("budget", False)])
def test_a_fault_of_our_own_counts_as_an_answer_unless_no_request_was_sent(outcome: str, *, answered: bool) -> None:
    attribution = watch()
    rounds(attribution, "ax")
    subject = Subject(venue="a", vantage="home")
    attributes: dict[str, Scalar] = {"outcome": outcome, "check": "time", "ours": True}
    signal = Signal(SignalKind.REQUEST, subject, at(2), at(2), "a/time", 1, 1.0, attributes)
    attribution.on_signal(signal, at(2).timestamp())
    assert bool(close(attribution, 3)) is not answered


def test_a_budget_refusal_reported_by_the_venue_counts_as_an_answer() -> None:
    attribution = watch()
    rounds(attribution, "ax")
    ask(attribution, 2, "a", "budget")
    assert close(attribution, 3) == []


def test_what_one_vantage_of_two_may_not_see_itself_is_doubted_there_and_not_elsewhere() -> None:
    attribution = watch()
    rounds(attribution, "abcdexyz", "fg", count=1)
    ask(attribution, 0, "a", "ok", "away")
    ask(attribution, 0, "x", "ok", "away")
    assert close(attribution, 1) == []
    assert not attribution.suspected
    assert attribution.healthy(at(1).timestamp()) == ["away"]
    for vantage, doubted in (("home", True), ("away", False), ("unheard", True)):
        subject = Subject(venue="a", vantage=vantage)
        signal = Signal(SignalKind.REQUEST, subject, at(1), at(1), "a/time", 1, 0.1, {"outcome": "ok"})
        assert attribution.in_doubt(signal) is doubted
        assert attribution.set_aside(signal) is (vantage == "home")


def test_an_answer_between_two_failures_restarts_the_count_of_rounds() -> None:
    attribution = watch()
    rounds(attribution, "abxyz", count=1)
    ask(attribution, 1, "a", "ok", check="other")
    ask(attribution, 1, "b", "overloaded")
    rounds(attribution, "abxyz", since=2, count=1)
    assert close(attribution, 3) == []  # a and b failed but once since they answered


@pytest.mark.parametrize("outcome", ["timeout", "dns", "refused", "reset", "tls", "local"])
def test_every_failure_in_transport_counts(outcome: str) -> None:
    attribution = watch()
    for second in (0, 1):
        ask(attribution, second, "a", outcome)
        ask(attribution, second, "x", outcome)
    assert close(attribution, 2) == [("home", True)]


@pytest.mark.parametrize("outcome", ["overloaded", "throttled", "geo_blocked", "ok"])
def test_an_answer_of_any_kind_proves_that_the_venue_is_reachable(outcome: str) -> None:
    attribution = watch()
    for second in (0, 1):
        ask(attribution, second, "a", outcome)
        ask(attribution, second, "x", "timeout")
    assert close(attribution, 2) == []


def test_one_target_alone_cannot_show_whose_fault_it_is() -> None:
    attribution = watch()
    rounds(attribution, "x", count=5)
    assert close(attribution, 5) == []
    rounds(attribution, "a", since=5)
    assert close(attribution, 7) == [("home", True)]


@pytest.mark.parametrize(("second", "local"), [(61, True), (62, False)])
def test_a_target_without_a_request_for_a_minute_is_not_counted(second: float, *, local: bool) -> None:
    attribution = watch()
    rounds(attribution, "ax")  # last asked at 1 s
    assert bool(close(attribution, second)) is local


def test_a_control_target_without_a_request_for_a_minute_forbids_nothing() -> None:
    attribution = watch()
    ask(attribution, 0, "z", "ok")
    rounds(attribution, "abxy", since=100)
    assert close(attribution, 102) == [("home", True)]


def test_local_lasts_half_a_minute_after_the_last_second_that_showed_it() -> None:
    attribution = watch()
    rounds(attribution, "abx")
    assert close(attribution, 2) == [("home", True)]
    assert close(attribution, 3) == []
    rounds(attribution, "", "abx", since=4, count=1)
    assert close(attribution, 32.5) == []
    assert attribution.suspected
    assert close(attribution, 33) == [("home", False)]
    assert not attribution.local_since_s
    assert not attribution.suspected


def test_vantages_are_judged_each_by_its_own_targets_and_reported_in_order_of_name() -> None:
    attribution = watch()
    for second in (0, 1):
        for vantage in ("west", None, "east"):
            outcome = "ok" if vantage == "east" else "timeout"
            ask(attribution, second, "a", outcome, vantage)
            ask(attribution, second, "x", outcome, vantage)
    assert attribution.vantages == 3
    assert close(attribution, 2) == [("local", True), ("west", True)]


@pytest.mark.parametrize(
    ("home", "away", "path"),
    [
        ("timeout", "ok", True),
        ("ok", "timeout", True),
        ("timeout", "timeout", False),
        ("ok", "ok", False),
        ("timeout", None, False),
    ],
)
def test_the_path_is_at_fault_only_if_one_vantage_reaches_the_venue_and_another_does_not(
    home: str, away: str | None, *, path: bool
) -> None:
    attribution = watch()
    for second in (0, 1):
        ask(attribution, second, "a", home, "home")
        ask(attribution, second, "b", "ok", "away")
        if away is not None:
            ask(attribution, second, "a", away, "away")
    assert (attribution.sight("a", at(2).timestamp()).fault is Fault.PATH) is path


def test_one_failed_round_at_one_vantage_is_not_yet_a_fault_of_the_path() -> None:
    attribution = watch()
    ask(attribution, 0, "a", "timeout", "home")
    ask(attribution, 0, "a", "ok", "away")
    assert attribution.sight("a", at(1).timestamp()).fault is None


def faults(assessors: Assessors, *, stressed: str, grade: int = 3) -> tuple[Fault, dict[str, Fault]]:
    for venue in stressed:
        assessors.fact(venue, weight=4.0, grade=grade)
    seen = [assessors.asset()]
    return seen[0].verdict.fault, {one.venue: one.fault for one in assessors.venues.assess(assessors.now_s, (), seen)}


def test_three_venues_of_five_in_stress_are_the_market_and_two_are_venues() -> None:
    three = faults(Assessors("abcde"), stressed="abc")
    assert three == (Fault.MARKET, dict.fromkeys("abc", Fault.MARKET))
    two = faults(Assessors("abcde"), stressed="ab")
    assert two == (Fault.VENUE, dict.fromkeys("ab", Fault.VENUE))


def test_two_of_two_venues_in_stress_are_not_the_market_and_two_of_three_are() -> None:
    assert faults(Assessors("ab"), stressed="ab") == (Fault.VENUE, dict.fromkeys("ab", Fault.VENUE))
    assert faults(Assessors("abc"), stressed="ab") == (Fault.MARKET, dict.fromkeys("ab", Fault.MARKET))


def test_a_venue_with_a_finding_of_the_first_grade_is_not_in_stress() -> None:
    assert faults(Assessors("abc"), stressed="ab", grade=1) == (Fault.VENUE, dict.fromkeys("ab", Fault.VENUE))
    assert faults(Assessors("abc"), stressed="ab", grade=2)[0] is Fault.MARKET


def test_evidence_below_half_a_nat_is_no_stress_of_its_venue() -> None:
    assessors = Assessors("abc")
    assessors.fact("a", weight=3.0)
    assessors.fact("b", weight=0.45)
    assert {one.fault for one in assessors.venues.assess(assessors.now_s, (), ())} == {Fault.VENUE}
    assessors.fact("c", weight=0.5)
    assert {one.fault for one in assessors.venues.assess(assessors.now_s, (), ())} == {Fault.MARKET}


def test_a_venue_that_another_vantage_reaches_is_a_fault_of_the_path() -> None:
    assessors = Assessors("abcde")
    for second in (0, 1):
        ask(assessors.attribution, second, "a", "timeout", "home")
        ask(assessors.attribution, second, "a", "ok", "away")
    assert faults(assessors, stressed="a")[1] == {"a": Fault.PATH}
    both = faults(assessors, stressed="ab")
    assert both == (Fault.VENUE, {"a": Fault.PATH, "b": Fault.VENUE}), "b is not excused by what is said of a"


def test_venues_that_another_vantage_reaches_are_each_a_fault_of_the_path_and_not_the_market() -> None:
    assessors = Assessors("abcde")
    for second in (0, 1):
        for venue in "abc":
            ask(assessors.attribution, second, venue, "timeout", "home")
            ask(assessors.attribution, second, venue, "ok", "away")
    assert faults(assessors, stressed="ab") == (Fault.PATH, dict.fromkeys("ab", Fault.PATH))


def test_an_asset_whose_venues_fail_only_through_a_network_in_doubt_has_a_local_fault() -> None:
    assessors = Assessors("abcde")
    for second in (0, 1):
        for name in ("a", "b", *CONTROLS):
            ask(assessors.attribution, second, name, "timeout", "home")
            ask(assessors.attribution, second, name, "ok", "away")
    assessors.attribution.on_second(assessors.now_s + 2)
    assert faults(assessors, stressed="ab")[0] is Fault.LOCAL


def test_stress_below_the_threshold_of_the_leg_has_no_fault() -> None:
    assessors = Assessors("abcde")
    assessors.fact("a", weight=1.0, grade=2)
    seen = assessors.asset()
    assert seen.verdict.legs[1].leg is Leg.VENUE
    assert seen.verdict.legs[1].state is not LegState.TRUE
    assert seen.verdict.fault is Fault.NONE


def test_during_our_own_outage_all_legs_are_unknown_and_no_venue_is_blamed() -> None:
    assessors = Assessors("abcde")
    assessors.fact("a", weight=4.0, grade=4)
    rounds(assessors.attribution, "abx")
    close(assessors.attribution, 2)
    assessors.now_s = at(9).timestamp()
    seen = assessors.asset()
    assert seen.verdict.fault is Fault.LOCAL
    assert {one.state for one in seen.verdict.legs} == {LegState.UNKNOWN}
    assert {one.coverage for one in seen.verdict.legs} == {0.0}
    assert not seen.blind_stress
    assert {(one.source, one.coverage, one.since, one.reason) for one in seen.verdict.blind} == {
        ("vantage", 0.0, at(2), "our own network is down")
    }
    [venue] = assessors.venues.assess(assessors.now_s, ("a",), (seen,))
    assert (venue.level, venue.state, venue.fault) == (Level.CALM, LegState.UNKNOWN, Fault.LOCAL)
    assert list(venue.facts) == []
    assert [(one.source, one.coverage, one.since) for one in venue.blind] == [("vantage", 0.0, at(2))]


def test_stress_of_all_venues_during_our_own_outage_is_not_the_market() -> None:
    assessors = Assessors("abc")
    for venue in "abc":
        assessors.fact(venue, weight=4.0, grade=4)
    assert assessors.asset().verdict.fault is Fault.MARKET
    rounds(assessors.attribution, "abx")
    close(assessors.attribution, 2)
    assessors.now_s = at(9).timestamp()
    assert assessors.asset().verdict.fault is Fault.LOCAL


def test_after_one_round_of_failures_nearly_everywhere_no_venue_is_blamed_yet() -> None:
    assessors = Assessors("abcde")
    assessors.fact("a", weight=4.0, grade=4)
    rounds(assessors.attribution, "abx", count=1)
    close(assessors.attribution, 1)
    seen = assessors.asset()
    assert seen.verdict.legs[1].evidence == -1.0
    assert assessors.venues.assess(assessors.now_s, (), (seen,)) == []


@pytest.mark.parametrize(("age_s", "local"), [(3600, True), (3601, False)])
def test_a_control_that_was_not_asked_for_more_than_an_hour_is_none_any_more(age_s: int, *, local: bool) -> None:
    attribution = watch()
    ask(attribution, 0, "x", "timeout")
    rounds(attribution, "a", since=age_s - 1)
    assert close(attribution, age_s) == ([("home", True)] if local else [])
