"""Sends requests to one node in batches that it accepts, at a pace that it accepts, and asks again only for what it refused.

Every request to a node passes here, from following, scanning and inspecting alike. A refusal that teaches a limit (batch, size,
rate, connections) costs no try: the batch becomes smaller or waits, and its good answers are kept. What passes by itself (an
error page, a body cut short, a dropped connection) is tried a few times. Everything else is the caller's failure.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chain.events.network import NodeFaultKind
from chain.nodes.node import NodeLimits
from chain.nodes.pace import Pace
from chain.rpc.errors import AnswerTooLong, ConnectionDropped, NodeFailure, PassingFailure, Refusal
from chain.rpc.messages import Ask
from chain.rpc.pairing import MAX_SENT, size_of

LANES = 3
"""Concurrent batches to one node."""
WIDEN_AFTER = 64
"""Answered batches after which one more concurrent batch is tried."""
MAX_PASSING = 3
"""Passing failures in a row after which a request fails."""
RETRY_S = 0.1
"""Seconds before the first new try after a passing failure; doubles."""
PAUSE_S = 0.5
"""Seconds before the first new try after a refusal for the rate that states no pause; doubles."""
FEW, SOME = 0.25, 3
"""Share of a batch, and number, that may be refused for the rate without the batch becoming smaller."""
TOGETHER_TOO_LARGE = -32003
"""geth's code for answers that exceed the size of a batch together (`BatchResponseMaxSize`)."""
_NOTHING: Any = object()

Send = Callable[[Sequence[Ask]], Awaitable[list[Any]]]
"""Sends one batch. An error of a single request is a Refusal; every other failure is a NodeFailure."""


