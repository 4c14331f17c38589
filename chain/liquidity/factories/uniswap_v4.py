"""Uniswap V4: Initialize(id, currency0, currency1, fee, tick spacing, hooks, price, tick) of the PoolManager.

The id and both currencies are indexed. The network's own coin is currency zero.
"""

from __future__ import annotations

from chain.blocks.abi import Unreadable, topic_of
from chain.blocks.block import Log
from chain.liquidity.creation import Factory, NewPool


def read(log: Log) -> NewPool:
    """The pool is named by its id."""
    if len(log.topics) != 4:
        raise Unreadable("not three indexed arguments")
    return NewPool(pool=log.topics[1], token0=log.address_at(1), token1=log.address_at(2))


FACTORY = Factory(
    kind="uniswap_v4",
    source="https://github.com/Uniswap/v4-core/blob/main/src/interfaces/IPoolManager.sol",
    topic=topic_of("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)"),
    read=read,
)
