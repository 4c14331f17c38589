"""What is known of blocks that left the window: marks to go back to, and what was told above them."""

from __future__ import annotations

from dataclasses import replace

from chain.events import LiquidityMoved, NetworkId, PlacedEvent
from chain.nodes.group import NodeGroup
from chain.rpc.messages import header_of
from chain.sync.ancestor_marks import EVERY, AncestorMarks, Mark
from chain.sync.deep_reorg import DeepReorg, below
from tests.chain.detectors.test_liquidity import move
from tests.chain.made import header
from tests.chain.simulated import Chain, SimulatedNode, Ticking


def elder_of(*steps: int) -> AncestorMarks:
    elder = AncestorMarks()
    for number in steps:
        elder.take(Mark(number=number, hash=f"h{number}"), [move(number)])
    return elder


def test_each_64th_block_that_leaves_the_window_leaves_a_mark() -> None:
    assert EVERY == 64
    elder = elder_of(*range(10, 10 + 64 * 3))
    assert [one.number for one in elder.marks] == [10, 74, 138]
    elder = elder_of(*range(10, 10 + 64 * 3 + 1))
    assert [one.number for one in elder.marks] == [10, 74, 138, 202]
    assert elder.told[0].place.block_number == 11


def test_at_most_64_marks_are_kept_and_what_was_told_above_the_oldest() -> None:
    elder = elder_of(*range(0, 64 * 64, 64))
    assert (len(elder.marks), elder.marks[0].number) == (64, 0)
    elder.take(Mark(number=64 * 64, hash="h"), [])
    assert (len(elder.marks), elder.marks[0].number) == (64, 64)
    assert elder.told[0].place.block_number == 128


def test_at_most_256_words_are_kept_and_the_marks_below_what_is_forgotten_go_with_it() -> None:
    elder = AncestorMarks()
    elder.take(Mark(number=0, hash="zero"), [])
    for number in range(1, 257):
        elder.take(Mark(number=number, hash=f"h{number}"), [move(number)])
    assert (len(elder.told), elder.marks[0].number) == (256, 0)
    elder.take(Mark(number=257, hash="h257"), [move(257)])
    assert elder.marks[0].number == 64, "of block 1 one word is forgotten: below it nothing may be gone back to"
    assert [event.place.block_number for event in elder.told] == list(range(65, 258))


def test_a_block_that_told_more_than_can_be_kept_is_where_memory_begins() -> None:
    elder = AncestorMarks()
    elder.take(Mark(number=0, hash="zero"), [])
    elder.take(Mark(number=7, hash="seven"), [move(7, index=at) for at in range(257)])
    assert (elder.marks, elder.told) == ((Mark(number=7, hash="seven"),), ())


def test_the_common_mark_is_the_highest_that_has_the_same_hash_there() -> None:
    elder = elder_of(0, 64, 128)
    assert elder.common({0: "h0", 64: "h64", 128: "other"}) == Mark(number=64, hash="h64")
    assert elder.common({0: "h0", 64: "h64", 128: "h128"}) == Mark(number=128, hash="h128")
    assert elder.common({0: "h0"}) == Mark(number=0, hash="h0")
    assert elder.common({0: "x", 64: "y"}) is None
    assert elder.common({}) is None


def test_above_the_common_block_what_has_its_old_hash_stands_and_the_rest_is_gone() -> None:
    elder = elder_of(0, 64, 70, 128)
    stays = {number: header(number).hash for number in (64, 70)}
    stands, gone = elder.part(64, stays | {128: "other"})
    assert [[event.place.block_number for event in some] for some in (stands, gone)] == [[70], [128]]
    assert [one.number for one in elder.marks] == [0, 64]
    assert [event.place.block_number for event in elder.told] == [64]
    assert elder.part(0, {}) == ([], [move(64)]), "a block that nobody has is gone"


async def left_of(chain: Chain, head: int, *events: LiquidityMoved, marks: tuple[int, ...]) -> DeepReorg:
    """What is left on this chain, seen from its block `head`, of marks that are on it and of these events."""
    elder = AncestorMarks([Mark(number=at, hash=chain.blocks[at].hash) for at in marks], events)
    nodes = NodeGroup(NetworkId("local"), [SimulatedNode("one", chain)], Ticking())
    return await below(elder, nodes, header_of(chain.blocks[head].header()))


def told_in(chain: Chain, number: int) -> LiquidityMoved:
    event = move(number)
    return replace(event, place=replace(event.place, block_hash=chain.blocks[number].hash))


async def test_after_a_reorg_below_the_window_the_nodes_say_what_still_stands_there() -> None:
    chain = Chain(1)
    chain.grow(200)
    before = [told_in(chain, number) for number in (65, 90, 120, 150)]
    old = [chain.blocks[at].hash for at in (10, 74, 138)]
    chain.reorg(90, 95)
    marks = tuple(Mark(number=at, hash=one) for at, one in zip((10, 74, 138), old, strict=True))
    nodes = NodeGroup(NetworkId("local"), [SimulatedNode("one", chain)], Ticking())
    found = await below(AncestorMarks(marks, before), nodes, header_of(chain.head.header()))
    assert (found.common, found.stands, found.gone) == (74, [before[1]], before[2:])


async def test_where_no_mark_is_shared_all_that_is_known_is_gone() -> None:
    chain, other = Chain(1), Chain(2)
    for one in (chain, other):
        one.grow(100)
    events: list[PlacedEvent] = [told_in(other, 20), told_in(other, 30)]
    elder = AncestorMarks([Mark(number=10, hash=other.blocks[10].hash)], events)
    nodes = NodeGroup(NetworkId("local"), [SimulatedNode("one", chain)], Ticking())
    assert await below(elder, nodes, header_of(chain.head.header())) == DeepReorg(common=None, stands=[], gone=events)


async def test_blocks_above_the_new_head_are_not_asked_for_and_are_gone() -> None:
    chain = Chain(1)
    chain.grow(60)
    events = [told_in(chain, number) for number in (39, 40, 41)]
    found = await left_of(chain, 40, *events, marks=(10, 40, 50))
    assert (found.common, found.stands, found.gone) == (40, [], [events[2]])
    found = await left_of(chain, 40, *events, marks=(10, 50))
    assert (found.common, found.stands, found.gone) == (10, events[:2], [events[2]])
