"""Liquidations come faster than usual: Poisson-FOCuS per asset, on rates corrected for what throttled feeds hide.

Counts of one-second bins are summed over venues; a feed that tells one event a second and symbol is read through its dead
time (facts: detection §3.2). Where quiet counts come in clusters (Fano factor above 1.3) the raw statistic is void, so it
needs a higher threshold, and a lane of clipped counts with thresholds of its own runs beside it. The background is frozen
while a surge is suspected. Each throttled feed's shown share of the truth becomes its trust.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import sqrt

from monitor.correlator.producer import Desk, graded
from monitor.detect.excitation import Branching
from monitor.detect.focus import PoissonFocus
from monitor.detect.rate import Background, dead_time_rate
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

POISSON = (7.0, 10.7, 12.5, 15.0)
CLUSTERED_RAW = (34.0, 54.0, 66.0, 80.0)
CLUSTERED_CLIPPED = (10.0, 16.0, 21.0, 26.0)
CLUSTERED_FANO = 1.3
THROTTLE_WINDOW_S = 10
TRUST_WINDOW_S = 60


@dataclass(slots=True)
class _Feed:
    """One venue's liquidations of one asset."""

    throttled: bool = False
    now: int = 0
    usd: float = 0.0
    told: deque[int] = field(default_factory=lambda: deque(maxlen=TRUST_WINDOW_S))

    def close(self) -> tuple[int, float]:
        """End the second: what was told, and what the throttle let us estimate on top."""
        told = self.now
        self.told.append(told)
        self.now = 0
        if not self.throttled:
            return told, 0.0
        recent = list(self.told)[-THROTTLE_WINDOW_S:]
        busy = sum(1 for one in recent if one)
        rate = dead_time_rate(busy, len(recent))
        return told, max(rate - sum(recent) / len(recent), 0.0)

    def shown(self) -> float:
        """The share of the truth this feed can have told of late."""
        if not self.throttled:
            return 1.0
        busy = sum(1 for one in self.told if one)
        rate = dead_time_rate(busy, len(self.told))
        told = sum(self.told) / len(self.told)
        return min(told / rate, 1.0) if rate > 0 else 1.0


class _Asset:
    """One asset over all its venues."""

    def __init__(self, desk: Desk, at_s: float) -> None:
        s = desk.settings
        self.began_s = at_s
        self.feeds: dict[str, _Feed] = {}
        self.quiet = Background(s.background_half_life_s, s.rate_floor)
        self.clipped_quiet = Background(s.background_half_life_s, s.rate_floor)
        self.focus = PoissonFocus(s.mu_min)
        self.clipped = PoissonFocus(s.mu_min)
        self.branching = Branching()
        self.counts = [0] * 8
        self.usd: deque[float] = deque(maxlen=30)

    def clip_at(self) -> int:
        """The quiet 99th percentile of a second's count."""
        total = sum(self.counts)
        below = 0
        for count, seconds in enumerate(self.counts):
            below += seconds
            if below >= 0.99 * total:
                return max(count, 1)
        return len(self.counts)

    def learn(self, count: float) -> None:
        """Take a quiet second into what is usual."""
        self.quiet.learn(count)
        self.counts[min(int(count), len(self.counts) - 1)] += 1
        self.clipped_quiet.learn(min(count, self.clip_at()))


class Made:
    """The surge of forced orders."""

    kinds = frozenset({SignalKind.LIQUIDATION, SignalKind.EXPECT})

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._assets: dict[str, _Asset] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Count a liquidation, or learn of a feed and its censoring."""
        subject = signal.subject
        if subject.asset is None or (
            signal.kind is SignalKind.EXPECT and signal.attributes.get("leg") != "liquidation"
        ):
            return
        asset = self._assets.get(subject.asset)
        if asset is None:
            asset = self._assets[subject.asset] = _Asset(self._desk, at_s)
        feed = asset.feeds.get(signal.source)
        if feed is None:
            feed = asset.feeds[signal.source] = _Feed()
        censoring = signal.attributes.get("censoring", "complete")
        feed.throttled = censoring != "complete"
        if signal.kind is SignalKind.LIQUIDATION and signal.attributes.get("backlog") is not True:
            feed.now += 1
            feed.usd += signal.value

    def on_second(self, now_s: float) -> None:
        """Close every asset's second."""
        for name in sorted(self._assets):
            self._close(name, self._assets[name], now_s)

    def _close(self, name: str, asset: _Asset, now_s: float) -> None:
        count = 0.0
        usd = 0.0
        for source in sorted(asset.feeds):
            feed = asset.feeds[source]
            told, hidden = feed.close()
            count += told + hidden
            usd += feed.usd
            feed.usd = 0.0
            self._desk.sources.trust[source, name] = feed.shown()
        asset.usd.append(usd)
        count = round(count)
        if now_s - asset.began_s < self._desk.settings.warm_s:
            asset.learn(count)
            return
        usual = self._usual(asset.quiet)
        excess = asset.focus.add(count, usual)
        clipped = asset.clipped.add(min(count, asset.clip_at()), self._usual(asset.clipped_quiet))
        clustered = asset.quiet.fano > CLUSTERED_FANO
        grade = graded(excess.statistic, CLUSTERED_RAW if clustered else POISSON)
        if clustered:
            grade = max(grade, graded(clipped.statistic, CLUSTERED_CLIPPED))
        if excess.statistic < (CLUSTERED_RAW if clustered else POISSON)[0] / 2 and not grade:
            asset.learn(count)
        asset.branching.add(count)
        if grade and count:
            best = excess if excess.statistic >= clipped.statistic else clipped
            self._pin(name, asset, now_s, grade, best.bins, best.ratio * usual)

    def _usual(self, quiet: Background) -> float:
        """The background's upper side: little history must not make a surge."""
        return quiet.rate + sqrt(quiet.rate / max(quiet.seconds, 1))

    def _pin(self, name: str, asset: _Asset, now_s: float, grade: int, bins: int, rate: float) -> None:
        usual = asset.quiet.rate
        children = asset.branching.ratio
        usd = sum(asset.usd)
        cascade = f", {children:.0%} self-excited" if children > 0.6 else ""
        self._desk.pin(
            "liquidation_surge",
            Leg.LIQUIDATION,
            Subject(asset=name),
            grade=grade,
            onset_s=now_s - bins,
            at_s=now_s,
            half_life_s=self._desk.settings.liquidation_half_life_s,
            value=rate,
            normal=usual,
            unit="1/s",
            said=f"liquidations {rate / usual:.0f}x normal ({rate:.1f}/s, {usd:,.0f} USD in 30 s{cascade})",
        )
