"""The form of a simulated dialect: what a venue answers and pushes, as pure functions of its market. No sockets, no clock.

Topics are the world's own names of what a socket may be subscribed to: "book:perp", "book:spot", "forced", "mark",
"interest", "ticker:perp", "ticker:spot", "status".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from monitor.drill.world.market import Change, Forced, SimVenue

BYSTANDER = "BTC"
"""Listed everywhere, traded nowhere here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer: `said` is sent as JSON, or as it stands where it is text."""

    said: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """The bytes sent."""
        return self.said.encode() if isinstance(self.said, str) else compact(self.said).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a client's message comes to: answers at once, and topics it is subscribed to from now on."""

    answers: Sequence[str] = ()
    topics: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One REST request."""

    path: str
    query: Mapping[str, str]
    now_ms: int


class Dialect(Protocol):
    """One venue's wire."""

    id: str
    flush_s: float
    """How often the liquidation feed speaks."""

    def hosts(self, port: int) -> Mapping[str, str]:
        """Base URLs by the dialect's host keys."""

    def rest(self, asked: Asked, venue: SimVenue) -> Reply | None:
        """The answer of a path, None where there is no such path."""

    def throttled(self, asked: Asked, venue: SimVenue) -> Reply:
        """The venue's own throttling answer."""

    def opened(self, path: str, query: Mapping[str, str]) -> Heard | None:
        """What the URL of a new socket subscribes to; None where there is no socket at this path."""

    def heard(self, path: str, text: str, venue: SimVenue, now_ms: int) -> Heard:
        """A client's message on a socket."""

    def first(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[str]:
        """Frames that open a subscription: snapshots and backlogs."""

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> str:
        """The frame of a book's change."""

    def second(self, topic: str, venue: SimVenue, now_ms: int) -> str | None:
        """The frame a topic gets each second, if any."""

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> str:
        """The frame that tells of forced orders, censored as this venue does (`orders` is never empty)."""


def compact(said: object) -> str:
    """JSON without spaces."""
    return json.dumps(said, separators=(",", ":"))


def next_funding_ms(now_ms: int) -> int:
    """The next eight-hourly funding time."""
    eight_h = 8 * 3600 * 1000
    return (now_ms // eight_h + 1) * eight_h


def engine_ms(venue: SimVenue, now_ms: int) -> int:
    """The stamp of the matching engine: behind by its lag, and by two milliseconds on a good day."""
    return now_ms - 2 - int(venue.weather.engine_lag_s * 1000)
