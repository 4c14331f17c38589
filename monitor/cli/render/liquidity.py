"""Renders liquidity events as one line each: from where to where, in shares, with shortened addresses.

Amounts are in the token's smallest unit: the chain's logs do not contain their value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.events import (
        ChainEvent,
        LiquidityAccounted,
        LiquidityMigrated,
        LiquidityMoved,
        PoolDepth,
        PoolDrained,
    )


def liquidity_words(event: ChainEvent) -> str | None:
    """An event about liquidity in words; None for any other event."""
    from chain.events import LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PoolDepth, PoolDrained, SupplyJumped

    match event:
        case LiquidityMoved():
            return _moved(event)
        case LiquidityMigrated():
            return _migrated(event)
        case LiquidityAccounted():
            return _accounted(event)
        case PoolDepth():
            return _depth(event)
        case PoolDrained():
            return _drained(event)
        case SupplyJumped():
            by = f", by {_brief(event.by)}" if event.by else "" if event.logged else ", without a log"
            return f"the supply of {_brief(event.token)} changed by {event.share:+.1%} to {_units(event.after)}{by}"
        case _:
            return None


def _moved(event: LiquidityMoved) -> str:
    pairs = [(event.token0, event.amount0), (event.token1, event.amount1), *event.more]
    amounts = " and ".join(f"{_units(amount)} of {_brief(token)}" for token, amount in pairs)
    way = "left" if event.removed else "entered"
    return f"{event.share:.1%} of {event.pool_kind} {_brief(event.pool)} {way}, {amounts}, owner {_brief(event.owner)}"


def _migrated(event: LiquidityMigrated) -> str:
    depth = "" if event.depth_share is None else f", {event.depth_share:.1%} of its ±2 % depth"
    return (
        f"{_units(event.amount)} of {_brief(event.token)} went from {event.from_kind} {_brief(event.from_pool)} to "
        f"{event.to_kind} {_brief(event.to_pool)}: {event.share:.1%} of the former{depth}, score {event.score:.2f}"
    )


def _accounted(event: LiquidityAccounted) -> str:
    depth = "" if event.depth_share is None else f" ({event.depth_share:.1%} of its ±2 % depth)"
    parts = [(units, f"to {kind} {_brief(pool)}") for pool, kind, units in event.into]
    parts += [
        (event.to_wallets, "to wallets"),
        (event.to_bridges, "over bridges"),
        (event.open, "open"),
        (event.unexplained, "unexplained"),
    ]
    went = _joined(f"{units / event.removed:.1%} {words}" for units, words in parts if units)
    source = f"{event.pool_kind} {_brief(event.pool)}"
    return f"{_units(event.removed)} of {_brief(event.token)} left {source} within an hour{depth}: {went}"


def _depth(event: PoolDepth) -> str:
    tokens = _joined(
        f"{_brief(one.token)} {_units(one.within_1)}, {_units(one.within_2)}, {_units(one.within_5)}, "
        f"{one.share:.0%} of its depth"
        for one in event.tokens
    )
    return f"{event.pool_kind} {_brief(event.pool)} holds within ±1, 2, 5 %: {tokens}"


def _drained(event: PoolDrained) -> str:
    by = f" by {_brief(event.by)}" if event.by else ""
    before, after = _units(event.before), _units(event.after)
    return (
        f"{event.share:.1%} of {_brief(event.token)} was lost by {event.pool_kind} {_brief(event.pool)} "
        f"({event.cause.value}{by}): {before} before, {after} after"
    )


def _joined(words: Iterable[str]) -> str:
    return "; ".join(words)


def _units(amount: int) -> str:
    return f"{amount:.4g}" if amount < 10**6 else f"{float(amount):.3e}"


def _brief(address: str | None) -> str:
    if address is None:
        return "unknown"
    return f"{address[:6]}…{address[-4:]}"
