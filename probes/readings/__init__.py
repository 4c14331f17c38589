"""Declares every reading of a venue, as frozen dataclasses in one closed union.

Times are aware UTC. `received_at` is our clock; `event_time` is the venue's own stamp, uncorrected (see VenueClock for
the offset). Prices and sizes are `Decimal` where money is counted (liquidations, open interest) and `float` where
statistics are made (books). Quote currencies pegged to the dollar count as 1 USD; which, and
what becomes of others, is in `dollars.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from probes.readings.market import (
    BookMeasured,
    BookRefilled,
    Deleveraging,
    Funding,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MarketLiquidations,
    MarkPrice,
    OpenInterest,
    Volume,
)
from probes.readings.terms import (
    BookState,
    BundledInstrument,
    Censoring,
    ClaimState,
    FeedEvent,
    Instrument,
    MalformedReason,
    Market,
    Phase,
    Refusal,
    ServiceState,
    Side,
    VenueId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTimed:
    """One REST check, answered or not. `latency_s` counts from `scheduled_at`; a time-out is censored ("≥ latency_s").

    `refusal` None means a good answer. `cold` is true for a new connection. `detail` is short and safe to show
    (for MALFORMED: the offending path in the payload). `method` and `url` are what was asked, without query and user name; empty
    where nothing was sent, or not over HTTP.
    """

    venue: VenueId
    check: str
    instrument: str | None
    scheduled_at: datetime
    sent_at: datetime
    received_at: datetime
    latency_s: float
    service_s: float
    """From the actual start of the request to its end: latency without our own delay."""
    phases: tuple[Phase, ...]
    cold: bool
    status: int | None
    refusal: Refusal | None
    censored: bool
    body_bytes: int
    detail: str = ""
    method: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMissed:
    """`missed` slots of a check's schedule passed while its previous request was under way, or one request was given up.

    That request was due at `scheduled_at` and over at `received_at`; the missed slots came `every_s` apart after it (0: it is its
    own slot that is missed). `censored`: it timed out, so that theirs would have lasted at least as long, for all we know.
    """

    venue: VenueId
    check: str
    instrument: str | None
    scheduled_at: datetime
    received_at: datetime
    missed: int
    every_s: float = 0.0
    censored: bool = False

    def latencies_s(self, most: int) -> list[float]:
        """What the missed requests would have taken, at most `most` of them, the earliest first.

        The venue that answered the one before them would have answered them then, too (Gil Tene's correction of coordinated
        omission; HdrHistogram, `recordValueWithExpectedInterval`).
        """
        held_s = (self.received_at - self.scheduled_at).total_seconds()
        taken = min(self.missed, most)
        return [max(held_s if self.censored else held_s - number * self.every_s, 0.0) for number in range(1, taken + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """The unused share of a request budget, by the venue's own headers where `declared`, else by our count. 0..1.

    `budget` is the class of endpoints, `host` the keys of the hosts that it is about, joined by "+".
    """

    venue: VenueId
    budget: str
    received_at: datetime
    left: float
    used: float
    limit: float
    window_s: float
    declared: bool
    host: str = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTime:
    """The venue's clock as one answer stated it. `resolution_s` is the stamp's unit; bounds widen by it."""

    venue: VenueId
    received_at: datetime
    event_time: datetime
    resolution_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueClock:
    """Offset of the venue's clock from ours (venue − ours), minimum-RTT sample over 60 s, true within ±bound_s."""

    venue: VenueId
    received_at: datetime
    offset_s: float
    bound_s: float
    samples: int
    origin: str
    """"rest" (two-sided bound) or "feed" (one-sided: offset is at least this, from the fastest frame seen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The state that a venue declares of itself; planned work has `begins_at`/`ends_at`.

    `service` is the part of the venue that it speaks of, at most 64 characters ("": the venue as a whole). A part stands by
    itself: what another part says does not change it. A whole venue that is operational ends the troubles of its parts.
    """

    venue: VenueId
    received_at: datetime
    state: ServiceState
    title: str = ""
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    planned: bool = False
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletStatus:
    """Whether an asset can be moved in and out over one network of the venue's. None: the venue does not say."""

    venue: VenueId
    asset: str
    network: str
    received_at: datetime
    deposits: bool | None
    withdrawals: bool | None
    delayed: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsListed:
    """The instruments that the venue lists."""

    venue: VenueId
    received_at: datetime
    instruments: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLag:
    """Two stamps of one venue apart (gateway − engine): needs no clock. Seconds, the sampling window's maximum."""

    venue: VenueId
    feed: str
    instrument: str | None
    received_at: datetime
    lag_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLag:
    """received_at − (event_time − clock offset): ± bound_s. Below −bound_s is a clock fault, not fast news."""

    venue: VenueId
    feed: str
    instrument: str | None
    received_at: datetime
    lag_s: float
    bound_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanged:
    """A feed's state. `value` by event: CLOSED seconds it had lived, SILENT seconds of silence, PULSE frames since the
    last pulse, GAP ids missing (≥ 1), BACKLOG old messages sent after subscribing, RESYNCED seconds without a book, else 0.

    `planned` marks a closing that the venue announced, that its connection lifetime brings, or that our own machine caused
    (`detail` says `local`): it says nothing against the venue.
    """

    venue: VenueId
    feed: str
    instrument: str | None
    received_at: datetime
    event: FeedEvent
    value: float
    planned: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMalformed:
    """Frames, or rows of frames or answers, that could not be read: `path` is where and why, `count` how many.

    `feed` is the check's name for the rows of an answer; an answer of which nothing can be read is a refusal of its request.
    """

    venue: VenueId
    feed: str
    received_at: datetime
    path: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsMalformed:
    """`count` rows of one answer or frame were not admitted for this reason; the others were. `check`: the check or feed.

    `path` is the place of the first one, short and safe to show. What such a row would have said is unknown.
    """

    venue: VenueId
    check: str
    received_at: datetime
    reason: MalformedReason
    path: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimChanged:
    """The state of one channel of a feed for one instrument (None: the channel is of the whole venue).

    `covers`: what it is for can be seen now. `main`: the feed is there for this channel; the others are company on its socket.
    `reason`: short words for a refusal, a silence or an end.
    """

    venue: VenueId
    feed: str
    channel: str
    instrument: str | None
    received_at: datetime
    state: ClaimState
    covers: bool
    main: bool
    reason: str = ""


