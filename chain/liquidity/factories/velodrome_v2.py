"""Velodrome V2 and Aerodrome: PoolCreated(token0, token1, whether it is stable, pool, number).

Both tokens and the third argument are indexed. The tokens are in order of their addresses.
"""

from __future__ import annotations

from chain.blocks.abi import topic_of
from chain.liquidity.creation import Factory, pair_of

FACTORY = Factory(
    kind="velodrome_v2",
    source="https://github.com/velodrome-finance/contracts/blob/main/contracts/interfaces/factories/IPoolFactory.sol",
    topic=topic_of("PoolCreated(address,address,bool,address,uint256)"),
    read=lambda log: pair_of(log, indexed=3, pool_word=0),
)
