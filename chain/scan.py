"""Reading a stretch of the past: what its blocks hold, each with its state, for post-mortems. Resumable, if asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import get_args

from chain import fetch
from chain.block import Block, Header, Needs
from chain.canonical import Followed
from chain.checkpoint import Checkpoint, Checkpoints, decode
from chain.detectors import Bench
from chain.events import ChainEvent, NetworkId, NodeFaultKind, PlacedEvent
from chain.nodes import Nodes
from chain.rpc import NodeFailure
from chain.settings import Clock, WatcherSettings, open_nodes, utc_now

MOST_RUN = 64
MOST_READS = 20_000
"""State reads in one run of blocks."""
MOST_TRIES = 8
MOST_UNSAVED = 64
"""Blocks without an event that are read again after a crash."""

PLACED = get_args(PlacedEvent)

Progress = Callable[[int, int], None]
"""Told the blocks done and the blocks in all, after each run."""


class ScanIncomplete(Exception):
    """No node could give block `number`, so that a scan ends before its last block. Use a node that keeps that history."""

    def __init__(self, number: int) -> None:
        super().__init__(f"no node gave block {number}")
        self.number = number


async def prime(nodes: Nodes, network: NetworkId, bench: Bench, header: Header, clock: Clock) -> None:
    """Show the state of a block, and none of its logs: thrice, for what is found there may need more to be read."""
    for _ in range(3):
        needs = Needs(reads=bench.needs().reads)
        found = await fetch.blocks(nodes, network, [header], needs, clock, state_of=[header])
        bench.on_block(found[0])


async def scan(
    settings: WatcherSettings,
    first: int,
    last: int,
    clock: Clock = utc_now,
    *,
    progress: Progress | None = None,
    checkpoints: Checkpoints | None = None,
    nodes: Nodes | None = None,
) -> AsyncIterator[ChainEvent]:
    """What blocks `first`..`last` hold, and the faults of nodes on the way. Fits only blocks that no reorg can reach.

    With `checkpoints` (of its own, not a watcher's) it goes on where an earlier scan of the same stretch ended; the event
    that was being handled then comes again, with its id. Raises ScanIncomplete where no node gives a block after some tries.
    """
    past = _Past(settings, nodes or open_nodes(settings, clock), clock, checkpoints)
    tries = 0
    try:
        await past.resume(first)
        for event in past.untold():
            yield event
        while past.number <= last:
            blocks = await past.read(last)
            for fault in past.nodes.take_faults():
                yield fault
            if not blocks:
                tries += 1
                if tries > MOST_TRIES:
                    raise ScanIncomplete(past.number)
                await asyncio.sleep(settings.wait_s)
                continue
            tries = 0
            for block in blocks:
                past.digest(block)
                for event in past.untold():
                    yield event
                if not past.needs.covers(past.bench.needs()):
                    break
            if progress:
                progress(past.number - first, last + 1 - first)
        past.save()
    finally:
        await past.nodes.close()


class _Past:
    def __init__(self, settings: WatcherSettings, nodes: Nodes, clock: Clock, checkpoints: Checkpoints | None) -> None:
        self._settings = settings
        self._network = settings.network.id
        self._clock = clock
        self._checkpoints = checkpoints
        self._most = MOST_RUN
        self._primed = False
        self._memories: dict[str, bytes] | None = None
        self._last: Header | None = None
        self._out: list[PlacedEvent] = []
        self._unsaved = 0
        self.nodes = nodes
        self.number = 0
        self.bench = Bench(settings.watch)
        self.needs = Needs()

    async def resume(self, first: int) -> None:
        """Stand at `first`, or where the checkpoint says."""
        self.number = first
        body = await self._checkpoints.load(self._network) if self._checkpoints else None
        checkpoint = decode(body) if body else None
        if checkpoint and checkpoint.window:
            self._last = checkpoint.window[-1].header
            self._memories = checkpoint.window[-1].memories
            self._out = [event for event in checkpoint.untold if isinstance(event, PLACED)]
            self.number = self._last.number + 1

    def untold(self) -> Iterator[PlacedEvent]:
        """What was decided, one by one; asking for the next says that the last one was taken."""
        while self._out:
            yield self._out[0]
            del self._out[0]
            self.save()

    def save(self) -> None:
        """Keep where it stands."""
        self._unsaved = 0
        if self._checkpoints and self._last and self._primed:
            followed = Followed(header=self._last, told=(), memories=self.bench.memory())
            checkpoint = Checkpoint(window=(followed,), untold=tuple(self._out))
            self._checkpoints.save(self._network, checkpoint.encode())

    async def read(self, last: int) -> list[Block]:
        """The next blocks; none where the nodes failed."""
        try:
            if not self._primed:
                await self._prime()
            self.needs = self.bench.needs()
            most = max(min(self._most, MOST_READS // max(len(self.needs.reads), 1)), 1)
            run = await fetch.headers(self.nodes, range(self.number, min(last, self.number + most - 1) + 1))
            return await fetch.blocks(self.nodes, self._network, run, self.needs, self._clock, state_of=run)
        except NodeFailure as failure:
            if failure.fault is NodeFaultKind.RANGE_LIMIT:
                self._most = max(self._most // 2, 1)
            return []

    def digest(self, block: Block) -> None:
        """Take the next block."""
        self._out.extend(self.bench.on_block(block))
        self._last = replace(block.header, bloom=None)
        self.number += 1
        self._unsaved += 1
        if self._out or self._unsaved >= MOST_UNSAVED:
            self.save()

    async def _prime(self) -> None:
        before = (await fetch.headers(self.nodes, [max(self.number - 1, 0)]))[0]
        self.bench = Bench(await fetch.with_tokens(self.nodes, self._settings.watch, before))
        if self._memories is None:
            await prime(self.nodes, self._network, self.bench, before, self._clock)
        else:
            self.bench.recall(self._memories)
        self._primed = True
