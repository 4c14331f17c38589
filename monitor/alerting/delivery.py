"""Delivers incident changes to the sinks: one bounded queue for each sink, retries with back-off, a graceful end.

A full queue drops notes by a fixed rule and counts them: the oldest UPDATED first, then the oldest AMENDED, then the oldest
of all (a sink that was away for 256 changes of level gets the newest ones). The note being delivered is never dropped;
if this part is restarted after a failure of ours, that note is tried again.
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
MAX_OWN_FAILURES = 3
"""How often our own code may fail with one note before the note is given up."""

DROP_FIRST = (ChangeKind.UPDATED, ChangeKind.AMENDED)

OnOutcome = Callable[[str, str], None]
"""Called with the sink's name and the outcome: delivered, try_again, refused, given_up, dropped or failed."""


class Deliveries:
    """Feeds the sinks from the pipeline (an Observer). Call `run` once for each name; `on_changes` never blocks."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        on_outcome: OnOutcome = lambda _sink, _outcome: None,
        queue: int = QUEUE,
        first_pause_s: float = FIRST_PAUSE_S,
        max_pause_s: float = MAX_PAUSE_S,
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._workers = {
            route.name: _SinkWorker(route, on_outcome, queue, first_pause_s, max_pause_s, give_up_s) for route in routes
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The sinks, as the operator named them."""
        return tuple(self._workers)

    @property
    def dropped(self) -> dict[str, int]:
        """Notes dropped because the queue was full, by sink."""
        return {name: worker.counts["dropped"] for name, worker in self._workers.items()}

    @property
    def waiting(self) -> dict[str, int]:
        """Notes neither delivered nor given up yet, by sink."""
        return {name: worker.unsettled for name, worker in self._workers.items()}

    def counts(self, name: str) -> dict[str, int]:
        """How often each outcome occurred with this sink."""
        return dict(self._workers[name].counts)

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Ignore signals: sinks get incident changes only."""

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Queue each change for the sinks it is routed to."""
        for change in changes:
            for worker in self._workers.values():
                worker.offer(change)

    async def run(self, name: str) -> None:
        """Deliver one sink's notes in order, until cancelled."""
        await self._workers[name].run()

    async def drain(self, timeout_s: float) -> int:
        """Deliver the waiting notes, without long pauses, for at most `timeout_s`; return how many are left undelivered."""
        for worker in self._workers.values():
            worker.hurry()
        settled = [asyncio.ensure_future(worker.settled.wait()) for worker in self._workers.values()]
        if settled:
            _done, late = await asyncio.wait(settled, timeout=timeout_s)
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        left = {name: count for name, count in self.waiting.items() if count}
        for name, count in left.items():
            log.warning("sink %s: %d notes were not delivered before the end", name, count)
        return sum(left.values())


class _SinkWorker:
    """One sink's queue and the note that is being delivered."""

    def __init__(
        self,
        route: Route,
        on_outcome: OnOutcome,
        queue: int,
        first_pause_s: float,
        max_pause_s: float,
        give_up_s: float,
    ) -> None:
        self.route = route
        self.counts: Counter[str] = Counter()
        self.settled = asyncio.Event()
        self.settled.set()
        self._router = Router(route.rule)
        self._on_outcome = on_outcome
        self._max_queued = queue
        self._first_pause_s = first_pause_s
        self._max_pause_s = max_pause_s
        self._give_up_s = give_up_s
        self._queue: deque[Note] = deque()
        self._current: Note | None = None
        self._own_failures = 0
        self._failing = False
        self._queued = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def unsettled(self) -> int:
        return len(self._queue) + (self._current is not None)

    def offer(self, change: IncidentChange) -> None:
        """Queue a change if the route accepts it."""
        decision: Decision = self._router.decide(change)
        verb = "is sent to" if decision.goes else "is not sent to"
        log.debug("%s:%d %s %s: %s", change.incident_id, change.revision, verb, self.route.name, decision.reason)
        if not decision.goes:
            return
        if len(self._queue) >= self._max_queued:
            self._drop_one()
        self._queue.append(note_of(change, self.route.rule.min_level))
        self.settled.clear()
        self._queued.set()

    def hurry(self) -> None:
        """Shorten all pauses to the first one: the program is about to stop."""
        self._hurry.set()

    async def run(self) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            while True:
                if self._current is None:
                    await self._next()
                    continue
                await self._settle(client, self._current)

    async def _next(self) -> None:
        while not self._queue:
            self.settled.set()
            self._queued.clear()
            await self._queued.wait()
        self._current = self._queue.popleft()
        self._own_failures = 0

    async def _settle(self, client: aiohttp.ClientSession, note: Note) -> None:
        try:
            outcome = await self._deliver(client, note)
        except Exception:
            self._own_failures += 1
            self._count("failed")
            if self._own_failures >= MAX_OWN_FAILURES:
                self._current = None
            raise  # our fault: the supervisor logs it and restarts this part
        self._current = None
        name, change = self.route.name, note.change
        match outcome:
            case Delivered():
                log.debug("sink %s received %s:%d", name, change.incident_id, change.revision)
            case Refused(why=why):
                log.error("sink %s refuses %s:%d: %s", name, change.incident_id, change.revision, why)
            case TryAgain(why=why):
                self._count("given_up")
                log.error("sink %s gave up on %s:%d: %s", name, change.incident_id, change.revision, why)

    async def _deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        async def attempt() -> Outcome:
            outcome = await self.route.sink.deliver(client, note)
            self._count(_OUTCOME_NAMES[type(outcome)])
            if isinstance(outcome, TryAgain) and not self._failing:
                log.warning("sink %s does not accept notes now: %s; retrying", self.route.name, outcome.why)
            elif isinstance(outcome, Delivered) and self._failing:
                log.warning("sink %s accepts notes again", self.route.name)
            self._failing = isinstance(outcome, TryAgain)
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
        """The next pause: exponential with jitter, at least what the receiver asked for, at most what is left of `give_up_s`."""
        backoff = wait_exponential_jitter(
            multiplier=self._first_pause_s, max=self._max_pause_s, jitter=self._first_pause_s
        )
        left_s = max(self._give_up_s - (state.seconds_since_start or 0.0), 0.0)
        return min(max(backoff(state), _retry_after_s(state)), left_s)

    def _is_over(self, state: RetryCallState) -> bool:
        return (state.seconds_since_start or 0.0) >= self._give_up_s

    async def _pause(self, pause_s: float) -> None:
        """Wait for `pause_s`; after `hurry`, only for the first pause: the program is about to stop."""
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
        self._on_outcome(self.route.name, outcome)


_OUTCOME_NAMES: dict[type[Outcome], str] = {Delivered: "delivered", TryAgain: "try_again", Refused: "refused"}


def _retry_after_s(state: RetryCallState) -> float:
    outcome = state.outcome.result() if state.outcome is not None and not state.outcome.failed else None
    return outcome.after_s or 0.0 if isinstance(outcome, TryAgain) else 0.0


def _last_outcome(state: RetryCallState) -> Outcome:
    assert state.outcome is not None
    outcome = state.outcome.result()
    assert isinstance(outcome, Delivered | TryAgain | Refused)
    return outcome
