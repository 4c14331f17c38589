"""Slipstream, the concentrated pools of Velodrome and Aerodrome: PoolCreated(token0, token1, tick spacing, pool).

Both tokens and the third argument are indexed. The tokens are in order of their addresses.
"""

from __future__ import annotations

from chain.blocks.abi import topic_of
from chain.liquidity.creation import Factory, pair_of

FACTORY = Factory(
    kind="slipstream",
    source="https://github.com/velodrome-finance/slipstream/blob/main/contracts/core/interfaces/ICLFactory.sol",
    topic=topic_of("PoolCreated(address,address,int24,address)"),
    read=lambda log: pair_of(log, indexed=3, pool_word=0),
)
