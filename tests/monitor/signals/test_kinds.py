"""Tests that every kind of signal is declared, and that its declaration says if the store may drop it under pressure."""

from __future__ import annotations

from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS

LIQUIDATIONS = {"liquidation", "book_refill", "deleveraging"}
FEED_EVENTS = {
    "claim",
    "expect",
    "feed_opened",
    "feed_closed",
    "feed_silent",
    "feed_gap",
    "feed_resynced",
    "feed_backlog",
    "feed_shutdown",
    "feed_rejected",
}
CHAIN = {
    "head",
    "head_stalled",
    "head_resumed",
    "reorg",
    "node_fault",
    "upgrade",
    "upgrade_said",
    "code_compared",
    "source_checked",
    "upgrade_queued",
    "operation_ended",
    "liquidity_removed",
    "liquidity_added",
    "migration",
    "liquidity_accounted",
    "pool_depth",
    "pool_drained",
    "supply_jumped",
    "control_changed",
    "holder_frozen",
    "behaviour_mismatch",
    "wallet_silent",
    "wallet_resumed",
    "token_use",
    "onchain_liquidation",
    "pool_created",
    "custom_event",
    "retraction",
}


def test_every_kind_of_signal_is_declared() -> None:
    assert set(KINDS) == set(SignalKind)


def test_liquidations_feed_events_and_all_chain_signals_are_never_dropped() -> None:
    kept = {kind.value for kind, declared in KINDS.items() if not declared.droppable}
    assert kept == LIQUIDATIONS | FEED_EVENTS | CHAIN


def test_signals_that_are_measured_again_soon_may_be_dropped() -> None:
    measured = {"request", "book", "tick", "feed_pulse", "feed_lag", "engine_lag", "headroom", "funding", "volume"}
    measured |= {"mark_price", "long_short_ratio", "open_interest", "clock_offset", "missed_slot", "control"}
    assert measured <= {kind.value for kind, declared in KINDS.items() if declared.droppable}
