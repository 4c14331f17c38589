"""New pools and events of the operator's own on a real EVM node, from the contracts of Uniswap; scanned, followed, retracted."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from chain.events import ChainEvent, CustomEventSeen, PoolCreated, Retracted
from chain.sync.watcher import Watcher
from chain.watch import EventCondition, Watch, WatchedEvent
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.chain.liquidity.pools.test_v4_on_a_real_node import Managed, pool_id
from tests.chain.liquidity.pools.uniswap import Uniswap, deployed
from tests.evm.anvil import running


async def test_new_pools_of_uniswap_v2_v3_and_v4_are_reported_with_address_and_kind() -> None:
    async with running() as anvil:
        managed = Managed(anvil)
        await managed.begin()
        tokens = managed.tokens
        factory2 = await anvil.deploy("UniswapV2Factory", anvil.accounts[0])
        factory3 = await deployed(anvil, "UniswapV3Factory")
        both = [one.address for one in tokens]
        await anvil.send(factory2.functions.createPair(*both))
        await anvil.send(factory3.functions.createPool(*both, 3000))
        pair, pool = (
            await factory2.functions.getPair(*both).call(),
            await factory3.functions.getPool(*both, 3000).call(),
        )
        watch = Watch(tokens=(low(tokens[1]),), factories=(low(factory2), low(factory3), low(managed.manager)))
        watcher = Watcher(settings_of(anvil.url, watch=watch, start_block=1), None)
        reported = await until(watcher, head_at(await anvil.height()))
        found = [one for one in placed(reported) if isinstance(one, PoolCreated)]
        v4 = [("uniswap_v4", pool_id(key)) for key in managed.keys]
        assert [(one.pool_kind, one.pool) for one in found] == [
            *v4,
            ("uniswap_v2", low(pair)),
            ("uniswap_v3", low(pool)),
        ]
        assert all((one.token0, one.token1) == (low(tokens[0]), low(tokens[1])) for one in found)


async def test_a_described_event_is_reported_where_its_condition_is_met_and_retracted_by_a_reorg() -> None:
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin()
        token, other = uniswap.tokens[0], anvil.accounts[1]
        rule = WatchedEvent(
            name="large",
            signature="Transfer(address,address,uint256)",
            addresses=(low(token),),
            conditions=(EventCondition(argument=2, above=1_000), EventCondition(argument=1, equals=low(other))),
        )
        watcher = Watcher(settings_of(anvil.url, watch=Watch(events=(rule,)), start_block=await anvil.height()), None)
        snapshot = await anvil.call("evm_snapshot")
        for amount in (1_000, 1_001):
            await anvil.send(token.functions.transfer(other, amount))
        told: list[ChainEvent] = []
        async with asyncio.timeout(30), aclosing(watcher.events()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, CustomEventSeen):
                    told.append(event)
                    assert event.arguments == (("1", low(uniswap.me)), ("2", low(other)), ("3", "1001"))
                    await anvil.call("evm_revert", snapshot)
                    await anvil.mine(5)
                elif isinstance(event, Retracted):
                    told.append(event)
                    break
        first, gone = told
        assert isinstance(first, CustomEventSeen)
        assert isinstance(gone, Retracted)
        assert gone.event_id == first.event_id
