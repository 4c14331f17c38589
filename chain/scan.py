"""Reading a stretch of the past: what its blocks hold, each with its state, for post-mortems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from chain import fetch
from chain.block import Block, Header, Needs
from chain.detectors import Bench
from chain.events import ChainEvent, NetworkId, NodeFaultKind
from chain.nodes import Nodes
from chain.rpc import NodeFailure
from chain.settings import Clock, WatcherSettings, open_nodes, utc_now

MOST_RUN = 32
MOST_TRIES = 8


class ScanIncomplete(Exception):
    """No node could give block `number`, so that a scan ends before its last block. Use a node that keeps that history."""

    def __init__(self, number: int) -> None:
        super().__init__(f"no node gave block {number}")
        self.number = number


async def prime(nodes: Nodes, network: NetworkId, bench: Bench, header: Header, clock: Clock) -> None:
    """Show the state of a block, and none of its logs: twice, for what is found there may need more to be read."""
    for _ in range(2):
        needs = Needs(reads=bench.needs().reads)
        found = await fetch.blocks(nodes, network, [header], needs, clock, state_of=[header])
        bench.on_block(found[0])


async def scan(settings: WatcherSettings, first: int, last: int, clock: Clock = utc_now) -> AsyncIterator[ChainEvent]:
    """What blocks `first`..`last` hold, and the faults of nodes on the way. Fits only blocks that no reorg can reach.

    Raises ScanIncomplete where no node gives a block after some tries.
    """
    nodes = open_nodes(settings, clock)
    past = _Past(settings, nodes, clock)
    number, tries = first, 0
    try:
        while number <= last:
            blocks = await past.read(number, last)
            for fault in nodes.take_faults():
                yield fault
            if not blocks:
                tries += 1
                if tries > MOST_TRIES:
                    raise ScanIncomplete(number)
                await asyncio.sleep(settings.wait_s)
                continue
            tries = 0
            for block in blocks:
                for event in past.bench.on_block(block):
                    yield event
                number += 1
                if not past.needs.covers(past.bench.needs()):
                    break
    finally:
        await nodes.close()


class _Past:
    def __init__(self, settings: WatcherSettings, nodes: Nodes, clock: Clock) -> None:
        self._settings = settings
        self._nodes = nodes
        self._clock = clock
        self._most = MOST_RUN
        self._primed = False
        self.bench = Bench(settings.watch)
        self.needs = Needs()

    async def read(self, number: int, last: int) -> list[Block]:
        """The next blocks; none where the nodes failed."""
        try:
            if not self._primed:
                before = (await fetch.headers(self._nodes, [max(number - 1, 0)]))[0]
                self.bench = Bench(await fetch.with_tokens(self._nodes, self._settings.watch, before))
                await prime(self._nodes, self._settings.network.id, self.bench, before, self._clock)
                self._primed = True
            run = await fetch.headers(self._nodes, range(number, min(last, number + self._most - 1) + 1))
            self.needs = self.bench.needs()
            network = self._settings.network.id
            return await fetch.blocks(self._nodes, network, run, self.needs, self._clock, state_of=run)
        except NodeFailure as failure:
            if failure.fault is NodeFaultKind.RANGE_LIMIT:
                self._most = max(self._most // 2, 1)
            return []
