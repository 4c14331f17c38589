"""Defines the interface of a node, and the limits that a node has shown. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from chain.events.network import NodeFaultKind
from chain.rpc.errors import NO_METHOD, Refusal
from chain.rpc.messages import Ask
from chain.rpc.probe_batches import SeparateProbes
from chain.rpc.storage_writes import Tracing

MAX_ASKS = 100
"""Requests in one batch. Public nodes refuse larger ones."""
MAX_BLOCKS = 1024
MAX_ADDRESSES = 4096
"""In one eth_getLogs. geth refuses more than 1,000; the limit then shrinks."""
GROW_AFTER = 64
MAX_GROW_AFTER = 4096
"""Answered batches of the full size before a larger one is tried. Each refusal doubles the number, up to this."""
GROW_SOON = 8
"""The same after a refusal whose reason is not sure."""
PATIENCE_S = 8.0
"""Pauses in a row, in seconds, that a throttled request waits out. After longer ones it fails, and the node rests."""
MAX_UNPACKED = 3
MAX_LACKED = 3
"""Times in a row that a node says that it does not have a method, after which it is not asked for it."""
OPTIONAL = frozenset({"debug_traceCall", "eth_createAccessList"})
"""The methods that only probes use: a block is whole without them."""


@dataclass(slots=True)
class NodeLimits:
    """Holds the limits of one node, learned from its refusals. `throttled` counts refusals for the rate, `refusals` all by kind.

    `paused_s`: seconds of all pauses for the rate.

    `patience_s`: seconds of pauses in a row that a throttled request waits out here, instead of failing.
    """

    max_asks: int = MAX_ASKS
    max_blocks: int = MAX_BLOCKS
    max_addresses: int = MAX_ADDRESSES
    unpacked: int = 0
    tracing: Tracing = field(default_factory=Tracing)
    separate_probes: SeparateProbes = field(default_factory=SeparateProbes)
    patience_s: float = PATIENCE_S
    throttled: int = 0
    paused_s: float = 0.0
    refusals: Counter[NodeFaultKind] = field(default_factory=Counter)
    lacked: Counter[str] = field(default_factory=Counter)
    _successes: int = 0
    _full_batches: int = 0
    _grow_after: int = GROW_AFTER
    _tried_asks: int = 0

    @property
    def narrow(self) -> bool:
        """Whether the node has refused a usual batch or the usual rate: then nothing optional goes along."""
        return self.max_asks < MAX_ASKS or self.throttled > 0

    @property
    def packs(self) -> bool:
        """Whether the node may accept packed reads."""
        return self.unpacked < MAX_UNPACKED

    def packed(self, understood: bool) -> None:
        """Record whether a packed read was answered. After three failures in a row none is tried again."""
        self.unpacked = 0 if understood else self.unpacked + 1

    @property
    def untried(self) -> frozenset[str]:
        """The optional methods that the node was not asked for yet."""
        return OPTIONAL.difference(self.lacked)

    def lacks(self, method: str) -> bool:
        """Whether the node does not have this method."""
        return self.lacked[method] >= MAX_LACKED

    def answered_optional(self, asks: Sequence[Ask], answers: Sequence[Any]) -> None:
        """Record which of the optional methods the node has, by its answers to one request."""
        for method in OPTIONAL.intersection(method for method, _ in asks):
            given = [answer for (asked, _), answer in zip(asks, answers, strict=False) if asked == method]
            missing = sum(isinstance(answer, Refusal) and answer.code == NO_METHOD for answer in given)
            self.lacked[method] = self.lacked[method] + missing if missing == len(given) else 0

    def fewer_asks(self, asked: int | None = None, allowed: int | None = None, *, sure: bool = True) -> None:
        """Shrink the batch size: a batch of `asked` requests was too large. `allowed` is the limit that the node named.

        `sure`: the node said so; otherwise its silence or its rate may have another reason, and the size grows again soon.
        """
        asked = self.max_asks if asked is None else asked
        if asked <= 1:
            return
        again = sure or asked == self._tried_asks
        self._grow_after = min(self._grow_after * 2, MAX_GROW_AFTER) if again else GROW_SOON
        self._full_batches = 0
        self.max_asks = min(self.max_asks, allowed if allowed and allowed < asked else max(asked // 2, 1))

    def answered(self, asked: int) -> None:
        """Record an answered batch. After many of the full size in a row the size doubles: a refusal may have passed."""
        if asked >= self.max_asks < MAX_ASKS:
            self._full_batches += 1
            if self._full_batches >= self._grow_after:
                self._full_batches = 0
                self.max_asks = self._tried_asks = min(self.max_asks * 2, MAX_ASKS)

    def fewer_blocks(self, asked: int, allowed: int | None) -> None:
        """Shrink the block range: `asked` blocks were refused. `allowed` is the limit that the node named, if any."""
        self._successes = 0
        half = max(asked // 2, 1)
        self.max_blocks = min(allowed, asked - 1) if allowed and allowed < asked else half

    def succeeded(self) -> None:
        """Record an answered range. After many in a row the limit grows again: refusals depend on the range."""
        self._successes += 1
        if self._successes >= GROW_AFTER:
            self._successes = 0
            self.max_blocks = min(self.max_blocks * 2, MAX_BLOCKS)


Clock = Callable[[], datetime]
"""Returns the current time in UTC."""


class Node(Protocol):
    """Answers requests as one node. Every failure is a NodeFailure whose detail contains no URL."""

    @property
    def name(self) -> str:
        """The name, without secrets."""
        ...

    @property
    def provider(self) -> str:
        """The party that runs the node: the endpoints of one provider are one voice."""
        ...

    @property
    def pushes(self) -> bool:
        """Whether the node pushes new heads."""
        ...

    @property
    def limits(self) -> NodeLimits:
        """The limits learned so far."""
        ...

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        """Return the answers in the order of the requests. An error of a single request is a Refusal."""
        ...

    def heads(self) -> AsyncIterator[None]:
        """Yield one item for each pushed head."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
