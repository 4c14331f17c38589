"""Tests of token use as context: much more traffic than normal, or emptier pools; it adds only a little."""

from __future__ import annotations

import random

import pytest

from monitor.correlator.evidence import token_use
from monitor.correlator.evidence.token_use import NATS
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import CHAIN, ProducerHarness


def hour(harness: ProducerHarness, number: int, transfers: float, subject: Subject = CHAIN, **more: Scalar) -> None:
    attributes: dict[str, Scalar] = {"complete": True, "event_id": f"h{number}"}
    signal = Signal(
        SignalKind.TOKEN_USE, subject, at(3600 * number), at(3600 * number), "ethereum/chain", 1, transfers,
        attributes | more,
    )  # fmt: skip
    harness.producer.on_signal(signal, at(3600 * number).timestamp())
    harness.second(3600 * number)


def usual(harness: ProducerHarness, hours: int, subject: Subject = CHAIN) -> None:
    rng = random.Random(7)
    for number in range(hours):
        hour(harness, number, rng.gauss(1000, 100), subject, active=int(rng.gauss(300, 30)), reserves=1e24)


def test_ordinary_hours_make_no_evidence() -> None:
    harness = ProducerHarness("token_use")
    usual(harness, 24 * 14)
    assert not harness.grades


@pytest.mark.parametrize(
    ("transfers", "more", "text"),
    [
        (20_000, {"active": 300, "reserves": 1e24}, "20000 transfers in an hour, usually 9"),
        (1000, {"active": 9000}, "9000 active addresses in an hour"),
        (1000, {"active": 300, "reserves": 4e23}, "pools hold 40% of what they held within a day"),
    ],
)
def test_unusual_hours_add_a_little_context(transfers: float, more: dict[str, Scalar], text: str) -> None:
    harness = ProducerHarness("token_use")
    usual(harness, 72)
    hour(harness, 72, transfers, CHAIN, **more)
    [evidence] = harness.board.everything()
    assert (evidence.leg, evidence.weight, evidence.subject.contract) == (Leg.FRAGILITY, NATS, CHAIN.contract)
    assert text in evidence.said
    harness.send(SignalKind.RETRACTION, 1, subject=CHAIN, retracts="h71")
    assert harness.grades
    harness.send(SignalKind.RETRACTION, 1, subject=CHAIN, retracts="h72")
    assert not harness.grades


def test_incomplete_hours_and_unknown_assets_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ProducerHarness("token_use")
    usual(harness, 72)
    hour(harness, 72, 90_000, complete=False)
    hour(harness, 72, 90_000, Subject(network="ethereum"))
    assert not harness.grades
    monkeypatch.setattr(token_use, "MAX_TOKENS", 1)
    hour(harness, 73, 1000, Subject(asset="ETH", contract="0x2"), active=None)
    hour(harness, 74, 90_000)  # dropped for the other token: not judged until it is warm again
    assert not harness.grades
