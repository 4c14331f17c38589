"""Declares the terms used in readings: closed enums, instruments, phases. The readings are in `__init__.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

VenueId = NewType("VenueId", str)


class Refusal(StrEnum):
    """Why a venue did not answer a request. The values are metric labels: a closed set."""

    THROTTLED = "throttled"
    BANNED = "banned"
    GEO_BLOCKED = "geo_blocked"
    WAF_BLOCKED = "waf_blocked"
    UNAUTHORIZED = "unauthorized"
    BAD_REQUEST = "bad_request"
    OVERLOADED = "overloaded"
    MAINTENANCE = "maintenance"
    EXECUTION_UNKNOWN = "execution_unknown"
    VENUE_ERROR = "venue_error"
    ORIGIN_DOWN = "origin_down"
    """The network in front of the venue answered that it cannot reach the venue's own servers (Cloudflare 520 to 527, 530)."""
    UNKNOWN_CODE = "unknown_code"
    """An error code in a good status that the dialect does not know."""
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    TIMEOUT = "timeout"
    TLS = "tls"
    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    REDIRECTED = "redirected"
    """It pointed elsewhere, and we never follow: our address of it is old, or something in between answered."""
    LOCAL = "local"
    """Our own machine could not send it: no file descriptor, port or memory left. Says nothing about the venue."""
    FLOODING = "flooding"
    """It sent more than one connection may cost us; the rest was not read (`probes/fair_shares/allowance.py`)."""
    UNMET = "unmet"
    """A target of the operator's answered, but not as his conditions say: status or body."""
    SLOW = "slow"
    """A target of the operator's answered well, but later than his condition allows."""
    BUDGET = "budget"
    """We sent no request: its budget was spent. Says nothing about the venue."""

    KEY_RIGHTS = "key_rights"
    """We sent no request: the operator's key may do more than read, or nobody knows. Says nothing about the venue."""

    @property
    def is_ours(self) -> bool:
        """Whether the cause is ours (location, keys, address, machine, budget), so that it says nothing about the venue."""
        return self in _OURS


_OURS = frozenset(
    {
        Refusal.GEO_BLOCKED,
        Refusal.WAF_BLOCKED,
        Refusal.UNAUTHORIZED,
        Refusal.BAD_REQUEST,
        Refusal.REDIRECTED,
        Refusal.LOCAL,
        Refusal.BUDGET,
        Refusal.KEY_RIGHTS,
    }
)


class Market(StrEnum):
    """The kind of an instrument: spot, or a perpetual or dated derivative."""

    SPOT = "spot"
    PERP = "perp"
    FUTURE = "future"


class Side(StrEnum):
    """Which side was liquidated: always the position's, never the closing order's."""

    LONG = "long"
    SHORT = "short"


class Censoring(StrEnum):
    """What a liquidation feed leaves out. The estimate of the true volume depends on it.

    See docs/venues.md, "Liquidation feeds and their censoring".
    """

    COMPLETE = "complete"
    LATEST_PER_SECOND = "latest_per_second"
    LARGEST_PER_SECOND = "largest_per_second"
    ONE_PER_SECOND = "one_per_second"


class BookState(StrEnum):
    """The state of a book; a venue may answer 200 with a bad one."""

    OK = "ok"
    FROZEN = "frozen"
    CROSSED = "crossed"
    ONE_SIDED = "one_sided"
    HOLLOW = "hollow"
    EMPTY = "empty"
    UNSYNCED = "unsynced"


class ServiceState(StrEnum):
    """The state that a venue declares of itself."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument of a venue. `contract_size` is base units a contract (1 for spot and base-quoted contracts)."""

    symbol: str
    base: str
    quote: str
    market: Market
    contract_size: Decimal = Decimal(1)
    inverse: bool = False
    trading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledInstrument(Instrument):
    """An instrument whose listed unit is `bundle` units of its asset `base`: 1000 of 1000SHIB.

    Its readings are in units of the asset from the gate on: sizes times `bundle`, prices by it.
    """

    bundle: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a request: resolve, connect, tls, send, wait, receive; absolute start, length in seconds."""

    name: str
    started_at: datetime
    duration_s: float


class MalformedReason(StrEnum):
    """What is wrong with a row that was not admitted. The values are metric labels: a closed set."""

    SHAPE = "shape"
    """It cannot be read: a required field is missing or of another type."""
    NAME = "name"
    """It does not say of which instrument, asset or network it speaks."""
    STAMP = "stamp"
    """Its time is in the future, too old for its kind, or in another unit."""
    PRICE = "price"
    SIZE = "size"
    SIDE = "side"
    FIGURE = "figure"
    STATE = "state"
    """A status word that the venue's documents do not have."""
    CLOCK = "clock"
    """The venue's clock as it states it cannot be."""


class ClaimState(StrEnum):
    """What became of one thing that we asked a venue for."""

    ASKED = "asked"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    SPEAKING = "speaking"
    SILENT = "silent"
    ENDED = "ended"
    """The venue does not trade it any more: delisted, settling or renamed."""


class FeedEvent(StrEnum):
    """An event of a feed."""

    OPENED = "opened"
    CLOSED = "closed"
    SILENT = "silent"
    PULSE = "pulse"
    GAP = "gap"
    RESYNCED = "resynced"
    BACKLOG = "backlog"
    SHUTDOWN_ANNOUNCED = "shutdown_announced"
    REJECTED = "rejected"
