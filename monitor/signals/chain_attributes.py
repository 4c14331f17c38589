"""Names the attributes of signals that single logs of a chain make, beside those of any chain event."""

from __future__ import annotations

HEAD: dict[str, str] = {
    "lag_s": "seen − block time",
    "node": "which node",
    "base_fee_gwei": "fee burnt for a unit of gas in this block, gwei; null: the network has none",
    "base_fee_ratio": "over this network's usual base fee of the last hours; null until an hour was seen",
    "block_s": "seconds a block since the head before, by the blocks' own stamps, or null",
    "block_ratio": "over this network's usual one of the last hours, or null",
}
ONCHAIN_LIQUIDATION: dict[str, str] = {
    "protocol": "aave_v3, compound_v3, morpho_blue, gmx_v2 …",
    "side": "long or short: the side that was liquidated",
    "quantity": "units of the asset, or null where the token's decimals are not known",
    "usd": "at the log's own price, else at the asset's last dollar price at a venue; null: no price at hand",
    "market": "the contract that wrote it",
    "account": "whose position it was",
}
POOL_CREATED: dict[str, str] = {
    "factory": "the contract that made it",
    "pool_kind": "form of the factory's log: uniswap_v2, uniswap_v3, uniswap_v4, velodrome_v2 …",
    "token0": "address",
    "token1": "address",
}
CUSTOM_EVENT: dict[str, str] = {
    "rule": "the name that the operator gave it",
    "signature": "of the event",
    "arguments": "name=value of each, joined by commas; empty for what is not decoded",
    "leg": "liquidation, venue, migration or fragility: what it is evidence of",
    "grade": "1 to 4",
}
