"""Finds which events below the window survive a reorg deeper than the window: reads the marked blocks again from the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chain.blocks.block import Header
from chain.events import PlacedEvent
from chain.nodes import fetch
from chain.nodes.group import NodeGroup
from chain.sync.ancestor_marks import AncestorMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepReorg:
    """Holds the highest shared old block (None: no block is shared), the events above it that remain, and those that are gone."""

    common: int | None
    remaining: list[PlacedEvent]
    gone: list[PlacedEvent]


async def read_deep_reorg(ancestors: AncestorMarks, nodes: NodeGroup, head: Header) -> DeepReorg:
    """Find what remains on the chain of `head` if no block of the window does. Raises NodeFailure."""
    mark = ancestors.common(await _hashes(nodes, [one.number for one in ancestors.marks], head))
    if mark is None:
        return DeepReorg(common=None, remaining=[], gone=list(ancestors.events))
    numbers = sorted({event.place.block_number for event in ancestors.events if event.place.block_number > mark.number})
    remaining, gone = ancestors.split(mark.number, await _hashes(nodes, numbers, head))
    return DeepReorg(common=mark.number, remaining=remaining, gone=gone)


async def _hashes(nodes: NodeGroup, numbers: Sequence[int], head: Header) -> dict[int, str]:
    found = await fetch.headers(nodes, [number for number in numbers if number <= head.number])
    return {one.number: one.hash for one in found}
