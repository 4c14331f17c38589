"""Drains real Uniswap pools on a real EVM node: by one swap of a V2 pair, and of a V3 pool."""

from __future__ import annotations

from chain.events import DrainCause, PoolDrained
from chain.sync.watcher import Watcher
from tests.chain.following import head_at, low, settings_of, until
from tests.chain.liquidity.pools.uniswap import Uniswap
from tests.evm.anvil import running

AMOUNT = 10**24


async def test_pools_emptied_by_swaps_are_told_in_their_block_with_the_exact_reserves() -> None:
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin()
        await uniswap.add_v2(AMOUNT, AMOUNT)
        await uniswap.mint_v3(-6000, 6000, AMOUNT)
        await anvil.mine(4)
        start = await anvil.height()
        await anvil.mine(4)  # ticks are read in the first blocks
        before = await uniswap.pair.functions.getReserves().call()
        await uniswap.swap_v2(True, AMOUNT // 100)
        await uniswap.swap_v3(True, AMOUNT // 100)
        routine = await anvil.height()
        await uniswap.swap_v2(True, 4 * AMOUNT)
        at_v2 = await anvil.height()
        after = await uniswap.pair.functions.getReserves().call()
        await uniswap.swap_v3(False, 3 * AMOUNT)
        at_v3 = await anvil.height()
        watcher = Watcher(settings_of(anvil.url, watch=uniswap.watch, start_block=start), None)
        reported = await until(watcher, head_at(at_v3))
        drains = [one for one in reported if isinstance(one, PoolDrained)]
        assert [one.place.block_number for one in drains] == [at_v2, at_v3]
        assert all(one.place.block_number > routine for one in drains)
        pair, pool = drains
        assert (pair.pool, pair.token, pair.before, pair.after) == (
            low(uniswap.pair), uniswap.token(1), before[1], after[1],
        )  # fmt: skip
        assert (pool.pool, pool.token) == (low(uniswap.pool), uniswap.token(0))
        assert [one.cause for one in drains] == [DrainCause.SWAP] * 2
        assert [one.by for one in drains] == [low(anvil.accounts[0])] * 2
