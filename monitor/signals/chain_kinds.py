"""Declares the kinds of signal that come from chains: their values, units and attributes."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.signals import SignalKind
from monitor.signals.kind import NOT_NEGATIVE, SHARE, Kind

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
UPGRADE: dict[str, str] = {
    "proxy_kind": "what kind of proxy",
    "role": "implementation, beacon, facet, delegate, code, admin …",
    "old": "before",
    "new": "after",
    "seen_by": "log, slot, code, trace or behaviour",
    "operation": "timelock operation id or null",
    "queued": "true announced, false unannounced on a timelocked target, null no timelock known or not known",
    "holder": "the contract on its path to the last code whose slot or code changed; null: itself, or its beacon",
}
CODE_COMPARED: dict[str, str] = {
    "upgrade": "the event id of the upgrade",
    "role": "the upgrade's",
    "old": "before",
    "new": "after",
    "gained": "functions that only the new code answers, with argument types where known, at most 32; null: not known",
    "lost": "functions that only the old code answered, the same way",
    "old_size": "bytes of code before, or null",
    "new_size": "bytes of code after, or null; 0: no code at the address",
    "layout": "signs, inferred from bytecode, that storage is read differently, at most 4; empty: none seen; null: not read",
    "compiler": "of the new code, as it names it, or null",
    "source": "where verified source would be found, or null",
}
SOURCE_CHECKED: dict[str, str] = {
    "upgrade": "the event id of the upgrade",
    "address": "the contract whose source was checked",
    "by": "etherscan or sourcify",
    "name": "the contract's name, or null",
    "compiler": "or null",
    "licence": "or null",
    "proxy": "true: the explorer takes it for a proxy itself; or null",
}


AMOUNT: dict[str, str] = {
    "symbol": "what the token calls itself, made harmless; ends with ? where it has letters outside of ASCII; or null",
    "amount": "in whole units of the token; null: its decimals are not known",
    "usd": "that amount at the last dollar price of the asset whose token the operator says it is; null: no price at hand",
}


CONTROL_CHANGES: frozenset[str | None] = frozenset(
    {
        "owner", "owner_pending", "admin", "admin_pending", "role_granted", "role_revoked", "role_admin", "signer_added",
        "signer_removed", "threshold", "module_enabled", "module_disabled", "guard", "fallback", "delay", "paused", "unpaused",
        "initialized", "deprecated", "aggregator", "aggregator_pending", "trading_opened", "trading_closed", "action_paused",
        "action_resumed", "target_closed", "target_opened",
    }
)  # fmt: skip


LIQUIDITY_ACCOUNTED: dict[str, str] = {
    "token": "address",
    "removed": "smallest units",
    "readded": "share re-added to other pools",
    "to_wallets": "share gone to wallets",
    "to_bridges": "share gone to bridges",
    "open": "share with holders of which it is not known yet whether they are wallets; the next account says",
    "from_kind": "kind of the pool most of it left",
    "to_pool": "address of the pool most of it was re-added to, or null",
    "to_kind": "kind of that pool, or null",
    "to_share": "share re-added to that pool",
    "to_pools": "how many pools it was re-added to",
    "level": "0 to 3, by the ±2 % depth that left: 20, 40, 70 %",
    "depth_share": "share of the token's ±2 % depth that left, or null",
    "successor": "declared successor of a token, as which some of it was re-added, or null",
    "hhi_before": "0..1 over the watched pools, or null",
    "hhi_after": "0..1 over the watched pools, or null",
}
LIQUIDITY_MOVED: dict[str, str] = {
    "owner": "address or null",
    "depth_share": "share of a token's ±2 % depth that moved, the largest of the pool's tokens, or null",
}
POOL_DRAINED: dict[str, str] = {
    "pool_kind": "kind of pool",
    "token": "address of the token of which it lost most",
    "before": "its reserve before, smallest units (concentrated: virtual)",
    "after": "its reserve after",
    "cause": "swap, mint (bought with units just made), burn, taken, sync, rebase or unknown",
    "by": "address that got nearly all of it, or null",
    "depth_share": "value times the pool's part of a token's ±2 % depth, the largest of its tokens, or null",
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
            (
                "is",
                "the watched asset that the operator names this token as, USD for one that counts as a dollar, or null",
            ),
        )
    }
    | {
        f"depth{at}_{percent}": f"token{at} within ±{percent} %, smallest units"
        for at in range(2)
        for percent in (1, 2, 5)
    }
    | {
        f"{name}{at}_{percent}": meaning.format(at, 1 - at, percent)
        for at in range(2)
        for percent in (1, 5)
        for name, meaning in (
            (
                "sold",
                "token{0}, whole units, that is sold until its price has fallen by {2} % (token1: to 1/1.0{2}), or null",
            ),
            ("got", "token{1}, whole units, that is got for it, fees taken off, or null"),
        )
    }
)
_EVENT = {
    "event_id": "the chain event's id", "block": "block number", "transaction": "hash or null",
    "disputed": "true if as many providers of nodes deny it as report it; else left out",
}  # fmt: skip

CHAIN_KINDS: Mapping[SignalKind, Kind] = {
    SignalKind.HEAD: Kind("block number of the head", "block", HEAD, droppable=False),
    SignalKind.HEAD_STALLED: Kind(
        "seconds without a new head",
        "s",
        {
            "answered": "true: nodes answer, so the network itself stands still",
            "block": "number of the last head, -1: none was seen",
            "since": "when the last head came, ISO 8601, or null",
        },
        droppable=False,
    ),
    SignalKind.HEAD_RESUMED: Kind(
        "seconds that the head had stood still",
        "s",
        {"block": "number of the new head", "since": "when the head before it came, ISO 8601"},
        droppable=False,
    ),
    SignalKind.REORG: Kind("blocks undone", "blocks", {"common": "last common block number"}, droppable=False),
    SignalKind.NODE_FAULT: Kind(
        "always 1", "1", {"node": "which", "fault": "kind", "detail": "short"}, droppable=False
    ),
    SignalKind.UPGRADE: Kind("always 1", "1", _EVENT | UPGRADE, droppable=False),
    SignalKind.UPGRADE_SAID: Kind(
        "always 1: a log said so, the state of its block did not",
        "1",
        _EVENT
        | {
            "proxy_kind": "what kind of proxy has such logs",
            "role": "as of an upgrade",
            "said": "the address that the log names",
            "held": "what the contract holds instead, or null",
        },
        droppable=False,
    ),
    SignalKind.CODE_COMPARED: Kind("always 1", "1", _EVENT | CODE_COMPARED, droppable=False),
    SignalKind.SOURCE_CHECKED: Kind("1 verified, 0 not", "1", SOURCE_CHECKED, droppable=False),
    SignalKind.UPGRADE_QUEUED: Kind(
        "earliest execution",
        "unix s",
        _EVENT | {"operation": "id", "timelock": "address", "new": "address or null"},
        droppable=False,
    ),
    SignalKind.OPERATION_ENDED: Kind(
        "1 executed, 0 cancelled",
        "1",
        _EVENT | {"operation": "id", "timelock": "address", "queued_event_id": "or null"},
        droppable=False,
    ),
    SignalKind.LIQUIDITY_REMOVED: Kind(
        "share of the pool's reserves", "fraction", _EVENT | LIQUIDITY_MOVED, droppable=False
    ),
    SignalKind.LIQUIDITY_ADDED: Kind(
        "share of the pool's reserves", "fraction", _EVENT | LIQUIDITY_MOVED, droppable=False
    ),
    SignalKind.MIGRATION: Kind(
        "share of the source pool's reserves",
        "fraction",
        _EVENT
        | {"from_pool": "address", "to_pool": "address", "token": "address", "score": "matching score"}
        | {"from_kind": "kind of pool", "to_kind": "kind of pool", "depth_share": "of the token's ±2 % depth, or null"}
        | {"successor": "declared successor of a token, as which it was added there, or null"}
        | AMOUNT,
        droppable=False,
    ),
    SignalKind.LIQUIDITY_ACCOUNTED: Kind(
        "unexplained share of what left within an hour",
        "fraction",
        _EVENT | LIQUIDITY_ACCOUNTED | AMOUNT,
        droppable=False,
        ranges={"hhi_before": SHARE, "hhi_after": SHARE, "depth_share": NOT_NEGATIVE, "to_pools": (0.0, 1e6)},
    ),
    SignalKind.POOL_DEPTH: Kind(
        "the pool's share of a token's ±2 % depth over the watched pools, the largest of its tokens",
        "fraction",
        _EVENT | POOL_DEPTH,
        droppable=False,
    ),
    SignalKind.POOL_DRAINED: Kind(
        "share of a token that the pool lost within a minute without a removal of liquidity",
        "fraction",
        _EVENT | POOL_DRAINED | AMOUNT,
        droppable=False,
    ),
    SignalKind.SUPPLY_JUMPED: Kind(
        "change of a token's supply within a block, of the supply before; negative for a fall",
        "fraction",
        _EVENT
        | {
            "token": "address",
            "before": "supply before, smallest units",
            "after": "supply after",
            "by": "address that got most of the new units, or gave up most of those destroyed; or null",
            "logged": "false: no log of the token explains it",
        }
        | AMOUNT,
        droppable=False,
        min_value=-1.0,
    ),
    SignalKind.CONTROL_CHANGED: Kind(
        "always 1",
        "1",
        _EVENT
        | {
            "change": "owner, owner_pending, admin, role_granted, module_enabled, delay, paused, initialized, "
            "deprecated, aggregator, trading_closed, action_paused, target_closed …",
            "emitter": "whose log or getter it was: the contract itself, its admin, beacon or timelock, or who owns these",
            "old": "address or figure before, or null",
            "new": "address or figure after, or null",
            "role": "32-byte role or null",
            "account": "who got or lost the role, or paused; or null",
            "escaped": "true: control left the contract's known timelock",
            "seen_by": "log, or state: a getter answers differently than in the block before, and no log reported it",
        },
        droppable=False,
        words={"change": CONTROL_CHANGES},
    ),
    SignalKind.HOLDER_FROZEN: Kind(
        "1 frozen by the token's issuer, 0 lifted",
        "1",
        _EVENT
        | {
            "token": "address",
            "holder": "the pool, its vault, or the hot wallet",
            "destroyed": "units that the issuer destroyed there, or null",
            "seen_by": "log, or state: the token's list shows it and no log reported it",
        }
        | AMOUNT,
        droppable=False,
        ranges={"destroyed": NOT_NEGATIVE},
    ),
    SignalKind.BEHAVIOUR_MISMATCH: Kind(
        "calls that showed it",
        "1",
        _EVENT
        | {
            "claimed": "the addresses it names, joined by commas",
            "actual": "whom it delegates to instead",
            "probed_by": "trace or sentinel",
            "ended": "true: it does what it names again",
        },
        droppable=False,
    ),
    SignalKind.WALLET_SILENT: Kind(
        "seconds without an outflow of the asset from the venue's hot wallets",
        "s",
        _EVENT
        | {
            "usual_s": "the silence that its own rhythm allows",
            "per_day": "how often chance alone would exceed usual_s, per day",
            "rate_per_day": "usual outflows per day",
        },
        droppable=False,
    ),
    SignalKind.WALLET_RESUMED: Kind(
        "seconds the silence lasted",
        "s",
        _EVENT | {"silent_event_id": "the first event of that silence"},
        droppable=False,
    ),
    SignalKind.TOKEN_USE: Kind(
        "transfers of the token in one hour",
        "1",
        _EVENT
        | {
            "hour": "when the hour began",
            "active": "addresses taking part (a sketch, within about 5 %)",
            "moved": "sum of transfers, smallest units",
            "reserves": "balance of the watched pools, smallest units, or null",
            "complete": "true: watched from the hour's first block",
        },
        droppable=False,
        ranges={"active": NOT_NEGATIVE, "reserves": NOT_NEGATIVE},
    ),
    SignalKind.ONCHAIN_LIQUIDATION: Kind("always 1", "1", _EVENT | ONCHAIN_LIQUIDATION, droppable=False),
    SignalKind.POOL_CREATED: Kind("always 1", "1", _EVENT | POOL_CREATED, droppable=False),
    SignalKind.CUSTOM_EVENT: Kind(
        "always 1",
        "1",
        _EVENT | CUSTOM_EVENT,
        droppable=False,
        ranges={"grade": (1.0, 4.0)},
        words={"leg": frozenset({"liquidation", "venue", "migration", "fragility"})},
    ),
    SignalKind.RETRACTION: Kind("always 1", "1", {"retracts": "the event_id undone by a reorg"}, droppable=False),
}
