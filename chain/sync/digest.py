"""Digesting a stretch of blocks whose standing reads were made in its last block only. A change there that no log told
happened somewhere in the stretch: it is looked for by halves, and told in the very block that made it.

What is changed and set back again within one stretch is not seen so: for that, every block must be read whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from chain.blocks.block import Block
from chain.blocks.reads import Reads
from chain.events import ControlChanged, ControlSeen, PlacedEvent
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.rpc.errors import NodeFailure
from chain.sync.detector_set import DetectorSet

Memories = Mapping[str, bytes]
ReadWhole = Callable[[Block], Awaitable[Block]]
"""Gives the block with its standing reads too."""

TURN = 32
"""Blocks digested before whatever else waits gets its turn: answers to what was asked meanwhile, say."""

SILENT = frozenset({SeenBy.SLOT, SeenBy.CODE, ControlSeen.STATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """A block and what was told of it; `memories` after it, where they were asked for."""

    block: Block
    events: list[PlacedEvent]
    memories: Memories | None


class RangeDigest:
    """Digests blocks on one bench. `whole` makes the standing reads of a block; `keep` wants the memories after each."""

    def __init__(self, detectors: DetectorSet, whole: ReadWhole, keep: Callable[[], Memories] | None = None) -> None:
        self._detectors = detectors
        self._whole = whole
        self._keep = keep

    async def digested(self, blocks: Sequence[Block], reads: Reads, *, sparse: bool) -> list[Digested]:
        """The blocks in order, or as many of them as were digested: the rest is to be read again.

        They end early where a detector came to need what was not read (`reads` is what was), and after a silent change.
        `sparse`: only the last block was read whole. Raises NodeFailure; the bench then stands where it stood.
        """
        if not sparse or len(blocks) < 2:
            return await self._pass(blocks, reads)
        start = self._detectors.memory()
        try:
            found = await self._pass(blocks, reads)
            if len(found) < len(blocks):
                cut = [*blocks[: len(found) - 1], await self._whole(found[-1].block)]
                self._detectors.recall(start)
                found = await self._pass(cut, reads)
            if len(found) < 2 or not silent(found[-1]):
                return found
            return await self._to_the_first(found, reads, start)
        except BaseException:
            self._detectors.recall(start)
            raise

    async def _to_the_first(self, found: list[Digested], reads: Reads, start: Memories) -> list[Digested]:
        """Those up to and with the first block that holds a change no log told; the last of `found` shows that there is one."""
        blocks = [one.block for one in found]
        done: list[Digested] = []
        while len(blocks) > 1:
            half = (len(blocks) - 1) // 2
            try:
                part = [*blocks[:half], await self._whole(blocks[half])]
            except NodeFailure:
                if not done:
                    raise
                self._detectors.recall(start)
                return done  # so far nothing was silent; the rest is looked through another time
            self._detectors.recall(start)
            checked = await self._pass(part, reads)
            if silent(checked[-1]):
                blocks = part
            else:
                done += checked
                if not reads.covers(self._detectors.reads()):
                    return done  # what is wanted from here on was not read of the rest
                start, blocks = self._detectors.memory(), blocks[half + 1 :]
        self._detectors.recall(start)
        return [*done, *await self._pass(blocks, reads)]

    async def _pass(self, blocks: Sequence[Block], reads: Reads) -> list[Digested]:
        found: list[Digested] = []
        for at, block in enumerate(blocks):
            if at % TURN == TURN - 1:
                await asyncio.sleep(0)
            events = self._detectors.on_block(block)
            found.append(Digested(block=block, events=events, memories=self._keep() if self._keep else None))
            if not reads.covers(self._detectors.reads()):
                break
        return found


def silent(digested: Digested) -> bool:
    """Whether something was told of this block that only its state shows, so that an earlier one may have done it."""
    return any(isinstance(one, ContractUpgraded | ControlChanged) and one.seen_by in SILENT for one in digested.events)
