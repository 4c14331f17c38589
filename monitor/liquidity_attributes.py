"""The attributes of signals about liquidity, in words. Part of the table of kinds in `monitor/signals.py`."""

from __future__ import annotations

LIQUIDITY_ACCOUNTED: dict[str, str] = {
    "token": "address",
    "removed": "smallest units",
    "readded": "share re-added to other pools",
    "to_wallets": "share gone to wallets",
    "to_bridges": "share gone to bridges",
    "from_kind": "kind of the pool most of it left",
    "to_pool": "address of the pool most of it was re-added to, or null",
    "to_kind": "kind of that pool, or null",
    "to_share": "share re-added to that pool",
    "to_pools": "how many pools it was re-added to",
    "level": "0 to 3, by the ±2 % depth that left: 20, 40, 70 %",
    "depth_share": "share of the token's ±2 % depth that left, or null",
    "hhi_before": "0..1 over the watched pools, or null",
    "hhi_after": "0..1 over the watched pools, or null",
}
LIQUIDITY_MOVED: dict[str, str] = {
    "owner": "address or null",
    "depth_share": "share of a token's ±2 % depth that moved, the largest of the pool's tokens, or null",
}
POOL_DEPTH: dict[str, str] = (
    {"tick": "current tick or null"}
    | {
        f"{name}{at}": meaning
        for at in range(2)
        for name, meaning in (
            ("token", "address"),
            ("reserve", "smallest units (concentrated: virtual)"),
            ("share", "of that token's ±2 % depth over the watched pools"),
        )
    }
    | {
        f"depth{at}_{percent}": f"token{at} within ±{percent} %, smallest units"
        for at in range(2)
        for percent in (1, 2, 5)
    }
)
