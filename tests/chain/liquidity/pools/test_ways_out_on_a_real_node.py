"""Removes liquidity from audited Uniswap V2 pairs on a real EVM node: over a bridge, and by a zap contract into another pair."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chain.events import ChainEvent, LiquidityAccounted, LiquidityMigrated, LiquidityMoved
from chain.sync.watcher import Watcher
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.chain.liquidity.test_pools_on_a_real_node import FAR, Pools, pools_on
from tests.evm.anvil import running

ZERO = b"\0" * 32


async def followed(pools: Pools, start: int) -> list[ChainEvent]:
    """Returns the events of the blocks from `start`; the fourth account is a bridge."""
    await pools.anvil.mine(2)
    watch = replace(pools.watch, bridges=(low(pools.anvil.accounts[3]),))
    watcher = Watcher(settings_of(pools.anvil.url, watch=watch, start_block=start), None)
    return placed(await until(watcher, head_at(await pools.anvil.height())))


def last_of(events: list[ChainEvent], token: str) -> LiquidityAccounted:
    found = [event for event in events if isinstance(event, LiquidityAccounted) and event.token == token][-1]
    assert found.removed == found.readded + found.to_wallets + found.to_bridges + found.open + found.unexplained
    return found


async def test_removed_tokens_sent_to_a_bridge_are_reported_as_bridged() -> None:
    async with running() as anvil:
        pools = await pools_on(anvil)
        await pools.add(1, 10**24, 10**24)
        start = await anvil.height() + 1
        await pools.remove(1, 2)
        await anvil.send(pools.tokens[0].functions.transfer(anvil.accounts[3], 3 * 10**23))
        events = await followed(pools, start)
        [moved] = [event for event in events if isinstance(event, LiquidityMoved)]
        account = last_of(events, low(pools.tokens[0]))
        amount = moved.amount0 if moved.token0 == account.token else moved.amount1
        assert (account.removed, account.to_bridges, account.unexplained) == (amount, 3 * 10**23, 0)
        other = last_of(events, low(pools.tokens[1]))
        assert (other.to_wallets, other.to_bridges) == (other.removed, 0)


async def test_a_contract_that_sells_one_token_and_adds_the_other_elsewhere_migrates_the_other() -> None:
    async with running() as anvil:
        pools = await pools_on(anvil)
        me = anvil.accounts[0]
        await pools.add(1, 10**24, 10**24)
        await pools.add(2, 10**24, 10**24)
        zap = await anvil.deploy("TimelockController", 0, [me], [me], me)  # executes a list of calls in one transaction
        source, router, tokens = pools.pairs[0], pools.router, pools.tokens
        await anvil.send(source.functions.approve(zap.address, 2**255))
        part = await source.functions.balanceOf(me).call() // 4
        asset, sold, other = (one.address for one in tokens)

        swap = router.functions.swapExactTokensForTokens
        calls: list[tuple[Any, Any]] = [
            (source, source.functions.transferFrom(me, zap.address, part)),
            (source, source.functions.approve(router.address, part)),
            (router, router.functions.removeLiquidity(asset, sold, part, 0, 0, zap.address, FAR)),
            *((one, one.functions.approve(router.address, 2**255)) for one in tokens),
            (router, swap(10**23, 0, [sold, asset], zap.address, FAR)),
            (router, swap(10**23, 0, [asset, other], zap.address, FAR)),
        ]
        # the amount a zap can add is known only after its swap: a reverted trial run gives it
        snapshot = await anvil.call("evm_snapshot")
        await execute(pools, zap, calls)
        held = [int(await one.functions.balanceOf(zap.address).call()) for one in tokens]
        await anvil.call("evm_revert", snapshot)
        start = await anvil.height() + 1
        calls.append((router, router.functions.addLiquidity(asset, other, held[0], held[2], 0, 0, me, FAR)))
        calls.append((tokens[1], tokens[1].functions.transfer(me, held[1])))
        await execute(pools, zap, calls)
        rest = int(await tokens[0].functions.balanceOf(zap.address).call())
        events = await followed(pools, start)

        left, entered = (event for event in events if isinstance(event, LiquidityMoved))
        assert (left.removed, left.owner, entered.owner) == (True, low(me), low(me))
        [migrated] = [event for event in events if isinstance(event, LiquidityMigrated)]
        assert (migrated.from_pool, migrated.to_pool) == (low(pools.pairs[0]), low(pools.pairs[1]))
        account = last_of(events, low(tokens[0]))
        added = entered.amount0 if entered.token0 == account.token else entered.amount1
        assert account.readded == migrated.amount == min(added, account.removed)
        assert account.into == ((low(pools.pairs[1]), "uniswap_v2", account.readded),)
        assert account.to_wallets + account.unexplained == pytest.approx(account.removed - added, rel=1e-9)
        assert account.unexplained <= rest + 10**23
        gone = last_of(events, low(tokens[1]))
        assert (gone.to_wallets, gone.unexplained, gone.readded) == (held[1], 10**23, 0)


async def execute(pools: Pools, zap: Any, calls: list[tuple[Any, Any]]) -> None:
    targets = [one.address for one, _ in calls]
    bodies = [words._encode_transaction_data() for _, words in calls]
    await pools.anvil.send(zap.functions.scheduleBatch(targets, [0] * len(calls), bodies, ZERO, ZERO, 0))
    await pools.anvil.send(zap.functions.executeBatch(targets, [0] * len(calls), bodies, ZERO, ZERO))
