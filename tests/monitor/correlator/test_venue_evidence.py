"""Evidence of venues: failures, latency and lag, and what a venue says of itself."""

from __future__ import annotations

import pytest

from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import VENUE, Bench


def ask(bench: Bench, second: int, outcome: str = "ok", latency_s: float = 0.05, *, ours: bool = False) -> None:
    censored = outcome == "timeout"
    bench.say(SignalKind.REQUEST, second, latency_s, outcome=outcome, ours=ours, censored=censored)
    bench.second(second + 1)


def test_failures_in_a_row_raise_the_grade_step_by_step() -> None:
    bench = Bench("venue_failures")
    seen = []
    for second in range(20):
        ask(bench, second, "overloaded")
        seen.append(bench.grades.get("venue_failures", 0))
    assert seen == sorted(seen)
    assert seen[13] == 3
    assert seen[-1] == 4
    assert "overloaded 20" in bench.said


def test_one_failure_in_twenty_is_allowed_and_failures_of_our_own_do_not_count() -> None:
    bench = Bench("venue_failures")
    for second in range(4000):
        ask(bench, second, "overloaded" if second % 21 == 0 else "ok")
        ask(bench, second, "geo_blocked", ours=True)
    bench.say(SignalKind.REQUEST, 1, subject=Subject(), outcome="timeout")
    assert not bench.grades


def test_a_finished_outage_does_not_make_the_next_single_failure_evidence() -> None:
    bench = Bench("venue_failures")
    for second in range(100):
        ask(bench, second, "overloaded")
    for second in range(100, 150):
        ask(bench, second)
    for one in list(bench.board.everything()):
        bench.board.withdraw(one.id)
    ask(bench, 150, "overloaded")
    assert not bench.grades


def test_failures_while_our_own_network_is_down_are_not_evidence_against_the_venue() -> None:
    bench = Bench("venue_failures")
    bench.attribution.local_since_s["home"] = 0.0
    bench.attribution.suspected = True
    for second in range(30):
        ask(bench, second, "timeout")
    bench.attribution.local_since_s.clear()
    bench.attribution.suspected = False
    ask(bench, 30, "timeout")
    assert not bench.grades


def test_slow_answers_are_judged_by_the_median_of_five() -> None:
    bench = Bench("venue_latency")
    for second in range(400):
        ask(bench, second)
    ask(bench, 400, latency_s=3.0)
    ask(bench, 401, latency_s=3.0)
    assert not bench.grades
    ask(bench, 402, "timeout", 5.0)
    assert bench.grades == {"venue_latency": 4}
    assert next(bench.board.everything()).onset == at(400)


def test_refusals_and_answers_without_a_venue_are_not_latency_evidence() -> None:
    bench = Bench("venue_latency")
    for second in range(400):
        ask(bench, second)
    for second in range(400, 420):
        ask(bench, second, "overloaded", 9.0)
        bench.say(SignalKind.ENGINE_LAG, second, 9.0, subject=Subject())
    assert not bench.grades


def test_a_lag_within_its_clock_bound_is_none_and_beyond_it_is_one() -> None:
    bench = Bench("venue_latency")
    for second in range(420):
        bench.say(SignalKind.FEED_LAG, second, 0.5 if second > 400 else 0.02, source="alpha/book_ws", bound_s=0.6)
        bench.say(SignalKind.FEED_LAG, second, 0.5 if second > 400 else 0.02, source="alpha/trades", bound_s=None)
        bench.second(second + 1)
    assert [one.id for one in bench.board.everything()] == ["feed_lag:alpha:alpha:trades"]


def test_an_answer_that_is_much_slower_but_still_fast_is_no_evidence() -> None:
    bench = Bench("venue_latency")
    for second in range(420):
        bench.say(SignalKind.ENGINE_LAG, second, 0.06 if second > 400 else 0.001, source="alpha/trades")
        bench.second(second + 1)
    assert not bench.grades


def test_a_venue_that_is_slow_for_hours_becomes_its_own_normal() -> None:
    bench = Bench("venue_latency")
    for second in range(400):
        ask(bench, second)
    for second in range(400, 40_000, 10):
        ask(bench, second, latency_s=1.0)
    assert next(bench.board.everything()).at < at(39_000)


def test_a_venue_that_reports_itself_down_is_believed_and_planned_work_is_grade_one() -> None:
    bench = Bench("venue_words")
    bench.say(SignalKind.VENUE_STATUS, 10, 2.0, title="matching halted")
    assert bench.grades == {"venue_status": 3}
    bench.say(SignalKind.VENUE_STATUS, 20, 0.0)
    planned = Bench("venue_words")
    planned.say(SignalKind.VENUE_STATUS, 10, 2.0, planned=True)
    assert planned.grades == {"venue_status": 1}
    degraded = Bench("venue_words")
    degraded.say(SignalKind.VENUE_STATUS, 10, 1.0)
    degraded.say(SignalKind.VENUE_STATUS, 10, 1.0, subject=Subject())
    assert degraded.grades == {"venue_status": 2}


def test_withdrawals_that_close_are_evidence_and_withdrawals_that_were_always_closed_are_not() -> None:
    bench = Bench("venue_words")
    bench.say(SignalKind.WALLET, 0, 1.0)
    bench.say(SignalKind.WALLET, 0, 1.0, subject=Subject(venue="alpha"))
    bench.say(SignalKind.WALLET, 10, 0.5)
    assert bench.grades == {"withdrawals": 2}
    bench.say(SignalKind.WALLET, 20, 0.0)
    assert bench.grades == {"withdrawals": 3}
    assert next(bench.board.everything()).onset == at(10)
    bench.say(SignalKind.WALLET, 30, 1.0)
    bench.second(31)
    closed = Bench("venue_words")
    closed.say(SignalKind.WALLET, 0, 0.0)
    closed.say(SignalKind.WALLET, 10, 0.0)
    assert not closed.grades


def test_evidence_of_one_venue_reaches_an_asset_by_the_venues_share() -> None:
    bench = Bench("venue_words")
    for venue in ("alpha", "beta", "gamma", "delta"):
        expect = Signal(
            SignalKind.EXPECT, Subject(asset="BTC", venue=venue), at(0), at(0), f"{venue}/book_ws", 1, 3.0,
            {"leg": "venue", "weight": 1.0},
        )  # fmt: skip
        bench.sources.on_signal(expect, 0.0)
    bench.say(SignalKind.VENUE_STATUS, 10, 2.0, subject=VENUE)
    weighed = bench.board.of("BTC", Leg.VENUE, at(10).timestamp())
    assert [one.nats for one in weighed] == [pytest.approx(1.5)]
    assert weighed[0].evidence.shared
    assert not bench.board.of("ETH", Leg.VENUE, at(10).timestamp())
