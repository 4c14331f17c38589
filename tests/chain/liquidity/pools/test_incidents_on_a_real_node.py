"""Replays how documented incidents emptied pools, with the real pool contracts on a real node: each is reported in its block.

Balancer, 3 November 2025: one batch of swaps into the attacker's internal balance, taken out some blocks later. FLOW, 27 December
2025: counterfeit tokens were minted and sold into pools.
"""

from __future__ import annotations

from typing import Any

import pytest
from web3.contract import AsyncContract

from chain.events import (
    Address,
    ChainEvent,
    DrainCause,
    LiquidityMigrated,
    LiquidityMoved,
    PoolDrained,
    SupplyJumped,
)
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedPool
from tests.chain.following import head_at, low, settings_of, until
from tests.chain.liquidity.pools.test_balancer_on_a_real_node import NOBODY, Vault
from tests.chain.liquidity.pools.uniswap import FAR
from tests.evm.anvil import Anvil, running

HELD = 10**23
STEPS = 6
WITHDRAW_INTERNAL = 1
BLOCKS_UNTIL_WITHDRAWN = 7


async def both_ways(anvil: Anvil, watch: Watch, start: int) -> list[list[ChainEvent]]:
    """What is reported live and by a scan."""
    end = await anvil.height()
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    live = await until(Watcher(settings, None), head_at(end))
    return [live, [event async for event in scan(settings, start, end)]]


async def test_a_vault_emptied_by_one_batch_of_swaps_is_told_in_its_block_and_its_withdrawal_is_no_liquidity_that_left() -> (
    None
):
    async with running() as anvil:
        vault = Vault(anvil)
        await vault.begin()
        await vault.join("weighted", (HELD, HELD), first=True)
        await vault.join("stable", (HELD, HELD), first=True)
        await anvil.mine(4)
        start = await anvil.height()
        await anvil.mine(4)
        both = [one.address for one in vault.tokens]
        steps = [(vault.ids["stable"], 0, 1, HELD * 10, b"")] + [
            (vault.ids["weighted"], 0, 1, HELD * 29 * 129**at // 100 ** (at + 1), b"") for at in range(STEPS)
        ]
        funds = (vault.me, False, vault.me, True)  # what it gets stays in the vault
        await anvil.send(vault.vault.functions.batchSwap(0, steps, both, funds, [2**255 - 1] * 2, FAR))
        drained_at = await anvil.height()
        await anvil.mine(BLOCKS_UNTIL_WITHDRAWN - 1)
        got = (await vault.vault.functions.getInternalBalance(vault.me, both).call())[1]
        out = [(WITHDRAW_INTERNAL, both[1], got, vault.me, vault.me)]
        await anvil.send(vault.vault.functions.manageUserBalance(out))
        for events in await both_ways(anvil, vault.watch, start):
            drains = [one for one in events if isinstance(one, PoolDrained)]
            assert {one.place.block_number for one in drains} == {drained_at}
            assert {(one.pool, one.token, one.cause) for one in drains} == {
                (pool, low(vault.tokens[1]), DrainCause.SWAP) for pool in vault.ids.values()
            }
            assert all(one.before == HELD for one in drains)
            assert {one.share > 0.99 for one in drains if one.pool == vault.ids["stable"]} == {True}
            assert not any(isinstance(one, LiquidityMoved | LiquidityMigrated) for one in events)


async def minted_pair(anvil: Anvil) -> tuple[AsyncContract, AsyncContract, AsyncContract]:
    """A token that its owner can mint, its pair with another token, and the router."""
    me = anvil.accounts[0]
    factory = await anvil.deploy("UniswapV2Factory", me)
    router = await anvil.deploy("UniswapV2Router02", factory.address, NOBODY)
    token = await anvil.deploy("ERC20PresetMinterPauser", "Flow", "FLOW")
    other = await anvil.deploy("ERC20", 10**30)
    await anvil.send(token.functions.mint(me, 10 * HELD))
    for one in (token, other):
        await anvil.send(one.functions.approve(router.address, 2**255))
    await anvil.send(factory.functions.createPair(token.address, other.address))
    pair = anvil.at("UniswapV2Pair", await factory.functions.getPair(token.address, other.address).call())
    words: list[Any] = [token.address, other.address, HELD, HELD, 0, 0, me, FAR]
    await anvil.send(router.functions.addLiquidity(*words))
    return token, pair, router


async def test_counterfeit_tokens_that_are_minted_and_sold_are_a_jump_of_the_supply_and_a_drained_pool_in_their_blocks() -> (
    None
):
    async with running() as anvil:
        token, pair, router = await minted_pair(anvil)
        await anvil.mine(4)
        start = await anvil.height()
        await anvil.mine(4)
        thief = anvil.accounts[1]
        await anvil.send(token.functions.mint(thief, 50 * HELD))
        minted_at = await anvil.height()
        await anvil.send(token.functions.approve(router.address, 2**255), 1)
        sides = [await pair.functions.token0().call(), await pair.functions.token1().call()]
        other = next(one for one in sides if one != token.address)
        await anvil.send(router.functions.swapExactTokensForTokens(50 * HELD, 0, [token.address, other], thief, FAR), 1)
        sold_at = await anvil.height()
        await anvil.mine()
        pool = WatchedPool(address=low(pair), kind="uniswap_v2")
        for events in await both_ways(anvil, Watch(pools=(pool,), tokens=(low(token),)), start):
            [jump] = [one for one in events if isinstance(one, SupplyJumped)]
            assert (jump.place.block_number, jump.token, jump.by) == (minted_at, low(token), low(thief))
            assert jump.share == pytest.approx(5.0)
            [drain] = [one for one in events if isinstance(one, PoolDrained)]
            assert (drain.place.block_number, drain.pool, drain.token) == (sold_at, low(pair), Address(other.lower()))
            assert drain.share > 0.95
            assert (drain.cause, drain.by) == (DrainCause.MINT, low(thief))
            assert drain.before == HELD
