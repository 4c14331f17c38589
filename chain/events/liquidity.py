"""Defines the events about the liquidity of pools; part of the union in `chain.events`.

Amounts are integers in the token's smallest unit; shares are fractions 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.events.place import Address, Place, TokenName

MAX_INTO = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthMoved:
    """The change of one token's depth within ±2 % by a move, in its smallest units.

    `pool_before` and `token_before` are its depth in that pool and in all watched pools before it; the indices
    (Herfindahl–Hirschman over those pools, 0..1) show how spread the token's depth was and is.
    """

    token: Address
    moved: int
    pool_before: int
    token_before: int
    hhi_before: float
    hhi_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityMoved:
    """Liquidity left (`removed` true) or entered a pool. `owner` held the position (None: not known).

    `more` are tokens and amounts beyond the first two; `depth` is empty where the pool's depth is not known.
    """

    place: Place
    seen_at: datetime
    event_id: str
    pool: Address
    pool_kind: str
    token0: Address
    token1: Address
    amount0: int
    amount1: int
    share: float
    removed: bool
    owner: Address | None
    more: tuple[tuple[Address, int], ...] = ()
    depth: tuple[DepthMoved, ...] = ()
    token_names: tuple[TokenName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityMigrated:
    """A removal matched with an addition elsewhere: `amount` of `token` went from one pool to another.

    `share` is the part of the source pool's reserves of that token; `score` the matching score
    (`docs/detection.md`, "Rates and grades");
    `depth_share` the part of the token's ±2 % depth, over the watched pools, that moved with it (None: not known). `successor`:
    it came as this token, the declared successor of `token`, or together with it.
    """

    place: Place
    seen_at: datetime
    event_id: str
    token: Address
    from_pool: Address
    to_pool: Address
    amount: int
    share: float
    score: float
    removal_id: str
    addition_id: str
    from_kind: str = ""
    to_kind: str = ""
    depth_share: float | None = None
    successor: Address | None = None
    token_names: tuple[TokenName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityAccounted:
    """The account of the liquidity of `token` that left watched pools in the last hour. Reported again when it changes.

    removed = readded + to_wallets + to_bridges + open + unexplained, always, in the token's smallest units. `open` lies with
    holders of which it is not known yet whether they are wallets: the next account says. Liquidity that
    came back to its own pool, and just-in-time liquidity, are in none of them. `depth_share` is the part of the token's
    ±2 % depth (over the watched pools, as it was before) that left (None: not known); `level` follows from it: 1 from
    20 %, 2 from 40 %, 3 from 70 %. `pool` is the one most of it left, `into` the pools it was re-added to (their kinds,
    units), most first; beyond `MAX_INTO` they are left out. The indices (Herfindahl–Hirschman over the watched pools) show
    how spread the depth was before the first of these removals and is after the last move. `successor` is as of a migration.
    """

    place: Place
    seen_at: datetime
    event_id: str
    token: Address
    pool: Address
    removed: int
    readded: int
    to_wallets: int
    to_bridges: int
    unexplained: int
    depth_share: float | None
    level: int
    hhi_before: float | None
    hhi_after: float | None
    pool_kind: str = ""
    into: tuple[tuple[Address, str, int], ...] = ()
    open: int = 0
    successor: Address | None = None
    token_names: tuple[TokenName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDepth:
    """One token of a pool: reserves (concentrated: virtual ones), depth within ±1, 2 and 5 %, in smallest units.

    Depth is the amount that leaves the pool when the token's price rises so far, plus the one that enters (fees included) when
    it falls.
    `share` is the pool's part of the token's ±2 % depth over the watched pools. `sold_1` of the token sell for `got_1` of the
    other one until its price has fallen by 1 % (token1's to 1/1.01), fees included; None where that is not known exactly.
    """

    token: Address
    reserve: int
    within_1: int
    within_2: int
    within_5: int
    share: float
    sold_1: int | None = None
    got_1: int | None = None
    sold_5: int | None = None
    got_5: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolDepth:
    """A pool's depth at the end of a block. Reported each hour, and when it has changed by a tenth since the last report.

    What is compared is the ±2 % depth, and what each token sells for within 1 and 5 %.
    """

    place: Place
    seen_at: datetime
    event_id: str
    pool: Address
    pool_kind: str
    tick: int | None
    tokens: tuple[TokenDepth, ...]
    token_names: tuple[TokenName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCreated:
    """A factory made a pool, and at least one of its tokens is watched. `pool` is its address, or its id of 32 bytes.

    `pool_kind` is the form of the factory's log (`chain/liquidity/factories`): the pool itself is not watched by this.
    """

    place: Place
    seen_at: datetime
    event_id: str
    factory: Address
    pool: str
    pool_kind: str
    token0: Address
    token1: Address


class DrainCause(StrEnum):
    """Why a pool lost what nobody withdrew as liquidity."""

    SWAP = "swap"
    """Bought out of the pool."""
    MINT = "mint"
    """Bought out of the pool with units that were made for the buyer within the hour before."""
    BURN = "burn"
    """The token burnt what the pool held."""
    TAKEN = "taken"
    """Transferred out of the pool without a swap."""
    SYNC = "sync"
    """The pool's account of its reserves fell although nothing left it."""
    REBASE = "rebase"
    """The token changed all balances at once."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolDrained:
    """A pool lost `share` of `token` within a minute without a removal of liquidity (`docs/detection.md`, "Rates and grades").

    `before` and `after` are its reserves of that token (concentrated: virtual ones); liquidity that was added or removed in
    between is taken out of `before`. `others` are token, before and after of the rest. `by` got nearly all of what left
    (None: several did, or nobody is named). `depth_share` is `share` of the pool's part of
    a token's ±2 % depth over the watched pools, the largest of its tokens (None: not known).
    """

    place: Place
    seen_at: datetime
    event_id: str
    pool: Address
    pool_kind: str
    token: Address
    before: int
    after: int
    share: float
    cause: DrainCause
    by: Address | None = None
    depth_share: float | None = None
    others: tuple[tuple[Address, int, int], ...] = ()
    token_names: tuple[TokenName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyJumped:
    """The supply of a watched token rose or fell within a block by a twentieth or more of what it was.

    `logged`: the token's logs explain it; `by` got most of the new units, or gave up most of those destroyed (None: not known).
    `pools` are the watched pools that hold the token, at most eight.
    """

    place: Place
    seen_at: datetime
    event_id: str
    token: Address
    before: int
    after: int
    by: Address | None
    logged: bool
    pools: tuple[Address, ...] = ()
    token_names: tuple[TokenName, ...] = ()

    @property
    def share(self) -> float:
        """The change as a share of the supply before; negative for a fall."""
        return (self.after - self.before) / self.before
