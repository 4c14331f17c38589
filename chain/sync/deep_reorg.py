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
    stands: list[PlacedEvent]
    gone: list[PlacedEvent]


async def below(elder: AncestorMarks, nodes: NodeGroup, head: Header) -> DeepReorg:
    """What is left below a window that is gone whole, on the chain of `head`. Raises NodeFailure."""
    mark = elder.common(await _hashes(nodes, [one.number for one in elder.marks], head))
    if mark is None:
        return DeepReorg(common=None, stands=[], gone=list(elder.told))
    numbers = sorted({event.place.block_number for event in elder.told if event.place.block_number > mark.number})
    stands, gone = elder.part(mark.number, await _hashes(nodes, numbers, head))
    return DeepReorg(common=mark.number, stands=stands, gone=gone)


async def _hashes(nodes: NodeGroup, numbers: Sequence[int], head: Header) -> dict[int, str]:
    found = await fetch.headers(nodes, [number for number in numbers if number <= head.number])
    return {one.number: one.hash for one in found}
