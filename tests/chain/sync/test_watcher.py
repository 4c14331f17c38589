"""Follows a real node through gaps, deep reorgs and interrupted delivery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from chain.events import ChainEvent, CodeChange, CodeCompared, Retracted
from chain.events.network import HeadSeen, NodeMeasured, Reorged
from chain.events.upgrades import ContractUpgraded
from chain.rpc.messages import Ask
from chain.sync.watcher import Watcher
from tests.chain.following import MemoryCheckpoints, head_at, kind, low, placed, settings_of, until, watching
from tests.chain.proxies.test_upgrades_on_a_real_node import proxy_on
from tests.chain.simulated import PROXY, Chain, SimulatedNode
from tests.chain.sync.test_reorgs import followed, watcher_of
from tests.evm.anvil import running


async def test_a_long_gap_is_read_in_ranges_and_nothing_is_lost() -> None:
    async with running() as anvil:
        proxy, admin, first, second = await proxy_on(anvil)
        checkpoints, settings = MemoryCheckpoints(), settings_of(anvil.url, watch=watching(proxy))
        await until(Watcher(settings, checkpoints), kind(HeadSeen))
        for turn in range(3):
            await anvil.mine(45)
            await anvil.send(admin.functions.upgrade(proxy.address, (first if turn % 2 else second).address))
        await anvil.mine(150)
        reported = await until(Watcher(settings, checkpoints), head_at(await anvil.height()))
        changes = [event for event in reported if isinstance(event, ContractUpgraded)]
        assert [event.new for event in changes] == [low(second), low(first), low(second)]
        assert [event.place.block_number for event in changes] == sorted(event.place.block_number for event in changes)


async def test_events_decided_but_not_delivered_are_emitted_after_a_restart() -> None:
    async with running() as anvil:
        proxy, admin, _, second = await proxy_on(anvil)
        checkpoints, settings = MemoryCheckpoints(), settings_of(anvil.url, watch=watching(proxy))
        await until(Watcher(settings, checkpoints), kind(HeadSeen))
        await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        [interrupted] = placed(await until(Watcher(settings, checkpoints), kind(ContractUpgraded)))
        [again] = placed(await until(Watcher(settings, checkpoints), kind(HeadSeen)))
        assert isinstance(interrupted, ContractUpgraded)
        assert isinstance(again, ContractUpgraded)
        assert again.event_id == interrupted.event_id
        await anvil.mine()
        [compared] = placed(await until(Watcher(settings, checkpoints), head_at(await anvil.height())))
        assert isinstance(compared, CodeCompared)
        assert compared.upgrade_id == again.event_id
        await anvil.mine()
        assert placed(await until(Watcher(settings, checkpoints), head_at(await anvil.height()))) == []


async def test_a_reorg_during_downtime_is_retracted_after_the_restart() -> None:
    async with running() as anvil:
        proxy, admin, first, second = await proxy_on(anvil)
        checkpoints, settings = MemoryCheckpoints(), settings_of(anvil.url, watch=watching(proxy))
        await until(Watcher(settings, checkpoints), kind(HeadSeen))
        snapshot = await anvil.call("evm_snapshot")
        await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        await anvil.mine()
        [upgraded, compared] = placed(await until(Watcher(settings, checkpoints), head_at(await anvil.height())))
        assert isinstance(upgraded, ContractUpgraded)
        await anvil.call("evm_revert", snapshot)
        await anvil.call("evm_increaseTime", 500)
        await anvil.mine(4)
        reported = placed(await until(Watcher(settings, checkpoints), head_at(await anvil.height())))
        assert [type(event) for event in reported] == [Reorged, Retracted, Retracted]
        assert [event.event for event in reported if isinstance(event, Retracted)] == [compared, upgraded]
        await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        [again] = placed(await until(Watcher(settings, checkpoints), head_at(await anvil.height())))
        assert isinstance(again, ContractUpgraded)
        assert again.old == low(first)


async def test_a_reorg_deeper_than_the_window_retracts_all_of_it_and_continues() -> None:
    async with running() as anvil:
        proxy, admin, _, second = await proxy_on(anvil)
        snapshot = await anvil.call("evm_snapshot")
        await anvil.mine(2)
        watcher = Watcher(settings_of(anvil.url, watch=watching(proxy)), None)
        async with asyncio.timeout(30), aclosing(watcher.events()) as events:  # type: ignore[type-var]
            await anext(event async for event in events if isinstance(event, HeadSeen))
            await anvil.send(admin.functions.upgrade(proxy.address, second.address))
            upgraded = await anext(event async for event in events if isinstance(event, ContractUpgraded))
            await anvil.call("evm_revert", snapshot)
            await anvil.call("evm_increaseTime", 500)
            await anvil.mine(8)
            reported = []
            async for event in events:
                reported.append(event)
                if head_at(await anvil.height())(event):
                    break
            assert [event.event_id for event in reported if isinstance(event, Retracted)] == [
                f"{upgraded.event_id}/compared",
                upgraded.event_id,
            ]


class Silent(SimulatedNode):
    """Never answers a request for code until it is released."""

    def __init__(self, chain: Chain) -> None:
        super().__init__("silent", chain)
        self.let_go = asyncio.Event()
        self.waiting = asyncio.Event()

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        if any(method == "eth_getCode" and params[0] != PROXY for method, params in asks):
            self.waiting.set()
            await self.let_go.wait()
        return await super().ask(asks)


async def told(watcher: Watcher) -> AsyncGenerator[ChainEvent]:
    """The events without the measurements, which come by the clock."""
    async with aclosing(watcher.events()) as events:  # type: ignore[type-var]
        async for event in events:
            if not isinstance(event, NodeMeasured):
                yield event


async def test_an_upgrade_is_emitted_before_its_code_is_read_and_the_next_block_after_the_comparison() -> None:
    chain = Chain(3, silent=0)
    node = Silent(chain)
    reported: list[ChainEvent] = []
    async with asyncio.timeout(20), aclosing(told(watcher_of(node))) as events:
        while not reported or not isinstance(reported[-1], ContractUpgraded):
            chain.grow(1)
            reported.append(await anext(events))
        assert not node.waiting.is_set()
        head = await anext(events)
        assert isinstance(head, HeadSeen)
        assert head.block_hash == reported[-1].place.block_hash
        asking = asyncio.ensure_future(anext(events))
        await node.waiting.wait()
        chain.grow(1)
        assert not asking.done()
        node.let_go.set()
        compared = await asking
    assert isinstance(compared, CodeCompared)
    assert compared.upgrade_id == reported[-1].event_id


async def test_a_node_that_never_returns_code_delays_only_the_comparison_and_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chain.sync.watcher.LIVE_REQUESTS_S", 0.05)
    chain = Chain(3, silent=0)
    chain.grow(20)
    reported = placed(await followed(chain, watcher_of(Silent(chain))))
    upgrades = [event.event_id for event in reported if isinstance(event, ContractUpgraded)]
    compared = [event for event in reported if isinstance(event, CodeCompared)]
    assert [event.upgrade_id for event in compared] == upgrades
    assert {event.change for event in compared} == {CodeChange(old_size=None, new_size=None, gained=None, lost=None)}
