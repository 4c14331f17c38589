"""Declares a simulated dialect: the answers and frames of a venue, as pure functions of its market. No sockets, no clock.

Topics are the world's own names of the subscriptions of a socket: "book:perp", "book:spot", "forced", "mark",
"interest", "ticker:perp", "ticker:spot", "status", "pulse" (what proves that a liquidation feed lives), "ping" (of other feeds).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from monitor.drill.world.market import Change, Forced, SimVenue

Frame = str | bytes
"""A frame of text, or a binary one."""
BYSTANDER = "BTC"
"""An asset that every venue lists and none trades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer: `payload` is sent as JSON, or as it is if it is text."""

    payload: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """The body in bytes."""
        return self.payload.encode() if isinstance(self.payload, str) else compact(self.payload).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketReply:
    """The reaction to a client's message: frames to answer at once, and topics that it subscribes to."""

    answers: Sequence[Frame] = ()
    topics: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """One REST request. `body` is the JSON object of a POST."""

    path: str
    query: Mapping[str, str]
    now_ms: int
    body: Mapping[str, Any] = field(default_factory=dict)


class Dialect(Protocol):
    """One venue's API."""

    id: str
    flush_s: float
    """How often the liquidation feed sends."""

    def hosts(self, port: int) -> Mapping[str, str]:
        """The base URLs by the dialect's host keys."""

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """The answer of a path, None if there is no such path."""

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """The venue's own throttling answer."""

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """The subscriptions in the URL of a new socket; None if there is no socket at this path."""

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """React to a client's message on a socket."""

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The first frames of a subscription: snapshots and backlogs."""

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The frames of a change of a book."""

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """The frame that a topic sends each second, if any."""

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """The frames of forced orders, censored as this venue does (`orders` is never empty)."""


class Quiet:
    """What a venue does that pushes nothing but what its own class says: no frame."""

    flush_s = 1.0

    def opened(self, path: str, query: Mapping[str, str]) -> SocketReply | None:
        """No socket."""
        return None

    def on_message(self, path: str, text: str, venue: SimVenue, now_ms: int) -> SocketReply:
        """No answer."""
        return SocketReply()

    def opening_frames(self, topic: str, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """None: a book's base is REST's."""
        return ()

    def book(self, market: str, change: Change, venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """No books."""
        return ()

    def frame_each_second(self, topic: str, venue: SimVenue, now_ms: int) -> Frame | None:
        """None."""
        return None

    def forced(self, orders: Sequence[Forced], venue: SimVenue, now_ms: int) -> Sequence[Frame]:
        """No feed of forced orders."""
        return ()


def compact(payload: object) -> str:
    """JSON without spaces."""
    return json.dumps(payload, separators=(",", ":"))


def next_funding_ms(now_ms: int) -> int:
    """The next eight-hourly funding time."""
    eight_h = 8 * 3600 * 1000
    return (now_ms // eight_h + 1) * eight_h


def engine_ms(venue: SimVenue, now_ms: int) -> int:
    """The stamp of the matching engine: behind by its lag, and by two more milliseconds."""
    return now_ms - 2 - int(venue.weather.engine_lag_s * 1000)
