"""Declares one HTTP exchange as it was on the wire, and the protocol of a tape, which records everything a venue sent.

Signed exchanges never reach a tape: their answers are about the operator's account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from probes.readings import FeedChanged, Phase, Refusal, VenueId


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExchange:
    """The outcome of one request. `refusal` is the transport's; an answer of any status has none.

    `method` and `url` say what was asked, without query and user name; empty where nothing was sent, or not over HTTP.
    """

    sent_at: datetime
    received_at: datetime
    phases: tuple[Phase, ...]
    cold: bool
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    refusal: Refusal | None
    detail: str
    method: str = ""
    url: str = ""


class Tape(Protocol):
    """Records what a venue sent, in order of arrival. Must not block."""

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        """Record an exchange of a check that needs no key, answered or not.

        `path` (a call's `subject`) distinguishes checks of one name.
        """
        ...

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        """Record a frame of a feed."""
        ...

    def connection(self, change: FeedChanged) -> None:
        """Record that a feed's connection was opened or closed."""
        ...
