"""Checks the memory of blocks that left the window: ancestor marks, and the events above them."""

from __future__ import annotations

from dataclasses import replace

from chain.events import LiquidityMoved, NetworkId, PlacedEvent
from chain.nodes.group import NodeGroup
from chain.rpc.messages import header_of
from chain.sync.ancestor_marks import EVERY, AncestorMarks, Mark
from chain.sync.deep_reorg import DeepReorg, read_deep_reorg
from tests.chain.builders import header
from tests.chain.detectors.test_liquidity import move
from tests.chain.simulated import Chain, SimulatedNode, Ticking


def marks_of(*steps: int) -> AncestorMarks:
    ancestors = AncestorMarks()
    for number in steps:
        ancestors.take(Mark(number=number, hash=f"h{number}"), [move(number)])
    return ancestors


def test_each_64th_block_that_leaves_the_window_leaves_a_mark() -> None:
    assert EVERY == 64
    ancestors = marks_of(*range(10, 10 + 64 * 3))
    assert [one.number for one in ancestors.marks] == [10, 74, 138]
    ancestors = marks_of(*range(10, 10 + 64 * 3 + 1))
    assert [one.number for one in ancestors.marks] == [10, 74, 138, 202]
    assert ancestors.events[0].place.block_number == 11


def test_at_most_64_marks_are_stored_with_the_events_above_the_oldest_mark() -> None:
    ancestors = marks_of(*range(0, 64 * 64, 64))
    assert (len(ancestors.marks), ancestors.marks[0].number) == (64, 0)
    ancestors.take(Mark(number=64 * 64, hash="h"), [])
    assert (len(ancestors.marks), ancestors.marks[0].number) == (64, 64)
    assert ancestors.events[0].place.block_number == 128


def test_at_most_256_events_are_stored_and_marks_below_the_forgotten_ones_are_dropped() -> None:
    ancestors = AncestorMarks()
    ancestors.take(Mark(number=0, hash="zero"), [])
    for number in range(1, 257):
        ancestors.take(Mark(number=number, hash=f"h{number}"), [move(number)])
    assert (len(ancestors.events), ancestors.marks[0].number) == (256, 0)
    ancestors.take(Mark(number=257, hash="h257"), [move(257)])
    assert ancestors.marks[0].number == 64, "of block 1 one word is forgotten: below it nothing may be gone back to"
    assert [event.place.block_number for event in ancestors.events] == list(range(65, 258))


def test_memory_begins_at_a_block_with_more_events_than_can_be_stored() -> None:
    ancestors = AncestorMarks()
    ancestors.take(Mark(number=0, hash="zero"), [])
    ancestors.take(Mark(number=7, hash="seven"), [move(7, index=at) for at in range(257)])
    assert (ancestors.marks, ancestors.events) == ((Mark(number=7, hash="seven"),), ())


def test_the_common_mark_is_the_highest_one_with_the_same_hash_on_the_node() -> None:
    ancestors = marks_of(0, 64, 128)
    assert ancestors.common({0: "h0", 64: "h64", 128: "other"}) == Mark(number=64, hash="h64")
    assert ancestors.common({0: "h0", 64: "h64", 128: "h128"}) == Mark(number=128, hash="h128")
    assert ancestors.common({0: "h0"}) == Mark(number=0, hash="h0")
    assert ancestors.common({0: "x", 64: "y"}) is None
    assert ancestors.common({}) is None


def test_above_the_common_block_only_blocks_with_their_old_hash_remain_valid() -> None:
    ancestors = marks_of(0, 64, 70, 128)
    stays = {number: header(number).hash for number in (64, 70)}
    remaining, gone = ancestors.split(64, stays | {128: "other"})
    assert [[event.place.block_number for event in some] for some in (remaining, gone)] == [[70], [128]]
    assert [one.number for one in ancestors.marks] == [0, 64]
    assert [event.place.block_number for event in ancestors.events] == [64]
    assert ancestors.split(0, {}) == ([], [move(64)]), "a block that nobody has is gone"


async def reorg_of(chain: Chain, head: int, *events: LiquidityMoved, marks: tuple[int, ...]) -> DeepReorg:
    """Returns which of these marks and events remain valid on this chain with its head at block `head`."""
    ancestors = AncestorMarks([Mark(number=at, hash=chain.blocks[at].hash) for at in marks], events)
    nodes = NodeGroup(NetworkId("local"), [SimulatedNode("one", chain)], Ticking())
    return await read_deep_reorg(ancestors, nodes, header_of(chain.blocks[head].header()))


def event_in(chain: Chain, number: int) -> LiquidityMoved:
    event = move(number)
    return replace(event, place=replace(event.place, block_hash=chain.blocks[number].hash))


async def test_after_a_reorg_deeper_than_the_window_the_nodes_decide_which_blocks_remain_valid() -> None:
    chain = Chain(1)
    chain.grow(200)
    before = [event_in(chain, number) for number in (65, 90, 120, 150)]
    old = [chain.blocks[at].hash for at in (10, 74, 138)]
    chain.reorg(90, 95)
    marks = tuple(Mark(number=at, hash=one) for at, one in zip((10, 74, 138), old, strict=True))
    nodes = NodeGroup(NetworkId("local"), [SimulatedNode("one", chain)], Ticking())
    found = await read_deep_reorg(AncestorMarks(marks, before), nodes, header_of(chain.head.header()))
    assert (found.common, found.remaining, found.gone) == (74, [before[1]], before[2:])


async def test_if_no_mark_is_shared_every_known_event_is_retracted() -> None:
    chain, other = Chain(1), Chain(2)
    for one in (chain, other):
        one.grow(100)
    events: list[PlacedEvent] = [event_in(other, 20), event_in(other, 30)]
    ancestors = AncestorMarks([Mark(number=10, hash=other.blocks[10].hash)], events)
    nodes = NodeGroup(NetworkId("local"), [SimulatedNode("one", chain)], Ticking())
    assert await read_deep_reorg(ancestors, nodes, header_of(chain.head.header())) == DeepReorg(
        common=None, remaining=[], gone=events
    )


async def test_blocks_above_the_new_head_are_not_requested_and_are_retracted() -> None:
    chain = Chain(1)
    chain.grow(60)
    events = [event_in(chain, number) for number in (39, 40, 41)]
    found = await reorg_of(chain, 40, *events, marks=(10, 40, 50))
    assert (found.common, found.remaining, found.gone) == (40, [], [events[2]])
    found = await reorg_of(chain, 40, *events, marks=(10, 50))
    assert (found.common, found.remaining, found.gone) == (10, events[:2], [events[2]])
