"""Declares each kind of signal: its value, unit and attributes, as the formats document them, and if it may be dropped."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.signals import SignalKind
from monitor.signals.chain_kinds import CHAIN_KINDS
from monitor.signals.kind import MAX_VALUE, NOT_NEGATIVE, Kind

ORDERED_AT = "ordered_at"
ANY_KIND: Mapping[str, str] = {
    ORDERED_AT: "only on a signal that came after its second was judged: the start of the second it joined, in unix seconds",
}
"""Attributes that a signal of any kind may carry."""

_FEED = {"planned": "announced or due", "detail": "short words"}


_DEPTHS = {
    f"{side}_depth_{bps}_usd": f"USD within {bps} bps of mid"
    for side in ("bid", "ask")
    for bps in (10, 25, 50, 100, 200, 500)
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
        ranges={"weight": (0.0, 1e9)},
        words={"leg": frozenset({None, "liquidation", "venue", "migration", "fragility"})},
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
        max_value=2.0,
    ),
    SignalKind.CLOCK_OFFSET: Kind(
        "venue clock − ours",
        "s",
        {"bound_s": "true within ±", "origin": "rest or feed"},
        droppable=True,
        min_value=-MAX_VALUE,
        ranges={"bound_s": NOT_NEGATIVE},
    ),
    SignalKind.FEED_LAG: Kind(
        "receive − corrected venue stamp",
        "s",
        {"bound_s": "true within ±"},
        droppable=True,
        min_value=-MAX_VALUE,
        ranges={"bound_s": NOT_NEGATIVE},
    ),
    SignalKind.ENGINE_LAG: Kind("gateway stamp − engine stamp", "s", {}, droppable=True, min_value=-MAX_VALUE),
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
        max_value=1.0,
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
        ranges=dict.fromkeys(("price", "quantity"), NOT_NEGATIVE),
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
        min_value=-1.0,
        ranges=dict.fromkeys(("mid", *_DEPTHS), NOT_NEGATIVE),
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
        max_value=1.0,
    ),
    SignalKind.OPEN_INTEREST: Kind(
        "open interest, one side", "USD", {"base": "base units"}, droppable=True, ranges={"base": NOT_NEGATIVE}
    ),
    SignalKind.FUNDING: Kind(
        "funding rate",
        "fraction per interval",
        {"interval_s": "seconds or null"},
        droppable=True,
        min_value=-100.0,
        max_value=100.0,
        ranges={"interval_s": (0.0, 1e9)},
    ),
    SignalKind.MARK_PRICE: Kind(
        "mark price",
        "quote units",
        {"index": "index price or null", "quote": "the quote currency, if it counts as one US dollar; else null"},
        droppable=True,
        ranges={"index": NOT_NEGATIVE},
    ),
    SignalKind.LONG_SHORT_RATIO: Kind(
        "longs over shorts", "ratio", {"basis": "accounts, top_accounts, top_positions …"}, droppable=True
    ),
    SignalKind.INSURANCE_FUND: Kind(
        "what the venue's fund against losses beyond margin holds",
        "units of its currency",
        {"fund": "the venue's name of the pool", "currency": "of the value"},
        droppable=True,
        min_value=-MAX_VALUE,
    ),
    SignalKind.DELEVERAGING: Kind(
        "1 the venue says that it deleverages, 0 that it does not", "1", {}, droppable=False, max_value=1.0
    ),
    SignalKind.VOLUME: Kind(
        "traded in 24 h", "USD", {"market": "spot, perp or future", "last": "last price or null"}, droppable=True
    ),
    SignalKind.CONTROL: Kind(
        "latency of a neutral control target", "s", {"outcome": "ok or a refusal", "target": "name"}, droppable=True
    ),
    **CHAIN_KINDS,
}
