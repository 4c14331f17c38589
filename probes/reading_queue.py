"""A bounded queue with a stated rule: when it is full, the oldest routine reading goes first, never a liquidation.

Drops are counted by the kind of reading. One reader, many writers, one event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from probes.readings import FeedChanged, Liquidation, Reading, VenueClock, WalletStatus

MOST = 20_000
_KEPT = (Liquidation, FeedChanged, WalletStatus, VenueClock)


class ReadingQueue:
    """Readings on their way up."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: deque[Reading] = deque()
        self._some = asyncio.Event()
        self.dropped: Counter[str] = Counter()

    def put(self, reading: Reading) -> None:
        """Add a reading; make room by the rule."""
        if len(self._waiting) >= self._most:
            self._make_room()
        self._waiting.append(reading)
        self._some.set()

    def _make_room(self) -> None:
        for index, old in enumerate(self._waiting):
            if not isinstance(old, _KEPT):
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
            self._some.clear()
            await self._some.wait()

    def take(self) -> Reading:
        """The oldest reading that waits. Raises IndexError where there is none."""
        return self._waiting.popleft()

    async def get(self) -> Reading:
        """The next reading."""
        await self.filled()
        return self.take()

    def drain(self) -> list[Reading]:
        """Everything that waits."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting
