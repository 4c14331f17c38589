"""Watches random pools from some time after their creation: their depth must match real swaps of the same size."""

from __future__ import annotations

import random

import pytest
from web3.exceptions import ContractLogicError

from chain.detectors.liquidity import Liquidity
from chain.liquidity.depth import DEPTHS_BPS
from chain.liquidity.pool import Pool
from chain.sync.checkpoint import decode
from chain.sync.watcher import Watcher
from tests.chain.following import MemoryCheckpoints, head_at, low, settings_of, until
from tests.chain.liquidity.pools.uniswap import FAR, Q96, Uniswap
from tests.evm.anvil import running

EXACT = 1e-3
"""The allowed error; the rest is rounding."""
SPACINGS = {500: 10, 3000: 60, 10000: 200}


class Someone:
    """Adds, removes and swaps at random, around the current price."""

    def __init__(self, uniswap: Uniswap, chance: random.Random, fee: int) -> None:
        self.uniswap, self.chance, self.fee = uniswap, chance, fee
        self.positions: list[int] = []

    async def act(self) -> None:
        await self.chance.choice((self.mint, self.mint, self.burn, self.swap))()

    async def mint(self) -> None:
        spacing = SPACINGS[self.fee]
        _, tick, *_ = await self.uniswap.pool.functions.slot0().call()
        lower = (tick + self.chance.randint(-700, 300)) // spacing * spacing
        upper = lower + spacing * self.chance.randint(1, 900 // spacing)
        amount = int(10 ** self.chance.uniform(15, 21))
        try:
            self.positions.append(await self.uniswap.mint_v3(lower, upper, amount, fee=self.fee))
        except ContractLogicError:
            return  # too little of one token for any liquidity there

    async def burn(self) -> None:
        if not self.positions:
            return
        number = self.chance.choice(self.positions)
        held = (await self.uniswap.positions.functions.positions(number).call())[7]
        if held:
            part = held // self.chance.choice((1, 2, 3))
            words = (number, part, 0, 0, FAR)
            await self.uniswap.anvil.send(self.uniswap.positions.functions.decreaseLiquidity(words))

    async def swap(self) -> None:
        await self.uniswap.swap_v3(self.chance.random() < 0.5, int(10 ** self.chance.uniform(14, 20)), fee=self.fee)


@pytest.mark.parametrize("seed", range(4))
async def test_the_reported_depth_of_a_random_v3_pool_watched_after_its_creation_is_right(seed: int) -> None:
    chance = random.Random(seed)
    fee = chance.choice(tuple(SPACINGS))
    price = int(Q96 * 10 ** chance.uniform(-4.5, 4.5))
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin(fee=fee, sqrt_price=price)
        edge = 887_272 // SPACINGS[fee] * SPACINGS[fee]
        await uniswap.mint_v3(-edge, edge, 10**24, fee=fee)
        someone = Someone(uniswap, chance, fee)
        for _ in range(12):
            await someone.act()
        checkpoints = MemoryCheckpoints()
        settings = settings_of(anvil.url, watch=uniswap.watch, start_block=await anvil.height())
        await anvil.mine(4)
        await until(Watcher(settings, checkpoints), head_at(await anvil.height()))
        for _ in range(16):
            await someone.act()
        await anvil.mine(3)
        await until(Watcher(settings, checkpoints), head_at(await anvil.height()))
        worst = await worst_error(uniswap, remembered(checkpoints, uniswap), fee)
        print(f"\nseed {seed}: fee {fee}, price {(price / Q96) ** 2:.3g}, worst error {worst:.2e}")
        assert worst <= EXACT


def remembered(checkpoints: MemoryCheckpoints, uniswap: Uniswap) -> Pool:
    """Returns the pool from the last checkpoint of the watcher."""
    checkpoint = decode(checkpoints.bodies["local"])
    assert checkpoint is not None
    memories = checkpoint.window[-1].memories
    detector = Liquidity(settings_of(uniswap.anvil.url, watch=uniswap.with_tokens()).watch)
    detector.recall_parts({key.split("/")[1]: one for key, one in memories.items() if "liquidity/" in key})
    return detector.pool(low(uniswap.pool))


async def worst_error(uniswap: Uniswap, pool: Pool, fee: int) -> float:
    """Returns the largest error of swaps of the reported sizes, in both directions, against the reported depth."""
    anvil, worst = uniswap.anvil, 0.0
    snapshot = str(await anvil.call("evm_snapshot"))
    for bps in DEPTHS_BPS:
        depth = pool.trades(bps)
        assert depth is not None
        for zero_for_one, paid, stated in ((False, depth.paid1, depth.bought0), (True, depth.paid0, depth.got1)):
            got = await uniswap.swap_v3(zero_for_one, paid, fee=fee)
            worst = max(worst, abs(got / stated - 1))
            await anvil.call("evm_revert", snapshot)
            snapshot = str(await anvil.call("evm_snapshot"))
    return worst
