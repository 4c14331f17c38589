"""GMX V2: PositionDecrease of the EventEmitter with the order type of a liquidation; the position's market names it.

Source: PositionEventUtils.sol, EventUtils.sol and Order.sol of gmx-synthetics. The EventEmitter writes all events of the venue as
EventLog1 with the hash of their name, and their fields as pairs of key and value, found here by key. `sizeDeltaUsd` has 30
decimals; `sizeDeltaInTokens` has those of the index token, which the log does not name: the operator gives them.
"""

from __future__ import annotations

from chain.blocks.abi import Unreadable, Words, address_of, keccak, topic_of
from chain.blocks.block import Log
from chain.liquidity.lending import Lender, Liquidated

_ITEMS = ",".join(
    f"((string,{kind})[],(string,{kind}[])[])"
    for kind in ("address", "uint256", "int256", "bool", "bytes32", "bytes", "string")
)
TOPIC = topic_of(f"EventLog1(address,string,string,bytes32,({_ITEMS}))")
DECREASE = f"0x{keccak(b'PositionDecrease').hex()}"
ADDRESSES, UINTS, BOOLS = 0, 1, 3
"""Positions of the groups of fields, by their type."""
LIQUIDATION = 7
"""Order.OrderType."""
USD_DECIMALS = 30
MAX_FIELDS = 64


def read(log: Log) -> Liquidated | None:
    """Indexed: hash of the event's name, account. Then: sender, name, fields."""
    if len(log.topics) != 3 or log.topics[1] != DECREASE:
        return None
    fields = Words(log.body).inner(2)
    figures = _group(fields, UINTS)
    if figures.get(b"orderType") != LIQUIDATION:
        return None
    market, long = _group(fields, ADDRESSES).get(b"market"), _group(fields, BOOLS).get(b"isLong")
    usd = figures.get(b"sizeDeltaUsd")
    if market is None or long is None or usd is None:
        raise Unreadable("a field is missing")
    return Liquidated(
        collateral=address_of(market),
        account=log.address_at(1),
        amount=figures.get(b"sizeDeltaInTokens"),
        long=bool(long),
        usd=usd / 10**USD_DECIMALS,
    )


def _group(fields: Words, position: int) -> dict[bytes, int]:
    """The fields of one type: a list of pairs, each key a text, each value a word."""
    count, items = fields.inner(position).array(0)
    if count > MAX_FIELDS:
        raise Unreadable("too many fields")
    pairs = [items.inner(at) for at in range(count)]
    return {one.text(0): one.word(1) for one in pairs}


LENDER = Lender(
    protocols=("gmx_v2",),
    source="https://github.com/gmx-io/gmx-synthetics/blob/main/contracts/position/PositionEventUtils.sol",
    topic=TOPIC,
    read=read,
    decimals=False,
)
