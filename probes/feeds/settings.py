"""The settings of one feed connection: URL, client, instruments, and where its readings go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from probes.fair_shares.allowance import FAIR, Limits
from probes.readings import Instrument, Reading
from probes.rest.http import Clock
from probes.tape import Tape
from probes.venue import BookSnapshot, Feed

FIRST_PAUSE_S = 0.5
SAMPLE_S = 1.0

Emit = Callable[[Reading], None]
FetchBook = Callable[[Instrument], Awaitable[BookSnapshot | None]]


@dataclass(slots=True, kw_only=True)
class FeedSetting:
    """The settings of a feed. `base` fetches the REST snapshot of a book; `tape` records raw frames as they arrive."""

    url: str
    client: aiohttp.ClientSession
    clock: Clock
    emit: Emit
    base: FetchBook | None = None
    tape: Tape | None = None
    seed: int | None = None
    first_pause_s: float = FIRST_PAUSE_S
    sample_s: float = SAMPLE_S
    limits: Limits = FAIR
    instruments: Sequence[Instrument] = field(default_factory=tuple)


def feed_url(host: str, feed: Feed, instruments: Sequence[Instrument], hosts: Mapping[str, str]) -> str:
    """The URL of a feed: the host's base URL and the dialect's path."""
    return hosts[host].rstrip("/") + feed.path(instruments)
