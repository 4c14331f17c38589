"""The words readings are made of: closed enums, instruments, phases. See readings.py for the readings themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

VenueId = NewType("VenueId", str)


class Refusal(StrEnum):
    """Why a venue did not give what was asked. The values are metric labels: a closed set."""

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
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    TIMEOUT = "timeout"
    TLS = "tls"
    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    BUDGET = "budget"
    """We did not ask: the request budget was spent. Says nothing of the venue."""

    @property
    def is_ours(self) -> bool:
        """Whether the cause lies with us (our place, our keys, our budget), so that it says nothing of the venue."""
        return self in _OURS


_OURS = frozenset({Refusal.GEO_BLOCKED, Refusal.WAF_BLOCKED, Refusal.UNAUTHORIZED, Refusal.BAD_REQUEST, Refusal.BUDGET})


class Market(StrEnum):
    """What kind of instrument: spot, or a perpetual or dated derivative."""

    SPOT = "spot"
    PERP = "perp"
    FUTURE = "future"


class Side(StrEnum):
    """Which side was liquidated: always the position's, never the closing order's."""

    LONG = "long"
    SHORT = "short"


class Censoring(StrEnum):
    """What a liquidation feed leaves out (facts/detection §3): the estimate of the truth hangs on it."""

    COMPLETE = "complete"
    LATEST_PER_SECOND = "latest_per_second"
    LARGEST_PER_SECOND = "largest_per_second"
    ONE_PER_SECOND = "one_per_second"


class BookState(StrEnum):
    """What is wrong with a book while the venue answers 200."""

    OK = "ok"
    FROZEN = "frozen"
    CROSSED = "crossed"
    ONE_SIDED = "one_sided"
    HOLLOW = "hollow"
    EMPTY = "empty"
    UNSYNCED = "unsynced"


class ServiceState(StrEnum):
    """What a venue declares of itself."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable thing of a venue. `contract_size` is base units a contract (1 for spot and base-quoted contracts)."""

    symbol: str
    base: str
    quote: str
    market: Market
    contract_size: Decimal = Decimal(1)
    inverse: bool = False
    trading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stretch of a request: resolve, connect, tls, send, wait, receive; absolute start, length in seconds."""

    name: str
    started_at: datetime
    duration_s: float


class FeedEvent(StrEnum):
    """What befell a feed."""

    OPENED = "opened"
    CLOSED = "closed"
    SILENT = "silent"
    PULSE = "pulse"
    GAP = "gap"
    RESYNCED = "resynced"
    BACKLOG = "backlog"
    SHUTDOWN_ANNOUNCED = "shutdown_announced"
    REJECTED = "rejected"
