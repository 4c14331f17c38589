"""Aave V2 and V3, and Spark, which is V3: LiquidationCall of the pool, one a pair of collateral and debt.

Source: IPool.sol of aave-v3-core and ILendingPool.sol of protocol-v2. The collateral is named by its token.
"""

from __future__ import annotations

from chain.blocks.abi import Unreadable, Words, topic_of
from chain.blocks.block import Log
from chain.liquidity.lending import Lender, Liquidated

TOPIC = topic_of("LiquidationCall(address,address,address,uint256,uint256,address,bool)")


def read(log: Log) -> Liquidated:
    """Indexed: collateral, debt, user. Then: debt covered, collateral taken, liquidator, whether it stays deposited."""
    if len(log.topics) != 4:
        raise Unreadable("not three indexed arguments")
    return Liquidated(collateral=log.address_at(0), account=log.address_at(2), amount=Words(log.body).word(1))


LENDER = Lender(
    protocols=("aave_v2", "aave_v3", "spark"),
    source="https://github.com/aave/aave-v3-core/blob/master/contracts/interfaces/IPool.sol",
    topic=TOPIC,
    read=read,
)
