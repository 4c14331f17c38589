"""Tests of switches that are no pause as evidence: how grave, and what ends them."""

from __future__ import annotations

import pytest

from monitor.signals import Scalar, SignalKind
from tests.monitor.correlator.test_evidence import CHAIN, ProducerHarness


def changed(harness: ProducerHarness, change: str, **more: Scalar) -> None:
    harness.send(
        SignalKind.CONTROL_CHANGED, 10, 1.0, CHAIN, "", change=change, event_id=f"{change}{more.get('new')}", **more
    )


@pytest.mark.parametrize(("change", "seen_by", "grade"), [
    ("deprecated", "log", 3), ("target_closed", "log", 3), ("action_paused", "log", 2), ("action_paused", "state", 3),
    ("trading_closed", "state", 2), ("aggregator", "state", 2), ("aggregator", "log", 2), ("aggregator_pending", "log", 1),
])  # fmt: skip
def test_each_switch_has_its_grade(change: str, seen_by: str, grade: int) -> None:
    harness = ProducerHarness("control")
    changed(harness, change, seen_by=seen_by)
    assert harness.grades == {"control": grade}


@pytest.mark.parametrize(("stop", "end"), [
    ("paused", "unpaused"), ("trading_closed", "trading_opened"), ("action_paused", "action_resumed"),
    ("target_closed", "target_opened"),
])  # fmt: skip
def test_each_stop_is_withdrawn_by_its_own_end_alone(stop: str, end: str) -> None:
    harness = ProducerHarness("control")
    changed(harness, stop, new="Borrow")
    for other in ("unpaused", "trading_opened", "action_resumed", "target_opened"):
        if other != end:
            changed(harness, other, new="Borrow")
    assert harness.grades
    changed(harness, end, new="Borrow")
    assert not harness.grades


def test_resuming_one_action_leaves_the_others_paused() -> None:
    harness = ProducerHarness("control")
    changed(harness, "action_paused", new="Borrow")
    changed(harness, "action_paused", new="Mint")
    changed(harness, "action_resumed", new="Mint")
    [left] = harness.board.everything()
    assert left.id.endswith("Borrow")
