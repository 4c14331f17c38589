"""Checks that a range read only at its end reports the same events in the same blocks as reading each block."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import get_args

import pytest

from chain.events import ChainEvent, NetworkId, PlacedEvent
from chain.events.network import NodeFaultKind
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.nodes.group import NodeGroup
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import Ask
from chain.sync import scan as scanning
from chain.sync.checkpoint import Checkpoints
from chain.sync.scan import ScanOptions, scan
from chain.sync.watcher import Watcher, WatcherSettings
from tests.chain.builders import START
from tests.chain.following import LOCAL, MemoryCheckpoints
from tests.chain.simulated import Chain, SimulatedNode, Ticking
from tests.chain.sync.test_reorgs import WATCH, followed

PLACED = get_args(PlacedEvent)
SETTINGS = WatcherSettings(network=LOCAL, nodes=("simulated",), watch=WATCH, poll_s=0, start_block=2)


def history(seed: int, changes: int, *, silent: float, gaps: tuple[int, int]) -> Chain:
    """Builds upgrades, some of them silent, with this many quiet blocks between them."""
    dice = random.Random(seed)
    chain = Chain(seed, silent=silent)
    for _ in range(changes):
        chain.grow(dice.randint(*gaps), quiet=True)
        chain.grow(1)
    chain.grow(5, quiet=True)
    return chain


def scanned(
    node: SimulatedNode, last: int, *, every_block: bool = False, checkpoints: Checkpoints | None = None
) -> AsyncIterator[ChainEvent]:
    clock = Ticking()
    nodes = NodeGroup(LOCAL.id, (node,), clock)
    options = ScanOptions(every_block=every_block, checkpoints=checkpoints)
    return scan(SETTINGS, 2, last, clock, options=options, nodes=nodes)


async def scanned_events(chain: Chain, *, every_block: bool = False) -> list[PlacedEvent]:
    """Returns the events of a scan without the time of receipt."""
    node = SimulatedNode("one", chain)
    events = scanned(node, chain.head.number, every_block=every_block)
    return [replace(event, seen_at=START) async for event in events if isinstance(event, PLACED)]


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2))
async def test_silent_changes_are_found_in_their_blocks_however_many_a_range_holds(seed: int) -> None:
    chain = history(seed, 60, silent=1.0, gaps=(0, 150))
    found = await scanned_events(chain)
    assert {event.seen_by for event in found if isinstance(event, ContractUpgraded)} == {SeenBy.SLOT}
    assert len(found) > 10
    assert found == await scanned_events(chain, every_block=True)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2))
async def test_silent_and_logged_changes_in_separate_ranges_are_reported_the_same_way(seed: int) -> None:
    chain = history(seed, 16, silent=0.5, gaps=(512, 700))
    found = await scanned_events(chain)
    assert {event.seen_by for event in found if isinstance(event, ContractUpgraded)} == {SeenBy.SLOT, SeenBy.LOG}
    assert found == await scanned_events(chain, every_block=True)


async def test_whatever_a_range_hides_each_log_is_reported_and_the_final_state_is_right() -> None:
    chain = history(9, 400, silent=0.5, gaps=(0, 4))
    found = [event for event in await scanned_events(chain) if isinstance(event, ContractUpgraded)]
    logged = [made.number for made in chain.blocks if made.logs and made.number >= 2]
    assert [event.place.block_number for event in found if event.seen_by is SeenBy.LOG] == logged
    for event in found:
        assert int(event.new, 16) == chain.blocks[event.place.block_number].slot
    assert int(found[-1].new, 16) == chain.head.slot


@pytest.mark.slow
async def test_a_watcher_far_behind_reports_silent_changes_in_their_blocks() -> None:
    chain = history(2, 40, silent=1.0, gaps=(0, 60))
    clock = Ticking()
    watcher = Watcher(SETTINGS, None, clock, NodeGroup(LOCAL.id, (SimulatedNode("one", chain),), clock))
    found = [replace(event, seen_at=START) for event in await followed(chain, watcher) if isinstance(event, PLACED)]
    assert found == await scanned_events(chain, every_block=True)


class Once(MemoryCheckpoints):
    """Stores checkpoints up to a given number of saves."""

    def __init__(self, saves: int) -> None:
        super().__init__()
        self.left = saves

    def save(self, network: NetworkId, body: bytes) -> None:
        self.left -= 1
        if self.left >= 0:
            super().save(network, body)


@pytest.mark.parametrize("saves", [1, 2, 3, 7, 20, 33])
@pytest.mark.slow
async def test_a_scan_resumed_after_any_save_emits_the_remaining_events_and_repeats_at_most_one(saves: int) -> None:
    chain = history(5, 90, silent=0.6, gaps=(0, 40))
    whole = await scanned_events(chain)
    saved_once = Once(saves)
    node = SimulatedNode("one", chain)
    before: list[PlacedEvent] = []
    async with aclosing(scanned(node, chain.head.number, checkpoints=saved_once)) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, PLACED):
                before.append(replace(event, seen_at=START))
            if saved_once.left <= 0:
                break
    after = [
        replace(event, seen_at=START)
        async for event in scanned(node, chain.head.number, checkpoints=saved_once)
        if isinstance(event, PLACED)
    ]
    together = before + [event for event in after if event not in before[-1:]]
    assert together == whole


async def test_a_node_that_fails_during_the_search_for_a_silent_change_spoils_nothing() -> None:
    chain = history(3, 20, silent=1.0, gaps=(0, 60))
    whole = await scanned_events(chain, every_block=True)
    dice = random.Random(1)

    class Failing(SimulatedNode):
        async def ask(self, asks: list[Ask]) -> list[object]:  # type: ignore[override]
            if dice.random() < 0.1:
                raise NodeFailure(NodeFaultKind.TIMEOUT, "slow today")
            return await super().ask(asks)

    events = scanned(Failing("one", chain), chain.head.number)
    assert [replace(event, seen_at=START) async for event in events if isinstance(event, PLACED)] == whole


async def test_a_range_without_changes_costs_few_requests() -> None:
    chain = Chain(1)
    chain.grow(3 * scanning.RUN, quiet=True)
    node = SimulatedNode("one", chain)
    assert [event async for event in scanned(node, chain.head.number)] == []
    assert node.requests < 20
