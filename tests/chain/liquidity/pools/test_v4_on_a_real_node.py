"""Runs the Uniswap V4 PoolManager on a real EVM node: liquidity, depth, and a move between two of its pools."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from web3.contract import AsyncContract

from chain.detectors.liquidity import Liquidity
from chain.events import Address, LiquidityAccounted, LiquidityMigrated, LiquidityMoved
from chain.liquidity.depth import DEPTHS_BPS
from chain.nodes import fetch
from chain.sync.detector_set import DetectorSet
from chain.sync.scan import prime
from chain.sync.settings import open_nodes, utc_now
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedPool
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.chain.liquidity.pools.uniswap import Q96, deployed
from tests.evm.anvil import Anvil, running

Key = tuple[str, str, int, int, str]
NOBODY = "0x" + "0" * 40


def pool_id(key: Key) -> Address:
    packed = encode(["address", "address", "uint24", "int24", "address"], key)
    return Address("0x" + keccak(packed).hex())


class Managed:
    """Deploys two pools of the same tokens in one PoolManager, and the test routers of its authors."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.keys: list[Key] = []
        self.tokens: list[AsyncContract] = []
        self.manager: AsyncContract
        self.liquidity: AsyncContract
        self.swaps: AsyncContract

    async def begin(self) -> None:
        anvil = self.anvil
        self.manager = await deployed(anvil, "PoolManager", anvil.accounts[0])
        self.liquidity = await deployed(anvil, "PoolModifyLiquidityTest", self.manager.address)
        self.swaps = await deployed(anvil, "PoolSwapTest", self.manager.address)
        tokens = [await anvil.deploy("ERC20", 10**30) for _ in range(2)]
        self.tokens = sorted(tokens, key=lambda one: int(one.address, 16))
        for token in self.tokens:
            for spender in (self.liquidity, self.swaps):
                await anvil.send(token.functions.approve(spender.address, 2**255))
        for fee, spacing in ((3000, 60), (500, 10)):
            key = (self.tokens[0].address, self.tokens[1].address, fee, spacing, NOBODY)
            await anvil.send(self.manager.functions.initialize(key, Q96))
            self.keys.append(key)

    async def modify(self, pool: int, lower: int, upper: int, delta: int) -> None:
        words: list[Any] = [self.keys[pool], (lower, upper, delta, b"\0" * 32), b""]
        await self.anvil.send(self.liquidity.functions.modifyLiquidity(*words))

    async def swap(self, pool: int, zero_for_one: bool, amount: int) -> int:
        """Pays exactly this amount; returns the received amount."""
        got = self.tokens[1] if zero_for_one else self.tokens[0]
        before = await got.functions.balanceOf(self.anvil.accounts[0]).call()
        limit = Q96 // 2 if zero_for_one else Q96 * 2
        words: list[Any] = [self.keys[pool], (zero_for_one, -amount, limit), (False, False), b""]
        await self.anvil.send(self.swaps.functions.swap(*words))
        return int(await got.functions.balanceOf(self.anvil.accounts[0]).call()) - int(before)

    @property
    def watch(self) -> Watch:
        both = (low(self.tokens[0]), low(self.tokens[1]))
        return Watch(
            pools=tuple(
                WatchedPool(
                    address=pool_id(key), kind="uniswap_v4", token0=both[0], token1=both[1],
                    manager=low(self.manager), tick_spacing=key[3],
                )
                for key in self.keys
            )
        )  # fmt: skip


async def test_the_depth_of_a_v4_pool_matches_real_swaps() -> None:
    async with running() as anvil:
        v4 = Managed(anvil)
        await v4.begin()
        for lower, upper, liquidity in ((-887220, 887220, 10**24), (-120, 240, 10**25), (-300, -60, 10**24)):
            await v4.modify(0, lower, upper, liquidity)
        settings = settings_of(anvil.url, watch=v4.watch)
        nodes = open_nodes(settings, utc_now)
        header = (await fetch.headers(nodes, [await anvil.height()]))[0]
        detectors = DetectorSet(settings.watch)
        await prime(nodes, settings.network.id, detectors, header, utc_now)
        await nodes.close()
        detector = Liquidity(settings.watch)
        detector.recall_parts(
            {key.split("/")[1]: one for key, one in detectors.memory().items() if "liquidity/" in key}
        )
        snapshot = str(await anvil.call("evm_snapshot"))
        for bps in DEPTHS_BPS:
            depth = detector.pool(pool_id(v4.keys[0])).trades(bps)
            assert depth is not None
            for zero_for_one, paid, got in ((False, depth.paid1, depth.bought0), (True, depth.paid0, depth.got1)):
                assert await v4.swap(0, zero_for_one, paid) == pytest.approx(got, rel=1e-3)
                await anvil.call("evm_revert", snapshot)
                snapshot = str(await anvil.call("evm_snapshot"))


async def test_liquidity_moved_between_pools_of_one_manager_is_reported_exactly() -> None:
    async with running() as anvil:
        v4 = Managed(anvil)
        start = await anvil.height() + 1
        await v4.begin()
        await v4.modify(0, -6000, 6000, 10**24)
        await v4.modify(0, -6000, 6000, 10**24)
        await v4.modify(1, -6000, 6000, 10**23)
        await v4.swap(0, True, 10**21)
        me = anvil.accounts[0]
        before = [await token.functions.balanceOf(me).call() for token in v4.tokens]
        await v4.modify(0, -6000, 6000, -(10**24))
        paid = [
            int(await token.functions.balanceOf(me).call()) - int(held)
            for token, held in zip(v4.tokens, before, strict=True)
        ]
        await v4.modify(1, -6000, 6000, 99 * 10**22)
        await anvil.mine(3)
        watcher = Watcher(settings_of(anvil.url, watch=v4.watch, start_block=start), None)
        events = placed(await until(watcher, head_at(await anvil.height())))

        moves = [event for event in events if isinstance(event, LiquidityMoved)]
        assert [event.removed for event in moves] == [False, False, False, True, False]
        left = moves[3]
        assert (left.amount0, left.amount1) == pytest.approx((paid[0], paid[1]), rel=1e-2)
        assert left.amount1 <= paid[1]
        assert left.share == pytest.approx(0.5)
        migrated = [event for event in events if isinstance(event, LiquidityMigrated)]
        assert {(event.from_pool, event.to_pool) for event in migrated} == {(pool_id(v4.keys[0]), pool_id(v4.keys[1]))}
        account = [event for event in events if isinstance(event, LiquidityAccounted)][-1]
        assert (
            account.readded + account.to_wallets + account.to_bridges + account.open + account.unexplained
            == account.removed
        )
        assert account.readded == pytest.approx(account.removed, rel=0.02)
