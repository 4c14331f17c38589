"""Runs the detectors on a range of blocks whose deferrable reads were made in the last block only. If that block shows a change
without a log, the change happened somewhere in the range: bisection finds its block, and the event names that block.

A value that is changed and set back within one range is not seen this way. For that, all reads must be made in every block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, Reads, TouchedState
from chain.events import ControlChanged, ControlSeen, HolderFrozen, PlacedEvent, SupplyJumped
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.rpc.errors import NodeFailure
from chain.sync.detector_set import DetectorSet

Memories = Mapping[str, bytes]
ReadWhole = Callable[[Block], Awaitable[Block]]
"""Returns the block with its deferrable reads added."""
ReadChecks = Callable[[Sequence[tuple[Block, Reads]]], Awaitable[list[Block]]]
"""Returns the blocks with the answers to the reads that their logs call for."""

TURN = 32
"""Blocks after which other tasks get their turn, such as those that receive answers."""

CHECKS = 2
"""Times that the logs of a range are checked: at the places known to be in use, then wherever the value may be."""

SILENT = frozenset({SeenBy.SLOT, SeenBy.CODE, ControlSeen.STATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """Holds a block and its events; `memories` after it, if they were requested."""

    block: Block
    events: list[PlacedEvent]
    memories: Memories | None


class RangeDigest:
    """Runs one set of detectors on blocks. `whole` adds the deferrable reads of a block, `checks` what its logs call for; `keep`
    returns the memories after it.
    """

    def __init__(
        self,
        detectors: DetectorSet,
        whole: ReadWhole,
        checks: ReadChecks,
        keep: Callable[[], Memories] | None = None,
    ) -> None:
        self._detectors = detectors
        self._whole = whole
        self._checks = checks
        self._keep = keep

    async def digested(self, blocks: Sequence[Block], reads: Reads, *, sparse: bool) -> list[Digested]:
        """Return the digested blocks in order. The caller must read the others again.

        The result ends early if a detector needs a read that is not in `reads`, and after a silent change. `sparse`: only the
        last block has all reads. Raises NodeFailure; the detectors then have the memories that they had before.
        """
        blocks = await self._checked(blocks, reads.state)
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

    async def _checked(self, blocks: Sequence[Block], standing: frozenset[AnyRead]) -> Sequence[Block]:
        """Add what the logs of these blocks call for: a log alone is no change.

        The `standing` reads, places in use, nearly always suffice; the second time asks what they left open, and the words of
        the paths that the first answers show.
        """
        found = list(blocks)
        asked: dict[int, Reads] = dict.fromkeys(range(len(found)), Reads())
        for again in range(CHECKS):
            calls = {at: _left(self._detectors.checks(found[at]), before) for at, before in asked.items()}
            wanted = {
                at: reads if again else _first(reads, standing) for at, reads in calls.items() if reads != Reads()
            }
            if not wanted:
                break
            checked = await self._checks([(found[at], reads) for at, reads in wanted.items()])
            for at, block in zip(wanted, checked, strict=True):
                found[at] = block
            asked = wanted
        return found

    async def _to_the_first(self, found: list[Digested], reads: Reads, start: Memories) -> list[Digested]:
        """Return the blocks up to the first one with a silent change. The last one of `found` shows that there is a change."""
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
                return done  # no silent change so far; the rest is read again later
            self._detectors.recall(start)
            checked = await self._pass(part, reads)
            if silent(checked[-1]):
                blocks = part
            else:
                done += checked
                if not reads.covers(self._detectors.reads()):
                    return done  # the remaining blocks lack reads that are now needed
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


def _left(reads: Reads, asked: Reads) -> Reads:
    """Return what was not asked yet: an answer that did not come is not asked for twice."""
    return replace(reads, state=reads.state - asked.state, writes=reads.writes - asked.writes)


def _first(reads: Reads, standing: frozenset[AnyRead]) -> Reads:
    """Return the places in use, else all places; and always the questions whose answers show further ones."""
    questions = frozenset(one for one in reads.state if isinstance(one, TouchedState))
    places = reads.state - questions
    return replace(reads, state=(places & standing or places) | questions)


def silent(digested: Digested) -> bool:
    """Whether this block has an event that only its state shows, so that the change may be older."""
    return any(
        one.seen_by in SILENT
        if isinstance(one, ContractUpgraded | ControlChanged | HolderFrozen)
        else isinstance(one, SupplyJumped) and not one.logged
        for one in digested.events
    )
