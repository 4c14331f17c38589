"""What the floor wants of a node, and what it learned of one: how much it takes at once. No I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from chain.rpc.messages import Ask
from chain.rpc.probe_batches import SeparateProbes
from chain.rpc.storage_writes import Tracing

MAX_ASKS = 100
"""Questions in one batch; public nodes refuse larger ones."""
MAX_BLOCKS = 1024
MAX_ADDRESSES = 4096
"""Of one eth_getLogs. geth refuses more than 1,000, and is then asked for less."""
GROW_AFTER = 64
MAX_UNPACKED = 3


@dataclass(slots=True)
class NodeLimits:
    """The limits of one node, as it told them by refusing."""

    most_asks: int = MAX_ASKS
    most_blocks: int = MAX_BLOCKS
    most_addresses: int = MAX_ADDRESSES
    unpacked: int = 0
    tracing: Tracing = field(default_factory=Tracing)
    separate_probes: SeparateProbes = field(default_factory=SeparateProbes)
    _successes: int = 0

    @property
    def packs(self) -> bool:
        """Whether packed reads are worth a try there."""
        return self.unpacked < MAX_UNPACKED

    def packed(self, understood: bool) -> None:
        """Take whether a packed read was answered. After three failures in a row it is not tried again."""
        self.unpacked = 0 if understood else self.unpacked + 1

    def fewer_asks(self) -> None:
        """The last batch was too large."""
        self.most_asks = max(self.most_asks // 2, 1)

    def fewer_blocks(self, asked: int, allowed: int | None) -> None:
        """A range of `asked` blocks was refused; `allowed` is what the node said it takes."""
        self._successes = 0
        half = max(asked // 2, 1)
        self.most_blocks = min(allowed, asked - 1) if allowed and allowed < asked else half

    def succeeded(self) -> None:
        """A range was answered. Many in a row, and more is tried again: what is refused differs from stretch to stretch."""
        self._successes += 1
        if self._successes >= GROW_AFTER:
            self._successes = 0
            self.most_blocks = min(self.most_blocks * 2, MAX_BLOCKS)


Clock = Callable[[], datetime]
"""Gives the time now, in UTC."""


class Node(Protocol):
    """One node. Every failure is a NodeFailure whose detail names no URL."""

    @property
    def name(self) -> str:
        """How it is named: without its secrets."""
        ...

    @property
    def pushes(self) -> bool:
        """Whether it pushes its heads."""
        ...

    @property
    def limits(self) -> NodeLimits:
        """What was learned of it."""
        ...

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        """Answers in the order of the questions; a single question's error is a Refusal."""
        ...

    def heads(self) -> AsyncIterator[None]:
        """One item for each head it pushes."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...
