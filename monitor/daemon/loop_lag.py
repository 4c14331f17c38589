"""Measures how late our own event loop is: the lateness of a wake-up each 50 ms, told at most once a second.

What is read late because of us must not be told as a venue's delay (`monitor/correlator/own_lag.py`). The longest steps of the
loop were full garbage collections, 30 to 60 ms each, mostly over modules and classes, which live as long as the process.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import datetime, timedelta
from math import floor
from time import monotonic

from monitor.signals import Clock

WAKE_S = 0.05
LATE_S = 0.05
"""Below this we are as exact as a venue's own jitter; an asyncio timer is good to about a millisecond."""

Tell = Callable[[datetime, float], None]
"""Takes when a period of lateness began, and how many seconds we were late in its second."""


class LoopLag:
    """Measures the lag of the running event loop. `observe` gets every lateness in seconds."""

    def __init__(self, clock: Clock, tell: Tell, observe: Callable[[float], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._observe = observe
        self._began: datetime | None = None
        self._late_s = 0.0

    async def run(self) -> None:
        """Measure for ever. While it runs, what the process has made by now is not looked at by the garbage collector again."""
        gc.collect()
        gc.freeze()
        try:
            while True:
                due_s = monotonic() + WAKE_S
                await asyncio.sleep(WAKE_S)
                self.woke(max(monotonic() - due_s, 0.0))
        finally:
            gc.unfreeze()

    def woke(self, late_s: float) -> None:
        """Take the lateness of one wake-up, which is now."""
        self._observe(late_s)
        now = self._clock()
        if late_s > LATE_S:
            began = now - timedelta(seconds=late_s)
            if self._began is not None and floor(began.timestamp()) > floor(self._began.timestamp()):
                self._end()
            self._began = self._began or began
            self._late_s += late_s
        if self._began is not None and floor(now.timestamp()) > floor(self._began.timestamp()):
            self._end()

    def _end(self) -> None:
        assert self._began is not None
        began, late_s = self._began, self._late_s
        self._began, self._late_s = None, 0.0
        self._tell(began, late_s)
