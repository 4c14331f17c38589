"""Makes the parts of cases that several kinds share: a cascade, venues in trouble, and what changes on a chain."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from random import Random

from monitor.drill.score.case import ChainFact, Stage
from monitor.drill.score.worlds import World
from monitor.signals import Scalar, SignalKind

LEAD_S = 240.0
"""Quiet before the event, behind the world's warm past."""
CONTRACT = "0xcontract"
POOL = "0xpool1"
LEG_SHARE = 0.3
"""A venue leg holds if at least this share of the asset's venues is in trouble: one of four is a venue's own episode."""


def between(rng: Random, low: float, high: float) -> float:
    """A number from `low` to `high`, alike on a logarithmic scale."""
    return exp(rng.uniform(log(low), log(high)))


def some_venues(world: World, rng: Random, low: float, high: float) -> tuple[str, ...]:
    """Venues in random choice: a share from `low` to `high` of all, one at least."""
    count = max(1, round(rng.uniform(low, high) * len(world.venues)))
    if len(world.venues) > 1 and low >= LEG_SHARE:
        count = max(count, min(2, len(world.venues)))
    return tuple(sorted(rng.sample(world.names, min(count, len(world.venues)))))


def is_leg(world: World, venues: Sequence[str]) -> bool:
    """Whether trouble at these venues is a leg of the asset."""
    return len(venues) >= LEG_SHARE * len(world.venues)


def surge_factor(world: World, rng: Random, low: float = 12.0, high: float = 120.0) -> float:
    """How many times the usual liquidations come: at least three a second at a middling venue, 100 a second at most."""
    rates = sorted(one.liquidations_per_s for one in world.venues if one.liquidations_per_s > 0)
    usual = rates[len(rates) // 2]
    return min(max(between(rng, low, high), 3.0 / usual), max(100.0 / usual, low))


def cascade(world: World, rng: Random, from_s: float, until_s: float, factor: float) -> tuple[Stage, ...]:
    """A liquidation cascade: orders within seconds, the price falls, open interest goes, books thin out but stand."""
    fall_s = min(until_s, from_s + between(rng, 60.0, 240.0))
    return (
        Stage(from_s=from_s, until_s=until_s, surge=factor, rise_s=rng.uniform(1.0, 8.0)),
        Stage(
            from_s=from_s,
            until_s=fall_s,
            price_to=1.0 - rng.uniform(0.06, 0.25),
            interest_to=1.0 - rng.uniform(0.1, 0.4),
            depth=rng.uniform(0.45, 0.8),
            spread=rng.uniform(1.2, 2.5),
        ),
    )


def venues_fail(rng: Random, from_s: float, until_s: float, venues: tuple[str, ...]) -> tuple[Stage, ...]:
    """Venues under load: requests refused or timed out, slow, books empty out, some close withdrawals."""
    outcome = rng.choice(("overloaded", "timeout", "venue_error", "origin_down"))
    stages = [
        Stage(
            from_s=from_s,
            until_s=until_s,
            venues=venues,
            failing=rng.uniform(0.5, 1.0),
            outcome=outcome,
            latency=between(rng, 4.0, 30.0),
            lag_s=rng.uniform(0.0, 1.5),
            depth=rng.uniform(0.05, 0.3),
            spread=rng.uniform(3.0, 12.0),
        )
    ]
    closing = tuple(one for one in venues if rng.random() < 0.4)
    if closing:
        stages.append(Stage(from_s=from_s + 30.0, until_s=until_s, venues=closing, withdrawals=0.0))
    return tuple(stages)


def upgraded(at_s: float, *, queued: bool | None) -> ChainFact:
    """An executed upgrade of the asset's contract. `queued` False: its timelock was gone around."""
    words: dict[str, Scalar] = {
        "proxy_kind": "eip1967", "role": "implementation", "old": "0xold", "new": "0xnew", "seen_by": "log",
        "operation": None, "queued": queued, "holder": None,
    }  # fmt: skip
    return ChainFact(at_s=at_s, kind=SignalKind.UPGRADE, value=1.0, attributes=words, contract=CONTRACT)


def removed(at_s: float, share: float) -> ChainFact:
    """An owner takes a share of the pool's liquidity out."""
    words: dict[str, Scalar] = {"owner": "0xowner", "depth_share": share}
    return ChainFact(at_s=at_s, kind=SignalKind.LIQUIDITY_REMOVED, value=share, attributes=words, pool=POOL)


def accounted(at_s: float, share: float, *, readded: float) -> ChainFact:
    """The account of what left within the hour: `share` of the token's ±2 % depth, `readded` of it to another pool."""
    level = 3 if share >= 0.7 else 2 if share >= 0.4 else 1 if share >= 0.2 else 0
    kept = (1.0 - share) ** 2 + (share * readded) ** 2
    words: dict[str, Scalar] = {
        "token": "0xtoken", "removed": share * 1e24, "readded": readded, "to_wallets": 1.0 - readded, "to_bridges": 0.0,
        "open": 0.0, "from_kind": "uniswap_v2", "to_pool": "0xpool2" if readded else None,
        "to_kind": "uniswap_v3" if readded else None, "to_share": readded, "to_pools": 1 if readded else 0, "level": level,
        "depth_share": share, "hhi_before": 0.68, "hhi_after": min(1.0, 0.3 + kept / 2),
    }  # fmt: skip
    return ChainFact(at_s=at_s, kind=SignalKind.LIQUIDITY_ACCOUNTED, value=1.0 - readded, attributes=words, pool=POOL)


def drained(at_s: float, share: float, cause: str) -> ChainFact:
    """A pool loses a share of a token within a minute without a removal of liquidity."""
    words: dict[str, Scalar] = {
        "pool_kind": "uniswap_v2", "token": "0xtoken", "before": 1e24, "after": 1e24 * (1 - share), "cause": cause,
        "by": "0xthief", "depth_share": share * 0.8,
    }  # fmt: skip
    return ChainFact(at_s=at_s, kind=SignalKind.POOL_DRAINED, value=share, attributes=words, pool=POOL)


def wallet_silent(at_s: float, venue: str, silent_s: float) -> ChainFact:
    """A venue's hot wallets pay nothing out, far longer than chance explains."""
    words: dict[str, Scalar] = {"usual_s": silent_s / 2, "per_day": 0.004, "rate_per_day": 900.0}
    return ChainFact(at_s=at_s, kind=SignalKind.WALLET_SILENT, value=silent_s, attributes=words, venue=venue)


def contract_trouble(rng: Random, at_s: float) -> tuple[ChainFact, ...]:
    """What makes a migration leg: an unannounced upgrade, liquidity that leaves and does not come back, or a drain."""
    match rng.randrange(3):
        case 0:
            return (upgraded(at_s, queued=rng.choice((None, False))),)
        case 1:
            share = rng.uniform(0.72, 0.95)
            return removed(at_s, share), accounted(at_s + 12.0, share, readded=0.0)
        case _:
            return (drained(at_s, rng.uniform(0.75, 0.99), rng.choice(("mint", "taken", "swap"))),)
