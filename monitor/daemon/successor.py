"""Fills the empty log of a correlator that takes another one's place with what the bus knows of that one.

The image is thawed and goes on behind the message that it rests on. An image of another version is not used: what came since is
judged again, and the incidents that were reported go on. The changes that a sink was sent are in its memory, so that none is sent
again; those that it was not sent are sent now, with the same key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from monitor.alerting.memory import Memory, encode_memory, reader_name
from monitor.alerting.routing import Router, Rule
from monitor.daemon.bus_source import READER as BUS
from monitor.daemon.bus_source import BusSource
from monitor.incidents import IncidentChange
from monitor.log import Image, Place, Stream
from monitor.log.bus.connection import Bus
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.state import READER as STATE
from monitor.log.bus.state import BusState, author_of_state, memory_after, read_state
from monitor.log.follow import remaining
from monitor.log.sqlite_log import SqliteLog

FINAL = frozenset({"delivered", "missed", "refused", "failed", "given_up"})
"""Outcomes after which a sink is not sent a change again."""
log = logging.getLogger("stormwatch.successor")


class Successor:
    """Takes over once, before the correlator begins. `fits` says whether an image can be thawed here; `now` is our clock."""

    def __init__(self, bus: Bus, settings: BusSettings, local: SqliteLog, source: BusSource) -> None:
        self._bus = bus
        self._settings = settings
        self._log = local
        self._source = source

    @property
    def is_new(self) -> bool:
        """Whether this log never read from the bus: one that did goes on from itself, unless another took its place."""
        return not self._log.place(BUS).state

    async def take_over(self, fits: Callable[[Image], bool], sinks: Collection[str], since: datetime) -> None:
        """Fill the log, if it is new or another one took its place meanwhile. Raises BusAway: try again.

        Where the image does not fit, what came from `since` on is judged again.
        """
        author = await author_of_state(self._bus, self._settings)
        if author == self._log.id or (not author and not self.is_new):
            return
        state = await read_state(self._bus, self._settings, f"heir-{self._settings.partition}-{self._log.id}")
        image, before = state.image, self._log.end
        if image is not None and image.heard < int(self._log.place(BUS).state or b"0"):
            return  # it is behind us
        if image is not None and fits(image):
            heard = image.heard
        elif image is not None:
            heard, image = max(await self._source.recall(since, image.heard), image.heard), None
        elif state.changes:  # it was gone before its first image: nothing behind its last change was sent
            heard = await self._source.recall(since, max(one.at for one in state.changes))
        else:
            return
        self._log.changes(state.changes)
        for one in state.deliveries:
            self._log.delivery(one)
        await self._log.flush()
        await self._place_readers(state, sinks, before)
        self._log.acknowledge(BUS, Place(self._log.end, str(heard).encode()))
        if image is not None:
            self._log.image(image)
        await self._log.flush()
        how = "its last state" if image is not None else "the signals, judged again"
        log.info(
            "the correlator takes the place of another one, from %s; %d changes were sent", how, len(state.changes)
        )

    async def _place_readers(self, state: BusState, sinks: Collection[str], before: int) -> None:
        """Let each reader begin behind what it has done; what our own log sent before was sent, by us or by the other one."""
        positions: dict[str, int] = {}
        async for chunk in remaining(self._log, self._log.start, (Stream.CHANGE,)):
            positions |= {one.id: one.position for one in chunk.entries}
        last = next((_id_of(one) for one in reversed(state.changes)), state.last)
        self._log.acknowledge(STATE, Place(self._log.end, memory_after(state, last)))
        for name in sinks:
            after = state.sinks.get(name)
            begins = self._log.end if after is None else max(positions.get(after, 0), before)
            memory = Memory(notes=_told(state, name).notes, reached=begins)
            self._log.acknowledge(reader_name(name), Place(begins, encode_memory(memory)))


def _told(state: BusState, sink: str) -> Router:
    """What a sink was sent last, by incident."""
    known = {_id_of(one): one for one in state.changes}
    router = Router(Rule())
    for one in state.deliveries:
        change = known.get(f"{one.incident_id}:{one.revision}")
        if one.sink == sink and one.outcome in FINAL and change is not None:
            router.record(change)
    return router


def _id_of(change: IncidentChange) -> str:
    return f"{change.incident_id}:{change.revision}"


def since_of(now: datetime, keep_s: float) -> datetime:
    """From when on signals are judged again where no image fits: as far back as a log of our own would reach."""
    return now - timedelta(seconds=keep_s)
