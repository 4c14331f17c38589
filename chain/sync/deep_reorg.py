"""What a reorg deeper than the window left of what was told below it: the nodes are asked for the blocks that are known there."""

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
    """The highest old block that is shared (None: none of them), what was told above it and stands, and what is gone."""

    common: int | None
    remaining: list[PlacedEvent]
    gone: list[PlacedEvent]


async def read_deep_reorg(ancestors: AncestorMarks, nodes: NodeGroup, head: Header) -> DeepReorg:
    """What is left below a window that is gone whole, on the chain of `head`. Raises NodeFailure."""
    mark = ancestors.common(await _hashes(nodes, [one.number for one in ancestors.marks], head))
    if mark is None:
        return DeepReorg(common=None, remaining=[], gone=list(ancestors.events))
    numbers = sorted({event.place.block_number for event in ancestors.events if event.place.block_number > mark.number})
    remaining, gone = ancestors.split(mark.number, await _hashes(nodes, numbers, head))
    return DeepReorg(common=mark.number, remaining=remaining, gone=gone)


async def _hashes(nodes: NodeGroup, numbers: Sequence[int], head: Header) -> dict[int, str]:
    found = await fetch.headers(nodes, [number for number in numbers if number <= head.number])
    return {one.number: one.hash for one in found}
