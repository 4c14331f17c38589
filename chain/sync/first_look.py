"""Spreads the first reads of many contracts over blocks, so that a metered node does not keep the head waiting. No I/O.

A contract that waits is followed by its logs, and what a log says is checked in its block; only its standing reads come later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from chain.blocks.reads import Reads
from chain.events import Address

MIN_TOGETHER = 4
"""Addresses that are looked at together at first, and at least."""
MAX_TOGETHER = 1024
ALL_AT_ONCE = 128
"""Addresses up to which the first look is not spread: to divide it costs more requests."""
SHARE = 0.25
"""Share of the time of a block that a look may take; a look that took less than a quarter of that lets the next be larger."""


class FirstLook:
    """Holds the addresses whose state was not read yet. Nothing waits until `begin`; addresses learned later never wait."""

    def __init__(self, block_time_s: float) -> None:
        self._allowed_s = block_time_s * SHARE
        self._waiting: deque[Address] = deque()
        self._closed: frozenset[Address] = frozenset()
        self._together = MIN_TOGETHER
        self._full: Reads | None = None
        self._open = Reads()

    @property
    def waits(self) -> bool:
        """Whether an address was not looked at yet."""
        return bool(self._waiting)

    def begin(self, addresses: Iterable[Address]) -> None:
        """Let these addresses wait, in order."""
        self._waiting = deque(dict.fromkeys(addresses))
        self._close()

    def more(self) -> None:
        """Let the next addresses be read."""
        for _ in range(min(self._together, len(self._waiting))):
            self._waiting.popleft()
        self._close()

    def took(self, took_s: float) -> None:
        """Record how long the last look took, with all else that was read: the next is larger or smaller."""
        if took_s > self._allowed_s:
            self._together = max(self._together // 2, MIN_TOGETHER)
        elif took_s < self._allowed_s / 4:
            self._together = min(self._together * 2, MAX_TOGETHER)

    def of(self, reads: Reads) -> Reads:
        """Return these reads without those of waiting addresses; the same object while both stay the same."""
        if not self._closed:
            return reads
        if reads is not self._full:
            self._full = reads
            state = frozenset(read for read in reads.state if read.address not in self._closed)
            self._open = replace(
                reads,
                state=state,
                deferrable=reads.deferrable & state,
                probes=frozenset(read for read in reads.probes if read.address not in self._closed),
            )
        return self._open

    def _close(self) -> None:
        self._closed, self._full = frozenset(self._waiting), None
