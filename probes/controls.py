"""Requests neutral control targets: if they fail together with the venues, our own network is at fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta

from probes.reading_queue import ReadingQueue
from probes.readings import Reading, VenueId
from probes.rest.http import USER_AGENT, Clock, get_once, session, tls_context, utc_now
from probes.rest.interpreter import Slot, request_reading
from probes.rest.schedule import on_schedule, phase_s

CONTROL = VenueId("control")
MAX_BYTES = 1_000_000


class Controls:
    """Requests each target at one interval. Any HTTP answer is good: only the network path is tested."""

    def __init__(self, targets: Mapping[str, str], every_s: float, timeout_s: float, *, clock: Clock = utc_now) -> None:
        self._targets = dict(targets)
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._clock = clock

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """The RequestTimed of each request, with venue "control", for ever."""
        queue = ReadingQueue()
        client = session(tls_context(), USER_AGENT)

        async def ask(name: str, url: str) -> None:
            async def act(due: datetime) -> None:
                got = await get_once(
                    client, url, headers={}, timeout_s=self._timeout_s, max_bytes=MAX_BYTES, clock=self._clock
                )
                queue.put(request_reading(Slot(CONTROL, name, None, due), got, got.refusal, got.detail))

            first_at = self._clock() + timedelta(seconds=phase_s(name, self._every_s))
            await on_schedule(self._every_s, first_at, act, lambda _due, _count: None, clock=self._clock)

        tasks = [asyncio.create_task(ask(name, url)) for name, url in sorted(self._targets.items())]
        try:
            while True:
                yield await queue.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()
