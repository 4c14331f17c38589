"""Takes what agents publish as the daemon's source: every signal once, judged up to the clock of each agent.

The local log remembers up to which message everything is durable, and only then is the bus acknowledged. While an agent is
not heard, its sources are reported as silent, and our own clock goes on if none is heard: what cannot be seen is blindness,
never calm. How long a second waits for an agent that is late is the correlator's (`monitor/correlator/watermarks.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

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
from monitor.signals import Clock, Signal, SignalKind, Subject

READER = "bus source"
AGAIN_S = 0.5
WATCH_S = 1.0
STALLED_S = 5.0
"""A stream of which more is known to come and nothing came for so long is not being read."""
AT_ONCE = 2_000
"""Signals that are judged in one go."""
MAX_SOURCES = 20_000
MAX_SEEN = 20_000
"""Ids of messages that are remembered: the servers remember them for `duplicate_s` only."""
log = logging.getLogger("stormwatch.bus")
_Key = tuple[str | None, str, int, datetime]


class BusSource:
    """The signals of some vantages as they come over the bus. Each has a clock of its own, which `clock` is compared with."""

    def __init__(
        self, bus: Bus, settings: BusSettings, pipeline: Pipeline, local: SqliteLog, clock: Clock, *,
        vantages: Collection[str], assets: Collection[str],
    ) -> None:  # fmt: skip
        self._bus = bus
        self._settings = settings
        self._pipeline = pipeline
        self._log = local
        self._clock = clock
        self._vantages = {token(one): one for one in sorted(vantages)}
        self._assets = assets
        self._heard = dict.fromkeys(sorted(vantages), clock())
        """Each agent's clock, as it was last reported. A backlog is no sight of now, so it does not count as hearing."""
        self._ahead: dict[str, float] = {}
        """How far an agent's clock was ahead of ours when it was last refused for that, in seconds."""
        self._expected: dict[tuple[str, str], Signal] = {}
        """The last declaration of each vantage's sources."""
        self._silent: set[str] = set()
        self._caught_up = _CaughtUp()
        self._seen: dict[tuple[str, str, str], None] = {}
        self._durable: set[_Key] = set()
        """Signals that the log holds behind its place: an earlier run took them and did not come to say so."""
        self.refused: Counter[str] = Counter()
        """Messages and signals that were not taken, by reason."""
        self.taken = 0
        """The last message that was taken."""
        self._exact = False
        """Whether everything that the log holds is from messages up to that one."""

    def parts(self) -> dict[str, Part]:
        """The parts by name, for the supervisor."""
        return {"bus": self.run, "silence": self._watch}

    @property
    def heard(self) -> int:
        """The last message that the correlator's state rests on; -1 while it rests on some of those behind, too."""
        return self.taken if self._exact else -1

    def reason(self) -> str | None:
        """Which vantages are not seen, and why; None while all are."""
        now = self._clock()
        if self._caught_up.waits(now):
            return f"catching up with the bus: {self._caught_up.pending} messages behind"
        why = f" ({self._bus.why})" if self._bus.why else ""
        reasons = []
        for vantage in self._unheard(now):
            ahead_s = self._ahead.get(vantage)
            wrong = "" if ahead_s is None else f", its clock is {ahead_s:.0f} s ahead of ours"
            reasons.append(f"vantage {vantage} was not heard for {self._late_s(vantage, now):.0f} s{wrong}{why}")
        return "; ".join(reasons) or None

    def age_s(self) -> dict[str, float]:
        """How old the last second of each vantage's own clock is, in seconds."""
        now = self._clock()
        return {one: self._late_s(one, now) for one in self._heard}

    def _late_s(self, vantage: str, now: datetime) -> float:
        return (now - self._heard[vantage]).total_seconds()

    def _unheard(self, now: datetime) -> list[str]:
        return [one for one in self._heard if self._late_s(one, now) > self._settings.silent_s]

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
        if not place.state:  # where this log begins: what it takes from now on is behind
            place = Place(place.position, b"0")
            self._log.acknowledge(READER, place)
        after = self.taken = int(place.state)
        self._durable = await self._behind(place.position)
        self._exact = not self._durable
        cursor = await self._cursor("judge", after)
        if after and cursor.first > after + 1:
            log.warning("the bus has removed %d messages that were not read", cursor.first - after - 1)
            for vantage in self._heard:
                self._fall_silent(vantage, "removed from the bus before it was read")
        done: Message | None = None
        while True:
            messages = [each for each in await cursor.next() if each.sequence > after]
            if not messages:
                continue
            await self._take_all(messages)
            self._caught_up.read(messages[-1].pending, self._clock())
            after = self.taken = messages[-1].sequence
            await self._keep(after)
            done = await self._done(cursor, done, messages[-1])

    async def _cursor(self, what: str, after: int | datetime) -> Cursor:
        """A cursor behind a message that our own log names.

        The servers' own word on how far it had come is dropped: what they gave to a process that died, and that it did not
        make durable, they would give again only after half a minute, behind what came since.
        """
        one = self._settings
        subjects = filters(one.name, self._assets, one.partition, one.partitions)
        name = f"{what}-{one.partition}-{self._log.id}"
        await self._bus.forget(Kind.SIGNALS, name)
        return await self._bus.cursor(Kind.SIGNALS, name, subjects, after)

    async def recall(self, since: datetime, until: int | datetime) -> int:
        """Append to the log what came since then, to be judged again, up to a message or to what was heard at a time.

        Returns the last message that was appended, 0 for none. Raises BusAway.
        """
        cursor = await self._cursor("again", since)
        last = 0
        try:
            while await cursor.left():
                messages = await cursor.next()
                for one in messages:
                    if isinstance(until, int) and one.sequence > until:
                        return last
                    signals = self._signals_of(one)
                    self._log.signals(signals)
                    last = one.sequence
                    if isinstance(until, datetime) and any(
                        each.kind is SignalKind.TICK and each.received_at >= until for each in signals
                    ):
                        return last
                if messages:
                    await self._log.flush()
                    await cursor.acknowledge(messages[-1])
            return last
        finally:
            await cursor.close()
            await self._bus.forget(Kind.SIGNALS, f"again-{self._settings.partition}-{self._log.id}")

    async def _take_all(self, messages: Sequence[Message]) -> None:
        """Take messages, some at a time: between them the loop does its other work, as answering whether we live."""
        some: list[Signal] = []
        for one in messages:
            some += self._signals_of(one)
            if len(some) >= AT_ONCE:
                self._take(some)
                some = []
                await asyncio.sleep(0)
        self._take(some)

    async def _keep(self, after: int) -> None:
        """Make what was taken durable, and remember up to which message it is."""
        await self._log.flush()
        while self._log.health().waiting:  # a full disk: nothing is acknowledged that could be lost
            await asyncio.sleep(AGAIN_S)
            await self._log.flush()
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
        vantage = self._vantages.get(vantage_token_of(message.subject))
        if vantage is None:
            self.refused["other vantage"] += len(signals)
            return ()
        own = [one for one in signals if one.subject.vantage in (None, vantage)]
        self.refused["other vantage"] += len(signals) - len(own)
        own = [one for one in own if one.subject.asset is None or one.subject.asset in self._assets]
        own = self._of_this_time(vantage, own)
        self._hear(vantage, own)
        return own

    def _of_this_time(self, vantage: str, signals: list[Signal]) -> list[Signal]:
        """Leave out what was received after now: an agent whose clock is far ahead would make all others late."""
        now = self._clock()
        until = now + timedelta(seconds=self._settings.silent_s)
        kept = [one for one in signals if one.received_at <= until]
        if len(kept) < len(signals):
            self._ahead[vantage] = (max(one.received_at for one in signals) - now).total_seconds()
            self.refused["clock ahead"] += len(signals) - len(kept)
        elif signals:
            self._ahead.pop(vantage, None)
        return kept

    def _hear(self, vantage: str, signals: Sequence[Signal]) -> None:
        """Learn what an agent watches and what its clock says."""
        for signal in signals:
            if signal.kind is SignalKind.TICK:
                self._heard[vantage] = max(self._heard[vantage], signal.received_at)
            elif signal.kind is SignalKind.EXPECT:
                name = (vantage, signal.source)
                if name in self._expected or len(self._expected) < MAX_SOURCES:
                    self._expected[name] = signal

    def _take(self, signals: Sequence[Signal]) -> None:
        """Judge signals, and the seconds that the agents' clocks have passed."""
        if self._durable:
            signals = self._not_durable(signals)
        if not signals:
            return
        if self._pipeline.last_tick is None and not self._log.end and len(self._heard) > 1:
            signals = [*self._begin(min(one.received_at for one in signals)), *signals]
        self._pipeline.take(signals)
        ticks = [one.received_at for one in signals if one.kind is SignalKind.TICK]
        if ticks:
            self._pipeline.last_tick = max(ticks)
            self._pipeline.complete(max(ticks))

    def _not_durable(self, signals: Sequence[Signal]) -> Sequence[Signal]:
        """Those that the log does not hold. After the first batch of which it holds none, everything is new."""
        fresh = [one for one in signals if _key(one) not in self._durable]
        if signals and len(fresh) == len(signals):
            self._durable.clear()
            self._exact = True
        return fresh

    def _begin(self, at: datetime) -> list[Signal]:
        """A tick of every vantage at the first time that was heard: the first second waits for all, as the later ones do."""
        return [Signal(SignalKind.TICK, Subject(vantage=one), at, at, "clock", 0, 0.0) for one in self._heard]

    async def _watch(self) -> None:
        """While the agent is not heard, let our own clock pass."""
        while True:
            await asyncio.sleep(WATCH_S)
            self.pass_time(self._clock())

    def pass_time(self, now: datetime) -> None:
        """Tell of vantages that are not heard; take the time from our own clock if none is."""
        if self._caught_up.waits(now):
            return
        unheard = self._unheard(now)
        for vantage in sorted(self._silent.difference(unheard)):
            log.warning("vantage %s is heard again", vantage)
            self._silent.discard(vantage)
        for vantage in unheard:
            if vantage not in self._silent:
                log.warning(
                    "vantage %s was not heard for %.0f s: what it saw is blind", vantage, self._late_s(vantage, now)
                )
                self._fall_silent(vantage, "not heard over the bus")
        if len(unheard) == len(self._heard):
            self._pass_alone(now)

    def _pass_alone(self, now: datetime) -> None:
        tick = self._pipeline.intake.tick(now)
        if tick.subject.vantage not in self._heard:  # nobody waits for the clock of a correlator
            tick = msgspec.structs.replace(tick, subject=Subject())
        self._pipeline.last_tick = now
        self._pipeline.take([tick])
        self._pipeline.complete(now)

    def _fall_silent(self, vantage: str, reason: str) -> None:
        """Tell of each source of a vantage that nothing comes from it."""
        self._silent.add(vantage)
        now = self._clock()
        self._pipeline.take([
            Signal(
                SignalKind.FEED_SILENT, msgspec.structs.replace(one.subject, vantage=vantage), now, now, source, one.seq,
                self._settings.silent_s, {"detail": reason},
            )
            for (of, source), one in sorted(self._expected.items())
            if of == vantage
        ])  # fmt: skip


class _CaughtUp:
    """Whether the end of the stream was reached: before that, a vantage that was not heard may be among what is still to come."""

    def __init__(self) -> None:
        self.pending = 0
        self._read: datetime | None = None

    def read(self, pending: int, now: datetime) -> None:
        """Take note of what the stream holds behind the last message that was read."""
        self.pending, self._read = pending, now

    def waits(self, now: datetime) -> bool:
        """Whether more is known to come, and something came just now."""
        return self.pending > 0 and self._read is not None and (now - self._read).total_seconds() <= STALLED_S


def _key(signal: Signal) -> _Key:
    return signal.subject.vantage, signal.source, signal.seq, signal.received_at
