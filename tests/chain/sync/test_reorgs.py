"""Runs reorgs of every depth over a simulated chain: the final events are those of the final chain, and none is repeated."""

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
from tests.chain.builders import START
from tests.chain.following import LOCAL, MemoryCheckpoints
from tests.chain.simulated import PROXY, Chain, SimulatedNode, Ticking

PLACED = get_args(PlacedEvent)
WATCH = Watch(contracts=(WatchedContract(address=PROXY),))


def watcher_of(
    *nodes: SimulatedNode, network: Network = LOCAL, checkpoints: MemoryCheckpoints | None = None, keep: int = 128
) -> Watcher:
    clock = Ticking()
    settings = WatcherSettings(
        network=network, nodes=("simulated",), watch=WATCH, poll_s=0, start_block=2, keep_blocks=keep
    )
    return Watcher(settings, checkpoints, clock, NodeGroup(network.id, nodes, clock))


def valid_events(reported: list[ChainEvent]) -> list[PlacedEvent]:
    """Returns the emitted events that are not retracted, in chain order. Fails on repeated events or unmatched retractions."""
    valid: dict[str, PlacedEvent] = {}
    for event in reported:
        if isinstance(event, Retracted):
            assert valid.pop(event.event_id) == event.event, "retracted an event that was not emitted"
        elif isinstance(event, PLACED):
            assert event.event_id not in valid, "emitted twice"
            valid[event.event_id] = event
    return sorted((replace(event, seen_at=START) for event in valid.values()), key=_place)


def _place(event: PlacedEvent) -> tuple[int, str]:
    return event.place.block_number, event.event_id


def at_head(reported: list[ChainEvent], chain: Chain) -> bool:
    """Tells whether the head was seen and the comparisons of its upgrades were emitted."""
    seen = next((event for event in reversed(reported) if isinstance(event, HeadSeen)), None)
    at = seen is not None and seen.block_hash == chain.head.hash
    return at and not not_compared(event for event in reported if isinstance(event, PLACED))


def taken(reported: list[ChainEvent]) -> list[ChainEvent]:
    """Returns the events without the one in delivery at the end of a run, if the next run repeats it."""
    return reported[:-1] if isinstance(reported[-1], PLACED) else reported


async def followed(chain: Chain, watcher: Watcher | None = None, most: int | None = None) -> list[ChainEvent]:
    """Returns all events up to the current head of the chain, or the first `most` events."""
    reported: list[ChainEvent] = []
    following = watcher or watcher_of(SimulatedNode("one", chain))
    async with asyncio.timeout(20), aclosing(following.events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if at_head(reported, chain) or len(reported) == most:
                break
    return reported


async def _story(seed: int, reorgs: int) -> Counter[str]:
    """Runs one watcher through many reorgs; some come while it still reads the one before."""
    dice = random.Random(seed)
    chain = Chain(seed)
    chain.grow(dice.randrange(5, 40))
    reported: list[ChainEvent] = []
    seen = 0
    async with asyncio.timeout(60), aclosing(watcher_of(SimulatedNode("one", chain)).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            there = at_head(reported, chain)
            seen += isinstance(event, Reorged)
            if seen >= reorgs and there:
                break
            if seen < reorgs and (there or dice.random() < 0.05):
                depth = dice.randint(1, 30)
                chain.reorg(depth, max(depth + dice.randint(-3, 6), 1))
    final = Chain(0)
    final.blocks, final.by_hash = chain.blocks, chain.by_hash
    reading_all = watcher_of(SimulatedNode("one", final), keep=1000)  # far from its head it would read in ranges
    assert valid_events(reported) == valid_events(await followed(final, reading_all))
    return Counter(type(event).__name__ for event in reported)


@pytest.mark.thorough
async def test_after_a_thousand_random_reorgs_the_valid_events_are_those_of_the_final_chain() -> None:
    counted: Counter[str] = Counter()
    for seed in range(25):
        counted += await _story(seed, reorgs=40)
    assert counted["Reorged"] >= 1000  # those reported: others were over before they were seen
    assert counted["Retracted"] >= 1000


@pytest.mark.parametrize("seed", [0, 1, 4, 7, 11])
@pytest.mark.slow
async def test_a_reorg_deeper_than_memory_is_reported_and_no_event_is_lost_or_repeated(seed: int) -> None:
    small = replace(LOCAL, keep_blocks=8)
    chain, checkpoints = Chain(seed, silent=0), MemoryCheckpoints()
    chain.grow(400)
    reported = await followed(
        chain, watcher_of(SimulatedNode("one", chain), network=small, checkpoints=checkpoints, keep=8)
    )
    chain.reorg(20 + 25 * seed, 30 + 25 * seed)
    repeated = await followed(
        chain, watcher_of(SimulatedNode("one", chain), network=small, checkpoints=checkpoints, keep=8)
    )
    [reorged] = [event for event in repeated if isinstance(event, Reorged)]
    assert reorged.beyond_memory
    assert valid_events(taken(reported) + repeated) == valid_events(await followed(chain))


@pytest.mark.slow
async def test_a_crash_in_the_middle_of_a_deep_reorg_loses_no_retraction() -> None:
    small = replace(LOCAL, keep_blocks=8)
    chain, checkpoints = Chain(3, silent=0), MemoryCheckpoints()
    chain.grow(300)
    reported = await followed(
        chain, watcher_of(SimulatedNode("one", chain), network=small, checkpoints=checkpoints, keep=8)
    )
    reported = taken(reported)
    chain.reorg(150, 170)
    for _ in range(
        400
    ):  # each run ends at its fifth event, which then comes again; two may be a stall and a measurement
        part = await followed(
            chain, watcher_of(SimulatedNode("one", chain), network=small, checkpoints=checkpoints, keep=8), most=5
        )
        there = at_head(part, chain)
        reported += part if there else part[:-1]
        if there:
            break
    assert valid_events(reported) == valid_events(await followed(chain))


async def test_a_reorg_deeper_than_every_known_block_retracts_everything() -> None:
    small = replace(LOCAL, keep_blocks=8)
    chain, checkpoints = Chain(5, silent=0), MemoryCheckpoints()
    chain.grow(40)
    reported = await followed(
        chain, watcher_of(SimulatedNode("one", chain), network=small, checkpoints=checkpoints, keep=8)
    )
    chain.reorg(41, 60)
    reported = taken(reported) + await followed(
        chain, watcher_of(SimulatedNode("one", chain), network=small, checkpoints=checkpoints, keep=8)
    )
    assert [event.beyond_memory for event in reported if isinstance(event, Reorged)] == [True]
    assert valid_events(reported) == valid_events(await followed(chain))


async def test_an_honest_reorg_is_not_reported_as_a_node_fault() -> None:
    chain, checkpoints = Chain(1), MemoryCheckpoints()
    chain.grow(50)
    await followed(chain, watcher_of(SimulatedNode("one", chain), SimulatedNode("two", chain), checkpoints=checkpoints))
    chain.reorg(10, 12)
    reported = await followed(
        chain, watcher_of(SimulatedNode("one", chain), SimulatedNode("two", chain), checkpoints=checkpoints)
    )
    assert [event.depth for event in reported if isinstance(event, Reorged)] == [10]
    assert not [event for event in reported if isinstance(event, NodeFault)]
