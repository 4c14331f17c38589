"""A bounded queue of readings: when it is full, it drops the oldest routine reading first.

Drops are counted by the kind of reading. One reader, many writers, one event loop. Every step costs the same, however full it is:
a flood must not make each of its readings dear.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence

from probes.readings import ClaimChanged, FeedChanged, Liquidation, Reading, VenueClock, WalletStatus

MAX_READINGS = 20_000
_PROTECTED = frozenset({Liquidation, FeedChanged, ClaimChanged, WalletStatus, VenueClock})


class ReadingQueue:
    """Readings on their way to the monitor. Liquidations, feed events, wallets and clocks are dropped last."""

    def __init__(self, max_readings: int = MAX_READINGS) -> None:
        self._max_readings = max_readings
        self._protected: deque[tuple[int, Reading]] = deque()
        self._routine: deque[tuple[int, Reading]] = deque()
        self._number = 0
        self._has_readings = asyncio.Event()
        self.dropped: Counter[str] = Counter()
        self.on_drop: Callable[[str], None] = lambda _kind: None
        """Called with the kind of each reading that is dropped."""

    def put(self, reading: Reading) -> None:
        """Add a reading; drop another if the queue is full."""
        protected, routine = self._protected, self._routine
        if len(protected) + len(routine) >= self._max_readings:
            _, old = (routine or protected).popleft()
            self.dropped[type(old).__name__] += 1
            self.on_drop(type(old).__name__)
        self._number += 1
        (protected if type(reading) in _PROTECTED else routine).append((self._number, reading))
        self._has_readings.set()

    def __len__(self) -> int:
        return len(self._protected) + len(self._routine)

    async def filled(self) -> None:
        """Return when a reading waits; it stays until it is taken."""
        while not len(self):
            self._has_readings.clear()
            await self._has_readings.wait()

    def take(self) -> Reading:
        """The oldest reading that waits. Raises IndexError where there is none."""
        protected, routine = self._protected, self._routine
        is_protected = protected and (not routine or protected[0][0] < routine[0][0])
        return (protected if is_protected else routine).popleft()[1]

    async def get(self) -> Reading:
        """The next reading; waits for one."""
        await self.filled()
        return self.take()

    async def get_from(self, tasks: Sequence[asyncio.Task[None]]) -> Reading:
        """The next reading, from tasks that never end by themselves; raises what one of them failed with."""
        while not len(self):
            waiting = asyncio.ensure_future(self.filled())
            try:
                done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
            for one in done:
                one.result()
        return self.take()

    def drain(self) -> list[Reading]:
        """All waiting readings, without waiting."""
        return [self.take() for _ in range(len(self))]
