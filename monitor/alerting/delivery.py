"""Delivers incident changes to the sinks: each sink is a reader of the log, with a place of its own.

The log is the only queue: nothing waits in memory, nothing is dropped, and no sink disturbs another or the pipeline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from monitor.alerting.attempts import PAUSES, Answer, Attempts, Pauses
from monitor.alerting.backlog import DeliveryLog
from monitor.alerting.broken import Watched
from monitor.alerting.crossings import Crossings, DeliveryRecorder, Unrecorded
from monitor.alerting.lag import Lag
from monitor.alerting.quiet import QuietSource, nothing_quiet
from monitor.alerting.sink_reader import SinkReader
from monitor.alerting.sinks import Route
from monitor.signals import Clock

log = logging.getLogger("stormwatch.delivery")


class Deliveries:
    """The readers of all sinks. Call `open` once the log is open, then `run` for each name.

    The log must know every reader by `reader_name(NAME)`, see `memory.py`.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        log: DeliveryLog,
        *,
        clock: Clock,
        recorder: DeliveryRecorder = Unrecorded(),  # noqa: B008  # it holds nothing
        pauses: Pauses = PAUSES,
        quiet: QuietSource = nothing_quiet,
    ) -> None:
        self._log = log
        self._clock = clock
        self.crossings = Crossings(clock)
        """When each change was judged: an observer of the pipeline that judges them."""
        self._recorder = recorder
        self._pauses = pauses
        self._quiet = quiet
        self._readers = {route.name: self._reader(route) for route in routes}

    def _reader(self, route: Route) -> SinkReader:
        attempts = Attempts(route, self._recorder, self._pauses, self._clock)
        return SinkReader(route, self._log, self._clock, attempts, self._quiet, self.crossings)

    @property
    def names(self) -> tuple[str, ...]:
        """The sinks, as the operator named them."""
        return tuple(self._readers)

    def counts(self, name: str) -> dict[str, int]:
        """How often each outcome occurred with this sink since the start."""
        return dict(self._readers[name].attempts.counts)

    def answers(self, name: str) -> tuple[Answer, ...]:
        """The latest answers of this sink's receiver, the oldest first."""
        return tuple(self._readers[name].attempts.answers)

    def passed_over(self, name: str) -> str:
        """Why this sink did not get the latest change; empty if it did, or there was none."""
        return self._readers[name].passed_over

    def type_of(self, name: str) -> str:
        """The type of a sink, such as webhook."""
        return self._readers[name].route.type

    def lag(self, name: str) -> Lag:
        """How far this sink is behind the log now."""
        return self._readers[name].lag()

    def watched(self) -> list[Watched]:
        """How each sink is, for whoever notices that one is broken."""
        return [
            Watched(name=name, health=one.health(), broken_after_s=one.route.broken_after_s)
            for name, one in self._readers.items()
        ]

    def open(self) -> None:
        """Take each sink's place and memory out of the log, before anything is appended in this run."""
        for reader in self._readers.values():
            reader.open()

    def begin(self, route: Route) -> None:
        """Take in a sink, or another route for one whose `run` has ended: it goes on where the log remembers it to be."""
        reader = self._readers[route.name] = self._reader(route)
        reader.open()

    def end(self, name: str) -> None:
        """Forget a sink whose `run` has ended."""
        del self._readers[name]

    async def run(self, name: str) -> None:
        """Deliver one sink's changes in order, until cancelled."""
        await self._readers[name].run()

    async def drain(self, timeout_s: float) -> tuple[str, ...]:
        """Deliver what is durable now, without long pauses, for at most `timeout_s`; return the sinks that did not finish.

        Flush the log first. What is left is delivered after the next start.
        """
        target = self._log.end
        for reader in self._readers.values():
            reader.hurry(target)
        settling = [asyncio.ensure_future(reader.settled.wait()) for reader in self._readers.values()]
        if settling:
            _done, late = await asyncio.wait(settling, timeout=timeout_s)
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        left = tuple(name for name, reader in self._readers.items() if not reader.settled.is_set())
        for name in left:
            log.warning("sink %s is not done with the log; it goes on there after the next start", name)
        return left
