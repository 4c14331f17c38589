"""Declares the readings of a market: books, forced orders, open interest, funding, prices, ratios, volumes.

Part of the closed union of `probes/readings/__init__.py`, which exports these names. Times are aware UTC; `event_time`
is the venue's own stamp, uncorrected. Money is `Decimal` (liquidations, open interest, volumes), statistics are `float`
(books, rates, ratios).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from probes.readings.terms import BookState, Censoring, Market, Side, VenueId


@dataclass(frozen=True, slots=True, kw_only=True)
class BookMeasured:
    """A book, sampled. Depths are USD within N bps of mid on each side; slippage is bps against mid for a notional.

    `depth_usd` maps bps -> (bids, asks). `slippage_bps` maps USD notional -> (sell, buy), None if the visible book
    cannot fill it. `spread_bps`/`mid` are None unless both sides have levels and do not cross.
    """

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    source: str
    """"rest" or "ws"."""
    state: BookState
    mid: float | None
    spread_bps: float | None
    depth_usd: dict[int, tuple[float, float]]
    slippage_bps: dict[int, tuple[float | None, float | None]]
    levels: int
    updates: int
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRefilled:
    """A side of a book after a sweep that took half or more of its depth within 25 bps in a second.

    `refill_s`: seconds until half of what it lost was back, as exact as the samples (1 s); `censored`: it took at least so
    long, and was not seen to come back. `fallen`: the largest share of the depth that was gone, 0.5..1. `side`: "bid" or "ask".
    """

    venue: VenueId
    instrument: str
    received_at: datetime
    side: str
    refill_s: float
    fallen: float
    censored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """One forced order. `quantity` in base units; `notional_usd` = price × quantity. `backlog`: old, sent at subscribe."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime
    side: Side
    price: Decimal
    quantity: Decimal
    notional_usd: Decimal
    censoring: Censoring
    backlog: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLiquidations:
    """What another counts: USD of all liquidations of an asset over `exchanges` venues, in one complete interval.

    The interval begins at `begins_at`, by the other's clock, and lasts `interval_s` seconds.
    """

    venue: VenueId
    asset: str
    received_at: datetime
    begins_at: datetime
    interval_s: float
    long_usd: float
    short_usd: float
    exchanges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterest:
    """Open interest counted once (one side), in base units and USD (None if no price in dollars was known)."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    base: Decimal
    usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """Funding rate (a fraction per interval) with its next time, and interval if given."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    rate: float
    next_at: datetime | None = None
    interval_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrice:
    """Mark and index price in quote units."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    mark: float | None
    index: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShortRatio:
    """Longs over shorts. `basis`: accounts, top_accounts, top_positions or taker_volume."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    ratio: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InsuranceFund:
    """What a venue's fund holds against losses beyond margin, in `currency`. `fund`: the venue's name of the pool.

    `instrument` is one that the pool is for, None if the venue does not name any. Below zero it owes.
    """

    venue: VenueId
    fund: str
    instrument: str | None
    received_at: datetime
    event_time: datetime | None
    balance: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleveraging:
    """A venue's word on auto-deleveraging of an instrument: `active` while it closes profitable positions by force."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Traded in the last 24 h: base units and USD (None if the venue gives no quote volume, or not in dollars: `dollars.py`)."""

    venue: VenueId
    instrument: str
    received_at: datetime
    event_time: datetime | None
    market: Market
    base: Decimal | None
    usd: Decimal | None
    last: float | None = None
