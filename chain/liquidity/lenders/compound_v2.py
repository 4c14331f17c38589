"""Compound V2 and its forks: LiquidateBorrow of the market that was borrowed from, in cTokens of the market that secured it.

Source: CTokenInterfaces.sol of compound-protocol. The collateral is named by its cToken; exchangeRateStored() is the
underlying in 1e18 for a unit of it, as of the last interaction.
"""

from __future__ import annotations

from chain.blocks.abi import Words, selector_of, topic_of
from chain.blocks.block import Log
from chain.blocks.reads import CallBytes, CallWord
from chain.events import Address
from chain.liquidity.lending import Lender, Liquidated

TOPIC = topic_of("LiquidateBorrow(address,address,uint256,address,uint256)")
UNDERLYING = f"0x{selector_of('underlying()').hex()}"
RATE = f"0x{selector_of('exchangeRateStored()').hex()}"


def read(log: Log) -> Liquidated:
    """Nothing is indexed: liquidator, borrower, debt repaid, cToken of the collateral, cTokens taken."""
    said = Words(log.body)
    return Liquidated(collateral=said.address(3), account=said.address(1), amount=said.word(4))


def token(_market: Address, collateral: str) -> tuple[CallBytes, int]:
    """The market of the network's own coin has no underlying(): there the operator gives the decimals."""
    return CallBytes(Address(collateral), UNDERLYING), 0


def rate(collateral: str) -> CallWord:
    """How much of the underlying a cToken is."""
    return CallWord(Address(collateral), RATE)


LENDER = Lender(
    protocols=("compound_v2",),
    source="https://github.com/compound-finance/compound-protocol/blob/master/contracts/CTokenInterfaces.sol",
    topic=TOPIC,
    read=read,
    token=token,
    rate=rate,
)
