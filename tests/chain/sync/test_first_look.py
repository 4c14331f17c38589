"""Looks at many contracts for the first time: some after others, at the pace of the node, and the head does not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from chain.blocks.reads import CallWord, CodeHash, Reads
from chain.events.network import HeadSeen
from chain.events.upgrades import ContractUpgraded
from chain.sync.first_look import MAX_TOGETHER, MIN_TOGETHER, FirstLook
from chain.sync.watcher import Watcher, WatcherSettings
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address
from tests.chain.following import LOCAL
from tests.chain.metered import Meter, Town, rented
from tests.chain.nodes import meters
from tests.chain.virtual_time import in_virtual_time, virtual_clock

MANY = tuple(address(0xC0000 + at) for at in range(500))


def reads_of(*numbers: int) -> Reads:
    state = frozenset(CodeHash(address(at)) for at in numbers)
    calls = frozenset(CallWord(address(at), "0x5c60da1b") for at in numbers)
    return Reads(addresses=frozenset(map(address, numbers)), state=state | calls, deferrable=calls, probes=calls)


def test_nothing_waits_until_a_first_look_begins() -> None:
    look, reads = FirstLook(12), reads_of(1, 2)
    assert look.of(reads) is reads
    assert not look.waits


def test_addresses_are_let_in_some_after_others_and_what_is_learned_meanwhile_never_waits() -> None:
    look, reads = FirstLook(12), reads_of(*range(1, 11))
    look.begin(map(address, range(1, 11)))
    assert look.of(reads) == replace(reads, state=frozenset(), deferrable=frozenset(), probes=frozenset())
    look.more()
    assert look.of(reads) == replace(reads_of(*range(1, MIN_TOGETHER + 1)), addresses=reads.addresses)
    assert look.of(reads) is look.of(reads), "the plan for it is remembered"
    learned = reads_of(1, 9, 77)
    assert look.of(learned) == replace(reads_of(1, 77), addresses=learned.addresses)
    waited = []
    for _ in range(3):
        waited.append(look.waits)
        look.more()
    assert waited == [True, True, False]
    assert look.of(reads) is reads


def test_quick_looks_grow_and_slow_ones_shrink_within_bounds() -> None:
    look = FirstLook(12)

    def let_in() -> int:
        look.begin(map(address, range(5000)))
        before = len(look.of(reads_of(*range(5000))).state)
        look.more()
        return (len(look.of(reads_of(*range(5000))).state) - before) // 2

    assert let_in() == MIN_TOGETHER
    look.took(0.1)
    assert let_in() == 2 * MIN_TOGETHER
    look.took(2)
    assert let_in() == 2 * MIN_TOGETHER, "neither quick nor slow"
    look.took(3.1)
    look.took(3.1)
    assert let_in() == MIN_TOGETHER
    for _ in range(20):
        look.took(0)
    assert let_in() == MAX_TOGETHER


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("meter", "block_time_s", "blocks"),
    [(meters.RequestsPerSecond, 2.0, 10), (lambda: meters.CallsPerSecond(10), 12.0, 12)],
    ids=["10 requests a second", "10 calls a second"],
)
@pytest.mark.slow
def test_five_hundred_contracts_on_a_metered_node_do_not_delay_the_head_and_events_are_told_in_their_block(
    meter: Callable[[], Meter], block_time_s: float, blocks: int
) -> None:
    town = Town(contracts=MANY)
    late: dict[int, int] = {}
    behind: list[int] = []

    async def mine() -> None:
        for _ in range(blocks):
            await asyncio.sleep(block_time_s)
            number = len(town.blocks)
            town.grow(MANY[-number] if number % 2 == 0 else None)

    async def story() -> None:
        network = replace(LOCAL, block_time_s=block_time_s)
        watch = Watch(contracts=tuple(WatchedContract(address=one) for one in MANY))
        async with rented(town.answer, meter()) as url:
            mining = asyncio.create_task(mine())
            events = Watcher(WatcherSettings(network=network, nodes=(url,), watch=watch), None, virtual_clock).events()
            with suppress(TimeoutError):
                async with asyncio.timeout(block_time_s * (blocks + 1)), aclosing(events) as told:  # type: ignore[type-var]
                    async for event in told:
                        head = len(town.blocks) - 1
                        if isinstance(event, ContractUpgraded):
                            late[event.place.block_number] = head - event.place.block_number
                        elif isinstance(event, HeadSeen):
                            behind.append(head - event.block_number)
            await mining

    in_virtual_time(story)
    upgraded = [number for number, _ in town.upgrades]
    assert sorted(late) == upgraded
    assert max(late.values()) <= 1, "blocks"
    assert max(behind[2:]) <= 1, "blocks behind, from the third head on"
