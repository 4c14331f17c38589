"""Hands incident changes to the sinks: one bounded queue a sink, retries with back-off, a graceful end.

What overflows is dropped by a stated rule and counted: the oldest UPDATED first, then the oldest AMENDED, then the oldest
of all (a sink that has been away for 256 changes of level is told the newest). The note being delivered is never dropped
and, where this part is restarted after a failure of ours, is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_exponential_jitter

from monitor.alerting.routing import Decision, Router
from monitor.alerting.sink import Delivered, Note, Outcome, Refused, TryAgain, note_of
from monitor.alerting.sinks import Route
from monitor.incidents import ChangeKind, IncidentChange
from monitor.signals import Signal

log = logging.getLogger("stormwatch.delivery")

QUEUE = 256
FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 300.0
GIVE_UP_S = 3600.0
OWN_FAILURES = 3
"""How often delivering one note may fail by our own fault before it is given up."""

DROP_FIRST = (ChangeKind.UPDATED, ChangeKind.AMENDED)

ToldOutcome = Callable[[str, str], None]
"""sink, outcome: delivered, try_again, refused, given_up, dropped or failed."""


class Deliveries:
    """The sinks' end of the pipeline (an Observer). Run each name's part once; `on_changes` never blocks."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        told: ToldOutcome = lambda _sink, _outcome: None,
        queue: int = QUEUE,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = MAX_PAUSE_S,
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._lines = {
            route.name: _Line(route, told, queue, first_pause_s, longest_pause_s, give_up_s) for route in routes
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The sinks, as the operator named them."""
        return tuple(self._lines)

    @property
    def dropped(self) -> dict[str, int]:
        """Notes dropped for want of room, by sink."""
        return {name: line.counts["dropped"] for name, line in self._lines.items()}

    @property
    def waiting(self) -> dict[str, int]:
        """Notes not yet settled, by sink."""
        return {name: line.unsettled for name, line in self._lines.items()}

    def counts(self, name: str) -> dict[str, int]:
        """How often each outcome was had with this sink."""
        return dict(self._lines[name].counts)

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Signals are not told to sinks."""

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Queue each change for the sinks it is routed to."""
        for change in changes:
            for line in self._lines.values():
                line.take(change)

    async def run(self, name: str) -> None:
        """Deliver what one sink is to be told, in order, until cancelled."""
        await self._lines[name].run()

    async def drain(self, timeout_s: float) -> int:
        """Deliver what waits, without long pauses, for at most `timeout_s`; how many notes are left undelivered."""
        for line in self._lines.values():
            line.hurry()
        settled = [asyncio.ensure_future(line.settled.wait()) for line in self._lines.values()]
        if settled:
            _done, late = await asyncio.wait(settled, timeout=timeout_s)
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        left = {name: count for name, count in self.waiting.items() if count}
        for name, count in left.items():
            log.warning("sink %s: %d notes were not delivered before the end", name, count)
        return sum(left.values())


class _Line:
    """One sink's queue and the note in hand."""

    def __init__(
        self,
        route: Route,
        told: ToldOutcome,
        queue: int,
        first_pause_s: float,
        longest_pause_s: float,
        give_up_s: float,
    ) -> None:
        self.route = route
        self.counts: Counter[str] = Counter()
        self.settled = asyncio.Event()
        self.settled.set()
        self._router = Router(route.rule)
        self._told = told
        self._most = queue
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._give_up_s = give_up_s
        self._queue: deque[Note] = deque()
        self._in_hand: Note | None = None
        self._own_failures = 0
        self._struggles = False
        self._filled = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def unsettled(self) -> int:
        return len(self._queue) + (self._in_hand is not None)

    def take(self, change: IncidentChange) -> None:
        """Queue a change if the route wants it."""
        decision: Decision = self._router.decide(change)
        where = "goes to" if decision.goes else "is kept from"
        log.debug("%s:%d %s %s: %s", change.incident_id, change.revision, where, self.route.name, decision.reason)
        if not decision.goes:
            return
        if len(self._queue) >= self._most:
            self._drop_one()
        self._queue.append(note_of(change, self.route.rule.min_level))
        self.settled.clear()
        self._filled.set()

    def hurry(self) -> None:
        """The end is near: no pause longer than the first one."""
        self._hurry.set()

    async def run(self) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            while True:
                if self._in_hand is None:
                    await self._next()
                    continue
                await self._settle(client, self._in_hand)

    async def _next(self) -> None:
        while not self._queue:
            self.settled.set()
            self._filled.clear()
            await self._filled.wait()
        self._in_hand = self._queue.popleft()
        self._own_failures = 0

    async def _settle(self, client: aiohttp.ClientSession, note: Note) -> None:
        try:
            outcome = await self._deliver(client, note)
        except Exception:
            self._own_failures += 1
            self._count("failed")
            if self._own_failures >= OWN_FAILURES:
                self._in_hand = None
            raise  # ours: the supervisor names it and starts this part again
        self._in_hand = None
        name, change = self.route.name, note.change
        match outcome:
            case Delivered():
                log.debug("sink %s has %s:%d", name, change.incident_id, change.revision)
            case Refused(why=why):
                log.error("sink %s refuses %s:%d: %s", name, change.incident_id, change.revision, why)
            case TryAgain(why=why):
                self._count("given_up")
                log.error("sink %s gave up on %s:%d: %s", name, change.incident_id, change.revision, why)

    async def _deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        async def attempt() -> Outcome:
            outcome = await self.route.sink.deliver(client, note)
            self._count(_NAMES[type(outcome)])
            if isinstance(outcome, TryAgain) and not self._struggles:
                log.warning("sink %s does not take notes now: %s; trying on", self.route.name, outcome.why)
            elif isinstance(outcome, Delivered) and self._struggles:
                log.warning("sink %s takes notes again", self.route.name)
            self._struggles = isinstance(outcome, TryAgain)
            return outcome

        retrying = AsyncRetrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, TryAgain)),
            wait=self._wait_s,
            stop=self._is_over,
            sleep=self._pause,
            retry_error_callback=_last_outcome,
        )
        return await retrying(attempt)

    def _wait_s(self, state: RetryCallState) -> float:
        """Exponential with jitter and never sooner than the other side asked for, but cut at what is left of `give_up_s`."""
        backoff = wait_exponential_jitter(
            multiplier=self._first_pause_s, max=self._longest_pause_s, jitter=self._first_pause_s
        )
        left_s = max(self._give_up_s - (state.seconds_since_start or 0.0), 0.0)
        return min(max(backoff(state), _asked_s(state)), left_s)

    def _is_over(self, state: RetryCallState) -> bool:
        return (state.seconds_since_start or 0.0) >= self._give_up_s

    async def _pause(self, pause_s: float) -> None:
        """Wait, but not on when the end is near: then a short pause between attempts is all there is time for."""
        if not self._hurry.is_set():
            try:
                await asyncio.wait_for(self._hurry.wait(), pause_s)
            except TimeoutError:
                return
            return
        await asyncio.sleep(min(pause_s, self._first_pause_s))

    def _drop_one(self) -> None:
        for kind in DROP_FIRST:
            for index, note in enumerate(self._queue):
                if note.change.kind is kind:
                    del self._queue[index]
                    self._count("dropped")
                    return
        self._queue.popleft()
        self._count("dropped")

    def _count(self, outcome: str) -> None:
        self.counts[outcome] += 1
        self._told(self.route.name, outcome)


_NAMES: dict[type[Outcome], str] = {Delivered: "delivered", TryAgain: "try_again", Refused: "refused"}


def _asked_s(state: RetryCallState) -> float:
    outcome = state.outcome.result() if state.outcome is not None and not state.outcome.failed else None
    return outcome.after_s or 0.0 if isinstance(outcome, TryAgain) else 0.0


def _last_outcome(state: RetryCallState) -> Outcome:
    assert state.outcome is not None
    outcome = state.outcome.result()
    assert isinstance(outcome, Delivered | TryAgain | Refused)
    return outcome
