"""Reads the log for one sink: each change in order, by the route's rule, until the receiver has it; then the next.

The place in the log and the memory beside it are acknowledged after each note, so a restart goes on exactly there: at least
once, in order, with the same idempotency key. What is too old when its turn comes is told by one note an incident, with the
present state. A note that is not accepted in time is owed: it makes way for the next, and is told when the receiver is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime

import aiohttp

from monitor.alerting.attempts import Attempts
from monitor.alerting.backlog import Backlog, DeliveryLog
from monitor.alerting.broken import SinkHealth
from monitor.alerting.crossings import Crossings
from monitor.alerting.held import LOOK_S, Held
from monitor.alerting.lag import Lag, change_of, memory_of
from monitor.alerting.memory import MAX_OWED, Memory, Owed, encode_memory, reader_name
from monitor.alerting.notes import Notes
from monitor.alerting.quiet import Hold, QuietSource
from monitor.alerting.reminders import Reminders
from monitor.alerting.routing import ENDS, Router
from monitor.alerting.sink import Delivered, Note, Outcome, Refused, TryAgain, reminder_of
from monitor.alerting.sinks import Route
from monitor.incidents import IncidentChange
from monitor.log import Chunk, DeliveryResult, Entry, Place, Stream
from monitor.signals import Clock

log = logging.getLogger("stormwatch.delivery")

READ_ROWS = 16
IDLE_PLACE_S = 5.0
"""How often the place is acknowledged while no change comes."""
MAX_OWN_FAILURES = 3
"""How often our own code may fail with one note before the note is given up."""
OWED_LIMITS = 24
"""An owed note is given up for good after so many times the route's `stale_after_s`."""


