"""Tests of evidence about control of contracts, graded by severity, and about silent hot wallets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from eth_hash.auto import keccak

from monitor.correlator.evidence import control, wallet_silence
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import CHAIN, ProducerHarness

MINTER = f"0x{keccak(b'MINTER_ROLE').hex()}"
PAUSER = f"0x{keccak(b'PAUSER_ROLE').hex()}"
WALLET = Subject(asset="BTC", venue="alpha", network="ethereum")


def changed(
    harness: ProducerHarness, change: str, more: Mapping[str, Scalar], event_id: str = "e1", subject: Subject = CHAIN
) -> None:
    attributes = {"change": change, "event_id": event_id} | dict(more)
    kind = SignalKind.CONTROL_CHANGED
    signal = Signal(kind, subject, at(10), at(10), "ethereum/chain", 1, 1.0, attributes)
    harness.producer.on_signal(signal, at(10).timestamp())


@pytest.mark.parametrize(
    ("change", "more", "grade"),
    [
        ("owner", {"old": "0x1", "new": "0x2", "escaped": True}, 3),
        ("owner", {"old": "0x1", "new": "0x2", "escaped": False}, 2),
        ("owner_pending", {"new": "0x2"}, 1),
        ("delay", {"old": "86400", "new": "0"}, 3),
        ("delay", {"old": "60", "new": "86400"}, 1),
        ("delay", {"new": "60"}, 1),
        ("module_enabled", {"account": "0x2"}, 3),
        ("paused", {"account": "0x2"}, 3),
        ("threshold", {"new": "1"}, 2),
        ("role_granted", {"role": "0x" + "0" * 64, "account": "0x2"}, 2),
        ("role_granted", {"role": MINTER, "account": "0x2"}, 2),
        ("role_granted", {"role": PAUSER, "account": "0x2"}, 1),
        ("role_granted", {"role": "0x" + "7" * 64, "account": "0x2"}, 1),
        ("role_revoked", {"role": MINTER, "account": "0x2"}, 1),
        ("initialized", {"new": "1"}, 1),
        ("initialized", {"new": "2"}, 2),
        ("owner", {"old": "0x1", "new": "0x2", "seen_by": "state"}, 3),
        ("owner", {"old": "0x1", "new": "0x2", "seen_by": "log"}, 2),
        ("delay", {"old": "60", "new": "86400", "seen_by": "state"}, 2),
        ("paused", {"seen_by": "state"}, 3),
    ],
)
def test_changes_of_control_are_graded_by_severity(change: str, more: dict[str, Scalar], grade: int) -> None:
    harness = ProducerHarness("control")
    changed(harness, change, more)
    [evidence] = harness.board.everything()
    assert (evidence.leg, evidence.grade) == (Leg.MIGRATION, grade)
    assert change.replace("_", " ") in evidence.said


def test_the_text_names_the_role_the_account_and_the_emitter() -> None:
    harness = ProducerHarness("control")
    changed(
        harness, "role_granted", {"role": MINTER, "account": "0x2", "emitter": "0xeee", "old": None, "escaped": False}
    )
    assert harness.text == f"{CHAIN.contract}: role granted MINTER_ROLE 0x2 (told by 0xeee)"
    other = ProducerHarness("control")
    changed(other, "owner", {"old": "0x1", "new": "0x2", "escaped": True, "emitter": CHAIN.contract})
    assert other.text == f"{CHAIN.contract}: owner from 0x1 to 0x2 (left its timelock)"
    silent = ProducerHarness("control")
    changed(silent, "threshold", {"old": "3", "new": "1", "seen_by": "state"})
    assert silent.text == f"{CHAIN.contract}: threshold from 3 to 1 without a log"


def test_unpausing_removes_the_pause_and_a_reorg_retracts_any_change() -> None:
    harness = ProducerHarness("control")
    changed(harness, "paused", {}, "e1")
    changed(harness, "unpaused", {}, "e2")
    assert not harness.grades
    assert not harness.board.retracted
    changed(harness, "owner", {}, "e3")
    harness.send(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="e3")
    harness.send(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="never sent")
    assert not harness.grades
    assert len(harness.board.retracted) == 1
    changed(harness, "unpaused", {}, "e4")
    changed(harness, "owner", {}, "e5", subject=Subject(network="ethereum"))
    assert not harness.grades


def test_remembered_changes_of_control_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CHANGES", 2)
    harness = ProducerHarness("control")
    for number in range(4):
        changed(harness, "owner", {}, f"e{number}")
    harness.send(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="e0")
    assert not harness.board.retracted
    harness.send(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="e3")
    assert len(harness.board.retracted) == 1


def test_remembered_stops_are_bounded_and_the_newest_still_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CHANGES", 2)
    harness = ProducerHarness("control")
    contracts = [Subject(asset="WBTC", network="ethereum", contract=f"0x{number:040x}") for number in range(4)]
    for number, contract in enumerate(contracts):
        changed(harness, "paused", {}, f"e{number}", contract)
    assert isinstance(harness.producer, control.ControlEvidence)
    assert len(harness.producer._stopped) == 2
    changed(harness, "unpaused", {}, "e9", contracts[3])
    assert [one.subject.contract for one in harness.board.everything()] == [one.contract for one in contracts[:3]]


def silent(harness: ProducerHarness, second: float, silent_s: float, per_day: Scalar, event_id: str = "s1") -> None:
    harness.send(
        SignalKind.WALLET_SILENT, second, silent_s, WALLET, per_day=per_day, usual_s=600.0, event_id=event_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("per_day", "grade"), [(24.0, 1), (1.0, 2), (1 / 7, 3), (1 / 91, 4), (1e-6, 4), (100.0, 1), (None, 2)]
)
def test_a_silence_is_graded_by_its_false_alarm_rate(per_day: Scalar, grade: int) -> None:
    harness = ProducerHarness("wallet_silence")
    silent(harness, 1000, 700, per_day)
    [evidence] = harness.board.everything()
    assert (evidence.leg, evidence.grade, evidence.subject.venue) == (Leg.VENUE, grade, "alpha")
    assert evidence.at.timestamp() - evidence.onset.timestamp() == 700
    assert "alpha hot wallets paid out no BTC on ethereum for 700 s" in evidence.said


def test_a_silence_is_renewed_while_it_lasts_and_fades_when_payments_return() -> None:
    harness = ProducerHarness("wallet_silence")
    silent(harness, 1000, 700, 1.0)
    silent(harness, 1100, 800, 1 / 7, "s2")
    assert harness.grades == {"wallet_silence": 3}
    for second in range(1100, 1300):
        harness.second(second)
    [renewed] = harness.board.everything()
    assert renewed.at.timestamp() > renewed.onset.timestamp() + 900
    assert renewed.value > 900
    harness.send(SignalKind.WALLET_RESUMED, 1300, 1000, WALLET, silent_event_id="s1")
    for second in range(1300, 1500):
        harness.second(second)
    assert next(harness.board.everything()).at == renewed.at


def test_a_silence_in_a_dropped_block_is_retracted() -> None:
    harness = ProducerHarness("wallet_silence")
    silent(harness, 1000, 700, 1.0)
    harness.send(SignalKind.RETRACTION, 1001, subject=WALLET, retracts="another")
    assert harness.grades
    harness.send(SignalKind.RETRACTION, 1001, subject=WALLET, retracts="s1")
    assert not harness.grades
    assert len(harness.board.retracted) == 1
    harness.send(SignalKind.RETRACTION, 1002, subject=WALLET, retracts="s1")
    harness.send(SignalKind.WALLET_SILENT, 1002, 700, Subject(asset="BTC"), per_day=1.0)
    assert not harness.grades


def test_a_wallet_silent_for_days_is_not_renewed_and_silences_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ProducerHarness("wallet_silence")
    silent(harness, 0, 700, 1.0)
    [first] = harness.board.everything()
    day = int(wallet_silence.MAX_S)
    for second in range(day, day + 240):
        harness.second(second)
    assert (next(harness.board.everything()).at - first.at).total_seconds() <= day + 60
    monkeypatch.setattr(wallet_silence, "MAX_SILENCES", 1)
    silent(harness, 200_000, 700, 1.0)
    harness.send(SignalKind.WALLET_SILENT, 200_000, 700, Subject(asset="ETH", venue="beta"), per_day=1.0, usual_s=None)
    for second in range(200_001, 200_121):
        harness.second(second)
    renewed = {one.subject.asset: (one.at - at(200_000)).total_seconds() for one in harness.board.everything()}
    assert renewed["BTC"] == 0
    assert renewed["ETH"] > 60
