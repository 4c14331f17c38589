"""Tests of jumps of supply as evidence: graded by size and direction, higher without a log, withdrawn by a reorg."""

from __future__ import annotations

import pytest

from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.test_evidence import ProducerHarness

RIFT = Subject(asset="RIFT", network="ethereum", contract="0x" + "ab" * 20)


def jumped(
    harness: ProducerHarness, share: float, event_id: str = "j", subject: Subject = RIFT, **more: Scalar
) -> None:
    own: dict[str, Scalar] = {"event_id": event_id, "token": "0x" + "ab" * 20, "logged": True, "by": None}
    harness.send(SignalKind.SUPPLY_JUMPED, 10, share, subject, "", **(own | more))


@pytest.mark.parametrize(("share", "logged", "grade"), [
    (0.05, True, 1), (0.1, True, 2), (0.25, True, 3), (40.0, True, 3), (-0.9, True, 1),
    (0.05, False, 2), (0.3, False, 4), (-0.07, False, 2), (-0.1, False, 3), (-0.5, False, 4),
])  # fmt: skip
def test_a_jump_is_graded_by_its_size_and_is_graver_without_a_log(share: float, logged: bool, grade: int) -> None:
    harness = ProducerHarness("supply")
    jumped(harness, share, logged=logged)
    [evidence] = harness.board.everything()
    assert (evidence.name, evidence.grade, evidence.leg, evidence.value) == ("supply_jump", grade, Leg.MIGRATION, share)


def test_the_text_names_the_token_the_change_and_whose_units_they_are() -> None:
    for share, more, text in (
        (0.5, {"by": "0x" + "ee" * 20}, "rose by 50% within a block, most of it made for 0xeeee…eeee"),
        (-0.5, {"by": "0x" + "ee" * 20}, "fell by 50% within a block, most of it destroyed from 0xeeee…eeee"),
        (0.5, {"logged": False}, "rose by 50% within a block without a log"),
    ):
        harness = ProducerHarness("supply")
        jumped(harness, share, **more)
        assert harness.text == f"the supply of 0xabab…abab {text}"


def test_a_reorg_withdraws_it_and_a_jump_of_no_asset_is_no_evidence() -> None:
    harness = ProducerHarness("supply")
    jumped(harness, 0.5, "one")
    jumped(harness, 0.5, "two", Subject(network="ethereum"))
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="other")
    assert harness.grades == {"supply_jump": 3}
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="one")
    assert not harness.grades


def test_of_very_many_jumps_the_oldest_is_no_longer_known() -> None:
    harness = ProducerHarness("supply")
    for number in range(514):
        jumped(harness, 0.5, str(number))
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="0")
    assert len(list(harness.board.everything())) > 0
    assert any(one.id.endswith(":0") for one in harness.board.everything())