class SinkReader:
    """One sink's reader. `run` may be started again after a failure of ours: it goes on where it was."""

    def __init__(
        self, route: Route, log: DeliveryLog, clock: Clock, attempts: Attempts, quiet: QuietSource, crossings: Crossings
    ) -> None:
        self.route = route
        self.attempts = attempts
        self.settled = asyncio.Event()
        """Set by `hurry` or later, when everything up to its target is settled."""
        self.passed_over = ""
        """Why the latest change was not sent; empty if it was."""
        self._log = log
        self._clock = clock
        self._owed_pause_s = attempts.pauses.max_s
        self._held = Held(quiet, clock)
        self._name = reader_name(route.name)
        self._backlog = Backlog(log)
        self._notes = Notes(route, self._backlog, clock, crossings)
        self._router = Router(route.rule)
        self._owed: dict[str, Owed] = {}
        self._reminders = Reminders(route.remind_s)
        self._reached: int | None = None
        self._acknowledged = Place(0)
        self._remembered_s = self._pay_s = float("-inf")
        self._target: int | None = None
        self._trying: datetime | None = None
        self._failures = ("", 0)

    def open(self) -> None:
        """Take the place and the memory out of the log. A memory that cannot be read is logged, and begun afresh."""
        if self._reached is not None:
            return
        place = self._log.place(self._name)
        memory = memory_of(place.state)
        if memory is None:
            log.error("sink %s: its memory of earlier notes cannot be read, and begins afresh", self.route.name)
            memory = Memory()
        self._router = Router(self.route.rule, memory.notes)
        self._owed = {one.incident_id: one for one in memory.owed}
        self._held.notes = {one.incident_id: one for one in memory.held}
        self._notes.lost = memory.lost
        self._reached = max(place.position, memory.reached)
        self._remember()

    def lag(self) -> Lag:
        """How far this sink is behind now."""
        if self._reached is None:
            return Lag(entries=None, oldest_s=None, why="not started")
        since = [one.since for one in self._owed.values()] + ([] if self._trying is None else [self._trying])
        oldest_s = max(self._age_s(min(since)), 0.0) if since else None
        why = [self.attempts.trouble] if self.attempts.trouble else []
        if self._owed:
            why.append(f"{len(self._owed)} owed, because the receiver did not accept them in time")
        if self._held.notes:
            why.append(f"{len(self._held.notes)} silenced")
        if self._notes.lost:
            why.append("changes may have been lost: the log no longer held what was not read")
        return Lag(entries=max(self._log.end - self._reached, 0), oldest_s=oldest_s, why="; ".join(why))

    def health(self) -> SinkHealth:
        """Whether this sink works, and since when it fails: what it owes from an earlier run has failed since then."""
        attempts, since = self.attempts, self.attempts.failing_since
        if since is not None:
            since = min([since, *(one.since for one in self._owed.values())])
        return SinkHealth(works=attempts.works, failing_since=since, lost=self._notes.lost, why=attempts.failure)

    def hurry(self, target: int) -> None:
        """Make only short pauses from now on, and set `settled` once every change up to `target` is settled."""
        self.attempts.hurry()
        self._target = target
        self.settled.clear()
        self._advance(self._reached)

    async def run(self) -> None:
        """Deliver, until cancelled."""
        self.open()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            try:
                await self._recall()
                while True:
                    await self._round(client)
            finally:
                self._remember()

    async def _round(self, client: aiohttp.ClientSession) -> None:
        assert self._reached is not None
        chunk = await self._log.read(self._reached, (Stream.CHANGE,), READ_ROWS)
        self._look_for_loss(self._reached, chunk)
        for entry in chunk.entries:
            await self._settle(client, entry)
            self._advance(entry.position)
        self._advance(max(chunk.reached, self._reached))
        if chunk.entries:
            self._remember()
            return
        self._backlog.clear()
        await self._rest(client, self._reached)

    async def _recall(self) -> None:
        """Find in the log the incidents that this sink was told of in an earlier run and that are still open."""
        after, now_s = self._log.start, asyncio.get_running_loop().time()
        while self.route.remind_s > 0 and self._reached is not None and after < self._reached:
            chunk = await self._log.read(after, (Stream.CHANGE,), READ_ROWS)
            for entry in chunk.entries:
                change = change_of(entry) if entry.position <= self._reached else None
                last = None if change is None else self._router.last_note(change.incident_id)
                if change is not None and last is not None and change.revision <= last.revision:
                    self._reminders.sent(change, now_s)
            after = chunk.reached

    async def _remind(self, client: aiohttp.ClientSession, now_s: float) -> None:
        """Tell again what is still open, once each; what is not accepted waits for its next turn."""
        for change in self._reminders.due(now_s):
            note = reminder_of(change, self.route.rule.min_level, self._clock())
            self._reminders.sent(change, now_s)
            told = self.route.keeps_alive or self._held.reminds(change)
            if told and change.incident_id not in self._owed:
                await self.attempts.once(client, note)

    async def _rest(self, client: aiohttp.ClientSession, reached: int) -> None:
        """Wait for the next entry, and meanwhile try what is owed, and tell again what is still open."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._remembered_s >= IDLE_PLACE_S:
            self._remembered_s = now_s
            self._remember()
        if self._held.is_due():
            await self._release(client)
        if self._owed and now_s >= self._pay_s:
            await self._pay(client)
        await self._remind(client, now_s)
        look_s = now_s + LOOK_S if self._held.notes else None
        due = [one for one in (self._pay_s if self._owed else None, self._reminders.due_s, look_s) if one is not None]
        try:
            async with asyncio.timeout_at(min(due, default=None)):
                await self._log.wait(reached)
        except TimeoutError:
            return

    def _look_for_loss(self, after: int, chunk: Chunk) -> None:
        """Notice that entries behind `after` were removed before they were read."""
        start = self._log.start
        if start <= after or (chunk.entries and chunk.entries[0].position <= start):
            return
        self._notes.lost += start - after
        log.error(
            "sink %s: changes may have been lost: the log no longer holds %d entries that were not read",
            self.route.name, start - after,
        )  # fmt: skip
        self._advance(start)
        self._remember()

    async def _settle(self, client: aiohttp.ClientSession, entry: Entry) -> None:
        """Bring one change to its end: not sent, delivered, refused, owed, or given up after failures of ours."""
        change = change_of(entry)
        if change is None:
            incident_id, _, revision = entry.id.rpartition(":")
            log.error("sink %s: %s cannot be read and is not sent", self.route.name, entry.id)
            self._append(incident_id, int(revision) if revision.isdecimal() else 0, "failed", "cannot be read")
            self.attempts.count("failed")
            return
        if not self._goes(change) or await self._notes.is_moot(change, entry.position):
            if change.kind in ENDS:
                self._held.notes.pop(change.incident_id, None)  # nobody was told that it had begun
            return
        silence = self._held.silence_of(change)
        if silence is not None:
            self._hold(entry.position, change, silence)
            return
        self._trying = entry.at
        try:
            owed = self._owed.get(change.incident_id)
            first = entry.position if owed is None else owed.position
            note = await self._note(entry, change, first)
            limit_s = self.route.stale_after_s
            if note.missed is None:
                limit_s -= min(max(self._age_s(entry.at), 0.0), limit_s)
            outcome = await self._guarded(self.attempts.until(client, note, limit_s), note, entry.position)
            if isinstance(outcome, TryAgain):
                self._owe(note, first, outcome.why)
            else:
                self._end(note, outcome)
        finally:
            self._trying = None
        self._advance(entry.position)
        self._remember()
        if isinstance(outcome, Delivered):
            await self._pay(client)

    def _goes(self, change: IncidentChange) -> bool:
        decision = self._router.decide(change)
        goes, reason = decision.goes, decision.reason
        owed = self._owed.get(change.incident_id)
        if goes and owed is not None and change.revision <= owed.revision:
            goes, reason = False, "a note that stands for it is owed"
        if change.kind not in ENDS:
            self.passed_over = "" if goes else reason
        verb = "is sent to" if goes else "is not sent to"
        log.debug("%s:%d %s %s: %s", change.incident_id, change.revision, verb, self.route.name, reason)
        return goes

    async def _note(self, entry: Entry, change: IncidentChange, first: int) -> Note:
        """The note for a change: about what was missed from position `first` on, if it is late or its incident is owed."""
        held = self._held.notes.get(change.incident_id)
        note = (
            None
            if held is None or change.kind in ENDS
            else await self._notes.released(change.incident_id, held.position, self._router)
        )
        if note is None and (first != entry.position or self._notes.is_late(entry.at)):
            note = await self._notes.present(change.incident_id, first, self._router)
        return note or self._notes.of_change(change, entry.at)

    def _hold(self, position: int, change: IncidentChange, silence: Hold) -> None:
        """Do not send a silenced change, say so in the log, and remember to tell it when the silence has ended."""
        self.attempts.count("silenced")
        self._append(change.incident_id, change.revision, "silenced", silence.words)
        if change.incident_id not in self._owed:
            dropped = self._held.hold(position, change)
            if dropped is not None:
                log.error("sink %s: %s is not told: more than %d are silenced", self.route.name, dropped, MAX_OWED)
        self._advance(position)
        self._remember()

    async def _release(self, client: aiohttp.ClientSession) -> None:
        """Tell once what is no longer silenced and still worth telling; what is not accepted is owed."""
        for held in tuple(self._held.notes.values()):
            note = await self._notes.released(held.incident_id, held.position, self._router)
            if note is None:
                self._held.notes.pop(held.incident_id, None)
            elif self._held.silence_of(note.change) is None:
                outcome = await self._guarded(self.attempts.once(client, note), note, held.position)
                if isinstance(outcome, TryAgain):
                    self._owe(note, held.position, outcome.why)
                else:
                    self._end(note, outcome)
        self._remember()

    async def _pay(self, client: aiohttp.ClientSession) -> None:
        """Try each owed note once, the oldest first, until the receiver does not accept one."""
        pause_s = self._owed_pause_s
        for owed in tuple(self._owed.values()):
            note = await self._notes.present(owed.incident_id, owed.position, self._router)
            if note is None:
                self._give_up(owed, "the log no longer holds it")
                continue
            if self._held.silence_of(note.change) is not None:
                continue
            outcome = await self._guarded(self.attempts.once(client, note), note, owed.position)
            if isinstance(outcome, TryAgain):
                pause_s = max(pause_s, outcome.after_s or 0.0)
                self._owed[owed.incident_id] = self._owed.pop(owed.incident_id)  # behind the others: it may be the note
                if self._age_s(owed.since) > OWED_LIMITS * self.route.stale_after_s:
                    self._give_up(owed, outcome.why)
                break
            self._end(note, outcome)
        self._pay_s = asyncio.get_running_loop().time() + pause_s
        self._remember()

    async def _guarded(self, trying: Awaitable[Outcome], note: Note, position: int) -> Outcome:
        """The outcome; a failure of ours is raised, for the supervisor, and ends the note when it fails too often."""
        try:
            return await trying
        except Exception as error:
            self._failed(note, position, type(error).__name__)
            raise

    def _failed(self, note: Note, position: int, why: str) -> None:
        key, failures = self._failures
        failures = failures + 1 if key == note.key else 1
        self._failures = (note.key, failures)
        self.attempts.count("failed")
        if failures < MAX_OWN_FAILURES:
            return
        log.error("sink %s: our own code fails with %s, which is given up: %s", self.route.name, note.key, why)
        self._append(note.change.incident_id, note.change.revision, "failed", why)
        self._router.record(note.change)
        self._owed.pop(note.change.incident_id, None)
        self._advance(position)
        self._remember()

    def _end(self, note: Note, outcome: Delivered | Refused) -> None:
        """Remember and append that the receiver took or refused a note."""
        change, name = note.change, self.route.name
        self._router.record(change)
        self._owed.pop(change.incident_id, None)
        self._held.notes.pop(change.incident_id, None)
        if isinstance(outcome, Refused):
            log.error("sink %s refuses %s:%d: %s", name, change.incident_id, change.revision, outcome.why)
            self._append(change.incident_id, change.revision, "refused", outcome.why)
            return
        log.debug("sink %s received %s:%d", name, change.incident_id, change.revision)
        self._reminders.sent(change, asyncio.get_running_loop().time())
        self._notes.lost = 0
        if note.missed is None:
            self._append(change.incident_id, change.revision, "delivered", "")
            return
        log.warning("sink %s: %s: %s", name, change.incident_id, note.remarks[0])
        self.attempts.count("missed")
        self._append(change.incident_id, change.revision, "missed", note.remarks[0])

    def _owe(self, note: Note, first: int, why: str) -> None:
        """Let a note that is not accepted make way for the next, and remember to tell it."""
        incident_id, revision = note.change.incident_id, note.change.revision
        before = self._owed.pop(incident_id, None)
        self._held.notes.pop(incident_id, None)
        since = self._clock() if before is None else before.since
        self._owed[incident_id] = Owed(incident_id=incident_id, position=first, revision=revision, since=since)
        self._pay_s = asyncio.get_running_loop().time() + self._owed_pause_s
        self.attempts.count("given_up")
        log.error(
            "sink %s gave up on %s:%d for now: %s; it is told when the receiver accepts notes again",
            self.route.name, incident_id, revision, why,
        )  # fmt: skip
        if len(self._owed) > MAX_OWED:
            self._give_up(next(iter(self._owed.values())), f"more than {MAX_OWED} notes are owed")

    def _give_up(self, owed: Owed, why: str) -> None:
        """Never try an owed note again."""
        del self._owed[owed.incident_id]
        log.error("sink %s gave up on %s:%d: %s", self.route.name, owed.incident_id, owed.revision, why)
        self._append(owed.incident_id, owed.revision, "given_up", why)

    def _append(self, incident_id: str, revision: int, outcome: str, why: str) -> None:
        name, at = self.route.name, self._clock()
        self._log.delivery(
            DeliveryResult(sink=name, incident_id=incident_id, revision=revision, outcome=outcome, why=why, at=at)
        )

    def _advance(self, position: int | None) -> None:
        if position is None or self._reached is None:
            return
        self._reached = max(self._reached, position)
        if self._target is not None and self._reached >= self._target:
            self.settled.set()

    def _remember(self) -> None:
        """Acknowledge the place and the memory, if they changed. The log keeps what lies behind the place: what is owed too."""
        assert self._reached is not None
        owed, silenced = tuple(self._owed.values()), tuple(self._held.notes.values())
        memory = Memory(
            notes=self._router.notes, owed=owed, lost=self._notes.lost, reached=self._reached, held=silenced
        )
        held = min((one.position - 1 for one in (*owed, *silenced)), default=self._reached)
        place = Place(min(held, self._reached), encode_memory(memory))
        if place != self._acknowledged:
            self._log.acknowledge(self._name, place)
            self._acknowledged = place

    def _age_s(self, at: datetime) -> float:
        return (self._clock() - at).total_seconds()
