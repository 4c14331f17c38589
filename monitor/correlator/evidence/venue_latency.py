"""Finds venues that answer more slowly than usual, or whose engine or feed lags more than usual.

Each check, feed and instrument is a stream of its own, judged by its own quiet past (`monitor/detect/latency.py`); the grade
and the weight follow from how often chance makes one of the venue's streams as slow. A burst under half a minute, and a latency
under 0.1 s, is grade 1; the latter weighs its share of 0.1 s. A feed lag within the bound of the clock offset is no finding. What
our own lag explains is not taken; the rest is taken less our own lag, and divided by how many times slower than usual our own way
out is. What was sent or scheduled while our own network may have been at fault is not taken either, whenever its outcome comes.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from monitor.correlator.own_path import RECENT_S
from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import MAX_PER_DAY, grade_of_rate, nats_of_rate
from monitor.detect.latency import RESOLUTION_S, LatencyStream
from monitor.detect.shift import NONE
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

LAST = 3
"""The latency that is told is the median of so many."""
FELT_S = 0.1
"""A latency under this is odd at most, however rare: nobody who leaves by this venue feels it. Grade 1, and it
weighs its share of this: feeds of several venues that lag 20 ms where 7 are usual, on a busy host, are no leg together."""
BURST_S = 30.0
"""A rise that has not lasted so long may be a burst. Every venue has some, and a stream's own past is often too short to show
them: it counts as what chance makes once an hour, which several venues at once still turn into more. Time-outs are no burst."""
BURST_PER_DAY = MAX_PER_DAY[0]
RISEN = 1.25
"""The median of the last answers is so many times the usual one while a rise goes on: the first lane of its detector."""
MAX_STREAMS = 20_000
"""All venues together. A stream beyond them takes the place of the one that began first."""

_NAMES = {
    SignalKind.REQUEST: ("venue_latency", "answers in"),
    SignalKind.ENGINE_LAG: ("engine_lag", "engine lags"),
    SignalKind.FEED_LAG: ("feed_lag", "feed lags"),
}
_ON_OUR_WAY = frozenset({SignalKind.REQUEST, SignalKind.FEED_LAG})
"""What our own way out prolongs. An engine's lag is between two stamps of the venue."""
_Key = tuple[SignalKind, str, str, tuple[str, str]]
"""Kind, venue, source, and which stream of it: the instrument, and the vantage from which a request was measured."""
_Source = tuple[SignalKind, str, str]


class _Stream:
    __slots__ = ("began_s", "bound_s", "last", "last_s", "latency", "rise", "unanswered", "vantage")

    def __init__(self, at_s: float) -> None:
        self.began_s = self.last_s = at_s
        self.bound_s = 0.0
        """A lag up to here may be our clock's."""
        self.latency = LatencyStream()
        self.rise = NONE
        self.last: deque[tuple[float, str | None]] = deque(maxlen=LAST)
        """Lags with their links."""
        self.unanswered = 0
        """Time-outs since the last answer."""
        self.vantage: str | None = None


