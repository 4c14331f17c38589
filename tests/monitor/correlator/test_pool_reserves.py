"""A token's pools that empty, and a pool that becomes one-sided, move the migration leg; what stays among the pools does not."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import pool_reserves
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

POOLS = tuple(Subject(asset="BTC", network="ethereum", pool="0x" + digit * 40) for digit in "ab")
TOKENS = "0x" + "1" * 40, "0x" + "2" * 40


def reported(
    lone: LoneProducer,
    second: float,
    one: float,
    other: float,
    pool: Subject = POOLS[0],
    *,
    event: str = "",
    share: float = 0.5,
) -> None:
    """A report of a pool: its reserves, a tenth of which is within 2 %."""
    words: dict[str, Scalar] = {"event_id": event}
    for place, reserve in enumerate((one, other)):
        words |= {f"token{place}": TOKENS[place], f"reserve{place}": reserve, f"share{place}": share}
        words |= {f"depth{place}_{percent}": reserve * percent / 20 for percent in (1, 2, 5)}
    lone.send(SignalKind.POOL_DEPTH, second, share, pool, words)
    lone.complete(10.0 * (second // 10 + 1))


def watched(times: int = 6) -> LoneProducer:
    lone = LoneProducer("pool_reserves")
    for place in range(times):
        for pool in POOLS:
            reported(lone, 10.0 * place, 6e21, 6e21, pool)
    return lone


def test_a_reserve_that_falls_from_6e21_to_4e15_moves_the_migration_leg_alone() -> None:
    lone = watched()
    for pool in POOLS:
        reported(lone, 100, 4e15, 4e15, pool)
    first, other = lone.evidence
    assert (first.id, first.grade, first.leg) == (f"pool_reserves:BTC:{TOKENS[0]}", 3, Leg.MIGRATION)
    assert (first.onset, first.value, first.normal) == (moment(110), 8e15, 1.2e22)
    assert first.said == "the watched pools of BTC hold 100% less of 0x1111…1111 (reserve) than usual"
    assert other.subject.contract == TOKENS[1]
    assert lone.nats(Leg.MIGRATION, 110) >= 1.5


def test_the_quiet_twin_finds_nothing() -> None:
    lone = watched()
    assert lone.evidence == []
    assert lone.nats(Leg.MIGRATION, 110) == -1.0


@pytest.mark.parametrize(("left", "grade"), [(0.51, 0), (0.5, 1), (0.2, 2), (0.05, 3)])
def test_the_share_that_is_gone_grades(left: float, grade: int) -> None:
    lone = watched()
    for pool in POOLS:
        reported(lone, 100, 6e21 * left, 6e21 * left, pool)
    assert {one.grade for one in lone.evidence if one.name == "pool_reserves"} == ({grade} if grade else set())


def test_what_moves_to_the_other_watched_pool_is_no_fall() -> None:
    lone = watched()
    reported(lone, 100, 11e21, 11e21, POOLS[1])
    reported(lone, 101, 1e21, 1e21, POOLS[0])
    assert lone.evidence == []


def test_what_comes_back_withdraws_it() -> None:
    lone = watched()
    for pool in POOLS:
        reported(lone, 100, 1e21, 1e21, pool)
    assert lone.evidence
    for pool in POOLS:
        reported(lone, 200, 5e21, 5e21, pool)
    assert lone.evidence == []


def test_what_was_held_more_than_six_hours_ago_is_forgotten() -> None:
    lone = watched()
    reported(lone, 6 * 3600 + 100, 1e21, 1e21, POOLS[0])
    assert lone.evidence == []


@pytest.mark.parametrize(("tilted", "grade"), [(1.9, 0), (2.1, 1), (5.0, 2), (21.0, 3)])
def test_a_pool_whose_sides_part_is_one_sided(tilted: float, grade: int) -> None:
    lone = watched()
    reported(lone, 100, 6e21 * tilted, 6e21 / tilted, POOLS[0])
    found = [one for one in lone.evidence if one.name == "pool_one_sided"]
    assert [one.grade for one in found] == ([grade] if grade else [])
    if found:
        assert found[0].said.endswith("times more of 0x1111…1111 than usual")


def test_the_other_side_is_named_and_a_pool_that_comes_back_is_not_one_sided() -> None:
    lone = watched()
    reported(lone, 100, 6e20, 6e22, POOLS[0])
    assert "more of 0x2222…2222" in next(one.said for one in lone.evidence if one.name == "pool_one_sided")
    reported(lone, 200, 6e21, 6e21, POOLS[0])
    assert lone.evidence == []


def test_a_pool_with_next_to_nothing_of_the_depth_says_nothing_of_its_sides() -> None:
    lone = watched()
    reported(lone, 100, 6e22, 5.9e21, POOLS[0], share=0.001)
    assert lone.evidence == []


def test_a_reorg_withdraws_what_the_report_showed() -> None:
    lone = watched()
    reported(lone, 100, 1e18, 1e20, POOLS[0], event="e1")
    reported(lone, 100, 1e18, 1e20, POOLS[1], event="e2")
    assert {one.name for one in lone.evidence} == {"pool_one_sided", "pool_reserves"}
    for event in ("", "other", "e1", "e2"):
        lone.send(SignalKind.RETRACTION, 101, 0.0, Subject(network="ethereum"), {"retracts": event})
    assert lone.evidence == []


def test_what_is_no_report_is_passed_over_and_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_reserves, "MAX_POOLS", 2)
    lone = LoneProducer("pool_reserves")
    for number in range(6):
        where = Subject(asset="BTC", network="ethereum", pool=f"0x{number}")
        words: dict[str, Scalar] = {"token0": f"t{number}", "reserve0": None, "share0": None}
        lone.send(SignalKind.POOL_DEPTH, number, 0.0, where, words)
    lone.send(SignalKind.POOL_DEPTH, 7, 0.0, Subject(asset="BTC"))
    lone.send(SignalKind.POOL_DEPTH, 7, 0.0, Subject(pool="0x1"))
    lone.complete(10)
    lone.complete(11)
    assert len(lone.producer._pools) == 2  # type: ignore[attr-defined]
    assert len(lone.producer._tokens) == 4  # type: ignore[attr-defined]
    assert lone.evidence == []
