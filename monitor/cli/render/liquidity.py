"""Renders liquidity events in words: from where to where, in shares and in amounts of the tokens, with whole addresses.

An amount is in whole units of a token that states its name and decimals, else in its smallest units, in a few digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.events import (
        ChainEvent,
        LiquidityAccounted,
        LiquidityMigrated,
        LiquidityMoved,
        PoolDepth,
        PoolDrained,
        SupplyJumped,
    )

    NamedEvent = LiquidityAccounted | LiquidityMigrated | LiquidityMoved | PoolDepth | PoolDrained | SupplyJumped


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
            by = f", by {event.by}" if event.by else "" if event.logged else ", without a log"
            after = _amount(event, event.token, event.after)
            return f"the supply of {event.token} changed by {event.share:+.1%} to {after}{by}"
        case _:
            return None


def _moved(event: LiquidityMoved) -> str:
    pairs = [(event.token0, event.amount0), (event.token1, event.amount1), *event.more]
    amounts = " and ".join(_amount_at(event, token, amount) for token, amount in pairs)
    way = "left" if event.removed else "entered"
    return f"{event.share:.1%} of {event.pool_kind} {event.pool} {way}, {amounts}, owner {event.owner or 'unknown'}"


def _migrated(event: LiquidityMigrated) -> str:
    depth = "" if event.depth_share is None else f", {event.depth_share:.1%} of its ±2 % depth"
    successor = f" as its successor {event.successor}" if event.successor else ""
    return (
        f"{_amount_at(event, event.token, event.amount)} went{successor} from {event.from_kind} {event.from_pool} to "
        f"{event.to_kind} {event.to_pool}: {event.share:.1%} of the former{depth}, score {event.score:.2f}"
    )


def _accounted(event: LiquidityAccounted) -> str:
    depth = "" if event.depth_share is None else f" ({event.depth_share:.1%} of its ±2 % depth)"
    parts = [(units, f"to {kind} {pool}") for pool, kind, units in event.into]
    parts += [
        (event.to_wallets, "to wallets"),
        (event.to_bridges, "over bridges"),
        (event.open, "open"),
        (event.unexplained, "unexplained"),
    ]
    went = "; ".join(f"{units / event.removed:.1%} {words}" for units, words in parts if units)
    went += f"; re-added with its successor {event.successor}" if event.successor else ""
    source = f"{event.pool_kind} {event.pool}"
    return f"{_amount_at(event, event.token, event.removed)} left {source} within an hour{depth}: {went}"


def _depth(event: PoolDepth) -> str:
    tokens = "; ".join(
        f"of {one.token} {_amount(event, one.token, one.within_1)}, {_amount(event, one.token, one.within_2)}, "
        f"{_amount(event, one.token, one.within_5)}, {one.share:.0%} of its depth"
        for one in event.tokens
    )
    return f"{event.pool_kind} {event.pool} holds within ±1, 2, 5 %: {tokens}"


def _drained(event: PoolDrained) -> str:
    by = f" by {event.by}" if event.by else ""
    before, after = (_amount(event, event.token, units) for units in (event.before, event.after))
    return (
        f"{event.share:.1%} of {event.token} was lost by {event.pool_kind} {event.pool} "
        f"({event.cause.value}{by}): {before} before, {after} after"
    )


def _amount_at(event: NamedEvent, token: str, units: int) -> str:
    """An amount with the token's whole address: any token may have that name."""
    named = any(one.token == token for one in event.token_names)
    return f"{_amount(event, token, units)} {f'({token})' if named else f'of {token}'}"


def _amount(event: NamedEvent, token: str, units: int) -> str:
    from monitor.signals.amounts import amount_words, figure_words, symbol_words

    name = next((one for one in event.token_names if one.token == token), None)
    if name is None or name.decimals is None:
        return f"{figure_words(float(units))} smallest units"
    return amount_words(units / 10**name.decimals, symbol_words(name.symbol, odd=name.odd))
