"""Keeps the daemon's parts running: it logs and counts a part that fails and starts it again after growing pauses.

There are three kinds of failure. Failures of the outside world are readings and never get here. An operator's mistake
(OperatorError) ends the daemon with its message. Our own failure (any other exception) restarts only the part that failed.
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
    """Runs named parts until they return, are cancelled, or an OperatorError ends everything."""

    def __init__(self, clock: Clock, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._clock = clock
        self._first_pause_s = first_pause_s
        self.restarts: Counter[str] = Counter()
        self._recent: dict[str, deque[datetime]] = {}

    async def run(self, name: str, part: Part) -> None:
        """Run `part`; start it again after a failure of ours. Returns when the part returns."""
        pause_s = self._first_pause_s
        while True:
            started = self._clock()
            try:
                await part()
            except OperatorError:
                raise
            except Exception:  # the one place that catches our own failures: logged, counted, restarted
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

    def forget(self, name: str) -> None:
        """A part that is gone for good no longer counts as failing."""
        self._recent.pop(name, None)

    def looping(self) -> list[str]:
        """Parts that restarted five times within five minutes: while there are any, the daemon is not ready."""
        now = self._clock()
        return [
            name
            for name, times in sorted(self._recent.items())
            if len(times) == LOOP_RESTARTS and now - times[0] < LOOP_WINDOW
        ]
