"""Finds liquidations that come faster than usual, and says how often a day chance alone makes as grave a surge.

Counts of one-second bins are summed over the venues of an asset, in live time: a second in which a throttle hid events counts
only as far as the feed could show one. Each asset's own quiet past gives the rate of false alarms, hence grade and weight. The
share of liquidations that a throttled feed can have shown becomes its trust (docs/detection.md, "Surges"). An asset without
events costs nothing but one look a minute.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from math import isfinite

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import grade_of_rate, nats_of_rate
from monitor.detect.excitation import Branching
from monitor.detect.policy import Policy
from monitor.detect.surge import Surge, SurgeDetector
from monitor.detect.throttle import Estimate, ThrottledStream
from monitor.detect.tremors import Tremors
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject
from monitor.signals.kinds import ORDERED_AT

LOOK_S = 60
"""Each asset is looked at once in so many seconds, whatever happens."""
MAX_STREAMS = 256
"""Symbols of one asset: those beyond count without correction."""
USD_S = 30
MIN_LATE_S, MAX_LATE_S = 2, 60
"""Liquidations that come so late to our judgement count in their own seconds: after we or a feed stood still, those of
many seconds come at once, and are no surge. What is later still counts as it comes."""
POLICIES = {one.value: one for one in Policy}
COMPLETE = Policy.COMPLETE.value


@dataclass(slots=True)
class _Stream:
    """One symbol at one venue: its reports, and its usual events a second of live time."""

    source: str
    throttle: ThrottledStream
    events: float = 0.0
    live_s: float = 0.0
    until_s: int = 0

    def learn(self, second: int, events: int, dead_s: float, tau_s: float) -> None:
        """Learn the quiet time up to and with this second."""
        elapsed_s = max(second - self.until_s, 0)
        self.until_s = second
        keep = tau_s / (tau_s + elapsed_s)
        self.events = self.events * keep + events
        self.live_s = self.live_s * keep + max(elapsed_s - dead_s, 0.0)

    @property
    def usual(self) -> float:
        """Usual events a second."""
        return (self.events + 0.5) / (self.live_s + 1)


@dataclass(slots=True)
class _Usd:
    """The liquidated USD of a second, by side."""

    second: int
    usd: float = 0.0
    long_usd: float = 0.0
    short_usd: float = 0.0


class _Asset:
    """One asset over all its venues."""

    def __init__(self, board: EvidenceBoard, at_s: float) -> None:
        s = board.settings
        self.detector = SurgeDetector(s.background_half_life_s, s.rate_floor, s.warm_s, s.mu_min, int(at_s))
        self.tremors = Tremors(int(at_s))
        self.declared: dict[str, Policy] = {}
        """Source -> the policy that it declares."""
        self.streams: dict[tuple[str, str], _Stream] = {}
        self.touched: dict[tuple[str, str], None] = {}
        self.events = 0
        """Of the open second, at sources that are not throttled."""
        self.late: dict[int, int] = {}
        """Second -> its events that were heard only now."""
        self.usd: deque[_Usd] = deque(maxlen=USD_S)
        self.branching = Branching()
        self.hidden: tuple[int, float] = (0, 0.0)
        """A second to come, and which part of it is dead after reports."""
        self.looked_s = int(at_s)
        self.distrusted: set[str] = set()
        self.seen = 1.0
        self.tau_s = s.background_half_life_s


class LiquidationSurgeEvidence:
    """Surges of liquidations."""

    kinds = frozenset({SignalKind.LIQUIDATION, SignalKind.EXPECT})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}
        self._touched: dict[str, None] = {}
        self._awake: dict[str, None] = {}
        """Assets whose throttled feeds reported in the last minute."""
        self._looks: list[list[str]] = [[] for _ in range(LOOK_S)]
        self._looked_s = 0

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Count a liquidation, or learn a feed and its censoring."""
        name, of = signal.subject.asset, signal.attributes
        if name is None or of.get("backlog") is True:
            return
        if signal.kind is SignalKind.EXPECT and (of.get("leg") != "liquidation" or of.get("class") == "chain"):
            return  # chains are counted apart, in minutes
        asset = self._assets.get(name)
        if asset is None:
            asset = self._assets[name] = _Asset(self._board, at_s)
            self._looks[len(self._assets) % LOOK_S].append(name)
        said = of.get("censoring", COMPLETE)
        declared = POLICIES.get(said, Policy.ONE) if isinstance(said, str) else Policy.ONE
        asset.declared[signal.source] = declared
        if signal.kind is SignalKind.EXPECT:
            return
        self._touched[name] = None
        _count_usd(asset, signal, int(at_s))
        joins, second = of.get(ORDERED_AT), int(at_s)
        if isinstance(joins, int | float) and MIN_LATE_S <= joins - second <= MAX_LATE_S:
            asset.late[second] = asset.late.get(second, 0) + 1
            return
        key = (signal.source, signal.subject.instrument or "")
        stream = asset.streams.get(key)
        if stream is None:
            if len(asset.streams) >= MAX_STREAMS:
                asset.events += 1
                return
            stream = asset.streams[key] = _Stream(signal.source, ThrottledStream(declared), until_s=int(at_s))
        throttle = stream.throttle
        if declared is not throttle.observed.declared:
            throttle.observed.declare(declared)
        throttle.take(at_s, signal.value)
        asset.touched[key] = None

    def on_second(self, now_s: float) -> None:
        """End the second of every asset that had an event, and look at a sixtieth of the others."""
        second = int(now_s) - 1
        for name in sorted(self._touched):
            self._close(name, self._assets[name], second, now_s)
        for name in sorted(self._awake):
            self._trust(name, self._assets[name], second)
        self._touched.clear()
        for moment in range(max(self._looked_s, second - LOOK_S) + 1, second + 1):
            for name in self._looks[moment % LOOK_S]:
                self._look(name, self._assets[name], second, now_s)
        self._looked_s = second

    def _look(self, name: str, asset: _Asset, second: int, now_s: float) -> None:
        sight = self._board.coverage
        sources = [sight.by_name[one] for one in sorted(asset.declared) if one in sight.by_name]
        seen = sum(sight.seen(one, now_s, name) for one in sources) / len(sources) if sources else 0.0
        asset.detector.pass_to(second, min(seen, asset.seen))
        if min(seen, asset.seen) >= 0.5:
            asset.tremors.learn(max(second - asset.looked_s, 0), asset.detector.usual.rate)
        asset.looked_s = second
        asset.seen = seen

    def _close(self, name: str, asset: _Asset, second: int, now_s: float) -> None:
        detector = asset.detector
        if detector.is_new_round(second):
            self._look(name, asset, second, now_s)
        hidden_s, hidden = asset.hidden
        if hidden > 0 and hidden_s < second:
            detector.hide(hidden_s, hidden)
        dead = hidden if hidden_s == second else 0.0
        asset.hidden = (second + 1, 0.0)
        total = sum(one.usual for one in asset.streams.values())
        for past in sorted(asset.late):
            detector.add_late(past, float(asset.late[past]))
        asset.late.clear()
        count, touched = asset.events, list(asset.touched)
        asset.events = 0
        asset.touched.clear()
        closed: list[tuple[_Stream, int, float]] = []
        for key in sorted(touched):
            stream = asset.streams[key]
            share = stream.usual / total
            reports, now_dead, next_dead = stream.throttle.close(second, share * detector.usual.rate)
            closed.append((stream, reports, now_dead + next_dead))
            count += reports
            dead += now_dead * share
            asset.hidden = (second + 1, asset.hidden[1] + next_dead * share)
            if stream.throttle.observed.policy is not Policy.COMPLETE:
                self._awake[name] = None
        surge, since = _surge(asset, second, float(count), dead)
        asset.branching.add(count, second)
        for stream, reports, dead_s in closed:
            if surge.per_day >= 1.0:
                stream.learn(second, reports, dead_s, asset.tau_s)
                stream.throttle.learn_size(second)
            stream.until_s = second
        grade = grade_of_rate(surge.per_day)
        if grade:
            self._put(name, asset, now_s, grade, surge, since)

    def _trust(self, name: str, asset: _Asset, second: int) -> None:
        """Trust each throttled source by the share of the last minute's liquidations that it showed."""
        reported: dict[str, float] = {}
        true: dict[str, float] = {}
        awake = False
        for stream in asset.streams.values():
            if not stream.throttle.awake(second):
                continue
            found = stream.throttle.estimate(second)
            awake = awake or stream.throttle.observed.policy is not Policy.COMPLETE
            reported[stream.source] = reported.get(stream.source, 0.0) + found.reported
            true[stream.source] = true.get(stream.source, 0.0) + found.rate
        trust = self._board.coverage.trust
        for source in sorted(asset.distrusted - set(reported)):
            trust[source, name] = 1.0
        for source, rate in true.items():
            trust[source, name] = min(reported[source] / rate, 1.0) if rate > 0 else 1.0
        asset.distrusted = set(reported)
        if not awake:
            del self._awake[name]

    def _put(self, name: str, asset: _Asset, now_s: float, grade: int, surge: Surge, since: tuple[int, float]) -> None:
        usual, second = asset.detector.usual.rate, int(now_s) - 1
        onset_s, ratio = since
        rate = ratio * usual
        recent = [one for one in asset.usd if one.second > second - USD_S]
        children = asset.branching.ratio
        cascade = f", {children:.0%} self-excited" if children > 0.6 else ""
        usd = sum(one.usd for one in recent)
        self._board.put(
            Finding(
                name="liquidation_surge",
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=name),
                grade=grade,
                weight=nats_of_rate(surge.per_day),
                far_per_day=surge.per_day,
                onset_s=float(onset_s),
                at_s=now_s,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=rate,
                normal=usual,
                unit="1/s",
                said=f"liquidations {rate / usual:.0f}x normal ({rate:.1f}/s, {usd:,.0f} USD in {USD_S} s{cascade}"
                f"{_sides(recent)}{_behind(asset, second, recent)})",
                dated=True,
            )
        )


