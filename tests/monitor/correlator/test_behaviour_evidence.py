"""Tests of evidence about contracts that run other code than they name."""

from __future__ import annotations

from monitor.correlator.evidence import behaviour
from monitor.incidents import Leg
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.test_evidence import CHAIN, ProducerHarness


def say(harness: ProducerHarness, second: float, event_id: str, actual: str = "0x0b", *, ended: bool = False) -> None:
    harness.send(
        SignalKind.BEHAVIOUR_MISMATCH, second, 3, CHAIN, event_id=event_id, claimed="0x0a,0x0c", actual=actual,
        probed_by="trace", ended=ended,
    )  # fmt: skip


def retract(harness: ProducerHarness, second: float, event_id: str) -> None:
    harness.send(SignalKind.RETRACTION, second, 1, CHAIN, retracts=event_id)


def test_a_mismatch_has_the_grade_of_a_silent_upgrade_and_a_new_one_replaces_it() -> None:
    harness = ProducerHarness("behaviour")
    say(harness, 1, "one")
    assert harness.grades == {"behaviour": 4}
    say(harness, 2, "two", "0x0d")
    [evidence] = harness.board.everything()
    assert evidence.leg is Leg.MIGRATION
    assert "names 0x0a and runs 0x0d" in evidence.said


def test_the_end_of_a_mismatch_removes_it_and_a_reorg_of_the_end_restores_it() -> None:
    harness = ProducerHarness("behaviour")
    say(harness, 1, "one")
    say(harness, 2, "end", ended=True)
    assert harness.grades == {}
    retract(harness, 3, "end")
    assert harness.grades == {"behaviour": 4}
    retract(harness, 4, "one")
    assert harness.grades == {}
    retract(harness, 5, "one")
    say(harness, 6, "end", ended=True)
    assert harness.grades == {}


def test_a_contract_of_no_asset_makes_no_evidence() -> None:
    harness = ProducerHarness("behaviour")
    harness.send(SignalKind.BEHAVIOUR_MISMATCH, 1, 3, Subject(network="ethereum", contract="0x1"), event_id="e")
    harness.second(2)
    assert harness.grades == {}


def test_memory_is_bounded() -> None:
    harness = ProducerHarness("behaviour")
    for at in range(behaviour.MAX_CONTRACTS + 9):
        subject = Subject(asset="BTC", network="ethereum", contract=f"0x{at:x}")
        harness.send(SignalKind.BEHAVIOUR_MISMATCH, 1, 3, subject, event_id=f"e{at}", actual="0x0b")
    assert len(harness.producer._active) == behaviour.MAX_CONTRACTS  # type: ignore[attr-defined]
