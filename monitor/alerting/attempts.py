"""Tries to deliver one note: pauses that grow, never shorter than the receiver asks for, and an end in time.

It logs once that a receiver does not accept notes and once that it does again, and counts the outcome of every attempt.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_exponential_jitter

from monitor.alerting.crossings import DeliveryRecorder
from monitor.alerting.sink import Delivered, Note, Outcome, Refused, TryAgain
from monitor.alerting.sinks import Route
from monitor.signals import Clock

log = logging.getLogger("stormwatch.delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """The first and the longest pause between two attempts at one note, in seconds."""

    first_s: float = 1.0
    max_s: float = 300.0


PAUSES = Pauses()


MAX_ANSWERS = 64
"""How many of the latest answers of one sink are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one attempt ended, why, and how long it took; and the time from the change's judgement, if it was delivered."""

    outcome: str
    why: str
    took_s: float
    latency_s: float | None

    @property
    def words(self) -> str:
        """The answer in words, without secrets."""
        return f"{self.outcome.replace('_', ' ')}: {self.why}" if self.why else self.outcome


class Attempts:
    """One sink's attempts. `trouble` says why the receiver does not accept notes now; empty if it does.

    `works`: the last attempt was a success or not; None before the first. `failing_since`: the first failure since the last
    success, and `failure` the last one in words; None and empty without one.
    """

    def __init__(self, route: Route, recorder: DeliveryRecorder, pauses: Pauses, clock: Clock) -> None:
        self.trouble = ""
        self.works: bool | None = None
        self.failing_since: datetime | None = None
        self.failure = ""
        self.counts: Counter[str] = Counter()
        self.answers: deque[Answer] = deque(maxlen=MAX_ANSWERS)
        """The latest answers, the oldest first."""
        self._route = route
        self._recorder = recorder
        self._clock = clock
        self.pauses = pauses
        self._hurry = asyncio.Event()

    def count(self, outcome: str) -> None:
        """Count one outcome and report it."""
        self.counts[outcome] += 1
        self._recorder.record_delivery(self._route.name, outcome)

    def hurry(self) -> None:
        """Shorten all pauses to the first one: the program is about to stop."""
        self._hurry.set()

    async def once(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Try one time. Raises what the sink's code raises: our own failure."""
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        try:
            outcome = await self._route.sink.deliver(client, note)
        except Exception as error:
            why = f"our own failure, {type(error).__name__}"
            self._fails(why)
            self.answers.append(Answer(outcome="failed", why=why, took_s=clock() - begun_s, latency_s=None))
            raise
        self._answered(note, outcome, clock() - begun_s)
        if not isinstance(outcome, Delivered):
            self._fails(outcome.why)
        if isinstance(outcome, TryAgain):
            if not self.trouble:
                log.warning("sink %s does not accept notes now: %s; retrying", self._route.name, outcome.why)
            self.trouble = outcome.why
            return outcome
        if isinstance(outcome, Delivered):
            self.works, self.failing_since, self.failure = True, None, ""
        if isinstance(outcome, Delivered) and self.trouble:
            log.warning("sink %s accepts notes again", self._route.name)
        self.trouble = ""
        return outcome

    def _answered(self, note: Note, outcome: Outcome, took_s: float) -> None:
        """Count and remember an answer, and the way of the change if it has arrived."""
        latency_s, name = None, _OUTCOME_NAMES[type(outcome)]
        self.count(name)
        if isinstance(outcome, Delivered) and note.crossed_at is not None:
            latency_s = max((self._clock() - note.crossed_at).total_seconds(), 0.0)
            self._recorder.record_delivery_latency(self._route.name, self._route.type, latency_s)
        why = "" if isinstance(outcome, Delivered) else outcome.why
        self.answers.append(Answer(outcome=name, why=why, took_s=took_s, latency_s=latency_s))

    def _fails(self, why: str) -> None:
        self.works, self.failure = False, why
        self.failing_since = self.failing_since or self._clock()

    async def until(self, client: aiohttp.ClientSession, note: Note, limit_s: float) -> Outcome:
        """Try until the note is delivered or refused, at most for `limit_s`: then the outcome is the last TryAgain."""
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, TryAgain)),
            wait=lambda state: self._wait_s(state, limit_s),
            stop=lambda state: (state.seconds_since_start or 0.0) >= limit_s,
            sleep=self._pause,
            retry_error_callback=_last_outcome,
        )
        return await retrying(self.once, client, note)

    def _wait_s(self, state: RetryCallState, limit_s: float) -> float:
        """The next pause: exponential with jitter, at least what the receiver asked for, at most what is left of the limit."""
        first_s = self.pauses.first_s
        backoff = wait_exponential_jitter(multiplier=first_s, max=self.pauses.max_s, jitter=first_s)
        left_s = max(limit_s - (state.seconds_since_start or 0.0), 0.0)
        return min(max(backoff(state), _retry_after_s(state)), left_s)

    async def _pause(self, pause_s: float) -> None:
        """Wait for `pause_s`; after `hurry`, only for the first pause."""
        if not self._hurry.is_set():
            try:
                await asyncio.wait_for(self._hurry.wait(), pause_s)
            except TimeoutError:
                return
            return
        await asyncio.sleep(min(pause_s, self.pauses.first_s))


_OUTCOME_NAMES: dict[type[Outcome], str] = {Delivered: "delivered", TryAgain: "try_again", Refused: "refused"}


def _retry_after_s(state: RetryCallState) -> float:
    outcome = state.outcome.result() if state.outcome is not None and not state.outcome.failed else None
    return outcome.after_s or 0.0 if isinstance(outcome, TryAgain) else 0.0


def _last_outcome(state: RetryCallState) -> Outcome:
    assert state.outcome is not None
    outcome = state.outcome.result()
    assert isinstance(outcome, Delivered | TryAgain | Refused)
    return outcome
