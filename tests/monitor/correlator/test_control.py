"""Evidence of control over contracts by its gravity, and of hot wallets that fell silent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from monitor.correlator.evidence import control, wallet_silence
from monitor.correlator.evidence.control import ROLES
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import CHAIN, Bench

MINTER = next(role for role, name in ROLES.items() if name == "MINTER_ROLE")
PAUSER = next(role for role, name in ROLES.items() if name == "PAUSER_ROLE")
WALLET = Subject(asset="BTC", venue="alpha", network="ethereum")


def changed(
    bench: Bench, change: str, said: Mapping[str, Scalar], event_id: str = "e1", subject: Subject = CHAIN
) -> None:
    attributes = {"change": change, "event_id": event_id} | dict(said)
    kind = SignalKind.CONTROL_CHANGED
    signal = Signal(kind, subject, at(10), at(10), "ethereum/chain", 1, 1.0, attributes)
    bench.producer.on_signal(signal, at(10).timestamp())


@pytest.mark.parametrize(
    ("change", "said", "grade"),
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
def test_changes_of_control_are_graded_by_severity(change: str, said: dict[str, Scalar], grade: int) -> None:
    bench = Bench("control")
    changed(bench, change, said)
    [evidence] = bench.board.everything()
    assert (evidence.leg, evidence.grade) == (Leg.MIGRATION, grade)
    assert change.replace("_", " ") in evidence.said


def test_the_text_names_the_role_the_account_and_the_emitter() -> None:
    bench = Bench("control")
    changed(
        bench, "role_granted", {"role": MINTER, "account": "0x2", "emitter": "0xeee", "old": None, "escaped": False}
    )
    assert bench.said == f"{CHAIN.contract}: role granted MINTER_ROLE 0x2 (told by 0xeee)"
    other = Bench("control")
    changed(other, "owner", {"old": "0x1", "new": "0x2", "escaped": True, "emitter": CHAIN.contract})
    assert other.said == f"{CHAIN.contract}: owner from 0x1 to 0x2 (left its timelock)"
    silent = Bench("control")
    changed(silent, "threshold", {"old": "3", "new": "1", "seen_by": "state"})
    assert silent.said == f"{CHAIN.contract}: threshold from 3 to 1 without a log"


def test_unpausing_removes_the_pause_and_a_reorg_retracts_any_change() -> None:
    bench = Bench("control")
    changed(bench, "paused", {}, "e1")
    changed(bench, "unpaused", {}, "e2")
    assert not bench.grades
    assert not bench.board.retracted
    changed(bench, "owner", {}, "e3")
    bench.say(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="e3")
    bench.say(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="never told")
    assert not bench.grades
    assert len(bench.board.retracted) == 1
    changed(bench, "unpaused", {}, "e4")
    changed(bench, "owner", {}, "e5", subject=Subject(network="ethereum"))
    assert not bench.grades


def test_remembered_changes_of_control_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CHANGES", 2)
    bench = Bench("control")
    for number in range(4):
        changed(bench, "owner", {}, f"e{number}")
    bench.say(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="e0")
    assert not bench.board.retracted
    bench.say(SignalKind.RETRACTION, 11, subject=CHAIN, retracts="e3")
    assert len(bench.board.retracted) == 1


def silent(bench: Bench, second: float, silent_s: float, per_day: Scalar, event_id: str = "s1") -> None:
    bench.say(
        SignalKind.WALLET_SILENT, second, silent_s, WALLET, per_day=per_day, usual_s=600.0, event_id=event_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("per_day", "grade"), [(24.0, 1), (1.0, 2), (1 / 7, 3), (1 / 91, 4), (1e-6, 4), (100.0, 1), (None, 2)]
)
def test_a_silence_is_graded_by_its_false_alarm_rate(per_day: Scalar, grade: int) -> None:
    bench = Bench("wallet_silence")
    silent(bench, 1000, 700, per_day)
    [evidence] = bench.board.everything()
    assert (evidence.leg, evidence.grade, evidence.subject.venue) == (Leg.VENUE, grade, "alpha")
    assert evidence.at.timestamp() - evidence.onset.timestamp() == 700
    assert "alpha hot wallets paid out no BTC on ethereum for 700 s" in evidence.said


def test_a_silence_is_renewed_while_it_lasts_and_fades_when_payments_return() -> None:
    bench = Bench("wallet_silence")
    silent(bench, 1000, 700, 1.0)
    silent(bench, 1100, 800, 1 / 7, "s2")
    assert bench.grades == {"wallet_silence": 3}
    for second in range(1100, 1300):
        bench.second(second)
    [renewed] = bench.board.everything()
    assert renewed.at.timestamp() > renewed.onset.timestamp() + 900
    assert renewed.value > 900
    bench.say(SignalKind.WALLET_RESUMED, 1300, 1000, WALLET, silent_event_id="s1")
    for second in range(1300, 1500):
        bench.second(second)
    assert next(bench.board.everything()).at == renewed.at


def test_a_silence_in_a_dropped_block_is_retracted() -> None:
    bench = Bench("wallet_silence")
    silent(bench, 1000, 700, 1.0)
    bench.say(SignalKind.RETRACTION, 1001, subject=WALLET, retracts="another")
    assert bench.grades
    bench.say(SignalKind.RETRACTION, 1001, subject=WALLET, retracts="s1")
    assert not bench.grades
    assert len(bench.board.retracted) == 1
    bench.say(SignalKind.RETRACTION, 1002, subject=WALLET, retracts="s1")
    bench.say(SignalKind.WALLET_SILENT, 1002, 700, Subject(asset="BTC"), per_day=1.0)
    assert not bench.grades


def test_a_wallet_silent_for_days_is_not_renewed_and_silences_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("wallet_silence")
    silent(bench, 0, 700, 1.0)
    [first] = bench.board.everything()
    day = int(wallet_silence.MAX_S)
    for second in range(day, day + 240):
        bench.second(second)
    assert (next(bench.board.everything()).at - first.at).total_seconds() <= day + 60
    monkeypatch.setattr(wallet_silence, "MAX_SILENCES", 1)
    silent(bench, 200_000, 700, 1.0)
    bench.say(SignalKind.WALLET_SILENT, 200_000, 700, Subject(asset="ETH", venue="beta"), per_day=1.0, usual_s=None)
    for second in range(200_001, 200_121):
        bench.second(second)
    renewed = {one.subject.asset: (one.at - at(200_000)).total_seconds() for one in bench.board.everything()}
    assert renewed["BTC"] == 0
    assert renewed["ETH"] > 60
