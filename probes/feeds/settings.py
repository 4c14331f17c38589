"""What one feed connection runs with: where, as whom, for which instruments, and who hears of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from probes.readings import Instrument, Reading
from probes.rest.http import Clock
from probes.tape import Tape
from probes.venue import BookSnapshot, Feed

FIRST_PAUSE_S = 0.5
SAMPLE_S = 1.0

Emit = Callable[[Reading], None]
Base = Callable[[Instrument], Awaitable[BookSnapshot | None]]


@dataclass(slots=True, kw_only=True)
class FeedSetting:
    """What a feed runs with. `base` fetches a REST snapshot; `tape` keeps raw frames as they come."""

    url: str
    client: aiohttp.ClientSession
    clock: Clock
    emit: Emit
    base: Base | None = None
    tape: Tape | None = None
    seed: int | None = None
    first_pause_s: float = FIRST_PAUSE_S
    sample_s: float = SAMPLE_S
    instruments: Sequence[Instrument] = field(default_factory=tuple)


def feed_url(host: str, feed: Feed, instruments: Sequence[Instrument], hosts: Mapping[str, str]) -> str:
    """Where a feed connects: the host's base URL and the dialect's path."""
    return hosts[host].rstrip("/") + feed.path(instruments)
