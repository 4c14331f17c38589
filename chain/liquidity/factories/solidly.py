"""Solidly and its forks: PairCreated(token0, token1, whether it is stable, pair, number).

Both tokens are indexed. The tokens are in order of their addresses.
"""

from __future__ import annotations

from chain.blocks.abi import topic_of
from chain.liquidity.creation import Factory, pair_of

FACTORY = Factory(
    kind="solidly",
    source="https://github.com/andrecronje/solidly/blob/master/contracts/BaseV1-core.sol",
    topic=topic_of("PairCreated(address,address,bool,address,uint256)"),
    read=lambda log: pair_of(log, indexed=2, pool_word=1),
)
