"""Tests of standing networks as evidence: of which assets, how grave, and when it ends."""

from __future__ import annotations

import pytest

from monitor.incidents import Leg
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import ProducerHarness

FLOW = Subject(network="flow")
SOURCE = "flow/chain"


def watching(*assets: str) -> ProducerHarness:
    harness = ProducerHarness("network_halts")
    for asset in assets:
        harness.send(SignalKind.EXPECT, 0, 30.0, Subject(asset=asset, network="flow"), SOURCE, leg="migration")
    return harness


@pytest.mark.parametrize(("stalled_s", "grade"), [(10.0, 1), (299.0, 1), (300.0, 2), (1800.0, 3), (90_000.0, 3)])
def test_a_network_that_stands_still_is_evidence_for_each_asset_there(stalled_s: float, grade: int) -> None:
    harness = watching("FLOW", "USDC")
    harness.send(
        SignalKind.HEAD_STALLED, 100, stalled_s, FLOW, SOURCE, answered=True, block=7, since="2025-12-27T13:30:00+00:00"
    )
    found = list(harness.board.everything())
    assert [(one.subject.asset, one.grade, one.leg) for one in found] == [
        ("FLOW", grade, Leg.MIGRATION), ("USDC", grade, Leg.MIGRATION),
    ]  # fmt: skip
    assert found[0].onset.timestamp() == at(100).timestamp() - stalled_s
    assert found[0].said == f"flow stands still at block 7 for {stalled_s:.0f} s, since 2025-12-27T13:30:00+00:00"


def test_a_head_that_moves_again_withdraws_it() -> None:
    harness = watching("FLOW")
    harness.send(SignalKind.HEAD_STALLED, 100, 40.0, FLOW, SOURCE, answered=True, block=7, since=None)
    assert harness.text == "flow stands still at block 7 for 40 s"
    harness.send(SignalKind.HEAD_RESUMED, 200, 140.0, Subject(network="other"), "other/chain")
    assert harness.grades == {"network_halted": 1}
    harness.send(SignalKind.HEAD_RESUMED, 200, 140.0, FLOW, SOURCE)
    assert not harness.grades


def test_a_network_of_which_no_node_answers_is_unseen_and_no_evidence() -> None:
    harness = watching("FLOW")
    harness.send(SignalKind.HEAD_STALLED, 100, 4000.0, FLOW, SOURCE, answered=False, block=-1)
    assert not harness.grades


def test_expectations_of_other_sources_name_no_asset_of_the_network() -> None:
    harness = watching()
    harness.send(SignalKind.EXPECT, 0, 30.0, Subject(asset="FLOW", network="flow"), "alpha/rest")
    harness.send(SignalKind.EXPECT, 0, 30.0, FLOW, SOURCE)
    harness.send(SignalKind.EXPECT, 0, 30.0, Subject(asset="FLOW"), SOURCE)
    harness.send(SignalKind.HEAD_STALLED, 100, 4000.0, FLOW, SOURCE, answered=True, block=7)
    assert not harness.grades
