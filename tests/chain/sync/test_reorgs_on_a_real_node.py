"""Runs reorgs on a real node: the final valid events are those of its final chain."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import pytest

from chain.events import ChainEvent, Retracted
from chain.events.network import HeadSeen, Reorged
from chain.sync.watcher import Watcher, scan
from tests.chain.following import low, placed, settings_of, watching
from tests.chain.proxies.test_upgrades_on_a_real_node import proxy_on
from tests.chain.sync.test_reorgs import valid_events
from tests.evm.anvil import running


async def _followed_through(reorgs: int, seed: int) -> list[ChainEvent]:
    dice = random.Random(seed)
    async with running() as anvil:
        proxy, admin, first, second = await proxy_on(anvil)
        began = await anvil.height() + 1
        settings = settings_of(anvil.url, watch=watching(proxy), start_block=began)
        reported: list[ChainEvent] = []
        seen, turn, forked = 0, 0, began
        async with asyncio.timeout(100), aclosing(Watcher(settings, None).events()) as events:  # type: ignore[type-var]
            snapshot = await anvil.call("evm_snapshot")
            await anvil.mine()
            async for event in events:
                reported.append(event)
                seen += isinstance(event, Reorged)
                if not isinstance(event, HeadSeen) or event.block_number < await anvil.height():
                    continue
                if seen >= reorgs:
                    break
                if event.block_number - forked >= 1:
                    await anvil.call("evm_revert", snapshot)
                snapshot, forked = await anvil.call("evm_snapshot"), await anvil.height()
                await anvil.call("evm_increaseTime", dice.randint(1, 500))
                for _ in range(dice.randint(2, 4)):
                    turn += 1
                    await anvil.send(admin.functions.upgrade(proxy.address, (first, second)[turn % 2].address))
                    await anvil.mine(dice.randint(1, 7))
        final = [event async for event in scan(settings, began, await anvil.height())]
        assert valid_events(reported) == valid_events(final)
        assert {event.contract for event in valid_events(final)} == {low(proxy)}  # type: ignore[union-attr]
    return reported


async def test_after_a_few_reorgs_of_a_real_node_the_valid_events_are_those_of_its_chain() -> None:
    reported = await _followed_through(5, seed=1)
    assert sum(isinstance(event, Retracted) for event in placed(reported)) >= 5


@pytest.mark.acceptance
async def test_after_fifty_reorgs_of_a_real_node_the_valid_events_are_those_of_its_chain() -> None:
    reported = await _followed_through(50, seed=2)
    assert sum(isinstance(event, Retracted) for event in placed(reported)) >= 50
