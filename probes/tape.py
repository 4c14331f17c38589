"""What a venue's wire carried, as it came: one exchange, and the form of who keeps a tape of everything.

Signed exchanges never reach a tape: their answers speak of the operator's account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from probes.readings import FeedChanged, Phase, Refusal, VenueId


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExchange:
    """What came of one request. `refusal` is the transport's; an answer of any status has none."""

    sent_at: datetime
    received_at: datetime
    phases: tuple[Phase, ...]
    cold: bool
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    refusal: Refusal | None
    detail: str


class Tape(Protocol):
    """Keeps what came, in the order it came. Must not block."""

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        """An exchange of a check that needs no key, answered or not. `path` tells checks of one name apart."""
        ...

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        """A frame of a feed."""
        ...

    def connection(self, change: FeedChanged) -> None:
        """A feed's connection was opened or closed."""
        ...
