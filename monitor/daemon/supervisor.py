"""Keeps the daemon's parts running: a part that fails is named, counted and started again, with growing pauses.

Failures come in three kinds. The world's never get here (they are readings). The operator's (OperatorError) end the
daemon with their message. Ours (anything else) restart the part alone: the others go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from monitor.errors import OperatorError
from monitor.signals import Clock

Part = Callable[[], Awaitable[None]]
log = logging.getLogger("stormwatch.supervise")

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 60.0
LOOP_WINDOW = timedelta(minutes=5)
LOOP_RESTARTS = 5


class Supervisor:
    """Runs named parts until they return, are cancelled, or an operator's mistake ends everything."""

    def __init__(self, clock: Clock, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._clock = clock
        self._first_pause_s = first_pause_s
        self.restarts: Counter[str] = Counter()
        self._recent: dict[str, deque[datetime]] = {}

    async def keep(self, name: str, part: Part) -> None:
        """Run `part`; start it again after a failure of ours. Returns when the part returns."""
        pause_s = self._first_pause_s
        while True:
            started = self._clock()
            try:
                await part()
            except OperatorError:
                raise
            except Exception:  # the one place where our own failures stop: named, counted, restarted
                now = self._clock()
                self._count(name, now)
                if (now - started).total_seconds() > MAX_PAUSE_S:
                    pause_s = self._first_pause_s
                log.exception("part %s failed and starts again in %.0f s", name, pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
            else:
                return

    def _count(self, name: str, now: datetime) -> None:
        self.restarts[name] += 1
        self._recent.setdefault(name, deque(maxlen=LOOP_RESTARTS)).append(now)

    def looping(self) -> list[str]:
        """Parts restarted five times within five minutes: the daemon is not ready while there are any."""
        now = self._clock()
        return [
            name
            for name, times in sorted(self._recent.items())
            if len(times) == LOOP_RESTARTS and now - times[0] < LOOP_WINDOW
        ]