Reading = (
    RequestTimed
    | SlotMissed
    | Headroom
    | ServerTime
    | VenueClock
    | ServiceStatus
    | WalletStatus
    | InstrumentsListed
    | BookMeasured
    | BookRefilled
    | Liquidation
    | MarketLiquidations
    | OpenInterest
    | Funding
    | MarkPrice
    | LongShortRatio
    | InsuranceFund
    | Deleveraging
    | Volume
    | EngineLag
    | FeedLag
    | FeedChanged
    | FeedMalformed
    | RowsMalformed
    | ClaimChanged
)

__all__ = [
    "BookMeasured",
    "BookRefilled",
    "BookState",
    "BundledInstrument",
    "Censoring",
    "ClaimChanged",
    "ClaimState",
    "Deleveraging",
    "EngineLag",
    "FeedChanged",
    "FeedEvent",
    "FeedLag",
    "FeedMalformed",
    "Funding",
    "Headroom",
    "Instrument",
    "InstrumentsListed",
    "InsuranceFund",
    "Liquidation",
    "LongShortRatio",
    "MalformedReason",
    "MarkPrice",
    "Market",
    "MarketLiquidations",
    "OpenInterest",
    "Phase",
    "Reading",
    "Refusal",
    "RequestTimed",
    "RowsMalformed",
    "ServerTime",
    "ServiceState",
    "ServiceStatus",
    "Side",
    "SlotMissed",
    "VenueClock",
    "VenueId",
    "Volume",
    "WalletStatus",
]
