"""Tests of evidence about venues: failures, latency, lag, and the status that a venue reports."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.correlator.evidence.venue_latency import VenueLatencyEvidence
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import VENUE, ProducerHarness


def ask(
    harness: ProducerHarness, second: int, outcome: str = "ok", latency_s: float = 0.05, *, ours: bool = False
) -> None:
    censored = outcome == "timeout"
    harness.send(SignalKind.REQUEST, second, latency_s, outcome=outcome, ours=ours, censored=censored)
    harness.second(second + 1)


def test_failures_in_a_row_raise_the_grade_step_by_step() -> None:
    harness = ProducerHarness("venue_failures")
    seen = []
    for second in range(20):
        ask(harness, second, "overloaded")
        seen.append(harness.grades.get("venue_failures", 0))
    assert seen == sorted(seen)
    assert seen[13] == 3
    assert seen[-1] == 4
    assert "overloaded 20" in harness.text


def test_one_failure_in_twenty_is_allowed_and_failures_of_our_own_do_not_count() -> None:
    harness = ProducerHarness("venue_failures")
    for second in range(4000):
        ask(harness, second, "overloaded" if second % 21 == 0 else "ok")
        ask(harness, second, "geo_blocked", ours=True)
    harness.send(SignalKind.REQUEST, 1, subject=Subject(), outcome="timeout")
    assert not harness.grades


def test_a_finished_outage_does_not_make_the_next_single_failure_evidence() -> None:
    harness = ProducerHarness("venue_failures")
    for second in range(100):
        ask(harness, second, "overloaded")
    for second in range(100, 150):
        ask(harness, second)
    for one in list(harness.board.everything()):
        harness.board.withdraw(one.id)
    ask(harness, 150, "overloaded")
    assert not harness.grades


def test_failures_while_our_own_network_is_down_are_not_evidence_against_the_venue() -> None:
    harness = ProducerHarness("venue_failures")
    harness.attribution.local_since_s["home"] = 0.0
    harness.attribution.suspected = True
    for second in range(30):
        ask(harness, second, "timeout")
    harness.attribution.local_since_s.clear()
    harness.attribution.suspected = False
    ask(harness, 30, "timeout")
    assert not harness.grades


def unknown(harness: ProducerHarness, second: int, check: str, venue: str = "alpha") -> None:
    subject = Subject(venue=venue)
    harness.send(SignalKind.REQUEST, second, 0.05, subject, outcome="unknown_code", ours=False, check=check)
    harness.second(second + 1)


def test_a_code_that_nobody_knows_is_no_evidence_while_one_check_of_one_venue_shows_it() -> None:
    harness = ProducerHarness("venue_failures")
    for second in range(0, 6000, 5):
        unknown(harness, second, "wallet_status")
    assert not harness.grades


def test_a_code_that_nobody_knows_counts_where_two_checks_or_two_venues_show_it_in_two_minutes() -> None:
    two_checks, two_venues = ProducerHarness("venue_failures"), ProducerHarness("venue_failures")
    for second in range(40):
        unknown(two_checks, second, ("wallet_status", "server_time")[second % 2])
        unknown(two_venues, second, "server_time", ("alpha", "beta")[second % 2])
    assert two_checks.grades == {"venue_failures": 4}
    assert {one.subject.venue for one in two_venues.board.everything()} == {"alpha", "beta"}


@pytest.mark.parametrize(("gap_s", "counts"), [(119, True), (121, False)])
def test_unknown_codes_agree_within_two_minutes_only(gap_s: int, *, counts: bool) -> None:
    harness = ProducerHarness("venue_failures")
    for turn in range(0, 40, 2):
        unknown(harness, turn * gap_s, "wallet_status")
        unknown(harness, (turn + 1) * gap_s, "server_time")
    assert bool(harness.grades) is counts


def test_an_unknown_code_that_does_not_count_ends_no_outage_and_hides_no_failure() -> None:
    harness = ProducerHarness("venue_failures")
    for second in range(0, 40, 2):
        ask(harness, second, "overloaded")
        unknown(harness, second + 1, "wallet_status")
    assert harness.grades == {"venue_failures": 4}
    assert "fails 100%" in harness.text


def test_slow_answers_are_graded_by_how_often_chance_makes_them_as_slow() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(400):
        ask(harness, second)
    ask(harness, 400, latency_s=3.0)
    ask(harness, 401, latency_s=3.0)
    assert not harness.grades
    grades = []
    for second in range(402, 406):
        ask(harness, second, "timeout", 5.0)
        grades.append(harness.grades["venue_latency"])
    assert grades == sorted(grades)
    assert grades[-1] == 4
    found = next(harness.board.everything())
    assert found.onset == at(400)
    assert found.far_per_day is not None
    assert found.far_per_day <= 1 / 91


def test_a_venue_that_is_a_little_slow_is_put_with_its_own_rate() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(0, 40_000, 10):
        ask(harness, second, latency_s=0.05 if second % 100 else 0.08)
    seen = []
    for second in range(40_000, 40_200, 10):
        ask(harness, second, latency_s=0.07)
        seen += [(one.grade, one.weight, one.far_per_day) for one in harness.board.everything()]
    mild = [one for one in seen if one[0] in (1, 2)]
    assert mild
    assert all(0.7 <= weight < 3 and 1 / 7 < per_day <= 24 for _, weight, per_day in mild)


def test_each_instrument_of_a_feed_is_a_stream_and_their_number_raises_the_rate() -> None:
    def rate(instruments: int) -> float:
        harness = ProducerHarness("venue_latency")
        for second in range(435):
            for one in range(instruments):
                subject = Subject(venue="alpha", instrument=f"I{one}")
                lag_s = 0.4 if second >= 400 and one == 0 else 0.04 * (one + 1)
                harness.send(SignalKind.FEED_LAG, second, lag_s, subject=subject, source="alpha/book_ws", bound_s=0.0)
            harness.second(second + 1)
        [found] = harness.board.everything()
        assert found.id == "feed_lag:alpha:alpha:book_ws"
        assert found.normal == pytest.approx(0.04, rel=0.02)
        assert ("1 of 10 streams" in found.said) is (instruments == 10)
        assert found.far_per_day is not None
        return found.far_per_day

    assert rate(10) == pytest.approx(10 * rate(1))


@pytest.mark.parametrize(("instruments", "told"), [(1, True), (100, False)])
def test_what_chance_makes_of_many_streams_in_an_hour_is_no_finding(instruments: int, *, told: bool) -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(403):
        for one in range(instruments):
            lag_s = 0.4 if second >= 400 and one == 0 else 0.04
            subject = Subject(venue="alpha", instrument=f"I{one}")
            harness.send(SignalKind.FEED_LAG, second, lag_s, subject=subject, bound_s=0.0)
        harness.second(second + 1)
    assert bool(harness.grades) is told


def test_streams_are_bounded_and_the_first_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.correlator.evidence.venue_latency.MAX_STREAMS", 2)
    harness = ProducerHarness("venue_latency")
    for one in ("I0", "I1", "I2", "I2"):
        for second in range(20):
            lag_s = 5.0 if second > 15 else 0.04
            harness.send(SignalKind.ENGINE_LAG, second, lag_s, subject=Subject(venue="alpha", instrument=one))
    producer = harness.producer
    assert isinstance(producer, VenueLatencyEvidence)
    assert [key[3][0] for key in producer._streams] == ["I1", "I2"]
    assert producer._counts == {(SignalKind.ENGINE_LAG, "alpha"): 2}
    assert set(producer._slow) <= {key[:3] for key in producer._streams}


def test_nothing_is_learned_while_our_own_network_may_be_at_fault() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(400):
        ask(harness, second)
    harness.attribution.suspected = True
    for second in range(400, 420):
        ask(harness, second, latency_s=3.0)
    harness.attribution.suspected = False
    ask(harness, 420)
    assert not harness.grades
    assert isinstance(harness.producer, VenueLatencyEvidence)
    [stream] = harness.producer._streams.values()
    assert stream.latency.normal_s == pytest.approx(0.05, rel=0.01)


def test_refusals_and_answers_without_a_venue_are_not_latency_evidence() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(400):
        ask(harness, second)
    for second in range(400, 420):
        ask(harness, second, "overloaded", 9.0)
        harness.send(SignalKind.ENGINE_LAG, second, 9.0, subject=Subject())
    assert not harness.grades


def test_a_lag_within_its_clock_bound_is_none_and_beyond_it_is_one() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(420):
        harness.send(SignalKind.FEED_LAG, second, 0.5 if second > 400 else 0.02, source="alpha/book_ws", bound_s=0.6)
        harness.send(SignalKind.FEED_LAG, second, 0.5 if second > 400 else 0.02, source="alpha/trades", bound_s=None)
        harness.second(second + 1)
    assert [one.id for one in harness.board.everything()] == ["feed_lag:alpha:alpha:trades"]


@pytest.mark.parametrize(("later_s", "grade"), [(0.053, 0), (0.4, 4)])
def test_a_lag_is_compared_with_its_usual_length_and_not_with_what_passes_the_clocks_bound(
    later_s: float, grade: int
) -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(450):
        lag_s = later_s if second >= 400 else 0.049
        harness.send(SignalKind.FEED_LAG, second, lag_s, source="alpha/book_ws", bound_s=0.05)
        harness.second(second + 1)
    assert harness.grades == ({"feed_lag": grade} if grade else {})


@pytest.mark.parametrize(("usual_s", "slow_s"), [(0.002, 0.3), (0.04, 0.4), (0.04, 1.0), (10.0, 60.0)])
def test_a_step_is_found_whatever_the_usual_lag(usual_s: float, slow_s: float) -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(432):
        harness.send(SignalKind.ENGINE_LAG, second, slow_s if second > 400 else usual_s, source="alpha/trades")
        harness.second(second + 1)
    assert harness.grades == {"engine_lag": 4}
    assert next(harness.board.everything()).onset == at(401)


def test_a_lag_that_nobody_feels_is_grade_one_however_rare() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(440):
        harness.send(SignalKind.ENGINE_LAG, second, 0.09 if second > 400 else 0.004, source="alpha/trades")
        harness.second(second + 1)
    assert harness.grades == {"engine_lag": 1}


@pytest.mark.parametrize(("slow_s", "nats"), [(0.02, 0.2), (0.09, 0.9), (0.4, 4.0)])
def test_a_lag_that_nobody_feels_weighs_as_much_less_as_it_is_shorter_than_one_that_is_felt(
    slow_s: float, nats: float
) -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(440):
        harness.send(SignalKind.FEED_LAG, second, slow_s if second > 400 else 0.004, source="alpha/book_ws")
        harness.second(second + 1)
    [found] = harness.board.everything()
    assert found.weight == pytest.approx(nats)


@pytest.mark.parametrize(("slow_s", "grade"), [(10, 1), (29, 1), (31, 4)])
def test_a_burst_of_less_than_half_a_minute_is_grade_one_and_what_lasts_has_the_grade_of_its_rate(
    slow_s: int, grade: int
) -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(400):
        ask(harness, second)
    for second in range(400, 400 + slow_s):
        ask(harness, second, latency_s=0.4)
    assert harness.grades == {"venue_latency": grade}


@pytest.mark.parametrize(("usual_s", "after_s"), [(0.05, 0.05), (0.0001, 0.0003)])  # stamps are whole milliseconds
def test_a_rise_that_is_over_is_not_renewed_while_its_sum_comes_down(usual_s: float, after_s: float) -> None:
    harness = ProducerHarness("venue_latency")
    for minute in range(450):
        ask(harness, 60 * minute, latency_s=usual_s if minute < 400 else 0.4 if minute < 440 else after_s)
    [found] = harness.board.everything()
    assert found.at == at(60 * 440 + 1)  # two of the last three were slow
    assert found.value == pytest.approx(0.4)


def test_a_venue_that_is_slow_for_hours_becomes_its_own_normal() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(400):
        ask(harness, second)
    for second in range(400, 40_000, 10):
        ask(harness, second, latency_s=1.0)
    assert next(harness.board.everything()).at < at(39_000)


def test_a_venue_that_reports_itself_down_is_believed_and_planned_work_is_grade_one() -> None:
    harness = ProducerHarness("venue_words")
    harness.send(SignalKind.VENUE_STATUS, 10, 2.0, title="matching halted")
    assert harness.grades == {"venue_status": 3}
    harness.send(SignalKind.VENUE_STATUS, 20, 0.0)
    planned = ProducerHarness("venue_words")
    planned.send(SignalKind.VENUE_STATUS, 10, 2.0, planned=True)
    assert planned.grades == {"venue_status": 1}
    degraded = ProducerHarness("venue_words")
    degraded.send(SignalKind.VENUE_STATUS, 10, 1.0)
    degraded.send(SignalKind.VENUE_STATUS, 10, 1.0, subject=Subject())
    assert degraded.grades == {"venue_status": 2}


def test_the_parts_of_a_venue_stand_by_themselves_and_the_venue_is_as_bad_as_its_worst() -> None:
    harness = ProducerHarness("venue_words")
    harness.send(SignalKind.VENUE_STATUS, 10, 2.0, service="spot", title="halted")
    harness.send(SignalKind.VENUE_STATUS, 11, 0.0, service="linear swaps")
    harness.send(SignalKind.VENUE_STATUS, 12, 1.0, service="linear swaps", title="slow")
    assert harness.grades == {"venue_status": 3}, "the swaps are open, the spot market is not"
    assert harness.text == "alpha (spot) says maintenance: halted"
    harness.send(SignalKind.VENUE_STATUS, 400, 2.0, service="spot", title="halted")
    harness.send(SignalKind.VENUE_STATUS, 401, 0.0, service="linear swaps")
    assert [one.at for one in harness.board.everything()] == [at(400)], "renewed by its own words alone"
    harness.send(SignalKind.VENUE_STATUS, 402, 0.0, service="spot")
    harness.send(SignalKind.VENUE_STATUS, 1000, 1.0, service="linear swaps", title="slow")
    assert harness.grades == {"venue_status": 2}
    assert harness.text == "alpha (linear swaps) says degraded: slow"


def test_a_whole_venue_that_is_well_ends_the_troubles_of_its_parts_and_what_is_to_come_ends_none() -> None:
    def worst_of(harness: ProducerHarness) -> dict[str, int]:
        for one in list(harness.board.everything()):
            harness.board.withdraw(one.id)
        harness.send(SignalKind.VENUE_STATUS, 12, 1.0, service="swaps")
        return harness.grades

    harness = ProducerHarness("venue_words")
    harness.send(SignalKind.VENUE_STATUS, 10, 2.0, service="spot")
    harness.send(SignalKind.VENUE_STATUS, 11, 0.0, planned=True)
    assert worst_of(harness) == {"venue_status": 3}
    harness.send(SignalKind.VENUE_STATUS, 11, 0.0)
    assert worst_of(harness) == {"venue_status": 2}


def test_a_part_that_says_nothing_any_more_gives_way_to_one_that_still_does() -> None:
    harness = ProducerHarness("venue_words")
    harness.send(SignalKind.VENUE_STATUS, 0, 2.0, service="spot")
    for second in range(0, 20_000, 60):
        harness.send(SignalKind.VENUE_STATUS, second, 1.0, service="swaps")
    assert harness.grades == {"venue_status": 2}


def test_a_venue_of_more_parts_than_are_kept_forgets_the_one_that_was_silent_longest() -> None:
    harness = ProducerHarness("venue_words")
    for number in range(1000):
        harness.send(SignalKind.VENUE_STATUS, number, 1.0, service=f"part {number}")
    producer: Any = harness.producer
    assert list(producer._troubled["alpha"]) == [f"part {number}" for number in range(936, 1000)]


def test_withdrawals_that_close_are_evidence_and_withdrawals_that_were_always_closed_are_not() -> None:
    harness = ProducerHarness("venue_words")
    harness.send(SignalKind.WALLET, 0, 1.0)
    harness.send(SignalKind.WALLET, 0, 1.0, subject=Subject(venue="alpha"))
    harness.send(SignalKind.WALLET, 10, 0.5)
    assert harness.grades == {"withdrawals": 2}
    harness.send(SignalKind.WALLET, 20, 0.0)
    assert harness.grades == {"withdrawals": 3}
    assert next(harness.board.everything()).onset == at(10)
    harness.send(SignalKind.WALLET, 30, 1.0)
    harness.second(31)
    closed = ProducerHarness("venue_words")
    closed.send(SignalKind.WALLET, 0, 0.0)
    closed.send(SignalKind.WALLET, 10, 0.0)
    assert not closed.grades


def test_evidence_of_one_venue_reaches_an_asset_by_the_venues_share() -> None:
    harness = ProducerHarness("venue_words")
    for venue in ("alpha", "beta", "gamma", "delta"):
        expect = Signal(
            SignalKind.EXPECT, Subject(asset="BTC", venue=venue), at(0), at(0), f"{venue}/book_ws", 1, 3.0,
            {"leg": "venue", "weight": 1.0},
        )  # fmt: skip
        harness.sources.on_signal(expect, 0.0)
    harness.send(SignalKind.VENUE_STATUS, 10, 2.0, subject=VENUE)
    weighed = harness.board.of("BTC", Leg.VENUE, at(10).timestamp())
    assert [one.nats for one in weighed] == [pytest.approx(0.75)]  # one of four: the square of half
    assert weighed[0].evidence.shared
    assert not harness.board.of("ETH", Leg.VENUE, at(10).timestamp())


def test_what_failed_before_our_own_network_was_down_is_forgotten() -> None:
    harness = ProducerHarness("venue_failures")
    for second in range(20):
        ask(harness, second, "overloaded")
    assert harness.grades
    harness.attribution.local_since_s["home"] = at(20).timestamp()
    harness.second(21)
    harness.attribution.local_since_s.clear()
    for one in list(harness.board.everything()):
        harness.board.withdraw(one.id)
    ask(harness, 22, "overloaded")
    assert not harness.grades