def _surge(asset: _Asset, second: int, count: float, dead: float) -> tuple[Surge, tuple[int, float]]:
    """The gravest window of the asset's detector, and the onset with its ratio of what has a grade.

    Where several feeds share a market, chance adds what the market makes by itself.
    """
    detector, tremors = asset.detector, asset.tremors
    tremor_per_day = tremors.per_day(second, count, dead, detector.usual.rate, detector.usual.doubt)
    surge = detector.add(second, count, dead)
    if not grade_of_rate(surge.per_day):
        return surge, (second, surge.ratio)
    tremors.renew(second)
    onset_s, ratio = detector.onset(second, surge)
    if len(asset.declared) < 2:
        return surge, (onset_s, ratio)
    wander_per_day = tremors.wander_per_day(ratio, detector.events_since(onset_s))
    in_it = tremors.per_day_of(
        ratio, second + 1 - onset_s, detector.usual.doubt
    )  # a tremor of a market that is lively anyway
    by_itself = max(tremor_per_day, in_it) + wander_per_day
    return replace(surge, per_day=surge.per_day + by_itself), (onset_s, ratio)


def _count_usd(asset: _Asset, signal: Signal, second: int) -> None:
    if not asset.usd or asset.usd[-1].second < second:
        asset.usd.append(_Usd(second))
    now, usd, side = asset.usd[-1], signal.value, signal.attributes.get("side")
    now.usd += usd
    if side == "long":
        now.long_usd += usd
    elif side == "short":
        now.short_usd += usd


def _sides(recent: list[_Usd]) -> str:
    """The share of longs, where venues tell the sides."""
    long_usd, short_usd = (sum(getattr(one, side) for one in recent) for side in ("long_usd", "short_usd"))
    return f", {long_usd / (long_usd + short_usd):.0%} longs" if long_usd + short_usd > 0 else ""


def _behind(asset: _Asset, second: int, recent: list[_Usd]) -> str:
    """What throttles hid in the last half minute, in words; empty if it is little."""
    found: list[Estimate] = [one.throttle.estimate(second, USD_S) for one in asset.streams.values()]
    reported, true = sum(one.reported for one in found), sum(one.rate for one in found)
    if not recent or reported <= 0 or true < 1.25 * reported:
        return ""
    low, high = sum(one.low for one in found), sum(one.high for one in found)
    usd = sum(one.usd for one in recent) / reported
    most = f"{high * usd:,.0f}" if isfinite(high) else "unknown"
    return f"; {reported / true:.0%} shown: truly {true * usd:,.0f} USD, {low * usd:,.0f} to {most}"


PRODUCER = LiquidationSurgeEvidence
