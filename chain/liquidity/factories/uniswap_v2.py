"""Uniswap V2 and its forks: PairCreated(token0, token1, pair, number).

Both tokens are indexed. The tokens are in order of their addresses.
"""

from __future__ import annotations

from chain.blocks.abi import topic_of
from chain.liquidity.creation import Factory, pair_of

FACTORY = Factory(
    kind="uniswap_v2",
    source="https://github.com/Uniswap/v2-core/blob/master/contracts/interfaces/IUniswapV2Factory.sol",
    topic=topic_of("PairCreated(address,address,address,uint256)"),
    read=lambda log: pair_of(log, indexed=2, pool_word=0),
)
