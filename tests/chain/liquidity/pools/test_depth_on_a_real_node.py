"""Compares the depth of V2 and V3 pools with real swaps of the same sizes on a real EVM node."""

from __future__ import annotations

import pytest

from chain.detectors.liquidity import Liquidity
from chain.liquidity.depth import DEPTHS_BPS
from chain.liquidity.tick_math import BASIS
from chain.nodes import fetch
from chain.sync import pool_tokens
from chain.sync.detector_set import DetectorSet
from chain.sync.scan import prime
from chain.sync.settings import open_nodes, utc_now
from tests.chain.following import low, settings_of
from tests.chain.liquidity.pools.uniswap import Q96, Uniswap
from tests.evm.anvil import Anvil, running

EXACT = 1e-9


async def reverted(anvil: Anvil, snapshot: str) -> str:
    await anvil.call("evm_revert", snapshot)
    return str(await anvil.call("evm_snapshot"))


async def read(uniswap: Uniswap) -> Liquidity:
    """Returns the detector after it has read the pools at the head."""
    settings = settings_of(uniswap.anvil.url, watch=uniswap.watch)
    nodes = open_nodes(settings, utc_now)
    try:
        header = (await fetch.headers(nodes, [await uniswap.anvil.height()]))[0]
        detectors = DetectorSet(await pool_tokens.with_tokens(nodes, settings.watch, header))
        await prime(nodes, settings.network.id, detectors, header, utc_now)
        detector = Liquidity(await pool_tokens.with_tokens(nodes, settings.watch, header))
        detector.recall_parts(
            {key.split("/")[1]: one for key, one in detectors.memory().items() if "liquidity/" in key}
        )
        return detector
    finally:
        await nodes.close()


async def test_the_depth_of_a_v3_pool_matches_real_swaps_across_its_ticks() -> None:
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin(sqrt_price=Q96 * 13 // 10)
        for lower, upper, amount in (
            (-887220, 887220, 10**23),
            (4800, 5580, 10**22),
            (5220, 5400, 10**22),
            (5040, 5280, 10**21),
        ):
            await uniswap.mint_v3(lower, upper, amount)
        pool = (await read(uniswap)).pool(low(uniswap.pool))
        snapshot = str(await anvil.call("evm_snapshot"))
        walked = set()
        for bps in DEPTHS_BPS:
            depth = pool.trades(bps)
            assert depth is not None
            for zero_for_one, paid, got, signed_bps in (
                (False, depth.paid1, depth.bought0, bps),
                (True, depth.paid0, depth.got1, -bps),
            ):
                assert await uniswap.swap_v3(zero_for_one, paid) == pytest.approx(got, rel=EXACT)
                sqrt_price, *_ = await uniswap.pool.functions.slot0().call()
                price = (sqrt_price / (Q96 * 13 // 10)) ** 2
                assert price == pytest.approx(1 + signed_bps / BASIS, rel=1e-6)
                walked.add(await uniswap.pool.functions.liquidity().call())
                snapshot = await reverted(anvil, snapshot)
        assert len(walked) > 2, "the swaps crossed no tick"


async def test_the_depth_of_a_v2_pair_matches_real_swaps() -> None:
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin()
        await uniswap.add_v2(7 * 10**23, 10**21)
        pool = (await read(uniswap)).pool(low(uniswap.pair))
        snapshot = str(await anvil.call("evm_snapshot"))
        for bps in DEPTHS_BPS:
            depth = pool.trades(bps)
            assert depth is not None
            for zero_for_one, paid, got in ((False, depth.paid1, depth.bought0), (True, depth.paid0, depth.got1)):
                assert await uniswap.swap_v2(zero_for_one, paid) == pytest.approx(got, rel=EXACT)
                snapshot = await reverted(anvil, snapshot)
