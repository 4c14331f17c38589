"""Estimates how far a venue's clock is from ours, with a bound: the minimum-RTT sample of the last minute.

The method is Cristian's (1989), as in RFC 5905. offset = venue − ours. A sample taken between `sent_s` and `received_s` is
true within half the round trip, plus the stamp's resolution. If there is no such sample, the fastest frame of a feed gives a
one-sided estimate: network delay only makes a frame look older, so the largest (stamp − receipt) is nearest to the offset.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_S = 60.0
MAX_SAMPLES = 256
FEED_BOUND_S = 0.25
"""The bound of the one-sided estimate: the delay of a usual network path."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Offset and bound in seconds; `origin` is "rest" or "feed"."""

    offset_s: float
    bound_s: float
    samples: int
    origin: str


class ClockOffset:
    """One venue's clock against ours. Times are unix seconds of our clock and of theirs."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._samples: deque[tuple[float, float, float]] = deque(maxlen=MAX_SAMPLES)  # (received, rtt, offset)
        self._frames: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)  # (received, stamp - received)

    def sample(self, sent_s: float, received_s: float, venue_s: float, resolution_s: float) -> None:
        """Take one answer: the venue's clock showed `venue_s` (truncated to `resolution_s`) between our two times."""
        rtt_s = max(received_s - sent_s, 0.0) + resolution_s
        middle_s = (sent_s + received_s) / 2
        self._samples.append((received_s, rtt_s, venue_s + resolution_s / 2 - middle_s))

    def frame(self, received_s: float, venue_s: float) -> None:
        """Take one pushed frame's stamp."""
        difference_s = venue_s - received_s
        if not self._frames or received_s - self._frames[-1][0] >= 0.2 or difference_s > self._frames[-1][1]:
            self._frames.append((received_s, difference_s))

    def best(self, now_s: float) -> Offset | None:
        """The estimate now, or None before the first sample and frame."""
        while len(self._samples) > 1 and now_s - self._samples[0][0] > self._window_s:
            self._samples.popleft()
        if self._samples:
            _, rtt_s, offset_s = min(self._samples, key=lambda one: one[1])
            return Offset(offset_s, rtt_s / 2, len(self._samples), "rest")
        while len(self._frames) > 1 and now_s - self._frames[0][0] > self._window_s:
            self._frames.popleft()
        if self._frames:
            return Offset(max(one[1] for one in self._frames), FEED_BOUND_S, len(self._frames), "feed")
        return None
