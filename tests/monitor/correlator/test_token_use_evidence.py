"""Token use as context: far busier than usual, or emptier pools; never more than a little."""

from __future__ import annotations

import random

import pytest

from monitor.correlator.evidence import token_use
from monitor.correlator.evidence.token_use import NATS
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import CHAIN, Bench


def hour(bench: Bench, number: int, transfers: float, subject: Subject = CHAIN, **said: Scalar) -> None:
    attributes: dict[str, Scalar] = {"complete": True, "event_id": f"h{number}"}
    signal = Signal(
        SignalKind.TOKEN_USE, subject, at(3600 * number), at(3600 * number), "ethereum/chain", 1, transfers,
        attributes | said,
    )  # fmt: skip
    bench.producer.on_signal(signal, at(3600 * number).timestamp())
    bench.second(3600 * number)


def usual(bench: Bench, hours: int, subject: Subject = CHAIN) -> None:
    rng = random.Random(7)
    for number in range(hours):
        hour(bench, number, rng.gauss(1000, 100), subject, active=int(rng.gauss(300, 30)), reserves=1e24)


def test_ordinary_hours_make_no_evidence() -> None:
    bench = Bench("token_use")
    usual(bench, 24 * 14)
    assert not bench.grades


@pytest.mark.parametrize(
    ("transfers", "said", "words"),
    [
        (20_000, {"active": 300, "reserves": 1e24}, "20000 transfers in an hour, usually 9"),
        (1000, {"active": 9000}, "9000 active addresses in an hour"),
        (1000, {"active": 300, "reserves": 4e23}, "pools hold 40% of what they held within a day"),
    ],
)
def test_unusual_hours_add_a_little_context(transfers: float, said: dict[str, Scalar], words: str) -> None:
    bench = Bench("token_use")
    usual(bench, 72)
    hour(bench, 72, transfers, CHAIN, **said)
    [evidence] = bench.board.everything()
    assert (evidence.leg, evidence.weight, evidence.subject.contract) == (Leg.FRAGILITY, NATS, CHAIN.contract)
    assert words in evidence.said
    bench.say(SignalKind.RETRACTION, 1, subject=CHAIN, retracts="h71")
    assert bench.grades
    bench.say(SignalKind.RETRACTION, 1, subject=CHAIN, retracts="h72")
    assert not bench.grades


def test_incomplete_hours_and_unknown_assets_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("token_use")
    usual(bench, 72)
    hour(bench, 72, 90_000, complete=False)
    hour(bench, 72, 90_000, Subject(network="ethereum"))
    assert not bench.grades
    monkeypatch.setattr(token_use, "MAX_TOKENS", 1)
    hour(bench, 73, 1000, Subject(asset="ETH", contract="0x2"), active=None)
    hour(bench, 74, 90_000)  # forgotten for the other: not judged before it is warm again
    assert not bench.grades
