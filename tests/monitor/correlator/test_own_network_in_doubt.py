"""Tests of what was under way while our own network was in doubt: it is never judged as a venue's fault."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import ProducerHarness
from tests.monitor.correlator.test_venue_evidence import ask


def lose_and_regain_our_network(harness: ProducerHarness, second: int) -> None:
    """Every target fails twice and answers again: our own network is in doubt from this second until 30 s later."""
    for outcome, moment in (("reset", second), ("reset", second), ("ok", second + 1)):
        if outcome == "ok":
            harness.attribution.on_second(at(moment).timestamp())
            harness.second(moment)
        for kind, venue in ((SignalKind.REQUEST, "alpha"), (SignalKind.CONTROL, None)):
            words: dict[str, Any] = {"outcome": outcome, "check": "time", "ours": False, "target": "x"}
            subject = Subject(venue=venue, vantage="home")
            signal = Signal(kind, subject, at(moment), at(moment), "home/time", 1, 0.01, words)
            harness.attribution.on_signal(signal, at(moment).timestamp())
    for moment in range(second + 2, second + 33):
        harness.attribution.on_second(at(moment).timestamp())
        harness.second(moment)
    assert not harness.attribution.suspected


def test_time_outs_from_just_before_our_own_network_was_in_doubt_are_not_the_venues_when_it_is_over() -> None:
    harness = ProducerHarness("venue_latency")
    for second in range(400):
        ask(harness, second)
    for second in range(400, 405):
        ask(harness, second, "timeout", 5.0)
    lose_and_regain_our_network(harness, 405)
    for one in list(harness.board.everything()):
        harness.board.withdraw(one.id)
    for second in range(440, 445):
        ask(harness, second)
    assert not harness.grades


@pytest.mark.parametrize("name", ["venue_latency", "venue_failures"])
def test_what_was_sent_while_our_own_network_was_in_doubt_is_not_judged_when_its_outcome_comes_later(name: str) -> None:
    harness = ProducerHarness(name)
    for second in range(400):
        ask(harness, second)
    lose_and_regain_our_network(harness, 400)  # over at 431 s, in doubt until 430 s or so
    for second in range(432, 452):
        ask(harness, second, "timeout", 25.0 + second - 432)
    assert not harness.grades
    for second in range(480, 520):
        ask(harness, second, "timeout", 25.0)
    assert harness.grades == {name: 4}
