"""Follows one network block by block. It misses no event, emits none twice, and retracts the events that a reorg drops.

The events of a block come before those of the next: first its own events, then, after the consumer took them, the comparisons of
its upgrades. The checkpoint holds the window and the pending events, so that a restart continues in the middle; only the event in
progress then comes again, with the same id. An upgrade without a comparison in the window still has to be compared.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import get_args

from chain.blocks.block import Block, Header
from chain.blocks.reads import Reads
from chain.events import ChainEvent, PlacedEvent, Retracted
from chain.events.network import NodeFaultKind, Reorged
from chain.nodes import fetch
from chain.nodes.group import NodeGroup
from chain.nodes.node import Clock
from chain.rpc.errors import NodeFailure
from chain.sync import pool_tokens
from chain.sync.ancestor_marks import AncestorMarks
from chain.sync.canonical import CanonicalWindow, Followed
from chain.sync.checkpoint import Checkpoint, Checkpoints, DeliveredOnce, decode
from chain.sync.code_comparison import LIVE_REQUESTS_S, CodeComparison, not_compared
from chain.sync.deep_reorg import DeepReorg, read_deep_reorg
from chain.sync.detector_set import DetectorSet
from chain.sync.digest import Digested, RangeDigest
from chain.sync.first_look import ALL_AT_ONCE, FirstLook
from chain.sync.head_clock import HeadClock
from chain.sync.scan import ScanIncomplete, prime, scan
from chain.sync.settings import WatcherSettings, open_nodes, utc_now
from chain.sync.stride import MAX_BLOCKS, Stride

__all__ = ["ScanIncomplete", "Watcher", "WatcherSettings", "scan"]

MAX_RUN = 32
"""Blocks read at once when catching up."""
MAX_READS = 4000
"""State reads in one run of blocks."""
MAX_UNSAVED = 16
"""Blocks without events that may have to be read again after a crash."""
_DELIVERED_ONCE = get_args(DeliveredOnce)


class Watcher:
    """Follows one network. Iterate `events` once."""

    def __init__(
        self,
        settings: WatcherSettings,
        checkpoints: Checkpoints | None,
        clock: Clock = utc_now,
        nodes: NodeGroup | None = None,
    ) -> None:
        self._settings = settings
        self._network = settings.network
        self._checkpoints = checkpoints
        self._clock = clock
        self._nodes = nodes or open_nodes(settings, clock)
        self._comparison = CodeComparison(settings.network, self._nodes, clock, requests_s=LIVE_REQUESTS_S)
        self._keep = max(settings.keep_blocks, settings.network.keep_blocks)
        self._canonical = CanonicalWindow(self._keep)
        self._detectors: DetectorSet | None = None
        self._memories: dict[str, bytes] | None = None
        self._start = settings.start_block
        self._already_emitted: frozenset[str] = frozenset()
        self._unsaved = 0
        self._ready: deque[Digested] = deque()
        self._grown = False
        self._out: deque[ChainEvent] = deque()
        self._max_run = MAX_RUN
        self._head_clock = HeadClock(settings.network)
        self._stride = Stride(settings.network.block_time_s)
        self._first_look = FirstLook(settings.network.block_time_s)

    async def events(self) -> AsyncIterator[ChainEvent]:
        """Yield the events of the network forever. A request for the next event confirms the last one."""
        await self._resume()
        wake = asyncio.Event()
        listening = asyncio.create_task(self._listen(wake))
        try:
            while True:
                go_on = await self._advance()
                self._out.extendleft(reversed([*self._nodes.take_faults(), *self._nodes.measured()]))
                saving = go_on or bool(self._out)
                while self._out:
                    yield self._out[0]
                    if isinstance(self._out.popleft(), _DELIVERED_ONCE):
                        self._save()
                if saving and self._canonical.tip and (not self._ready or self._unsaved >= MAX_UNSAVED):
                    self._save()
                if not go_on:
                    await self._wait(wake)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self._nodes.close()

    async def _resume(self) -> None:
        body = await self._checkpoints.load(self._network.id) if self._checkpoints else None
        checkpoint = decode(body) if body else None
        if checkpoint is None:
            return
        ancestors = AncestorMarks(checkpoint.marks, checkpoint.ancestor_events)
        self._canonical = CanonicalWindow(self._keep, checkpoint.window, ancestors)
        self._memories = checkpoint.window[-1].memories if checkpoint.window else None
        self._start = self._start if checkpoint.start is None else checkpoint.start
        self._already_emitted = checkpoint.already_emitted
        self._out.extend(checkpoint.pending)

    def _save(self) -> None:
        if self._checkpoints:
            pending = tuple(event for event in self._out if isinstance(event, _DELIVERED_ONCE))
            ancestors = self._canonical.ancestors
            checkpoint = Checkpoint(
                window=self._canonical.window,
                pending=pending,
                marks=ancestors.marks,
                ancestor_events=ancestors.events,
                start=self._start,
                already_emitted=self._already_emitted,
            )
            self._checkpoints.save(self._network.id, checkpoint.encode())
        self._unsaved = 0

    async def _advance(self) -> bool:
        """Follow a digested block, or look for new ones. True if more can be done at once."""
        if self._out:
            return True  # pending from the last run
        tip = self._canonical.tip
        if tip and not_compared(tip.events):
            await self._compare(tip)
            return bool(self._ready) or not self._head_clock.is_head(tip.header)
        if self._ready:
            digested = self._ready.popleft()
            self._follow(digested)
            return bool(self._ready or not_compared(digested.events)) or not self._head_clock.is_head(
                digested.block.header
            )
        try:
            found = await self._nodes.head(self._canonical.holds, tip.header if tip else None)
            stalled_or_resumed = self._head_clock.observe(found, self._clock())
            if stalled_or_resumed:
                self._out.append(stalled_or_resumed)
            return found is not None and await self._read_towards(found[1])
        except NodeFailure as failure:
            if failure.fault is NodeFaultKind.RANGE_LIMIT and self._max_run > 1:
                self._max_run //= 2
                return True
            return failure.fault is NodeFaultKind.BATCH_LIMIT

    async def _read_towards(self, head: Header) -> bool:
        """Read blocks towards the head; True if blocks were read or undone."""
        detectors = await self._detector_set(head)
        if self._canonical.tip is None:
            return await self._prime(detectors, head)
        if self._canonical.holds(head):
            return False
        tip = self._canonical.tip.header
        if head.number <= tip.number:
            return await self._reorg(detectors, head)
        reads = detectors.reads()
        began_s, coarse = asyncio.get_running_loop().time(), self._stride.coarse
        old = tip.number + self._max_run < head.number - self._keep
        most = self._max_run if old else min(self._max_run, max(MAX_READS // max(len(reads.state), 1), 1))
        most = MAX_BLOCKS if coarse and self._max_run == MAX_RUN else most
        run = [head]
        if not self._canonical.follows(run):
            run = await fetch.headers(self._nodes, self._canonical.missing(head.number, 0, most))
        if not self._canonical.follows(run):
            return await self._reorg(detectors, head)
        if self._nodes.several and run[-1] is not head and await self._nodes.agreed(run[-1], past=True) is False:
            return True  # the node that gave this block now ranks after the others
        await self._digest(detectors, reads, run, old=old, coarse=coarse and len(run) > 1)
        self._max_run = min(self._max_run * 2, MAX_RUN)
        took_s = asyncio.get_running_loop().time() - began_s
        if self._stride.ran(len(run), took_s, head.number - run[-1].number):
            self._nodes.mention_best(
                NodeFaultKind.COARSE,
                f"{took_s / len(run):.1f} s a block: the state is read at the end of each run of blocks",
            )
        return True

    async def _digest(
        self, detectors: DetectorSet, reads: Reads, run: Sequence[Header], *, old: bool, coarse: bool
    ) -> None:
        """Read these blocks and run the detectors.

        `old` (far behind the head), `coarse` (the nodes are slow): make deferrable reads in the last block only.
        """
        sparse = old or coarse
        of = [*run[: 1 if self._grown else 0], run[-1]] if sparse else run
        if self._first_look.waits and not sparse:
            self._first_look.more()
        wanted = fetch.BlocksWanted(run=run, reads=self._first_look.of(reads), state_of=of, live=not sparse)
        began_s = asyncio.get_running_loop().time()
        blocks = await fetch.blocks(self._nodes, self._network.id, wanted, self._clock)
        self._first_look.took(asyncio.get_running_loop().time() - began_s)
        digest = RangeDigest(
            detectors, partial(self._whole, reads=reads), partial(fetch.with_checks, self._nodes), detectors.memory
        )
        found = await digest.digested(blocks, reads, sparse=sparse)
        self._ready.extend(await self._comparison.compared(found) if old else found)
        self._grown = not reads.covers(detectors.reads())

    async def _whole(self, block: Block, *, reads: Reads) -> Block:
        return (await fetch.with_all_reads(self._nodes, [block], reads, self._clock))[0]

    async def _detector_set(self, head: Header) -> DetectorSet:
        if self._detectors is None:
            watch = await pool_tokens.with_tokens(self._nodes, self._settings.watch, head)
            self._detectors = DetectorSet(watch)
            if self._memories is not None:
                self._detectors.recall(self._memories)
        return self._detectors

    async def _prime(self, detectors: DetectorSet, head: Header) -> bool:
        """Read the state before the first reported block."""
        number = head.number if self._start is None else self._start - 1
        if number > head.number:
            return False
        header = (await fetch.headers(self._nodes, [max(number, 0)]))[0]
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        addresses = sorted({read.address for read in detectors.reads().state})
        self._first_look.begin(addresses if len(addresses) > ALL_AT_ONCE else ())
        while True:
            self._first_look.more()
            look_s = loop.time()
            await prime(self._nodes, self._network.id, detectors, header, self._clock, self._first_look)
            self._first_look.took(loop.time() - look_s)
            if not self._first_look.waits or loop.time() - began_s >= self._network.block_time_s:
                break
        self._canonical.extend(Followed(header=header, events=(), memories=detectors.memory()))
        self._save()  # from here on no event may be lost, although none was emitted yet
        self._emit_head(header)
        return True

    def _follow(self, digested: Digested) -> None:
        before = self._canonical.tip.memories if self._canonical.tip else {}
        memories = {
            name: before[name] if before.get(name) == memory else memory  # share the bytes if unchanged
            for name, memory in (digested.memories or {}).items()
        }
        header = replace(digested.block.header, bloom=None)
        self._canonical.extend(Followed(header=header, events=tuple(digested.events), memories=memories))
        self._emit(digested.events)
        self._unsaved += 1
        self._emit_head(digested.block.header)

    async def _compare(self, tip: Followed) -> None:
        """Compare the codes of the newest block's upgrades, after the consumer took these upgrades."""
        [compared] = await self._comparison.missing([(tip.header, tip.events)])
        self._canonical.add_events(compared)
        self._emit(compared)

    def _emit(self, events: Sequence[PlacedEvent]) -> None:
        self._out.extend(event for event in events if event.event_id not in self._already_emitted)

    async def _reorg(self, detectors: DetectorSet, head: Header) -> bool:
        window = self._canonical.window
        oldest, tip = window[0].header.number, window[-1].header
        if head.number < oldest:
            return False  # a node far behind, or a restarted chain: nothing to compare with
        common: int | None = None
        for at in range(min(head.number, tip.number), oldest - 1, -MAX_RUN):
            numbers = range(max(at - MAX_RUN + 1, oldest), at + 1)
            common = self._canonical.common(await fetch.headers(self._nodes, numbers))
            if common is not None:
                break
        lost = next((one.header for one in window if common is None or one.header.number > common), None)
        if lost is None or await self._nodes.agreed(lost) is not False:
            return False  # no majority against our own blocks: check again
        beyond = await read_deep_reorg(self._canonical.ancestors, self._nodes, head) if common is None else None
        self._take_back(detectors, head, oldest - 1 if common is None else common, beyond)
        return True

    def _take_back(self, detectors: DetectorSet, head: Header, common: int, beyond: DeepReorg | None) -> None:
        tip = self._canonical.tip
        assert tip
        dropped = self._canonical.roll_back(common)
        if beyond and beyond.common is not None:
            common = beyond.common
        now, network = self._clock(), self._network.id
        self._out.append(
            Reorged(
                network=network,
                seen_at=now,
                depth=tip.header.number - common,
                common_number=common,
                old_head=tip.header.hash,
                new_head=head.hash,
                beyond_memory=beyond is not None,
            )
        )
        gone = [event for one in dropped for event in reversed(one.events)] + (beyond.gone[::-1] if beyond else [])
        self._out.extend(
            Retracted(network=network, seen_at=now, event_id=event.event_id, event=event) for event in gone
        )
        if self._canonical.tip:
            detectors.recall(self._canonical.tip.memories)
        else:
            detectors.reset()
            self._start = common + 1
            self._already_emitted = frozenset(event.event_id for event in beyond.remaining) if beyond else frozenset()

    def _emit_head(self, header: Header) -> None:
        head_seen = self._head_clock.head_seen(header, self._clock())
        if head_seen:
            self._out.append(head_seen)

    def _wait_s(self) -> float:
        return self._head_clock.wait_s(self._clock()) if self._settings.poll_s is None else self._settings.poll_s

    async def _wait(self, wake: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s()):
                await wake.wait()
        wake.clear()

    async def _listen(self, wake: asyncio.Event) -> None:
        node = self._nodes.pushing
        while node is not None:
            with contextlib.suppress(NodeFailure):  # the next check of the head reports the fault
                async for _ in node.heads():
                    wake.set()
            await asyncio.sleep(self._settings.wait_s)
