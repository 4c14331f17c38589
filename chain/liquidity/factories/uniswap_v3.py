"""Uniswap V3 and its forks: PoolCreated(token0, token1, fee, tick spacing, pool).

Both tokens and the third argument are indexed. The tokens are in order of their addresses.
"""

from __future__ import annotations

from chain.blocks.abi import topic_of
from chain.liquidity.creation import Factory, pair_of

FACTORY = Factory(
    kind="uniswap_v3",
    source="https://github.com/Uniswap/v3-core/blob/main/contracts/interfaces/IUniswapV3Factory.sol",
    topic=topic_of("PoolCreated(address,address,uint24,int24,address)"),
    read=lambda log: pair_of(log, indexed=3, pool_word=1),
)
