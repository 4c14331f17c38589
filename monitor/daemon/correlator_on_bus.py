"""Joins what a correlator needs where agents watch: its source on the bus, its state there, and a start in another one's place.

A correlator whose log is new waits for the bus before it judges: the bus alone knows whether another one was here before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from monitor.correlator.freezing import NotAnImage
from monitor.daemon.bus_source import BusSource
from monitor.daemon.resume import Watched, thawed
from monitor.daemon.successor import Successor, since_of
from monitor.log import Image
from monitor.log.bus.connection import Bus, BusAway
from monitor.log.bus.state import StatePublisher
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.settings.tree import Settings
from monitor.signals import Clock

AGAIN_S = 0.5
PATIENCE_S = 10.0
"""So long a correlator with a log of its own asks whether another one took its place."""
log = logging.getLogger("stormwatch.successor")


class CorrelatorOnBus:
    """One correlator's place on the bus. Each part has a connection of its own."""

    def __init__(
        self, settings: Settings, env: Mapping[str, str], pipeline: Pipeline, local: SqliteLog, clock: Clock, watched: Watched
    ) -> None:  # fmt: skip
        self._settings = settings
        self._clock = clock
        self._watched = watched
        self.sinks: Callable[[], Collection[str]] = tuple
        """The names of the sinks that are notified now."""

        def bus(what: str) -> Bus:
            return Bus(settings.bus, env, f"stormwatch correlator {settings.vantage}{what}")

        self._bus = bus("")
        self.source = BusSource(
            self._bus, settings.bus, pipeline, local, clock, vantages=watched.agents, assets=settings.assets
        )
        self.publisher = StatePublisher(bus(" state"), settings.bus, local, self._sink_names)
        self._successor = Successor(self._bus, settings.bus, local, self.source)
        self.taken = False
        """Whether nothing of a correlator before is missing: only then may our own state take its place on the bus."""

    def reason(self) -> str | None:
        """Why not all is seen, or not by us alone; None if all is well."""
        rival = self.publisher.rival
        reasons = [f"another correlator judges this partition too (its log is {rival})"] if rival else []
        return "; ".join(one for one in (*reasons, self.source.reason()) if one) or None

    def _sink_names(self) -> Collection[str]:
        return self.sinks()

    async def take(self, stop: asyncio.Event) -> None:
        """Take over from the correlator before this one, if our log is new or another one took its place meanwhile.

        A new log waits for the bus, or for `stop`; another one goes on from itself when the bus does not answer for a while.
        """
        patience_s = None if self._successor.is_new else PATIENCE_S
        taking = asyncio.ensure_future(self._take())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({taking, stopped}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
            self.taken = self.taken or patience_s is not None
        finally:
            for one in (taking, stopped):
                one.cancel()
            await asyncio.gather(taking, stopped, return_exceptions=True)

    async def _take(self) -> None:
        since = since_of(self._clock(), self._settings.log.keep_s)
        while True:
            try:
                await self._bus.open()
                await self._bus.prepare()
                await self._successor.take_over(self._fits, self.sinks(), since)
            except BusAway as error:
                log.warning("the bus is away (%s); whether another correlator was here before is unknown", error)
                await asyncio.sleep(AGAIN_S)
            else:
                self.taken = True
                return
            finally:
                await self._bus.close()

    def _fits(self, image: Image) -> bool:
        try:
            thawed(image, self._settings.correlator, self._watched)
        except NotAnImage as error:
            log.warning("the state of the correlator before is not used (%s)", error)
            return False
        return True
