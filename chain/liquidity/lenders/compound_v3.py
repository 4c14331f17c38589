"""Compound V3 (Comet): AbsorbCollateral, one for each collateral of an absorbed account.

Source: CometMainInterface.sol. AbsorbDebt is the other side of the same liquidation, and BuyCollateral sells on what was
absorbed: counting them would count it again. `usdValue` is in the market's own quote (ETH in the market of WETH): not read.
"""

from __future__ import annotations

from chain.blocks.abi import Unreadable, Words, topic_of
from chain.blocks.block import Log
from chain.liquidity.lending import Lender, Liquidated

TOPIC = topic_of("AbsorbCollateral(address,address,address,uint256,uint256)")


def read(log: Log) -> Liquidated:
    """Indexed: absorber, borrower, token. Then: the amount absorbed and its value."""
    if len(log.topics) != 4:
        raise Unreadable("not three indexed arguments")
    return Liquidated(collateral=log.address_at(2), account=log.address_at(1), amount=Words(log.body).word(0))


LENDER = Lender(
    protocols=("compound_v3",),
    source="https://github.com/compound-finance/comet/blob/main/contracts/CometMainInterface.sol",
    topic=TOPIC,
    read=read,
)
