"""The operator's own events as evidence: of the leg and grade they were given, renewed by others, withdrawn by a reorg."""

from __future__ import annotations

import pytest

from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import TOKEN, LoneProducer


def seen(lone: LoneProducer, second: float, event_id: str, rule: str = "stopped", **more: Scalar) -> None:
    words: dict[str, Scalar] = {
        "event_id": event_id, "rule": rule, "signature": "Paused(address)", "arguments": "account=0xb0", "leg": "venue",
        "grade": 3,
    }  # fmt: skip
    lone.send(SignalKind.CUSTOM_EVENT, second, 1.0, TOKEN, words | more, "ethereum/chain")


def retracted(lone: LoneProducer, event_id: str, subject: Subject = TOKEN) -> None:
    lone.send(SignalKind.RETRACTION, 9, 1.0, subject, {"retracts": event_id}, "ethereum/chain")


@pytest.mark.parametrize("leg", list(Leg))
@pytest.mark.parametrize("grade", [1, 2, 3, 4])
def test_an_event_is_evidence_of_the_leg_and_grade_that_the_operator_gave_it(leg: Leg, grade: int) -> None:
    lone = LoneProducer("custom_events")
    lone.link = "a:b"
    seen(lone, 5, "e1", leg=leg.value, grade=grade)
    evidence = lone.only()
    assert (evidence.leg, evidence.grade, evidence.weight) == (leg, grade, float(grade))
    assert (evidence.subject.asset, evidence.subject.contract) == (TOKEN.asset, TOKEN.contract)
    assert evidence.links == ("a:b",)
    assert evidence.half_life_s == 3600.0
    assert f"stopped: {TOKEN.contract} wrote Paused(address) (account=0xb0)" in evidence.said


def test_another_event_of_a_rule_renews_its_evidence_and_another_rule_has_its_own() -> None:
    lone = LoneProducer("custom_events")
    seen(lone, 5, "e1")
    seen(lone, 8, "e2")
    evidence = lone.only()
    assert evidence.at.timestamp() - evidence.onset.timestamp() == 3
    seen(lone, 9, "e3", rule="other")
    assert len(lone.evidence) == 2
    lone.complete(10)
    assert len(lone.evidence) == 2


def test_a_reorg_withdraws_a_rule_with_its_last_event() -> None:
    lone = LoneProducer("custom_events")
    seen(lone, 5, "e1")
    seen(lone, 8, "e2")
    for gone in ("e1", "e1", "unknown"):
        retracted(lone, gone)
        assert lone.only()
    retracted(lone, "e2", Subject(asset="ETH"))
    assert lone.only()
    retracted(lone, "e2")
    assert not lone.evidence


def test_an_event_without_an_asset_is_no_evidence() -> None:
    lone = LoneProducer("custom_events")
    lone.send(SignalKind.CUSTOM_EVENT, 1, 1.0, Subject(network="ethereum"), {"leg": "venue", "grade": 4})
    assert not lone.evidence
