"""Morpho Blue: Liquidate of the one contract, for a market named by the id of its parameters.

Source: EventsLib.sol and IMorpho.sol of morpho-blue. idToMarketParams(id) gives loan token, collateral token, oracle, rate
model and limit.
"""

from __future__ import annotations

from chain.blocks.abi import Unreadable, Words, selector_of, topic_of
from chain.blocks.block import Log
from chain.blocks.reads import CallBytes
from chain.events import Address
from chain.liquidity.lending import Lender, Liquidated

TOPIC = topic_of("Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)")
PARAMETERS = selector_of("idToMarketParams(bytes32)").hex()
COLLATERAL_TOKEN = 1


def read(log: Log) -> Liquidated:
    """Indexed: market id, caller, borrower. Then: assets and shares repaid, assets seized, bad debt in assets and shares."""
    if len(log.topics) != 4:
        raise Unreadable("not three indexed arguments")
    return Liquidated(collateral=log.topics[1], account=log.address_at(2), amount=Words(log.body).word(2))


def token(market: Address, collateral: str) -> tuple[CallBytes, int]:
    """The collateral token of a market."""
    return CallBytes(market, f"0x{PARAMETERS}{int(collateral, 16):064x}"), COLLATERAL_TOKEN


LENDER = Lender(
    protocols=("morpho_blue",),
    source="https://github.com/morpho-org/morpho-blue/blob/main/src/libraries/EventsLib.sol",
    topic=TOPIC,
    read=read,
    token=token,
    ids=True,
)
