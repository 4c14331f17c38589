"""Declares each kind of signal: its value, unit and attributes, as the formats document them, and if it may be dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.signals import SignalKind
from monitor.signals.chain_attributes import CUSTOM_EVENT, HEAD, ONCHAIN_LIQUIDATION, POOL_CREATED

ORDERED_AT = "ordered_at"
ANY_KIND: Mapping[str, str] = {
    ORDERED_AT: "only on a signal that came after its second was judged: the start of the second it joined, in unix seconds",
}
"""Attributes that a signal of any kind may carry."""

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


@dataclass(frozen=True, slots=True)
class Kind:
    """What `value` means for one kind, its unit, the attributes it carries, and whether it may be dropped under pressure.

    Droppable is what is measured again soon. What is stated once, an event on a chain or a liquidation, is never dropped.
    """

    value: str
    unit: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    droppable: bool = field(kw_only=True)


_FEED = {"planned": "announced or due", "detail": "short words"}


_EVENT = {"event_id": "the chain event's id", "block": "block number", "transaction": "hash or null"}


_DEPTHS = {
    f"{side}_depth_{bps}_usd": f"USD within {bps} bps of mid"
    for side in ("bid", "ask")
    for bps in (10, 25, 50, 100, 200)
}


_SLIPPAGE = {
    f"{side}_slippage_{notional}_bps": f"bps against mid to {side} {notional} USD; null: unfillable"
    for side in ("sell", "buy")
    for notional in ("10k", "100k", "1m")
}


KINDS: Mapping[SignalKind, Kind] = {
    SignalKind.EXPECT: Kind(
        "longest usual gap between signs of life of `source`",
        "s",
        {
            "leg": "liquidation, venue or migration: whose sight this source carries",
            "weight": "share of that leg's sight for subject.asset, relative to its other sources",
            "class": "ws, rest, chain or target",
            "censoring": "liquidation feeds: complete, latest_per_second, largest_per_second, one_per_second",
        },
        droppable=False,
    ),
    SignalKind.TICK: Kind("always 0; source is clock", "", {}, droppable=True),
    SignalKind.LOOP_LAG: Kind(
        "how late our own event loop was within a second, from event_time on; only above 0.05", "s", {}, droppable=True
    ),
    SignalKind.REQUEST: Kind(
        "latency from the scheduled time",
        "s",
        {
            "check": "which check",
            "outcome": "ok or a refusal kind",
            "ours": "true: the refusal is our own fault, not the venue's (geo_blocked, local, budget …)",
            "censored": "true: the latency is at least the value (time-out)",
            "cold": "true: a new connection",
            "service_s": "latency less our own lateness",
            "detail": "only of the operator's own targets: which condition was not met",
        },
        droppable=True,
    ),
    SignalKind.MISSED_SLOT: Kind("slots missed", "1", {"check": "which check"}, droppable=True),
    SignalKind.HEADROOM: Kind(
        "request budget left",
        "fraction",
        {
            "host": "the venue's hosts that it is about, as its settings name them",
            "budget": "which class of endpoints",
            "declared": "by the venue's headers",
        },
        droppable=True,
    ),
    SignalKind.VENUE_STATUS: Kind(
        "0 operational, 1 degraded, 2 maintenance",
        "level",
        {
            "title": "the venue's words",
            "planned": "true if announced",
            "service": "the part of the venue; empty: the venue as a whole",
            "begins_s": "announced begin, unix seconds, or null",
            "ends_s": "announced end, unix seconds, or null",
        },
        droppable=True,
    ),
    SignalKind.CLOCK_OFFSET: Kind(
        "venue clock − ours", "s", {"bound_s": "true within ±", "origin": "rest or feed"}, droppable=True
    ),
    SignalKind.FEED_LAG: Kind("receive − corrected venue stamp", "s", {"bound_s": "true within ±"}, droppable=True),
    SignalKind.ENGINE_LAG: Kind("gateway stamp − engine stamp", "s", {}, droppable=True),
    SignalKind.FEED_OPENED: Kind("always 1", "1", _FEED, droppable=False),
    SignalKind.FEED_CLOSED: Kind("seconds it lived", "s", _FEED, droppable=False),
    SignalKind.FEED_SILENT: Kind("seconds of silence on an open socket", "s", _FEED, droppable=False),
    SignalKind.FEED_PULSE: Kind("frames since the last pulse", "1", _FEED, droppable=True),
    SignalKind.FEED_GAP: Kind("updates missing (at least)", "1", _FEED, droppable=False),
    SignalKind.FEED_RESYNCED: Kind("seconds without a book", "s", _FEED, droppable=False),
    SignalKind.FEED_BACKLOG: Kind("old messages sent at subscribe", "1", _FEED, droppable=False),
    SignalKind.FEED_SHUTDOWN: Kind("always 1: the venue will close this connection", "1", _FEED, droppable=False),
    SignalKind.FEED_REJECTED: Kind("always 1: a subscription was refused", "1", _FEED, droppable=False),
    SignalKind.CLAIM: Kind(
        "1 what the channel is for can be seen, 0 it cannot",
        "1",
        {
            "channel": "the venue's name of it; subject.instrument, if any, is what it is of",
            "state": "asked, acknowledged, refused, speaking, silent or ended",
            "main": "true: the feed is there for this channel; false: company on its socket",
            "reason": "short words for a refusal, a silence or an end",
        },
        droppable=False,
    ),
    SignalKind.MALFORMED: Kind(
        "frames or rows that were not admitted",
        "1",
        {
            "path": "where in the payload, or what it was of",
            "reason": "shape, name, stamp, price, size, side, figure, state or clock",
        },
        droppable=True,
    ),
    SignalKind.LIQUIDATION: Kind(
        "notional",
        "USD",
        {
            "side": "long or short: the side that was liquidated",
            "price": "quote units",
            "quantity": "base units",
            "censoring": "the feed's policy",
            "backlog": "true: an old message, sent at subscribe",
        },
        droppable=False,
    ),
    SignalKind.MARKET_LIQUIDATIONS: Kind(
        "liquidations of subject.asset in one interval, by another's count",
        "USD",
        {
            "begins_s": "begin of the interval, unix seconds",
            "interval_s": "its length, seconds",
            "long_usd": "of longs",
            "short_usd": "of shorts",
            "exchanges": "how many venues it sums",
        },
        droppable=True,
    ),
    SignalKind.BOOK: Kind(
        "spread (−1 unless both sides exist and do not cross)",
        "bps",
        {
            "state": "ok, frozen, crossed, one_sided, hollow, empty, unsynced",
            "mid": "quote units",
            "quote": "the quote currency, if it counts as one US dollar; else null",
            "origin": "rest or ws",
        }
        | _DEPTHS
        | _SLIPPAGE,
        droppable=True,
    ),
    SignalKind.BOOK_REFILL: Kind(
        "time until half of what a sweep took within 25 bps was back",
        "s",
        {
            "side": "bid or ask: the side that was swept",
            "fallen": "the largest share of that depth that was gone, 0.5 to 1",
            "censored": "true: it took at least the value, and was not seen to come back",
        },
        droppable=False,
    ),
    SignalKind.WALLET: Kind(
        "1 withdrawals open, 0.5 delayed, 0 closed",
        "level",
        {"deposits": "true, false or null", "withdrawals": "true, false or null", "delayed": "true, false or null"},
        droppable=True,
    ),
    SignalKind.OPEN_INTEREST: Kind("open interest, one side", "USD", {"base": "base units"}, droppable=True),
    SignalKind.FUNDING: Kind(
        "funding rate", "fraction per interval", {"interval_s": "seconds or null"}, droppable=True
    ),
    SignalKind.MARK_PRICE: Kind(
        "mark price",
        "quote units",
        {"index": "index price or null", "quote": "the quote currency, if it counts as one US dollar; else null"},
        droppable=True,
    ),
    SignalKind.LONG_SHORT_RATIO: Kind(
        "longs over shorts", "ratio", {"basis": "accounts, top_accounts, top_positions …"}, droppable=True
    ),
    SignalKind.INSURANCE_FUND: Kind(
        "what the venue's fund against losses beyond margin holds",
        "units of its currency",
        {"fund": "the venue's name of the pool", "currency": "of the value"},
        droppable=True,
    ),
    SignalKind.DELEVERAGING: Kind("1 the venue says that it deleverages, 0 that it does not", "1", {}, droppable=False),
    SignalKind.VOLUME: Kind(
        "traded in 24 h", "USD", {"market": "spot, perp or future", "last": "last price or null"}, droppable=True
    ),
    SignalKind.CONTROL: Kind(
        "latency of a neutral control target", "s", {"outcome": "ok or a refusal", "target": "name"}, droppable=True
    ),
    SignalKind.HEAD: Kind("block number of the head", "block", HEAD, droppable=False),
    SignalKind.HEAD_STALLED: Kind("seconds without a new head", "s", {}, droppable=False),
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
        | {"from_kind": "kind of pool", "to_kind": "kind of pool", "depth_share": "of the token's ±2 % depth, or null"},
        droppable=False,
    ),
    SignalKind.LIQUIDITY_ACCOUNTED: Kind(
        "unexplained share of what left within an hour", "fraction", _EVENT | LIQUIDITY_ACCOUNTED, droppable=False
    ),
    SignalKind.POOL_DEPTH: Kind(
        "the pool's share of a token's ±2 % depth over the watched pools, the largest of its tokens",
        "fraction",
        _EVENT | POOL_DEPTH,
        droppable=False,
    ),
    SignalKind.CONTROL_CHANGED: Kind(
        "always 1",
        "1",
        _EVENT
        | {
            "change": "owner, owner_pending, admin, role_granted, module_enabled, delay, paused, initialized …",
            "emitter": "whose log or getter it was: the contract itself, its admin, beacon or timelock, or who owns these",
            "old": "address or figure before, or null",
            "new": "address or figure after, or null",
            "role": "32-byte role or null",
            "account": "who got or lost the role, or paused; or null",
            "escaped": "true: control left the contract's known timelock",
            "seen_by": "log, or state: a getter answers differently than in the block before, and no log reported it",
        },
        droppable=False,
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
    ),
    SignalKind.ONCHAIN_LIQUIDATION: Kind("always 1", "1", _EVENT | ONCHAIN_LIQUIDATION, droppable=False),
    SignalKind.POOL_CREATED: Kind("always 1", "1", _EVENT | POOL_CREATED, droppable=False),
    SignalKind.CUSTOM_EVENT: Kind("always 1", "1", _EVENT | CUSTOM_EVENT, droppable=False),
    SignalKind.RETRACTION: Kind("always 1", "1", {"retracts": "the event_id undone by a reorg"}, droppable=False),
}
