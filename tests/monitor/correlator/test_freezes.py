"""Tests of freezes by a token's issuer as evidence."""

from __future__ import annotations

from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.test_evidence import ProducerHarness

POOL = Subject(asset="RIFT", network="ethereum", pool="0x" + "ab" * 20)
WALLET = Subject(asset="USDT", network="ethereum", venue="bybit")


def sent(harness: ProducerHarness, frozen: float, subject: Subject = POOL, event_id: str = "f", **more: Scalar) -> None:
    own: dict[str, Scalar] = {"event_id": event_id, "token": "0x" + "cd" * 20, "holder": "0xh", "destroyed": None}
    harness.send(SignalKind.HOLDER_FROZEN, 10, frozen, subject, "", **(own | more))


def test_a_frozen_pool_is_grade_three_until_it_is_lifted() -> None:
    harness = ProducerHarness("freezes")
    sent(harness, 1.0)
    [evidence] = harness.board.everything()
    assert (evidence.name, evidence.grade, evidence.leg) == ("holder_frozen", 3, Leg.MIGRATION)
    assert evidence.said == "pool 0xabab…abab was frozen by the issuer of 0xcdcd…cdcd"
    sent(harness, 0.0, holder="0xother")
    assert harness.grades
    sent(harness, 0.0)
    assert not harness.grades
    assert not harness.board.retracted


def test_destroyed_units_of_a_hot_wallet_are_grade_four() -> None:
    harness = ProducerHarness("freezes")
    sent(harness, 1.0, WALLET, destroyed=5e6)
    assert harness.grades == {"holder_frozen": 4}
    assert harness.text == "hot wallet of bybit lost 5e+06 units by the issuer of 0xcdcd…cdcd"


def test_a_reorg_withdraws_the_freeze_that_it_undoes() -> None:
    harness = ProducerHarness("freezes")
    sent(harness, 1.0)
    sent(harness, 1.0, Subject(network="ethereum"), "none")
    harness.send(SignalKind.RETRACTION, 20, 1.0, POOL, retracts="other")
    assert harness.grades
    harness.send(SignalKind.RETRACTION, 20, 1.0, POOL, retracts="f")
    assert not harness.grades
    assert [one.name for one in harness.board.retracted] == ["holder_frozen"]


def test_of_very_many_freezes_the_oldest_is_no_longer_known() -> None:
    harness = ProducerHarness("freezes")
    for number in range(514):
        sent(harness, 1.0, event_id=str(number), holder=hex(number))
    sent(harness, 0.0, holder="0x0")
    sent(harness, 0.0, holder="0x201")
    ids = {one.id.rpartition("/")[2] for one in harness.board.everything()}
    assert "0x0" in ids
    assert "0x201" not in ids
