"""Finds the last change of a proxy's target where a node refuses the logs of all blocks: by old state, then by ranges of logs.

The state of older blocks is searched by many points at once, so a chain of twenty million blocks takes six requests. A node
that keeps no old state is asked for logs in ranges that it accepts, from the head backwards. What neither shows is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chain.blocks.block import Header
from chain.blocks.reads import AnyRead
from chain.events import Address
from chain.inspection.change_logs import LoggedChange, log_of, logs_ask
from chain.nodes.node import Node
from chain.rpc.errors import NodeFailure, Refusal, max_blocks
from chain.rpc.messages import header_ask, header_of, read_ask, read_of

POINTS = 24
"""Blocks whose state is asked for at once."""
MAX_ROUNDS = 8
RANGES = 10
MAX_RANGES = 40
"""Ranges of logs, asked for in batches of `RANGES`."""
USUAL_RANGE = 1000
"""Blocks of a range where the node does not name its limit."""


@dataclass(frozen=True, slots=True)
class Found:
    """The logs of the last change, or the block in which the state changed; else the oldest block known to be unchanged.

    `time_s` is that of the block (Unix seconds, if known).
    """

    logs: tuple[LoggedChange, ...] = ()
    block_number: int | None = None
    time_s: int | None = None
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChange:
    """What is searched: the read that holds the target now (None: none does), the emitters of the logs, and which logs count."""

    read: AnyRead | None
    now: object
    addresses: tuple[Address, ...]
    counts: Callable[[LoggedChange], bool]
    refusal: str = ""

    async def search(self, node: Node, head: Header) -> Found:
        """Search. A node that gives neither old state nor ranges finds nothing; it raises nothing."""
        try:
            changed, unchanged = await self._by_state(node, head) if self.read is not None else (None, head.number)
            if changed is not None:
                return await self._in_block(node, changed)
            return await self._by_ranges(node, head, unchanged)
        except NodeFailure:
            return Found()

    async def _by_state(self, node: Node, head: Header) -> tuple[int | None, int]:
        """The first block with the present value, if its parent had another; else the oldest block seen with it."""
        assert self.read is not None
        low, high, pruned = -1, head.number, False  # below `low` not searched; `high` has the present value
        for _ in range(MAX_ROUNDS):
            if high - low <= 1:
                break
            points = _between(low, high)
            answers = await node.ask([read_ask(self.read, hex(number)) for number in points])
            for number, answer in sorted(zip(points, answers, strict=False), reverse=True):
                if isinstance(answer, Refusal) and not answer.halted:
                    low, pruned = number, True
                    break
                if read_of(self.read, answer) != self.now:
                    low, pruned = number, False
                    break
                high = number
        return (None if pruned or high - low > 1 or high == 0 else high), high

    async def _in_block(self, node: Node, number: int) -> Found:
        header, logs = await node.ask([header_ask(number), logs_ask(self.addresses, number, number)])
        time_s = None if isinstance(header, Refusal) else int(header_of(header).time.timestamp())
        return Found(logs=self._counting(logs), block_number=number, time_s=time_s)

    async def _by_ranges(self, node: Node, head: Header, unchanged: int) -> Found:
        size = max_blocks(self.refusal) or USUAL_RANGE
        last = min(head.number, unchanged)
        for _ in range(MAX_RANGES // RANGES):
            starts = [first for at in range(RANGES) if (first := last - size * (at + 1) + 1) + size > 0]
            asks = [logs_ask(self.addresses, max(first, 0), first + size - 1) for first in starts]
            for first, answer in zip(starts, await node.ask(asks) if asks else [], strict=False):
                if isinstance(answer, Refusal):
                    return Found(unchanged_since=min(unchanged, first + size))
                if found := self._counting(answer):
                    return Found(logs=found)
                unchanged = min(unchanged, max(first, 0))
            last -= size * RANGES
            if last < 0:
                break
        return Found(unchanged_since=unchanged)

    def _counting(self, answer: Any) -> tuple[LoggedChange, ...]:
        if not isinstance(answer, list):
            return ()
        try:
            return tuple(one for one in map(log_of, answer) if self.counts(one))
        except (KeyError, TypeError, ValueError, AttributeError):
            return ()


def _between(low: int, high: int) -> Sequence[int]:
    """At most `POINTS` blocks between both, evenly spaced."""
    step = max((high - low) / (POINTS + 1), 1.0)
    return sorted({number for at in range(1, POINTS + 1) if low < (number := low + round(step * at)) < high})
