"""Remembers when our own event loop was late, so that what we read late is not told as a venue's delay. Pure.

A value weighs nothing if our lag is more than a tenth of it: a time-out of 3 s beside a lag of 0.4 s. A value of ten times the
lag is the venue's own, less the lag: else we would be blind in a storm, when we are often a little late.
"""

from __future__ import annotations

from collections import deque
from math import floor

from monitor.signals import Signal, SignalKind

EXPLAINED_SHARE = 0.1
"""A lag above this share of a value explains it."""
SAMPLED_S = 1.0
"""Lags of feeds and engines are the largest of the second before."""
MAX_PERIODS = 256
"""At most one a second is told."""
_SAMPLED = frozenset({SignalKind.FEED_LAG, SignalKind.ENGINE_LAG})


class OwnLag:
    """The periods in which we were late, by vantage."""

    kinds = frozenset({SignalKind.LOOP_LAG})

    def __init__(self) -> None:
        self._periods: dict[str, deque[tuple[float, float]]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a period: it began at `at_s` and lasted as long as the signal's value says."""
        periods = self._periods.setdefault(_vantage(signal), deque(maxlen=MAX_PERIODS))
        periods.append((at_s, at_s + signal.value))

    def lag_s(self, signal: Signal) -> float:
        """Our lag in the seconds in which a value was measured. The value is a span that ended when it was received."""
        periods = self._periods.get(_vantage(signal))
        if not periods:
            return 0.0
        ended_s = signal.received_at.timestamp()
        span_s = SAMPLED_S if signal.kind in _SAMPLED else max(signal.value, 0.0)
        return _late_s(periods, floor(ended_s - span_s), floor(ended_s) + 1)

    def explains(self, signal: Signal) -> bool:
        """Whether a value may be our own lag rather than the venue's."""
        lag_s = self.lag_s(signal)
        return lag_s > 0.0 and lag_s > EXPLAINED_SHARE * signal.value

    def in_second_of(self, signal: Signal) -> bool:
        """Whether we were late in the second in which a signal was received."""
        second = floor(signal.received_at.timestamp())
        return _late_s(self._periods.get(_vantage(signal), ()), second, second + 1) > 0.0

    def between_s(self, from_s: float, to_s: float) -> float:
        """Our lag between two times, at whichever vantage it was the largest."""
        if not self._periods:
            return 0.0
        return max(
            sum(max(min(ended_s, to_s) - max(began_s, from_s), 0.0) for began_s, ended_s in periods)
            for periods in self._periods.values()
        )


def _vantage(signal: Signal) -> str:
    return signal.subject.vantage or "local"


def _late_s(periods: deque[tuple[float, float]] | tuple[()], from_s: int, until_s: int) -> float:
    """The whole length of the periods that touch a row of seconds."""
    return sum(ended_s - began_s for began_s, ended_s in periods if began_s < until_s and ended_s >= from_s)
