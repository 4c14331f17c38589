"""A bounded queue of readings: when it is full, it drops the oldest routine reading first.

Drops are counted by the kind of reading. One reader, many writers, one event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from probes.readings import FeedChanged, Liquidation, Reading, VenueClock, WalletStatus

MAX_READINGS = 20_000
_PROTECTED = (Liquidation, FeedChanged, WalletStatus, VenueClock)


class ReadingQueue:
    """Readings on their way to the monitor. Liquidations, feed events, wallets and clocks are dropped last."""

    def __init__(self, max_readings: int = MAX_READINGS) -> None:
        self._max_readings = max_readings
        self._waiting: deque[Reading] = deque()
        self._has_readings = asyncio.Event()
        self.dropped: Counter[str] = Counter()

    def put(self, reading: Reading) -> None:
        """Add a reading; drop another if the queue is full."""
        if len(self._waiting) >= self._max_readings:
            self._make_room()
        self._waiting.append(reading)
        self._has_readings.set()

    def _make_room(self) -> None:
        for index, old in enumerate(self._waiting):
            if not isinstance(old, _PROTECTED):
                self.dropped[type(old).__name__] += 1
                del self._waiting[index]
                return
        self.dropped[type(self._waiting[0]).__name__] += 1
        self._waiting.popleft()

    def __len__(self) -> int:
        return len(self._waiting)

    async def filled(self) -> None:
        """Return when a reading waits; it stays until it is taken."""
        while not self._waiting:
            self._has_readings.clear()
            await self._has_readings.wait()

    def take(self) -> Reading:
        """The oldest reading that waits. Raises IndexError where there is none."""
        return self._waiting.popleft()

    async def get(self) -> Reading:
        """The next reading; waits for one."""
        await self.filled()
        return self.take()

    def drain(self) -> list[Reading]:
        """All waiting readings, without waiting."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting
