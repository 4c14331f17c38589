"""The nodes of one network: which to ask, in which order, and whom to leave alone for a while after a failure.

The head is asked of all that are well, and the highest counts; at equal height one whose head is already followed, so
that two nodes on two forks do not make a reorg at every poll. A node that lags is passed over, never believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from chain.block import Header
from chain.events import NetworkId, NodeFault, NodeFaultKind
from chain.node import Node
from chain.rpc import NodeFailure, header_ask, header_of

T = TypeVar("T")
Clock = Callable[[], datetime]

LONGEST_REST_S = 60.0
MOST_FAULTS = 256
LAG_BLOCKS = 3


@dataclass(slots=True)
class _Seat:
    node: Node
    failures: int = 0
    rest_until: datetime | None = None
    head_number: int = -1
    behind: bool = False


class Nodes:
    """Several nodes, ranked by health: by failures in a row, then by head, then in the operator's order."""

    def __init__(self, network: NetworkId, nodes: list[Node], clock: Clock) -> None:
        assert nodes
        self._network = network
        self._seats = [_Seat(node) for node in nodes]
        self._clock = clock
        self._faults: list[NodeFault] = []

    @property
    def pushing(self) -> Node | None:
        """A node that pushes its heads, if there is one."""
        return next((seat.node for seat in self._seats if seat.node.pushes), None)

    def take_faults(self) -> list[NodeFault]:
        """The faults since the last time, oldest first."""
        faults, self._faults = self._faults, []
        return faults

    async def head(self, followed: Callable[[Header], bool]) -> tuple[str, Header] | None:
        """The highest head and the name of the node that has it; None where no node answers."""
        seats = self._ranked()
        heads = await asyncio.gather(*(self._head(seat) for seat in seats))
        known = [(seat, head) for seat, head in zip(seats, heads, strict=True) if head is not None]
        if not known:
            return None
        seat, head = max(known, key=lambda pair: (pair[1].number, followed(pair[1])))
        for other, _ in known:
            lag = head.number - other.head_number
            if lag > LAG_BLOCKS and not other.behind:
                self._fault(other, NodeFailure(NodeFaultKind.BEHIND, f"{lag} blocks behind"))
            other.behind = lag > LAG_BLOCKS
        return seat.node.name, head

    async def first(self, act: Callable[[Node], Awaitable[T]]) -> T:
        """What the first node gives that does not fail. Raises the last NodeFailure where all do."""
        seats = self._ranked()
        if not seats:
            raise NodeFailure(NodeFaultKind.UNREACHABLE, "every node rests after its failures")
        turn = iter(seats)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(len(seats)), retry=retry_if_exception_type(NodeFailure), reraise=True
        )
        return await retrying(self._act, turn, act)

    async def close(self) -> None:
        """Hang up on all of them."""
        await asyncio.gather(*(seat.node.close() for seat in self._seats))

    async def _act(self, turn: Iterator[_Seat], act: Callable[[Node], Awaitable[T]]) -> T:
        seat = next(turn)
        try:
            found = await act(seat.node)
        except NodeFailure as failure:
            self._failed(seat, failure)
            raise
        seat.failures = 0
        return found

    async def _head(self, seat: _Seat) -> Header | None:
        try:
            head = header_of((await seat.node.ask([header_ask(None)]))[0])
        except NodeFailure as failure:
            self._failed(seat, failure)
            return None
        seat.failures = 0
        seat.head_number = head.number
        return head

    def _ranked(self) -> list[_Seat]:
        now = self._clock()
        awake = [seat for seat in self._seats if seat.rest_until is None or seat.rest_until <= now]
        return sorted(awake, key=lambda seat: (seat.failures, seat.behind, -seat.head_number))

    def _failed(self, seat: _Seat, failure: NodeFailure) -> None:
        self._fault(seat, failure)
        if failure.fault is NodeFaultKind.RANGE_LIMIT:
            return
        seat.failures += 1
        rest_s = min(2.0 ** min(seat.failures - 1, 10) / 2, LONGEST_REST_S)
        if failure.fault is NodeFaultKind.WRONG_CHAIN:
            rest_s = LONGEST_REST_S
        seat.rest_until = self._clock() + timedelta(seconds=rest_s)

    def _fault(self, seat: _Seat, failure: NodeFailure) -> None:
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(
                NodeFault(
                    network=self._network,
                    seen_at=self._clock(),
                    node=seat.node.name,
                    fault=failure.fault,
                    detail=failure.detail,
                )
            )
