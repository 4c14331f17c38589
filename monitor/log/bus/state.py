"""Puts the state of a correlator on the bus, and reads it for the process that takes its place on another machine.

A reader of the local log publishes each incident change and each result of a delivery, in their order, and the correlator's image
behind all changes that it rests on. An image is larger than a message may be: it goes in parts, into two slots in turn, so that
one that is cut off leaves the one before.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from monitor.incidents import IncidentChange
from monitor.log import DeliveryResult, Entry, Image, Place, Readable, Stream
from monitor.log.bus.connection import Bus, BusAway, Message
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind, token
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_delivery, decode_image

READER = "bus state"
IMAGE_KEY = "correlator"
IMAGE, PARTS, SINKS, LAST = "Stormwatch-Image", "Stormwatch-Parts", "Stormwatch-Sinks", "Stormwatch-Last"
"""Headers of an image's first part: its id, the number of its parts, where each sink began, and the last change before it."""
PART_BYTES = 512 * 1024
"""Half of what the servers take as one message, unless they are set otherwise."""
SLOTS = 2
AGAIN_S = 0.5
READ_ROWS = 500
QUIET_S = 2.0
log = logging.getLogger("stormwatch.bus")


class _Memory(msgspec.Struct):
    """What the publisher remembers beside its place: the last image and its slot, and the last change before each sink began."""

    image: int = 0
    slot: int = 0
    last: str = ""
    sinks: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class BusState:
    """What the bus knows of a partition's correlator. `sinks`: name -> the id of the last change before it began."""

    image: Image | None = None
    changes: Sequence[IncidentChange] = ()
    deliveries: Sequence[DeliveryResult] = ()
    sinks: Mapping[str, str] = field(default_factory=dict)
    last: str = ""
    """The id of the last change that was sent before the image."""


def memory_after(state: BusState, last: str) -> bytes:
    """The memory with which the successor's publisher begins: everything up to the change `last` is on the bus."""
    return msgspec.json.encode(_Memory(last=last, sinks=dict(state.sinks)))


