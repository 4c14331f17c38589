"""Defines a signal: a reading or a chain event as one flat, self-contained line, as the correlator takes it.

The store (COPY columns), recordings and replay (JSON lines), snapshots (CSV) and the correlator share one shape, so a file of
signals from anywhere runs through the same program as a live day. `KINDS` documents each kind's value and attributes;
docs/formats.md is checked against it.

A signal is a word and a line on the wire at once, and there are up to 100,000 in a second: as a Struct it is made, encoded and
decoded several times faster than as a dataclass, and the garbage collector does not follow it.

`event_time` is when it happened, on our clock (venue stamps corrected by the clock offset); `received_at` is when we received
it. `source` names its stream ("binance_usdm/liquidation", "ethereum/chain", "clock"): watermarks, pulses and coverage go by
source. `seq` numbers the signals of one source within one run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

Scalar = str | float | int | bool | None
TARGET_PREFIX = "target:"
"""Begins the name, in `Subject.venue`, of a target that the operator named himself: "target:rpc"."""
Clock = Callable[[], datetime]
"""Returns the present time, aware and in UTC. Code that needs the time is given a clock."""


class SignalKind(StrEnum):
    """Every kind of signal; see KINDS for value, unit and attributes."""

    EXPECT = "expect"
    TICK = "tick"
    LOOP_LAG = "loop_lag"
    REQUEST = "request"
    MISSED_SLOT = "missed_slot"
    HEADROOM = "headroom"
    VENUE_STATUS = "venue_status"
    CLOCK_OFFSET = "clock_offset"
    FEED_LAG = "feed_lag"
    ENGINE_LAG = "engine_lag"
    FEED_OPENED = "feed_opened"
    FEED_CLOSED = "feed_closed"
    FEED_SILENT = "feed_silent"
    FEED_PULSE = "feed_pulse"
    FEED_GAP = "feed_gap"
    FEED_RESYNCED = "feed_resynced"
    FEED_BACKLOG = "feed_backlog"
    FEED_SHUTDOWN = "feed_shutdown"
    FEED_REJECTED = "feed_rejected"
    CLAIM = "claim"
    MALFORMED = "malformed"
    LIQUIDATION = "liquidation"
    MARKET_LIQUIDATIONS = "market_liquidations"
    BOOK = "book"
    BOOK_REFILL = "book_refill"
    WALLET = "wallet"
    OPEN_INTEREST = "open_interest"
    FUNDING = "funding"
    MARK_PRICE = "mark_price"
    LONG_SHORT_RATIO = "long_short_ratio"
    INSURANCE_FUND = "insurance_fund"
    DELEVERAGING = "deleveraging"
    VOLUME = "volume"
    CONTROL = "control"
    HEAD = "head"
    HEAD_STALLED = "head_stalled"
    HEAD_RESUMED = "head_resumed"
    REORG = "reorg"
    NODE_FAULT = "node_fault"
    UPGRADE = "upgrade"
    CODE_COMPARED = "code_compared"
    SOURCE_CHECKED = "source_checked"
    UPGRADE_SAID = "upgrade_said"
    UPGRADE_QUEUED = "upgrade_queued"
    OPERATION_ENDED = "operation_ended"
    LIQUIDITY_REMOVED = "liquidity_removed"
    LIQUIDITY_ADDED = "liquidity_added"
    MIGRATION = "migration"
    LIQUIDITY_ACCOUNTED = "liquidity_accounted"
    POOL_DEPTH = "pool_depth"
    POOL_DRAINED = "pool_drained"
    SUPPLY_JUMPED = "supply_jumped"
    CONTROL_CHANGED = "control_changed"
    HOLDER_FROZEN = "holder_frozen"
    BEHAVIOUR_MISMATCH = "behaviour_mismatch"
    WALLET_SILENT = "wallet_silent"
    WALLET_RESUMED = "wallet_resumed"
    TOKEN_USE = "token_use"  # noqa: S105  a kind, not a secret
    ONCHAIN_LIQUIDATION = "onchain_liquidation"
    POOL_CREATED = "pool_created"
    CUSTOM_EVENT = "custom_event"
    RETRACTION = "retraction"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What a signal is about: the fields that apply, the others None. Assets are upper-case tickers."""

    asset: str | None = None
    venue: str | None = None
    instrument: str | None = None
    network: str | None = None
    contract: str | None = None
    pool: str | None = None
    vantage: str | None = None


class Signal(msgspec.Struct, frozen=True, gc=False):
    """One fact as the correlator takes it. `link` is "trace_id:span_id" (hex) of the probe span that recorded it."""

    kind: SignalKind
    subject: Subject
    event_time: datetime
    received_at: datetime
    source: str
    seq: int
    value: float
    attributes: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    link: str | None = None
