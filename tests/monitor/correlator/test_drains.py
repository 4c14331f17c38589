"""Tests of drains of pools as evidence: graded by depth or pool share, graver if no trade explains them, retracted."""

from __future__ import annotations

import pytest

from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import ProducerHarness

POOL = "0x" + "ab" * 20
RIFT = Subject(asset="RIFT", network="ethereum", pool=POOL)


def drained(
    harness: ProducerHarness, share: float, *, subject: Subject = RIFT, event_id: str = "d", **more: Scalar
) -> None:
    own: dict[str, Scalar] = {
        "event_id": event_id, "pool_kind": "uniswap_v2", "token": "0x" + "cd" * 20, "before": 10.0, "after": 1.0,
        "cause": "swap", "by": None, "depth_share": share,
    }  # fmt: skip
    signal = Signal(
        SignalKind.POOL_DRAINED,
        subject,
        at(10),
        at(10),
        "ethereum/chain",
        1,
        share,
        own | more,
        more.get("link"),  # type: ignore[arg-type]
    )
    harness.producer.on_signal(signal, at(10).timestamp())


@pytest.mark.parametrize(("share", "cause", "grade"), [
    (0.19, "swap", 0), (0.2, "swap", 1), (0.45, "swap", 2), (0.99, "swap", 3), (0.99, "unknown", 3),
    (0.19, "burn", 0), (0.2, "mint", 2), (0.45, "sync", 3), (0.99, "taken", 4), (0.7, "rebase", 4),
])  # fmt: skip
def test_a_drain_is_graded_by_its_share_and_is_graver_where_no_trade_explains_it(
    share: float, cause: str, grade: int
) -> None:
    harness = ProducerHarness("drains")
    drained(harness, share, cause=cause)
    assert harness.grades == ({"pool_drained": grade} if grade else {})


def test_the_depth_counts_before_the_pools_own_share() -> None:
    harness = ProducerHarness("drains")
    drained(harness, 0.99, depth_share=0.3)
    assert harness.grades == {"pool_drained": 1}
    harness = ProducerHarness("drains")
    drained(harness, 0.99, depth_share=None)
    [evidence] = harness.board.everything()
    assert (evidence.grade, evidence.unit, evidence.leg) == (3, "share of pool", Leg.MIGRATION)


def test_the_text_names_the_pool_the_token_the_cause_and_who_got_it() -> None:
    harness = ProducerHarness("drains")
    drained(harness, 0.9, depth_share=0.45, cause="mint", by="0x" + "ee" * 20)
    assert harness.text == (
        "uniswap_v2 0xabab…abab lost 90% of its 0xcdcd…cdcd, 45% of the ±2 % depth: bought with units made for the buyer"
        " by 0xeeee…eeee"
    )
    harness = ProducerHarness("drains")
    drained(harness, 0.9, depth_share=None, cause="new", link="trace:span")
    assert harness.text == "uniswap_v2 0xabab…abab lost 90% of its 0xcdcd…cdcd: cause not known"


def test_a_reorg_withdraws_the_drain_and_nothing_else() -> None:
    harness = ProducerHarness("drains")
    drained(harness, 0.9)
    drained(harness, 0.9, event_id="e", subject=Subject(asset="RIFT", network="ethereum", pool="0x" + "12" * 20))
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="d")
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="other")
    harness.send(SignalKind.RETRACTION, 20, 1.0, Subject(network="ethereum"), retracts="e")
    [left] = harness.board.everything()
    assert left.id.endswith(":e")


def test_of_very_many_drains_the_oldest_is_no_longer_known() -> None:
    harness = ProducerHarness("drains")
    for number in range(514):
        drained(harness, 0.9, event_id=str(number))
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="0")
    harness.send(SignalKind.RETRACTION, 20, 1.0, RIFT, retracts="513")
    left = {one.id.rpartition(":")[2] for one in harness.board.everything()}
    assert "0" in left
    assert "513" not in left
