"""Accounts for a token's liquidity that left watched pools: removed = readded + to wallets + to bridges + open + unexplained."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chain.blocks.standards import NOBODY
from chain.liquidity.token_flow import TokenFlow

WINDOW_S = 3600.0
LEVELS = (0.2, 0.4, 0.7)
"""Shares of a token's ±2 % depth from which its loss is of level 1, 2, 3 (`docs/detection.md`, "Rates and grades")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowAccount:
    """Sums over removals, in smallest units; `pool` is the one most of it left."""

    pool: str
    removed: int
    readded: int
    to_wallets: int
    to_bridges: int
    open: int
    """Units with holders of which it is not known yet whether they are wallets."""
    unexplained: int
    depth_share: float | None
    level: int
    hhi_before: float | None
    into: tuple[tuple[str, int], ...]
    """Pools and units re-added there, most first."""
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """What is known of the holders of units. Holders that are none of these, and hold more than dust, are not known yet.

    `converted` are tokens with a declared successor: units of them that were burnt are open, because they may be exchanged.
    `pools` are event id of a removal and a pool that nobody watches, to which a known migrator brought both of its tokens.
    """

    wallets: Collection[str] = ()
    bridges: Collection[str] = ()
    contracts: Collection[str] = ()
    pools: Collection[tuple[str, str]] = ()
    converted: Collection[str] = ()


def account_of(removals: Sequence[TokenFlow], holders: Holders) -> FlowAccount | None:
    """The account of one token's removals, oldest first; None where all of it came back to its own pools.

    Units sent to the zero address were burnt, as a bridge does when it takes a token away.
    """
    by_pool: dict[str, int] = {}
    into: dict[str, int] = {}
    to_wallets = to_bridges = not_known = 0
    for one in removals:
        converting = one.token in holders.converted
        bridges = {*holders.bridges} if converting else {*holders.bridges, NOBODY}
        not_known += one.held.get(NOBODY, 0) * converting
        by_pool[one.pool] = by_pool.get(one.pool, 0) + one.amount - one.rebalanced
        placed = {at: units for at, units in one.held.items() if (one.event_id, at) in holders.pools}
        for pool, units in (*one.went.items(), *placed.items()):
            into[pool] = into.get(pool, 0) + units
        own = {at for at in one.held if at in holders.wallets or at == one.owner} - {*bridges, NOBODY}
        to_bridges += one.held_by(bridges)
        to_wallets += one.held_by(own)
        known = {*own, *bridges, *placed, *holders.contracts}
        not_known += one.held_by(at for at in one.holders if at not in known)
    removed, readded = sum(by_pool.values()), sum(into.values())
    if not removed:
        return None
    before = next((one.depth_before for one in removals if one.depth_before), 0)
    lost = sum(one.depth * (one.amount - one.rebalanced) / one.amount for one in removals)
    depth_share = min(lost / before, 1.0) if before else None
    return FlowAccount(
        pool=max(by_pool, key=lambda pool: by_pool[pool]),
        removed=removed,
        readded=readded,
        to_wallets=to_wallets,
        to_bridges=to_bridges,
        open=not_known,
        unexplained=removed - readded - to_wallets - to_bridges - not_known,
        depth_share=depth_share,
        level=level_of(depth_share),
        hhi_before=next((one.hhi_before for one in removals if one.hhi_before is not None), None),
        into=tuple(sorted(into.items(), key=lambda one: (-one[1], one[0]))),
        successor=next((one.successor for one in removals if one.successor), None),
    )


def level_of(depth_share: float | None) -> int:
    """0 to 3 by the share of ±2 % depth that left; 0 where it is not known."""
    return sum(depth_share is not None and depth_share >= least for least in LEVELS)
