"""Slots are at start + n × interval; an overrun reports the skipped slots and shifts nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.rest.schedule import on_schedule, phase_s
from tests.branches import Reached

START = datetime(2026, 11, 1, tzinfo=UTC)


class _Over(Exception):
    """Ends a schedule that would run for ever."""


class _Time:
    """A clock that only sleeping and acting move."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.now_s)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def _run(
    lengths_s: list[float], every_s: float, first_s: float = 0.0
) -> tuple[list[float], list[tuple[float, int]]]:
    """Slots run and slots missed (due, count), in seconds from the start, for actions of these lengths."""
    time, left = _Time(), list(lengths_s)
    acted: list[float] = []
    skipped: list[tuple[float, int]] = []

    async def act(due: datetime) -> None:
        if not left:
            raise _Over
        acted.append((due - START).total_seconds())
        time.now_s += left.pop(0)

    def missed(due: datetime, count: int) -> None:
        skipped.append(((due - START).total_seconds(), count))

    with pytest.raises(_Over):
        await on_schedule(every_s, START + timedelta(seconds=first_s), act, missed, clock=time.clock, sleep=time.sleep)
    return acted, skipped


async def test_each_slot_runs_at_its_time() -> None:
    assert await _run([0.1, 3.0, 0.0], 5.0, first_s=2.0) == ([2.0, 7.0, 12.0], [])


async def test_an_overrun_misses_slots_and_never_shifts_them() -> None:
    assert await _run([12.0, 0.1, 5.0], 5.0) == ([0.0, 15.0, 20.0], [(0.0, 2)])


async def test_an_action_that_takes_exactly_its_interval_misses_nothing() -> None:
    assert await _run([5.0, 5.0, 5.0], 5.0) == ([0.0, 5.0, 10.0], [])


missing = Reached("a slot missed")


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(1, 10))
async def test_every_slot_is_either_run_or_missed(lengths: list[int], every: int) -> None:
    acted, skipped = await _run([float(one) for one in lengths], float(every))
    assert all(slot % every == 0 for slot in acted)
    missing(bool(skipped))
    if acted:
        assert len(acted) + sum(count for due, count in skipped if due < acted[-1]) == acted[-1] / every + 1


@given(st.text(), st.floats(0.1, 7200))
def test_a_check_has_its_own_offset_within_the_first_minute_of_its_interval(name: str, every_s: float) -> None:
    assert 0 <= phase_s(name, every_s) < min(every_s, 60.0)
    assert phase_s(name, every_s) == phase_s(name, every_s)
