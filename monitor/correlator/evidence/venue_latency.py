"""Finds venues that answer more slowly than usual, or whose engine or feed lags more than usual.

Compares logarithms of seconds with robust levels of two memories; both must agree, and the excess must matter in absolute
terms. The median of the last five scores counts, so that one slow answer does not. A feed lag within the bound of the clock
offset is no lag. What our own lag explains is not taken, and the rest is taken less our own lag.
"""

from __future__ import annotations

from collections import deque
from math import exp, log
from statistics import median

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.detect.level import RobustLevel
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

SCORES = (4.0, 6.0, 8.0, 14.0)
MIN_EXCESS_S = (0.1, 0.25, 0.5, 1.0)
"""The least excess of each grade: a feed usually at 1 ms and now at 300 ms is odd, not in distress."""
SCALE_FLOOR = 0.25
LAST = 5

_NAMES = {
    SignalKind.REQUEST: ("venue_latency", "answers in"),
    SignalKind.ENGINE_LAG: ("engine_lag", "engine lags"),
    SignalKind.FEED_LAG: ("feed_lag", "feed lags"),
}


class _Stream:
    def __init__(self, board: EvidenceBoard, at_s: float) -> None:
        self.began_s = at_s
        self.short = RobustLevel(board.settings.level_short_s, SCALE_FLOOR)
        self.long = RobustLevel(board.settings.level_long_s, SCALE_FLOOR)
        self.last: deque[tuple[float, float, str | None]] = deque(maxlen=LAST)
        self.onset_s: float | None = None


class VenueLatencyEvidence:
    """Latency of checks, lag of engines and feeds."""

    kinds = frozenset(_NAMES)

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._streams: dict[tuple[SignalKind, str, str], _Stream] = {}
        self._touched: set[tuple[SignalKind, str, str]] = set()

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one latency or lag in seconds."""
        venue = signal.subject.venue
        if venue is None or (signal.kind is SignalKind.REQUEST and not _counts(signal)):
            return
        own_lag = self._board.attribution.own_lag
        if own_lag.explains(signal):
            return
        lag_s = signal.value - own_lag.lag_s(signal)
        if signal.kind is SignalKind.FEED_LAG:
            bound = signal.attributes.get("bound_s", 0.0)
            lag_s -= float(bound) if isinstance(bound, int | float) else 0.0
        key = (signal.kind, venue, signal.source)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream(self._board, at_s)
        value = log(max(lag_s, 1e-3))
        score = min(stream.short.score(value), stream.long.score(value))
        stream.last.append((score, max(lag_s, 0.0), signal.link))
        if score < SCORES[0]:
            stream.short.learn(value, at_s)
            stream.long.learn(value, at_s)
            stream.onset_s = None
        elif stream.onset_s is None:
            stream.onset_s = at_s
        elif (
            at_s - stream.onset_s > self._board.settings.level_long_s
        ):  # slow for so long: that is its usual latency now
            stream.short.learn(value, at_s)
            stream.long.learn(value, at_s)
        self._touched.add(key)

    def on_second(self, now_s: float) -> None:
        """Put the streams whose last five values agree on the board."""
        for key in sorted(self._touched):
            stream = self._streams[key]
            if len(stream.last) == LAST and now_s - stream.began_s >= self._board.settings.warm_s:
                self._judge(key, stream, now_s)
        self._touched.clear()

    def _judge(self, key: tuple[SignalKind, str, str], stream: _Stream, now_s: float) -> None:
        lag_s = median(one[1] for one in stream.last)
        usual_s = exp(stream.long.level)
        grade = graded(median(one[0] for one in stream.last), SCORES)
        grade = min(grade, graded(lag_s - usual_s, MIN_EXCESS_S))
        if not grade:
            return
        name, words = _NAMES[key[0]]
        what = key[2].rpartition("/")[2]
        self._board.put(
            Finding(
                name=name,
                leg=Leg.VENUE,
                subject=Subject(venue=key[1]),
                key=what,
                grade=grade,
                at_s=now_s,
                onset_s=now_s if stream.onset_s is None else stream.onset_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=lag_s,
                normal=usual_s,
                unit="s",
                said=f"{key[1]} {what} {words} {lag_s:.2f} s ({usual_s:.3f} s usual)",
                links=[one[2] for one in stream.last if one[2]],
            )
        )


def _counts(signal: Signal) -> bool:
    """Whether a latency counts: of good answers, and of time-outs as a lower bound. Refusals are fast and prove nothing."""
    return signal.attributes.get("outcome") == "ok" or signal.attributes.get("censored") is True


PRODUCER = VenueLatencyEvidence