class Scheduler:
    """Shares one node among all that ask it. `lanes`: concurrent batches (1 where answers share one stream)."""

    def __init__(self, send: Send, limits: NodeLimits, pace: Pace, lanes: int = LANES) -> None:
        self._send = send
        self._limits = limits
        self._pace = pace
        self._most_lanes = lanes
        self._lanes = lanes
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._answered = 0

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        """Return the answers in the order of the requests. Raises NodeFailure."""
        job = _Job(asks, self._pace.most)
        if job.fits(self._limits.max_asks):
            await self._work(job)
            return job.answers
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._most_lanes):
                    group.create_task(self._work(job))
        except* NodeFailure as failures:
            raise _first(failures) from None
        return job.answers

    async def _work(self, job: _Job) -> None:
        while piece := job.take(self._limits.max_asks):
            async with self._lane():
                await self._paced(len(piece))
                try:
                    answers = await self._send([job.asks[at] for at in piece])
                except NodeFailure as failure:
                    await self._failed(job, piece, failure)
                else:
                    self._take(job, piece, answers)

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[None]:
        while self._busy >= self._lanes:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            waiting, self._waiting = self._waiting, deque()
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)

    async def _paced(self, asks: int) -> None:
        loop = asyncio.get_running_loop()
        wait_s = self._pace.wait_s(asks, loop.time(), narrow=self._limits.narrow)
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = self._pace.still_s(loop.time())

    def _take(self, job: _Job, piece: Sequence[int], answers: Sequence[Any]) -> None:
        """Keep the good answers; the others are asked for again, if the refusal was one of size or rate."""
        again: dict[NodeFaultKind, list[int]] = {}
        failure: NodeFailure | None = None
        for at, answer in zip(piece, answers, strict=True):
            refused = _again(job.asks[at], answer, alone=len(piece) == 1)
            if refused is None:
                job.put(at, answer)
            else:
                again.setdefault(refused.fault, []).append(at)
                failure = refused
        good = len(piece) - sum(len(some) for some in again.values())
        if good:
            job.progressed()
            self._pace.answered(good, asyncio.get_running_loop().time())
        if failure is None:
            self._succeeded(len(piece))
            return
        self._limits.refusals.update(again.keys())
        if smaller := again.get(NodeFaultKind.BATCH_LIMIT):
            self._limits.fewer_asks(len(piece), failure.allowed)
            job.put_back(smaller)
        if throttled := again.get(NodeFaultKind.THROTTLED):
            if good and len(throttled) > max(len(piece) * FEW, SOME):
                self._limits.fewer_asks(len(piece), max(good, len(piece) // 2), sure=False)
            self._throttled(job, throttled, failure)

    def _succeeded(self, asks: int) -> None:
        self._limits.answered(asks)
        self._answered += 1
        if self._answered >= WIDEN_AFTER:
            self._answered = 0
            self._lanes = min(self._lanes + 1, self._most_lanes)

    async def _failed(self, job: _Job, piece: list[int], failure: NodeFailure) -> None:
        """Ask for the piece again, in the way that this failure asks for. Raises it if there is none."""
        several = len(piece) > 1
        self._limits.refusals[failure.fault] += 1
        if isinstance(failure, AnswerTooLong) and several:
            job.halve(piece)  # our own bound: it says nothing about the node
        elif failure.fault in (NodeFaultKind.BATCH_LIMIT, NodeFaultKind.RANGE_LIMIT) and several:
            self._limits.fewer_asks(len(piece), failure.allowed)
            job.put_back(piece)
        elif failure.fault is NodeFaultKind.THROTTLED:
            self._throttled(job, piece, failure)
        elif isinstance(failure, ConnectionDropped) and several:
            self._lanes = max(self._lanes - 1, 1)
            self._limits.fewer_asks(len(piece), sure=False)
            job.put_back(piece)
            await asyncio.sleep(RETRY_S)
        elif isinstance(failure, PassingFailure) and job.tries_on():
            job.put_back(piece)
            await asyncio.sleep(RETRY_S * 2**job.passing)
        else:
            if failure.fault is NodeFaultKind.TIMEOUT:
                self._limits.fewer_asks(len(piece), sure=False)
            raise failure

    def _throttled(self, job: _Job, piece: list[int], failure: NodeFailure) -> None:
        """Wait as long as the node wants, then ask again, at last for less at once. Raises the failure if that is too long."""
        self._limits.throttled += 1
        pause_s = PAUSE_S * 2**job.throttled if failure.rest_s is None else max(failure.rest_s, PAUSE_S)
        job.throttled += 1
        full = len(piece) * 2 > self._limits.max_asks
        if job.throttled > 2 or (job.throttled > 1 and full):  # a second's allowance may be smaller than this batch
            self._limits.fewer_asks(len(piece), len(piece) * (3 if job.throttled == 2 else 2) // 4, sure=False)
        if self._busy > 1:
            self._lanes = max(self._lanes - 1, 1)
        waits_s = min(pause_s, self._limits.patience_s)
        self._limits.paused_s += waits_s
        self._pace.refused(self._limits.max_asks, asyncio.get_running_loop().time(), waits_s)
        job.waited_s += pause_s
        if job.waited_s > self._limits.patience_s:
            raise failure
        job.put_back(piece)


class _Job:
    """Holds the requests of one caller and the answers so far. `passing`, `throttled`: failures since the last answer.

    `waited_s`: pauses for the rate since then.
    """

    def __init__(self, asks: Sequence[Ask], most: int | None) -> None:
        self.asks = asks
        self.answers: list[Any] = [_NOTHING] * len(asks)
        self.passing = 0
        self.throttled = 0
        self.waited_s = 0.0
        self._most = most
        self._todo: deque[int] = deque(range(len(asks)))
        self._halves: deque[list[int]] = deque()

    def fits(self, most: int) -> bool:
        """Whether all requests fit in one batch."""
        most = min(most, self._most or most)
        return len(self.asks) <= most and sum(map(size_of, self.asks)) <= MAX_SENT

    def take(self, most: int) -> list[int]:
        """Take the places of the next requests to send: at most `most`, and about `MAX_SENT` characters."""
        if self._halves:
            return self._halves.popleft()
        most, room = min(most, self._most or most), MAX_SENT
        piece: list[int] = []
        while self._todo and len(piece) < most:
            room -= size_of(self.asks[self._todo[0]])
            if piece and room < 0:
                break
            piece.append(self._todo.popleft())
        return piece

    def put(self, at: int, answer: Any) -> None:
        """Keep an answer."""
        self.answers[at] = answer

    def put_back(self, piece: Iterable[int]) -> None:
        """Ask for these again, before the others."""
        self._todo.extendleft(sorted(piece, reverse=True))

    def halve(self, piece: list[int]) -> None:
        """Ask for this piece again in two."""
        half = len(piece) // 2
        self._halves.extend([piece[:half], piece[half:]])

    def progressed(self) -> None:
        """Record that an answer came: the node works."""
        self.passing = self.throttled = 0
        self.waited_s = 0.0

    def tries_on(self) -> bool:
        """Count a passing failure; whether the request may be tried again."""
        self.passing += 1
        return self.passing < MAX_PASSING


def _again(ask: Ask, answer: Any, *, alone: bool) -> NodeFailure | None:
    """Return the refusal as a failure if asking again can help: it was for the rate, or for the company in the batch."""
    if not isinstance(answer, Refusal):
        return None
    failure = answer.failure()
    if failure.fault is NodeFaultKind.THROTTLED:
        return failure
    # A range of logs is divided by who asked for it, unless its company in the batch is at fault.
    oversized = answer.oversized and (ask[0] != "eth_getLogs" or answer.code == TOGETHER_TOO_LARGE)
    if not alone and (failure.fault is NodeFaultKind.BATCH_LIMIT or oversized):
        return NodeFailure(NodeFaultKind.BATCH_LIMIT, failure.detail, allowed=failure.allowed)
    return None


def _first(failures: BaseExceptionGroup[NodeFailure]) -> NodeFailure:
    one: BaseException = failures
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    assert isinstance(one, NodeFailure)
    return one
