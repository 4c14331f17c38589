"""Follows three loopback nodes, some of which lie, with the whole watcher: what one provider says counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from typing import Any

import pytest

from chain.blocks.bloom import mask
from chain.events import ChainEvent, ContractUpgraded, UpgradeSaid
from chain.events.network import NodeFault, NodeFaultKind
from chain.sync.watcher import Watcher, WatcherSettings
from chain.watch import Watch, WatchedContract
from tests.chain.builders import topic
from tests.chain.following import LOCAL
from tests.chain.metered import CONTRACTS, Meter, Town, rented
from tests.chain.simulated import UPGRADED
from tests.chain.virtual_time import in_virtual_time, virtual_clock

VICTIM, CHANGED = CONTRACTS[0], CONTRACTS[1]
WATCH = Watch(contracts=(WatchedContract(address=VICTIM), WatchedContract(address=CHANGED)))
LIE_AT, TRUE_AT, LAST = 12, 14, 18

Answer = Callable[[str, Any], Any]


def inventing(town: Town) -> Answer:
    """In block `LIE_AT` it invents an upgrade of the victim, with a bloom filter that holds it."""

    def answer(method: str, params: Any) -> Any:
        found = town.answer(method, params)
        if len(town.blocks) <= LIE_AT:
            return found
        block = town.blocks[LIE_AT]
        if method == "eth_getBlockByNumber" and found and found["hash"] == block.hash:
            bits = int(found["logsBloom"], 16) | mask(VICTIM) | mask(UPGRADED) | mask(topic(0xBAD))
            return {**found, "logsBloom": f"0x{bits:0512x}"}
        if method == "eth_getLogs" and VICTIM in params[0]["address"] and params[0].get("blockHash") == block.hash:
            return [*found, _invented(block.hash)]
        if method == "eth_getBlockReceipts" and params[0] == block.hash:
            return [*found, {"logs": [_invented(block.hash)]}]
        return found

    return answer


def _invented(block_hash: str) -> dict[str, Any]:
    return {
        "address": VICTIM, "topics": [UPGRADED, topic(0xBAD)], "data": "0x", "transactionHash": topic(0xBAD),
        "logIndex": "0x9", "blockHash": block_hash, "blockNumber": hex(LIE_AT), "removed": False,
    }  # fmt: skip


def silent(town: Town) -> Answer:
    """It leaves all logs out, in its receipts too."""

    def answer(method: str, params: Any) -> Any:
        return [] if method in ("eth_getLogs", "eth_getBlockReceipts") else town.answer(method, params)

    return answer


async def told(
    town: Town, answers: list[Answer], providers: tuple[str, ...]
) -> tuple[list[ChainEvent], dict[str, int]]:
    """Returns what was told while the chain grew to its last block, and the head at which each node was first at fault."""
    reported: list[ChainEvent] = []
    named: dict[str, int] = {}

    async def mine() -> None:
        while len(town.blocks) <= LAST:
            await asyncio.sleep(1)
            town.grow(CHANGED if len(town.blocks) == TRUE_AT else None)

    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(rented(one, Meter())) for one in answers]
        settings = WatcherSettings(
            network=replace(LOCAL, block_time_s=1), nodes=tuple(urls), watch=WATCH, providers=providers
        )
        mining = asyncio.create_task(mine())
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST + 6), aclosing(Watcher(settings, None, virtual_clock).events()) as events:  # type: ignore[type-var]
                async for event in events:
                    reported.append(event)
                    if isinstance(event, NodeFault) and event.fault is not NodeFaultKind.NO_TRACES:
                        named.setdefault(event.node, len(town.blocks) - 1)
        await mining
    return reported, {str(urls.index(f"{node}/v2/free-key")): at for node, at in named.items()}


def upgrades(reported: list[ChainEvent]) -> list[ContractUpgraded]:
    return [event for event in reported if isinstance(event, ContractUpgraded)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
def test_an_upgrade_that_two_endpoints_of_one_provider_invent_is_disputed_and_nobody_is_named(
    order: tuple[int, ...],
) -> None:
    town = Town()
    lie = inventing(town)
    answers, providers = [lie, lie, town.answer], ["twins", "twins", "honest"]
    reported, named = in_virtual_time(
        lambda: told(town, [answers[at] for at in order], tuple(providers[at] for at in order))
    )
    said = [event for event in reported if isinstance(event, UpgradeSaid)]
    assert [(event.place.block_number, event.place.disputed) for event in said] == [(LIE_AT, True)]
    assert [(one.place.block_number, one.contract, one.place.disputed) for one in upgrades(reported)] == [
        (TRUE_AT, CHANGED, False)
    ]
    assert named == {}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_two_endpoints_of_one_provider_that_hide_an_upgrade_do_not_outvote_an_honest_one(
    order: tuple[int, ...],
) -> None:
    town = Town()
    answers, providers = [silent(town), silent(town), town.answer], ["twins", "twins", "honest"]
    reported, named = in_virtual_time(
        lambda: told(town, [answers[at] for at in order], tuple(providers[at] for at in order))
    )
    assert [(one.place.block_number, one.contract) for one in upgrades(reported)] == [(TRUE_AT, CHANGED)]
    assert named == {}


@pytest.mark.parametrize("liar", range(3))
@pytest.mark.parametrize(("lying", "block", "fault"), [(inventing, LIE_AT, "forged"), (silent, TRUE_AT, "truncated")])
@pytest.mark.slow
def test_of_three_providers_the_liar_is_named_within_a_block(
    lying: Callable[[Town], Answer], block: int, fault: str, liar: int
) -> None:
    town = Town()
    answers: list[Answer] = [town.answer, town.answer, town.answer]
    answers[liar] = lying(town)
    reported, named = in_virtual_time(lambda: told(town, answers, ("one", "two", "three")))
    assert {str(liar)} == named.keys()
    assert named[str(liar)] <= block + 1
    faults = {event.fault for event in reported if isinstance(event, NodeFault)} - {NodeFaultKind.NO_TRACES}
    assert faults == {NodeFaultKind(fault)}
    assert [(one.place.block_number, one.contract, one.place.disputed) for one in upgrades(reported)] == [
        (TRUE_AT, CHANGED, False)
    ]
    assert not any(isinstance(event, UpgradeSaid) for event in reported)
