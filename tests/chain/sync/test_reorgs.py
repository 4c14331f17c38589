"""Reorgs of every depth over a simulated chain: what is told in the end is what the final chain holds, and nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from typing import get_args

import pytest

from chain.events import ChainEvent, PlacedEvent, Retracted
from chain.events.network import HeadSeen, NodeFault, Reorged
from chain.networks import Network
from chain.nodes.group import NodeGroup
from chain.sync.code_comparison import not_compared
from chain.sync.watcher import Watcher, WatcherSettings
from chain.watch import Watch, WatchedContract
from tests.chain.following import LOCAL, Kept
from tests.chain.made import START
from tests.chain.simulated import PROXY, Chain, SimulatedNode, Ticking

PLACED = get_args(PlacedEvent)
WATCH = Watch(contracts=(WatchedContract(address=PROXY),))


def watcher_of(*nodes: SimulatedNode, network: Network = LOCAL, kept: Kept | None = None, keep: int = 128) -> Watcher:
    clock = Ticking()
    settings = WatcherSettings(
        network=network, nodes=("simulated",), watch=WATCH, poll_s=0, start_block=2, keep_blocks=keep
    )
    return Watcher(settings, kept, clock, NodeGroup(network.id, nodes, clock))


def standing(told: list[ChainEvent]) -> list[PlacedEvent]:
    """What was told and not taken back, in the order of the chain. Told twice or taken back untold is an error."""
    stands: dict[str, PlacedEvent] = {}
    for event in told:
        if isinstance(event, Retracted):
            assert stands.pop(event.event_id) == event.event, "taken back what was not told"
        elif isinstance(event, PLACED):
            assert event.event_id not in stands, "told twice"
            stands[event.event_id] = event
    return sorted((replace(event, seen_at=START) for event in stands.values()), key=_place)


def _place(event: PlacedEvent) -> tuple[int, str]:
    return event.place.block_number, event.event_id


def at_head(told: list[ChainEvent], chain: Chain) -> bool:
    """Whether the head was seen, and what the upgrades of its block changed was told too."""
    seen = next((event for event in reversed(told) if isinstance(event, HeadSeen)), None)
    at = seen is not None and seen.block_hash == chain.head.hash
    return at and not not_compared(event for event in told if isinstance(event, PLACED))


def taken(told: list[ChainEvent]) -> list[ChainEvent]:
    """All but the event in hand when a life ended, where that comes again in the next."""
    return told[:-1] if isinstance(told[-1], PLACED) else told


async def followed(chain: Chain, watcher: Watcher | None = None, most: int | None = None) -> list[ChainEvent]:
    """Everything told up to the head of the chain as it is, or the first `most` events."""
    told: list[ChainEvent] = []
    following = watcher or watcher_of(SimulatedNode("one", chain))
    async with asyncio.timeout(20), aclosing(following.events()) as events:  # type: ignore[type-var]
        async for event in events:
            told.append(event)
            if at_head(told, chain) or len(told) == most:
                break
    return told


async def _story(seed: int, reorgs: int) -> Counter[str]:
    """One watcher through many reorgs, some of which come while it is still reading the one before."""
    dice = random.Random(seed)
    chain = Chain(seed)
    chain.grow(dice.randrange(5, 40))
    told: list[ChainEvent] = []
    seen = 0
    async with asyncio.timeout(60), aclosing(watcher_of(SimulatedNode("one", chain)).events()) as events:  # type: ignore[type-var]
        async for event in events:
            told.append(event)
            there = at_head(told, chain)
            seen += isinstance(event, Reorged)
            if seen >= reorgs and there:
                break
            if seen < reorgs and (there or dice.random() < 0.05):
                depth = dice.randint(1, 30)
                chain.reorg(depth, max(depth + dice.randint(-3, 6), 1))
    final = Chain(0)
    final.blocks, final.by_hash = chain.blocks, chain.by_hash
    reading_all = watcher_of(SimulatedNode("one", final), keep=1000)  # far from its head it would read in stretches
    assert standing(told) == standing(await followed(final, reading_all))
    return Counter(type(event).__name__ for event in told)


@pytest.mark.thorough
async def test_after_a_thousand_random_reorgs_the_valid_events_are_those_of_the_final_chain() -> None:
    counted: Counter[str] = Counter()
    for seed in range(25):
        counted += await _story(seed, reorgs=40)
    assert counted["Reorged"] >= 1000  # those told: others were over before they were seen
    assert counted["Retracted"] >= 1000


@pytest.mark.parametrize("seed", [0, 1, 4, 7, 11])
async def test_a_reorg_deeper_than_memory_is_reported_and_no_event_is_lost_or_repeated(seed: int) -> None:
    small = replace(LOCAL, keep_blocks=8)
    chain, kept = Chain(seed, silent=0), Kept()
    chain.grow(400)
    told = await followed(chain, watcher_of(SimulatedNode("one", chain), network=small, kept=kept, keep=8))
    chain.reorg(20 + 25 * seed, 30 + 25 * seed)
    told_again = await followed(chain, watcher_of(SimulatedNode("one", chain), network=small, kept=kept, keep=8))
    [reorged] = [event for event in told_again if isinstance(event, Reorged)]
    assert reorged.beyond_memory
    assert standing(taken(told) + told_again) == standing(await followed(chain))


async def test_a_crash_in_the_middle_of_a_deep_reorg_loses_no_retraction() -> None:
    small = replace(LOCAL, keep_blocks=8)
    chain, kept = Chain(3, silent=0), Kept()
    chain.grow(300)
    told = await followed(chain, watcher_of(SimulatedNode("one", chain), network=small, kept=kept, keep=8))
    told = taken(told)
    chain.reorg(150, 170)
    for _ in range(400):  # each life ends at its third event, which then comes again
        part = await followed(chain, watcher_of(SimulatedNode("one", chain), network=small, kept=kept, keep=8), most=3)
        there = at_head(part, chain)
        told += part if there else part[:-1]
        if there:
            break
    assert standing(told) == standing(await followed(chain))


async def test_a_reorg_deeper_than_every_known_block_retracts_everything() -> None:
    small = replace(LOCAL, keep_blocks=8)
    chain, kept = Chain(5, silent=0), Kept()
    chain.grow(40)
    told = await followed(chain, watcher_of(SimulatedNode("one", chain), network=small, kept=kept, keep=8))
    chain.reorg(41, 60)
    told = taken(told) + await followed(
        chain, watcher_of(SimulatedNode("one", chain), network=small, kept=kept, keep=8)
    )
    assert [event.beyond_memory for event in told if isinstance(event, Reorged)] == [True]
    assert standing(told) == standing(await followed(chain))


async def test_an_honest_reorg_is_not_reported_as_a_node_fault() -> None:
    chain, kept = Chain(1), Kept()
    chain.grow(50)
    await followed(chain, watcher_of(SimulatedNode("one", chain), SimulatedNode("two", chain), kept=kept))
    chain.reorg(10, 12)
    told = await followed(chain, watcher_of(SimulatedNode("one", chain), SimulatedNode("two", chain), kept=kept))
    assert [event.depth for event in told if isinstance(event, Reorged)] == [10]
    assert not [event for event in told if isinstance(event, NodeFault)]