class VenueLatencyEvidence:
    """Latency of checks, lag of engines and feeds."""

    kinds = frozenset(_NAMES)

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._streams: dict[_Key, _Stream] = {}
        self._counts: dict[tuple[SignalKind, str], int] = {}
        """Streams of a kind at a venue: any of them may be slow by chance."""
        self._slow: dict[_Source, dict[tuple[str, str], _Stream]] = {}
        """The slow streams of a source, by instrument and vantage."""
        self._touched: set[_Source] = set()
        self._doubted = False
        self._slow_vantages: tuple[str, ...] = ()
        """Vantages whose own way out is slow."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one latency or lag in seconds. Nothing is learned while our own network may be at fault."""
        venue = signal.subject.venue
        if venue is None or (signal.kind is SignalKind.REQUEST and not _counts(signal)):
            return
        attribution = self._board.attribution
        if attribution.in_doubt(signal) or attribution.own_lag.explains(signal):
            return
        lag_s = signal.value - attribution.own_lag.lag_s(signal)
        slower = attribution.own_path.ratio(signal.subject.vantage, at_s) if signal.kind in _ON_OUR_WAY else 1.0
        vantage = signal.subject.vantage if signal.kind is SignalKind.REQUEST else None
        which = (signal.subject.instrument or "", vantage or "")
        key = (signal.kind, venue, signal.source, which)
        stream = self._streams.get(key) or self._begin(key, at_s)
        if slower > 1.0:
            lag_s = max(lag_s / slower, min(lag_s, stream.latency.normal_s))
        stream.vantage = signal.subject.vantage
        stream.rise = stream.latency.add(lag_s, at_s)
        stream.last.append((max(lag_s, 0.0), signal.link))
        bound_s = signal.attributes.get("bound_s") if signal.kind is SignalKind.FEED_LAG else None
        stream.bound_s = float(bound_s) if isinstance(bound_s, int | float) else 0.0
        stream.last_s = at_s
        stream.unanswered = stream.unanswered + 1 if signal.attributes.get("censored") is True else 0
        source = key[:3]
        if stream.rise.per_day <= MAX_PER_DAY[0]:
            self._slow.setdefault(source, {})[which] = stream
            self._touched.add(source)
        elif source in self._slow:
            self._forget(source, which)

    def on_second(self, now_s: float) -> None:
        """Put the sources with slow streams on the board; forget every rise when our own network comes into doubt."""
        doubted, self._doubted = self._doubted, self._board.attribution.suspected
        if self._doubted and not doubted:  # the first time-outs came before they could be told from the venues'
            for stream in self._streams.values():
                stream.latency.forget_rise()
                stream.last.clear()
            self._slow.clear()
            self._touched.clear()
        self._forget_our_own(now_s)
        own_path = self._board.attribution.own_path
        for source in sorted(self._touched):
            warm = [
                (one.rise.per_day, which, one)
                for which, one in self._slow.get(source, {}).items()
                if now_s - one.began_s >= self._board.settings.warm_s
                and not own_path.is_open(one.vantage, one.rise.onset_s, now_s)
            ]
            if warm:
                _, _, slowest = min(warm, key=lambda one: one[:2])
                self._put(source, slowest, len(warm), now_s)
        self._touched.clear()

    def _forget_our_own(self, now_s: float) -> None:
        """Where our way out has just become slow: the last seconds' rises came before it was known, and may be ours."""
        before, self._slow_vantages = self._slow_vantages, self._board.attribution.own_path.slow(now_s)
        began = {one for one in self._slow_vantages if one not in before}
        if not began:
            return
        for source in sorted(self._slow):
            for which, stream in sorted(self._slow[source].items()):
                if (stream.vantage or "local") in began and now_s - stream.rise.onset_s < RECENT_S:
                    stream.latency.forget_rise()
                    self._forget(source, which)

    def _begin(self, key: _Key, at_s: float) -> _Stream:
        if len(self._streams) >= MAX_STREAMS:
            oldest = next(iter(self._streams))
            del self._streams[oldest]
            self._counts[oldest[:2]] -= 1
            self._forget(oldest[:3], oldest[3])
        self._counts[key[:2]] = self._counts.get(key[:2], 0) + 1
        stream = self._streams[key] = _Stream(at_s)
        return stream

    def _forget(self, source: _Source, which: tuple[str, str]) -> None:
        slow = self._slow.get(source, {})
        slow.pop(which, None)
        if not slow:
            self._slow.pop(source, None)

    def _put(self, source: _Source, stream: _Stream, slow: int, now_s: float) -> None:
        kind, venue, name = source
        streams = self._counts[kind, venue]
        per_day = stream.rise.per_day * streams
        if stream.last_s - stream.rise.onset_s < BURST_S and stream.unanswered < LAST:
            per_day = max(per_day, BURST_PER_DAY)
        lag_s, usual_s = median(one for one, _ in stream.last), stream.latency.normal_s
        if lag_s < FELT_S:
            per_day = max(per_day, BURST_PER_DAY)
        grade = grade_of_rate(per_day)
        if not grade or lag_s <= stream.bound_s:
            return
        if lag_s + RESOLUTION_S < RISEN * (usual_s + RESOLUTION_S):  # it is over, though its sum is still high
            return
        evidence, words = _NAMES[kind]
        what = name.rpartition("/")[2]
        others = f", {slow} of {streams} streams" if streams > 1 else ""
        self._board.put(
            Finding(
                name=evidence,
                leg=Leg.VENUE,
                subject=Subject(venue=venue),
                key=what,
                grade=grade,
                at_s=now_s,
                onset_s=stream.rise.onset_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=lag_s,
                normal=usual_s,
                unit="s",
                said=f"{venue} {what} {words} {lag_s:.2f} s ({usual_s:.3f} s usual{others})",
                links=[link for _, link in stream.last if link],
                weight=nats_of_rate(per_day) * min(lag_s / FELT_S, 1.0),
                far_per_day=per_day,
            )
        )


def _counts(signal: Signal) -> bool:
    """Whether a latency counts: of good answers, and of time-outs as a lower bound. Refusals are fast and prove nothing."""
    return signal.attributes.get("outcome") == "ok" or signal.attributes.get("censored") is True


PRODUCER = VenueLatencyEvidence
