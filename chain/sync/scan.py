"""Scans a range of past blocks for events, for post-mortems. A scan with checkpoints can be resumed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from chain.blocks.block import Block, Header
from chain.blocks.reads import AnyRead, Reads, StateRead
from chain.events import ChainEvent, NetworkId, PlacedEvent
from chain.events.network import NodeFaultKind
from chain.nodes import fetch
from chain.nodes.group import NodeGroup
from chain.nodes.node import Clock
from chain.rpc.errors import NodeFailure
from chain.sync import pool_tokens
from chain.sync.canonical import Followed
from chain.sync.checkpoint import Checkpoint, Checkpoints, decode
from chain.sync.code_comparison import CodeComparison
from chain.sync.detector_set import DetectorSet
from chain.sync.digest import RangeDigest
from chain.sync.first_look import FirstLook
from chain.sync.prefetch import Prefetch, Wanted
from chain.sync.settings import WatcherSettings, open_nodes, utc_now

RUN = 512
"""Blocks read at once, unless a limit is lower. A range ends at a multiple of this, wherever a scan began or was killed, so that
the blocks with all reads are the same each time."""
MAX_READS = 20_000
"""State reads in one run of blocks."""
MAX_TRIES, FIRST_TRIES = 8, 3
"""Failed tries for a block before the scan ends. Fewer at the start, where an operator waits for the message."""


Progress = Callable[[int, int], None]
"""Receives the number of blocks done and the total, after each range."""


class ScanIncomplete(Exception):
    """No node gave block `number`, so the scan ends before its last block. Use a node that stores that history."""

    def __init__(self, number: int) -> None:
        super().__init__(f"no node gave block {number}")
        self.number = number


async def prime(
    nodes: NodeGroup,
    network: NetworkId,
    detectors: DetectorSet,
    header: Header,
    clock: Clock,
    look: FirstLook | None = None,
) -> None:
    """Show the detectors the state of a block without its logs. Three times, because each result may need more reads.

    What was read or found unknown in this block is not asked again. With a `look`, only the addresses that it lets be read.
    """
    asked: frozenset[AnyRead] = frozenset()
    known = StateRead()
    for _ in range(3):
        reads = (look.of(detectors.reads()) if look else detectors.reads()).state
        wanted = fetch.BlocksWanted(run=[header], reads=Reads(state=reads - asked), state_of=[header])
        [found] = await fetch.blocks(nodes, network, wanted, clock)
        asked, known = asked | reads, known | found.state
        detectors.on_block(replace(found, state=known))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """Holds the options of a scan. `every_block`: make all reads in every block, not only at the end of each range. `progress`:
    called after each range. With `checkpoints` (its own, not a watcher's) a scan continues where an earlier one of the same
    blocks ended.
    """

    every_block: bool = False
    progress: Progress | None = None
    checkpoints: Checkpoints | None = None


DEFAULTS = ScanOptions()


async def scan(
    settings: WatcherSettings,
    first: int,
    last: int,
    clock: Clock = utc_now,
    *,
    options: ScanOptions = DEFAULTS,
    nodes: NodeGroup | None = None,
) -> AsyncIterator[ChainEvent]:
    """Yield the events of blocks `first`..`last`, and faults of nodes. Use it only for blocks that no reorg can reach.

    It reads the logs of every block. Standing reads, which change only with logs, it makes at the end of each range of `RUN`
    blocks; a silent change is then searched for and reported in its block. With `every_block` it makes all reads in every
    block, and so also sees values that are set back or overwritten within a range. With `checkpoints` (its own, not a watcher's)
    it continues where an earlier scan of the same blocks ended; the event in progress then comes again with its id. Raises
    ScanIncomplete if no node gives a block after some tries.
    """
    run = _Scan(settings, nodes or open_nodes(settings, clock), clock, options)
    tries = 0
    try:
        await run.resume(first)
        for event in run.pending():
            yield event
        while run.number <= last:
            went_on = await run.advance(last)
            for fault in run.nodes.take_faults():
                yield fault
            for event in run.pending():
                yield event
            tries = 0 if went_on else tries + 1
            if tries > (MAX_TRIES if run.begun else FIRST_TRIES):
                raise ScanIncomplete(run.number)
            if not went_on:
                await asyncio.sleep(max(settings.wait_s, run.nodes.wake_s()))
            elif options.progress:
                options.progress(run.number - first, last + 1 - first)
    finally:
        await run.close()


class _Scan:
    def __init__(
        self,
        settings: WatcherSettings,
        nodes: NodeGroup,
        clock: Clock,
        options: ScanOptions,
    ) -> None:
        self._settings = settings
        self._network = settings.network.id
        self._clock = clock
        self._checkpoints = options.checkpoints
        self._every_block = options.every_block
        self._most = RUN
        self._detectors: DetectorSet | None = None
        self._memories: Mapping[str, bytes] = {}
        self._last: Header | None = None
        self._out: deque[PlacedEvent] = deque()
        self._grown = False
        self._prefetch = Prefetch(nodes, settings.network.id, clock, every_block=options.every_block)
        self._steady = True
        self._comparison = CodeComparison(settings.network, nodes, clock)
        self.nodes = nodes
        self.number = 0
        self.begun = False

    async def resume(self, first: int) -> None:
        """Continue at the checkpoint, or begin at `first`."""
        self.number = first
        body = await self._checkpoints.load(self._network) if self._checkpoints else None
        checkpoint = decode(body) if body else None
        if checkpoint and checkpoint.window:
            self._last = checkpoint.window[-1].header
            self._memories = checkpoint.window[-1].memories
            self._out.extend(event for event in checkpoint.pending if isinstance(event, PlacedEvent))
            self.number = self._last.number + 1

    def pending(self) -> Iterator[PlacedEvent]:
        """Yield pending events one by one. A request for the next one confirms the last one."""
        while self._out:
            yield self._out[0]
            self._out.popleft()
            self._save()

    def _save(self) -> None:
        """Save the position and the pending events."""
        if self._checkpoints and self._last:
            followed = Followed(header=self._last, events=(), memories=dict(self._memories))
            self._checkpoints.save(self._network, Checkpoint(window=(followed,), pending=tuple(self._out)).encode())

    async def advance(self, last: int) -> bool:
        """Digest the next blocks, or learn that they are too many at once; False if the nodes failed."""
        try:
            detectors = self._detectors or await self._primed()
            reads = detectors.reads()
            numbers = self._next(self.number, last, reads)
            blocks = await self._prefetch.blocks(Wanted(numbers=numbers, reads=reads, grown=self._grown))
            following = self._next(numbers.stop, last, reads)
            if following and self._steady:
                self._prefetch.start(Wanted(numbers=following, reads=reads))
            digest = RangeDigest(detectors, partial(self._whole, reads=reads), partial(fetch.with_checks, self.nodes))
            found = await digest.digested(blocks, reads, sparse=not self._every_block)
        except NodeFailure as failure:
            learned = failure.fault is NodeFaultKind.RANGE_LIMIT and self._most > 1
            if learned or failure.fault is NodeFaultKind.TIMEOUT:
                self._most = max(self._most // 2, 1)
            return learned  # to learn a limit is not to fail
        self.begun = True
        self._grown = not reads.covers(detectors.reads())
        self._steady = len(found) == len(blocks)
        self._last = replace(found[-1].block.header, bloom=None)
        self.number = self._last.number + 1
        self._out.extend(event for one in await self._comparison.compared(found) for event in one.events)
        if self._checkpoints:
            self._memories = detectors.memory()
        self._save()
        return True

    async def close(self) -> None:
        """Cancel reads in progress and close the connections."""
        await self._prefetch.cancel()
        await self.nodes.close()

    async def _whole(self, block: Block, reads: Reads) -> Block:
        return (await fetch.with_all_reads(self.nodes, [block], reads, self._clock))[0]

    def _next(self, first: int, last: int, reads: Reads) -> range:
        """Return the numbers of the range that begins at `first`."""
        most = self._most
        in_each = len(reads.state) if self._every_block else len(reads.per_block)
        if in_each:
            most = max(min(most, MAX_READS // in_each), 1)
        end = (first // most + 1) * most
        return range(first, min(last + 1, end))

    async def _primed(self) -> DetectorSet:
        before = (await fetch.headers(self.nodes, [max(self.number - 1, 0)]))[0]
        detectors = DetectorSet(await pool_tokens.with_tokens(self.nodes, self._settings.watch, before))
        if self._memories:
            detectors.recall(self._memories)
        else:
            await prime(self.nodes, self._network, detectors, before, self._clock)
        self._detectors = detectors
        return detectors
