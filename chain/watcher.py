"""Follows one network block by block: nothing missed, nothing told twice, and taken back what a reorg dropped.

One block is digested at a time and all it made is handed over before the next. The checkpoint holds what was followed
and what was decided but not yet taken, so that a restart goes on in the middle; only the event being handled when
the process died comes again, with the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import get_args

from chain import fetch
from chain.block import Block, Header, Needs
from chain.canonical import Canonical, Followed
from chain.checkpoint import Checkpoint, Checkpoints, Telling, decode
from chain.detectors import Bench
from chain.events import ChainEvent, NodeFaultKind, Reorged, Retracted
from chain.rhythm import Rhythm
from chain.rpc import NodeFailure
from chain.scan import ScanIncomplete, prime, scan
from chain.settings import Clock, WatcherSettings, open_nodes, utc_now

__all__ = ["ScanIncomplete", "Watcher", "WatcherSettings", "scan"]

MOST_RUN = 32
"""Blocks read at once when catching up."""
MOST_READS = 4000
"""State reads in one run of blocks."""
_TELLING = get_args(Telling)


class Watcher:
    """One network's follower. `events` is iterated once."""

    def __init__(self, settings: WatcherSettings, checkpoints: Checkpoints | None, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._network = settings.network
        self._checkpoints = checkpoints
        self._clock = clock
        self._nodes = open_nodes(settings, clock)
        self._keep = max(settings.keep_blocks, settings.network.keep_blocks)
        self._canonical = Canonical(self._keep)
        self._bench: Bench | None = None
        self._memories: dict[str, bytes] | None = None
        self._start = settings.start_block
        self._ready: deque[Block] = deque()
        self._read: Needs = Needs()
        self._out: deque[ChainEvent] = deque()
        self._most_run = MOST_RUN
        self._rhythm = Rhythm(settings.network)

    async def events(self) -> AsyncIterator[ChainEvent]:
        """Everything the network shows, for ever. Asking for the next event says that the last one was taken."""
        await self._resume()
        wake = asyncio.Event()
        listening = asyncio.create_task(self._listen(wake))
        try:
            while True:
                go_on = await self._advance()
                self._out.extendleft(reversed(self._nodes.take_faults()))
                saving = go_on or bool(self._out)
                while self._out:
                    yield self._out[0]
                    if isinstance(self._out.popleft(), _TELLING):
                        self._save()
                if saving and self._canonical.tip:
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
        if checkpoint and checkpoint.window:
            self._canonical = Canonical(self._keep, checkpoint.window)
            self._memories = checkpoint.window[-1].memories
            self._out.extend(checkpoint.untold)

    def _save(self) -> None:
        if self._checkpoints:
            untold = tuple(event for event in self._out if isinstance(event, _TELLING))
            body = Checkpoint(window=self._canonical.window, untold=untold).encode()
            self._checkpoints.save(self._network.id, body)

    async def _advance(self) -> bool:
        """One step: digest a block that is ready, or look for more. True where there is more to do at once."""
        if self._out:
            return True  # left untold by the last run
        if self._ready:
            self._digest(self._ready.popleft())
            return True
        try:
            found = await self._nodes.head(self._canonical.holds)
            stalled = self._rhythm.look(found, self._clock())
            if stalled:
                self._out.append(stalled)
            return found is not None and await self._towards(found[1])
        except NodeFailure as failure:
            if failure.fault is NodeFaultKind.RANGE_LIMIT and self._most_run > 1:
                self._most_run //= 2
                return True
            return False

    async def _towards(self, head: Header) -> bool:
        """Read on towards the head; True where something was read or taken back."""
        bench = await self._benched(head)
        if self._canonical.tip is None:
            return await self._prime(bench, head)
        if self._canonical.holds(head):
            return False
        tip = self._canonical.tip.header
        if head.number <= tip.number:
            return await self._reorg(bench, head)
        self._read = bench.needs()
        most = min(self._most_run, max(MOST_READS // max(len(self._read.reads), 1), 1))
        run = await fetch.headers(self._nodes, self._canonical.missing(head.number, 0, most))
        if not self._canonical.follows(run):
            return await self._reorg(bench, head)
        old = run[-1].number < head.number - self._keep
        self._ready.extend(
            await fetch.blocks(
                self._nodes, self._network.id, run, self._read, self._clock, state_of=run[-1:] if old else run
            )
        )
        self._most_run = min(self._most_run * 2, MOST_RUN)
        return True

    async def _benched(self, head: Header) -> Bench:
        if self._bench is None:
            watch = await fetch.with_tokens(self._nodes, self._settings.watch, head)
            self._bench = Bench(watch)
            if self._memories is not None:
                self._bench.recall(self._memories)
        return self._bench

    async def _prime(self, bench: Bench, head: Header) -> bool:
        """Read what stands before the first block told, twice, for what was found may need more to be read."""
        number = head.number if self._start is None else self._start - 1
        if number > head.number:
            return False
        header = (await fetch.headers(self._nodes, [max(number, 0)]))[0]
        await prime(self._nodes, self._network.id, bench, header, self._clock)
        self._canonical.extend(Followed(header=header, told=(), memories=bench.memory()))
        self._save()  # from here on nothing may be lost, though nothing was told yet
        self._pulse(header)
        return True

    def _digest(self, block: Block) -> None:
        assert self._bench is not None
        told = self._bench.on_block(block)
        self._canonical.extend(Followed(header=block.header, told=tuple(told), memories=self._remember(self._bench)))
        self._out.extend(told)
        self._pulse(block.header)
        needs = self._bench.needs()
        if not self._read.covers(needs):
            self._ready.clear()  # the rest is read again, with what is needed now

    def _remember(self, bench: Bench) -> dict[str, bytes]:
        """The memories, sharing with the block before what did not change."""
        before = self._canonical.tip.memories if self._canonical.tip else {}
        now = bench.memory()
        return {name: before[name] if before.get(name) == memory else memory for name, memory in now.items()}

    async def _reorg(self, bench: Bench, head: Header) -> bool:
        window = self._canonical.window
        oldest, tip = window[0].header.number, window[-1].header
        if head.number < oldest:
            return False  # a node far behind, or a chain begun anew: nothing to compare with
        common: int | None = None
        for at in range(min(head.number, tip.number), oldest - 1, -MOST_RUN):
            numbers = range(max(at - MOST_RUN + 1, oldest), at + 1)
            common = self._canonical.common(await fetch.headers(self._nodes, numbers))
            if common is not None:
                break
        if common is None:
            common = oldest - 1
        dropped = self._canonical.roll_back(common)
        if not dropped:
            return False  # the nodes disagree: look again
        now = self._clock()
        self._out.append(
            Reorged(
                network=self._network.id,
                seen_at=now,
                depth=len(dropped),
                common_number=common,
                old_head=tip.hash,
                new_head=head.hash,
            )
        )
        for event in (event for one in dropped for event in reversed(one.told)):
            self._out.append(Retracted(network=self._network.id, seen_at=now, event_id=event.event_id, event=event))
        if self._canonical.tip:
            bench.recall(self._canonical.tip.memories)
        else:
            bench.reset()
            self._start = oldest
        return True

    def _pulse(self, header: Header) -> None:
        pulse = self._rhythm.pulse(header, self._clock())
        if pulse:
            self._out.append(pulse)

    async def _wait(self, wake: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.wait_s):
                await wake.wait()
        wake.clear()

    async def _listen(self, wake: asyncio.Event) -> None:
        node = self._nodes.pushing
        while node is not None:
            with contextlib.suppress(NodeFailure):  # the next look at the head tells what is wrong with the node
                async for _ in node.heads():
                    wake.set()
            await asyncio.sleep(self._settings.wait_s)
