"""Runs work on a fixed schedule: slots at start + n × interval. An overrun misses slots, which are reported; it shifts none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from math import ceil
from zlib import crc32

from probes.rest.http import Clock

Sleep = Callable[[float], Awaitable[None]]


def phase_s(name: str, every_s: float) -> float:
    """A check's own offset within its interval, the same at every start, so that checks do not run at the same time."""
    return crc32(name.encode()) / 2**32 * min(every_s, 60.0)


async def on_schedule(
    every_s: float,
    first_at: datetime,
    act: Callable[[datetime], Awaitable[None]],
    missed: Callable[[datetime, int], None],
    *,
    clock: Clock,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Run `act(slot)` for each slot, for ever; `missed(slot, count)` reports the slots that passed meanwhile."""
    assert every_s > 0
    slot = 0
    while True:
        due = first_at + timedelta(seconds=slot * every_s)
        wait_s = (due - clock()).total_seconds()
        if wait_s > 0:
            await sleep(wait_s)
        await act(due)
        passed = ceil((clock() - first_at).total_seconds() / every_s)
        following = max(slot + 1, passed)
        if following > slot + 1:
            missed(due, following - slot - 1)
        slot = following
