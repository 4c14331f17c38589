"""Evidence of contracts that run other code than they name."""

from __future__ import annotations

from monitor.correlator.evidence import behaviour
from monitor.incidents import Leg
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.test_evidence import CHAIN, Bench


def say(bench: Bench, second: float, event_id: str, actual: str = "0x0b", *, ended: bool = False) -> None:
    bench.say(
        SignalKind.BEHAVIOUR_MISMATCH, second, 3, CHAIN, event_id=event_id, claimed="0x0a,0x0c", actual=actual,
        probed_by="trace", ended=ended,
    )  # fmt: skip


def retract(bench: Bench, second: float, event_id: str) -> None:
    bench.say(SignalKind.RETRACTION, second, 1, CHAIN, retracts=event_id)


def test_a_mismatch_has_the_grade_of_a_silent_upgrade_and_a_new_one_replaces_it() -> None:
    bench = Bench("behaviour")
    say(bench, 1, "one")
    assert bench.grades == {"behaviour": 4}
    say(bench, 2, "two", "0x0d")
    [evidence] = bench.board.everything()
    assert evidence.leg is Leg.MIGRATION
    assert "names 0x0a and runs 0x0d" in evidence.said


def test_the_end_of_a_mismatch_removes_it_and_a_reorg_of_the_end_restores_it() -> None:
    bench = Bench("behaviour")
    say(bench, 1, "one")
    say(bench, 2, "end", ended=True)
    assert bench.grades == {}
    retract(bench, 3, "end")
    assert bench.grades == {"behaviour": 4}
    retract(bench, 4, "one")
    assert bench.grades == {}
    retract(bench, 5, "one")
    say(bench, 6, "end", ended=True)
    assert bench.grades == {}


def test_a_contract_of_no_asset_makes_no_evidence() -> None:
    bench = Bench("behaviour")
    bench.say(SignalKind.BEHAVIOUR_MISMATCH, 1, 3, Subject(network="ethereum", contract="0x1"), event_id="e")
    bench.second(2)
    assert bench.grades == {}


def test_memory_is_bounded() -> None:
    bench = Bench("behaviour")
    for at in range(behaviour.MAX_CONTRACTS + 9):
        subject = Subject(asset="BTC", network="ethereum", contract=f"0x{at:x}")
        bench.say(SignalKind.BEHAVIOUR_MISMATCH, 1, 3, subject, event_id=f"e{at}", actual="0x0b")
    assert len(bench.producer._active) == behaviour.MAX_CONTRACTS  # type: ignore[attr-defined]
