"""Algebra and the houses that use it: Pool(token0, token1, pool).

Both tokens are indexed. The tokens are in order of their addresses.
"""

from __future__ import annotations

from chain.blocks.abi import topic_of
from chain.liquidity.creation import Factory, pair_of

FACTORY = Factory(
    kind="algebra",
    source="https://github.com/cryptoalgebra/Algebra/blob/master/src/core/contracts/interfaces/IAlgebraFactory.sol",
    topic=topic_of("Pool(address,address,address)"),
    read=lambda log: pair_of(log, indexed=2, pool_word=0),
)
