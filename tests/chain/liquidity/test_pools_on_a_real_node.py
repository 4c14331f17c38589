"""Moves liquidity between audited Uniswap V2 pairs on a real EVM node."""

from __future__ import annotations

from typing import Any

import pytest
from web3.contract import AsyncContract

from chain.events import LiquidityAccounted, LiquidityMigrated, LiquidityMoved
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedPool
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.evm.anvil import Anvil, running

FAR = 2**40


class Pools:
    """Deploys two pairs that share token A, and a router."""

    def __init__(
        self, anvil: Anvil, router: AsyncContract, tokens: list[AsyncContract], pairs: list[AsyncContract]
    ) -> None:
        self.anvil, self.router, self.tokens, self.pairs = anvil, router, tokens, pairs

    @property
    def watch(self) -> Watch:
        return Watch(pools=tuple(WatchedPool(address=low(pair), kind="uniswap_v2") for pair in self.pairs))

    async def add(self, other: int, amount_a: int, amount: int) -> None:
        me = self.anvil.accounts[0]
        words: list[Any] = [self.tokens[0].address, self.tokens[other].address, amount_a, amount, 0, 0, me, FAR]
        await self.anvil.send(self.router.functions.addLiquidity(*words))

    async def remove(self, other: int, parts: int) -> None:
        me, pair = self.anvil.accounts[0], self.pairs[other - 1]
        held = await pair.functions.balanceOf(me).call()
        words: list[Any] = [self.tokens[0].address, self.tokens[other].address, held // parts, 0, 0, me, FAR]
        await self.anvil.send(self.router.functions.removeLiquidity(*words))


async def pools_on(anvil: Anvil) -> Pools:
    me = anvil.accounts[0]
    weth = await anvil.deploy("WETH9")
    factory = await anvil.deploy("UniswapV2Factory", me)
    router = await anvil.deploy("UniswapV2Router02", factory.address, weth.address)
    tokens = [await anvil.deploy("ERC20", 10**30) for _ in range(3)]
    pairs = []
    for token in tokens:
        await anvil.send(token.functions.approve(router.address, 2**255))
    for other in (1, 2):
        await anvil.send(factory.functions.createPair(tokens[0].address, tokens[other].address))
        address = await factory.functions.getPair(tokens[0].address, tokens[other].address).call()
        pair = anvil.at("UniswapV2Pair", address)
        await anvil.send(pair.functions.approve(router.address, 2**255))
        pairs.append(pair)
    return Pools(anvil, router, tokens, pairs)


async def test_a_removal_here_and_an_addition_there_are_matched_as_a_migration() -> None:
    async with running() as anvil:
        pools = await pools_on(anvil)
        await pools.add(1, 10**24, 10**24)
        await pools.add(2, 10**21, 10**21)
        start = await anvil.height() + 1
        await pools.remove(1, 2)
        await pools.add(2, 5 * 10**23, 5 * 10**23)
        watcher = Watcher(settings_of(anvil.url, watch=pools.watch, start_block=start), None)
        events = placed(await until(watcher, head_at(start + 1)))
        moved = [event for event in events if isinstance(event, LiquidityMoved)]
        assert [event.removed for event in moved] == [True, False]
        assert moved[0].share == pytest.approx(0.5, rel=1e-6)
        assert {event.owner for event in moved} == {low(anvil.accounts[0])}
        [migrated] = [event for event in events if isinstance(event, LiquidityMigrated)]
        assert migrated.token == low(pools.tokens[0])
        assert (migrated.from_pool, migrated.to_pool) == (low(pools.pairs[0]), low(pools.pairs[1]))
        assert migrated.amount == pytest.approx(5 * 10**23, rel=1e-6)
        assert migrated.share == pytest.approx(0.5, rel=1e-6)
        assert (migrated.removal_id, migrated.addition_id) == (moved[0].event_id, moved[1].event_id)


async def test_a_plain_withdrawal_is_not_a_migration() -> None:
    async with running() as anvil:
        pools = await pools_on(anvil)
        await pools.add(1, 10**24, 10**24)
        start = await anvil.height() + 1
        await pools.remove(1, 1)
        await anvil.mine(2)
        watcher = Watcher(settings_of(anvil.url, watch=pools.watch, start_block=start), None)
        events = placed(await until(watcher, head_at(start + 2)))
        [moved] = [event for event in events if isinstance(event, LiquidityMoved)]
        assert not [event for event in events if isinstance(event, LiquidityMigrated)]
        assert moved.share == pytest.approx(1.0, rel=1e-6)
        last = {event.token: event for event in events if isinstance(event, LiquidityAccounted)}
        amounts = {moved.token0: moved.amount0, moved.token1: moved.amount1}
        assert {token: event.removed for token, event in last.items()} == amounts
        assert {token: event.to_wallets for token, event in last.items()} == amounts
        assert {(event.level, event.hhi_after) for event in last.values()} == {
            (3, 1.0)
        }  # only the permanently locked liquidity of the pair remains


async def test_the_first_liquidity_of_a_pool_has_a_share_of_one() -> None:
    async with running() as anvil:
        pools = await pools_on(anvil)
        start = await anvil.height() + 1
        await pools.add(1, 10**24, 10**24)
        watcher = Watcher(settings_of(anvil.url, watch=pools.watch, start_block=start), None)
        events = placed(await until(watcher, head_at(start)))
        [moved] = [event for event in events if isinstance(event, LiquidityMoved)]
        assert (moved.share, moved.owner) == (1.0, low(anvil.accounts[0]))
