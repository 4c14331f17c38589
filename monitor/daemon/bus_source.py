"""Takes what an agent publishes as the daemon's source: every signal once, in order, judged up to the agent's own clock.

The local log remembers up to which message everything is durable, and only then is the bus acknowledged. While the agent is
not heard, its sources are reported as silent and our own clock goes on: what cannot be seen is blindness, never calm.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from monitor.daemon.supervisor import Part
from monitor.log import Place, Stream
from monitor.log.bus.connection import Bus, BusAway, Cursor, Message
from monitor.log.bus.publisher import LOG, PART, POSITION
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind, filters, token, vantage_token_of
from monitor.log.codec import decode_signals
from monitor.log.follow import remaining
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Clock, Signal, SignalKind

READER = "bus source"
AGAIN_S = 0.5
WATCH_S = 1.0
MAX_SOURCES = 20_000
MAX_SEEN = 20_000
"""Ids of messages that are remembered: the servers remember them for `duplicate_s` only."""
log = logging.getLogger("stormwatch.bus")
_Key = tuple[str, int, datetime]


class BusSource:
    """The signals of one vantage as they come over the bus."""

    def __init__(
        self, bus: Bus, settings: BusSettings, pipeline: Pipeline, local: SqliteLog, clock: Clock, *,
        vantage: str, assets: Collection[str],
    ) -> None:  # fmt: skip
        self._bus = bus
        self._settings = settings
        self._pipeline = pipeline
        self._log = local
        self._clock = clock
        self._vantage = vantage
        self._assets = assets
        self._heard = clock()
        """The agent's clock, as it was last reported. A backlog is no sight of now, so it does not count as hearing."""
        self._expected: dict[str, Signal] = {}
        """The last declaration of each source."""
        self._silent = False
        self._seen: dict[tuple[str, str, str], None] = {}
        self._durable: set[_Key] = set()
        """Signals that the log holds behind its place: an earlier run took them and did not come to say so."""
        self.refused: Counter[str] = Counter()
        """Messages and signals that were not taken, by reason."""

    def parts(self) -> dict[str, Part]:
        """The parts by name, for the supervisor."""
        return {"bus": self.run, "silence": self._watch}

    def reason(self) -> str | None:
        """Why the vantage is not seen; None while it is."""
        late_s = (self._clock() - self._heard).total_seconds()
        if late_s <= self._settings.silent_s:
            return None
        why = f" ({self._bus.why})" if self._bus.why else ""
        return f"vantage {self._vantage} was not heard for {late_s:.0f} s{why}"

    async def run(self) -> None:
        """Read until cancelled. Raises OperatorError if the servers do not know us."""
        while True:
            try:
                await self._bus.open()
                await self._bus.prepare()
                await self._read()
            except BusAway as error:
                log.warning("the bus is away (%s)", error)
                await asyncio.sleep(AGAIN_S)
            finally:
                await self._bus.close()

    async def _read(self) -> None:
        place = self._log.place(READER)
        after = int(place.state or b"0")
        self._durable = await self._behind(place.position)
        one = self._settings
        cursor = await self._bus.cursor(
            Kind.SIGNALS, f"judge-{one.partition}-{self._log.id}",
            filters(one.name, self._assets, one.partition, one.partitions), after,
        )  # fmt: skip
        if after and cursor.first > after + 1:
            log.warning("the bus has removed %d messages that were not read", cursor.first - after - 1)
            self._fall_silent("removed from the bus before it was read")
        done: Message | None = None
        while True:
            messages = [each for each in await cursor.next() if each.sequence > after]
            if not messages:
                continue
            self._take([signal for one in messages for signal in self._signals_of(one)])
            after = messages[-1].sequence
            await self._keep(after)
            done = await self._done(cursor, done, messages[-1])

    async def _keep(self, after: int) -> None:
        """Make what was taken durable, and remember up to which message it is."""
        await self._log.flush()
        while self._log.health().waiting:  # a full disk: nothing is acknowledged that could be lost
            await asyncio.sleep(AGAIN_S)
            await self._log.flush()
        self._durable.clear()
        self._log.acknowledge(READER, Place(self._log.end, str(after).encode()))

    async def _done(self, cursor: Cursor, done: Message | None, newest: Message) -> Message:
        """Tell the bus of the messages before: our own place behind them became durable with this flush."""
        if done is not None:
            await cursor.acknowledge(done)
        return newest

    async def _behind(self, position: int) -> set[_Key]:
        keys: set[_Key] = set()
        async for chunk in remaining(self._log, position, (Stream.SIGNALS,)):
            for entry in chunk.entries:
                keys.update(map(_key, decode_signals(entry.body)))
        return keys

    def _signals_of(self, message: Message) -> Sequence[Signal]:
        """The signals of a message: none if it came before, cannot be read, or is from somebody else than it says."""
        name = (message.headers.get(LOG, ""), message.headers.get(POSITION, ""), message.headers.get(PART, ""))
        if all(name) and name in self._seen:
            self.refused["duplicate"] += 1
            return ()
        self._seen[name] = None
        if len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        try:
            signals = decode_signals(message.body)
        except ValueError:
            self.refused["unreadable"] += 1
            return ()
        if vantage_token_of(message.subject) != token(self._vantage):
            self.refused["other vantage"] += len(signals)
            return ()
        own = [one for one in signals if one.subject.vantage in (None, self._vantage)]
        self.refused["other vantage"] += len(signals) - len(own)
        return [one for one in own if one.subject.asset is None or one.subject.asset in self._assets]

    def _take(self, signals: Sequence[Signal]) -> None:
        """Judge signals, and the seconds that the agent's clock has passed."""
        if self._durable:
            signals = [one for one in signals if _key(one) not in self._durable]
        if not signals:
            return
        self._pipeline.take(signals)
        for signal in signals:
            if signal.kind is SignalKind.EXPECT and (
                signal.source in self._expected or len(self._expected) < MAX_SOURCES
            ):
                self._expected[signal.source] = signal
        ticks = [one.received_at for one in signals if one.kind is SignalKind.TICK]
        if ticks:
            self._heard = max(self._heard, *ticks)
            self._pipeline.last_tick = max(ticks)
            self._pipeline.complete(max(ticks))

    async def _watch(self) -> None:
        """While the agent is not heard, let our own clock pass."""
        while True:
            await asyncio.sleep(WATCH_S)
            self.pass_time(self._clock())

    def pass_time(self, now: datetime) -> None:
        """Take the time, if the agent does not tell it."""
        reason = self.reason()
        if reason is None:
            if self._silent:
                log.warning("vantage %s is heard again", self._vantage)
            self._silent = False
            return
        if not self._silent:
            log.warning("%s: what it saw is blind", reason)
            self._fall_silent("not heard over the bus")
        self._pipeline.tick(now)
        self._pipeline.complete(now)

    def _fall_silent(self, reason: str) -> None:
        """Tell of each source of the vantage that nothing comes from it."""
        self._silent = True
        now = self._clock()
        self._pipeline.take([
            Signal(
                SignalKind.FEED_SILENT, one.subject, now, now, source, one.seq, self._settings.silent_s,
                {"detail": reason},
            )
            for source, one in sorted(self._expected.items())
        ])  # fmt: skip


def _key(signal: Signal) -> _Key:
    return signal.source, signal.seq, signal.received_at