class StatePublisher:
    """Publishes the state of one partition's correlator. `sinks` names those that are notified now."""

    def __init__(self, bus: Bus, settings: BusSettings, local: Readable, sinks: Callable[[], Collection[str]]) -> None:
        self._bus = bus
        self._settings = settings
        self._log = local
        self._sinks = sinks
        self._reached = 0
        self._grown = asyncio.Event()
        self._sent = False
        self.rival = ""
        """The log of another correlator that published its state for the same partition since we did."""

    async def run(self) -> None:
        """Publish until cancelled. Raises OperatorError if the servers do not know us."""
        while True:
            try:
                await self._bus.open()
                await self._bus.prepare()
                await self._publish()
            except BusAway as error:
                log.warning("the correlator's state is not on the bus (%s); the log keeps what it lacks", error)
                await asyncio.sleep(AGAIN_S)
            finally:
                await self._bus.close()

    async def drain(self, timeout_s: float) -> None:
        """Return when everything that is durable now is on the bus, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._reached < self._log.end:
                    self._grown.clear()
                    await self._grown.wait()
        except TimeoutError:
            log.warning("not all of the correlator's state is on the bus; a successor elsewhere judges the rest again")

    async def _publish(self) -> None:
        place = self._log.place(READER)
        memory = msgspec.json.decode(place.state, type=_Memory) if place.state else _Memory()
        after, written = place.position, place
        while True:
            chunk = await self._log.read(after, (Stream.CHANGE, Stream.DELIVERY), READ_ROWS)
            for name in self._sinks():
                memory.sinks.setdefault(name, memory.last)
            await self._send(chunk.entries)
            memory.last = next((one.id for one in reversed(chunk.entries) if one.stream is Stream.CHANGE), memory.last)
            after = chunk.reached
            image = self._log.latest(Stream.IMAGE).get(IMAGE_KEY)
            if image is not None and memory.image < image.position <= after and decode_image(image.body).heard >= 0:
                await self._send_image(image, memory)
            if chunk.entries or memory.image > written.position:
                written = Place(after, msgspec.json.encode(memory))
                self._log.acknowledge(READER, written)
            self._reached = after
            self._grown.set()
            await self._log.wait(after)

    async def _send(self, entries: Sequence[Entry]) -> None:
        sent = []
        for one in entries:
            kind = Kind.CHANGES if one.stream is Stream.CHANGE else Kind.DELIVERIES
            about = one.key if one.stream is Stream.CHANGE else one.id.partition(":")[0]
            subject = f"{_base(self._settings, kind)}.{token(about)}"
            sent.append(await self._bus.start(subject, f"{self._settings.partition}:{one.id}", one.body))
        if sent:
            await self._bus.confirmed(sent)

    async def _send_image(self, entry: Entry, memory: _Memory) -> None:
        """Publish an image: its first part last, so that whoever finds that one finds all."""
        await self._look_for_rival()
        slot = (memory.slot + 1) % SLOTS
        name = f"{self._log.id}:{entry.position}"
        parts = [entry.body[at : at + PART_BYTES] for at in range(0, len(entry.body), PART_BYTES)]
        sinks = {one: began for one, began in memory.sinks.items() if one in self._sinks()}
        headers = {
            IMAGE: name, PARTS: str(len(parts)), SINKS: json.dumps(sinks),
            LAST: memory.last,
        }  # fmt: skip
        base = f"{_base(self._settings, Kind.IMAGES)}.{slot}"
        for number in reversed(range(len(parts))):
            await self._bus.publish(f"{base}.{number}", f"{name}:{number}", parts[number], headers)
        memory.image, memory.slot, memory.sinks = entry.position, slot, sinks
        self._sent = True

    async def _look_for_rival(self) -> None:
        """Notice that another correlator judges our partition: the newest image after our first one must be ours."""
        found = await _first_parts(self._bus, self._settings) if self._sent else []
        other = _log_of(found[0]) if found else self._log.id
        if other != self._log.id and not self.rival:
            log.error(
                "another correlator judges partition %d too (its log is %s): end one", self._settings.partition, other
            )
        self.rival = "" if other == self._log.id else other


def _base(settings: BusSettings, kind: Kind) -> str:
    return f"{settings.name}.{kind.value}.{settings.partition}"


async def _first_parts(bus: Bus, settings: BusSettings) -> list[Message]:
    """The first part of the image in each slot, the newest first."""
    firsts = [await bus.last(Kind.IMAGES, f"{_base(settings, Kind.IMAGES)}.{slot}.0") for slot in range(SLOTS)]
    return sorted((one for one in firsts if one is not None), key=lambda one: one.sequence, reverse=True)


def _log_of(first: Message) -> str:
    return first.headers.get(IMAGE, "").rpartition(":")[0]


async def author_of_state(bus: Bus, settings: BusSettings) -> str:
    """The id of the log whose image is the newest on the bus; "" if there is none. Raises BusAway."""
    found = await _first_parts(bus, settings)
    return _log_of(found[0]) if found else ""


async def read_state(bus: Bus, settings: BusSettings, reader: str) -> BusState:
    """Read what the bus knows of a partition's correlator, under the name of a cursor of our own. Raises BusAway."""
    found = await _first_parts(bus, settings)
    image, of = None, found[0].headers if found else {}
    for first in found:
        image = await _image(bus, first)
        if image is not None:
            of = first.headers
            break
    changes = await _all(bus, settings, Kind.CHANGES, reader)
    deliveries = await _all(bus, settings, Kind.DELIVERIES, reader)
    return BusState(
        image=image,
        changes=[decode_change(one.body) for one in changes],
        deliveries=[decode_delivery(one.body) for one in deliveries],
        sinks=msgspec.json.decode(of.get(SINKS, "{}"), type=dict[str, str]),
        last=of.get(LAST, ""),
    )


async def _image(bus: Bus, first: Message) -> Image | None:
    """The image that begins with this part; None if another one has begun to take its place."""
    parts = [first.body]
    base = first.subject.rpartition(".")[0]
    for number in range(1, int(first.headers.get(PARTS, "1"))):
        part = await bus.last(Kind.IMAGES, f"{base}.{number}")
        if part is None or part.headers.get(IMAGE) != first.headers.get(IMAGE):
            return None
        parts.append(part.body)
    try:
        return decode_image(b"".join(parts))
    except ValueError as error:
        log.warning("an image on the bus cannot be read (%s)", error)
        return None


async def _all(bus: Bus, settings: BusSettings, kind: Kind, reader: str) -> list[Message]:
    """Every message of the partition that the stream holds."""
    cursor = await bus.cursor(kind, reader, [f"{_base(settings, kind)}.>"], None)
    found: list[Message] = []
    try:
        while await cursor.left():
            messages = await cursor.next(READ_ROWS, QUIET_S)
            if messages:
                found += messages
                await cursor.acknowledge(messages[-1])
    finally:
        await cursor.close()
        await bus.forget(kind, reader)
    return found
