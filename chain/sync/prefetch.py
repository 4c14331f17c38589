"""Reads the ranges of a scan. It reads the next range while the current one is digested, so that node and CPU both work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chain.blocks.block import Block
from chain.blocks.reads import Reads
from chain.events import NetworkId
from chain.nodes import fetch
from chain.nodes.group import NodeGroup
from chain.nodes.node import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Names the reads of a range. `grown`: new reads were added, so the first block also needs all of them as a baseline."""

    numbers: range
    reads: Reads
    grown: bool = False

    def is_begun_by(self, other: Wanted) -> bool:
        """Whether the other has all reads of this one except some deferrable reads. Probes belong to the head alone."""
        ours, theirs = self.reads, other.reads
        return theirs.deferrable <= ours.deferrable and (
            (self.numbers, ours.addresses, ours.topics, ours.per_block, ours.writes)
            == (other.numbers, theirs.addresses, theirs.topics, theirs.per_block, theirs.writes)
        )


class Prefetch:
    """Reads one range at a time. `every_block`: make all reads in each block, and trace it."""

    def __init__(self, nodes: NodeGroup, network: NetworkId, clock: Clock, *, every_block: bool) -> None:
        self._nodes = nodes
        self._network = network
        self._clock = clock
        self._every_block = every_block
        self._under_way: tuple[Wanted, asyncio.Task[list[Block]]] | None = None

    def start(self, wanted: Wanted) -> None:
        """Begin to read the likely next range. Not over a WebSocket, which sends one answer after the other."""
        if self._nodes.pushing is None:
            self._under_way = wanted, asyncio.create_task(self._read(wanted))

    async def blocks(self, wanted: Wanted) -> list[Block]:
        """Return these blocks: the prefetched ones with the missing reads added, or else read now. Raises NodeFailure."""
        if self._under_way is None:
            return await self._read(wanted)
        begun, reading = self._under_way
        more = wanted.reads.deferrable - begun.reads.deferrable
        if not wanted.is_begun_by(begun) or (more and self._every_block):
            await self.cancel()
            return await self._read(wanted)
        self._under_way = None  # also if it fails: the range is then read anew
        found = await reading
        if more or (wanted.grown and not self._every_block):
            last = len(found) - 1
            ends = sorted({0, last}) if wanted.grown else [last]
            complete = await fetch.with_all_reads(self._nodes, [found[at] for at in ends], wanted.reads, self._clock)
            for at, block in zip(ends, complete, strict=True):
                found[at] = block
        return found

    async def cancel(self) -> None:
        """Cancel the read that was started."""
        if self._under_way:
            _, reading = self._under_way
            self._under_way = None
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, wanted: Wanted) -> list[Block]:
        run = await fetch.headers(self._nodes, wanted.numbers)
        ends = [*run[: 1 if wanted.grown else 0], run[-1]]
        blocks = fetch.BlocksWanted(
            run=run, reads=wanted.reads, state_of=run if self._every_block else ends, traced=self._every_block
        )
        return await fetch.blocks(self._nodes, self._network, blocks, self._clock)
