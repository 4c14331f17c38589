"""Finds liquidations that come faster than usual: Poisson-FOCuS per asset, corrected for what throttled feeds hide.

Counts of one-second bins are summed over venues. The rate of a feed that reports one event a second and symbol is corrected
for its dead time. If quiet counts come in clusters (Fano factor above 1.3) Poisson thresholds do not hold: the raw statistic
needs a higher threshold, and a second detector runs on clipped counts with its own thresholds. The background is frozen while
a surge is suspected. The share of liquidations that a throttled feed can have shown becomes its trust (docs/detection.md,
"Surges").
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.detect.excitation import Branching
from monitor.detect.focus import Excess, PoissonFocus
from monitor.detect.rate import Background, dead_time_rate
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

POISSON = (7.0, 10.7, 12.5, 15.0)
CLUSTERED_CLIPPED = (10.0, 16.0, 21.0, 26.0)
CLUSTERED_FANO = 1.3
RAW_BY_FANO = 2.14
"""Raw thresholds rise by this for each unit of Fano above 1: at 3 the weekly one is 66, as measured."""
CLIP_SHARE = 0.95
THROTTLE_WINDOW_S = 10
TRUST_WINDOW_S = 60
RECENT_S = 20
MIN_SHARE_SEEN = 0.5
BURST_WINDOW_S = 120
BURST_SECONDS = 5
MAX_BURST = 50
"""A suspected surge of at most `BURST_WINDOW_S`, `BURST_SECONDS` of them with events, was one burst: it is learned, with at most
`MAX_BURST` events a second."""


@dataclass(slots=True)
class _Feed:
    """One venue's liquidations of one asset."""

    throttled: bool = False
    now: int = 0
    usd: float = 0.0
    reports: deque[int] = field(default_factory=lambda: deque(maxlen=TRUST_WINDOW_S))

    def close(self) -> tuple[int, float]:
        """End the second; return the events reported and an estimate of those that the throttle hid."""
        reported = self.now
        self.reports.append(reported)
        self.now = 0
        if not self.throttled:
            return reported, 0.0
        recent = list(self.reports)[-THROTTLE_WINDOW_S:]
        busy = sum(1 for one in recent if one)
        rate = dead_time_rate(busy, len(recent))
        return reported, max(rate - sum(recent) / len(recent), 0.0)

    def shown(self) -> float:
        """The share of recent liquidations that this feed can have shown."""
        if not self.throttled:
            return 1.0
        busy = sum(1 for one in self.reports if one)
        rate = dead_time_rate(busy, len(self.reports))
        reported = sum(self.reports) / len(self.reports)
        return min(reported / rate, 1.0) if rate > 0 else 1.0


class _Asset:
    """One asset over all its venues."""

    def __init__(self, board: EvidenceBoard, at_s: float) -> None:
        s = board.settings
        self.began_s = at_s
        self.feeds: dict[str, _Feed] = {}
        self.quiet = Background(s.background_half_life_s, s.rate_floor)
        self.clipped_quiet = Background(s.background_half_life_s, s.rate_floor)
        self.focus = PoissonFocus(s.mu_min)
        self.clipped = PoissonFocus(s.mu_min)
        self.branching = Branching()
        self.counts = [0] * 8
        self.usd: deque[float] = deque(maxlen=30)
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT_S)
        self.unlearned: list[tuple[float, float]] = []

    def judge(self, count: float, seen: float) -> tuple[int, Excess]:
        """Take a second's count and the share of it that we see; return the grade and the window behind it."""
        usual = self.quiet.upper
        self.recent.append((count, usual))
        raw = self.focus.add(count, usual)
        clipped = self.clipped.add(min(count, self.clip_at()), self.clipped_quiet.upper)
        fano = self.quiet.fano
        raised = 1 + RAW_BY_FANO * (fano - 1) if fano > CLUSTERED_FANO else 1.0
        grade = graded(raw.statistic / raised, POISSON)
        if fano > CLUSTERED_FANO:
            # clipped counts still come in clusters, because one event brings the next: their Fano factor raises the thresholds
            left = graded(clipped.statistic / self.clipped_quiet.fano, POISSON)
            grade = max(grade, min(left, graded(clipped.statistic, CLUSTERED_CLIPPED)))
        best = raw if raw.statistic >= clipped.statistic else clipped
        if grade and self.is_over(best):
            self.focus.reset()
            self.clipped.reset()
            grade = 0
        self._learn_quiet(count, seen, quiet=not grade and self.focus.excess.statistic / raised < POISSON[0] / 2)
        return grade, best

    def _learn_quiet(self, count: float, seen: float, *, quiet: bool) -> None:
        """Learn a quiet second at once, and the seconds of a suspected surge if it was one short burst: bursts are usual.

        Without the bursts a clustered stream would look calm, and each burst would be a surge.
        """
        if not quiet:
            if len(self.unlearned) <= BURST_WINDOW_S:
                self.unlearned.append((min(count, MAX_BURST), seen))
            return
        if len(self.unlearned) <= BURST_WINDOW_S and sum(one > 0 for one, _ in self.unlearned) <= BURST_SECONDS:
            for earlier, earlier_seen in self.unlearned:
                self.learn(earlier, earlier_seen)
        self.unlearned.clear()
        self.learn(count, seen)

    def is_over(self, surge: Excess) -> bool:
        """Whether the last seconds are nearer to the usual rate than to the surge's.

        The best window of a great surge stays great for hours; without this check every quiet event would renew it.
        """
        last = list(self.recent)[-surge.bins :]
        events = sum(one for one, _ in last)
        expected = sum(one for _, one in last)
        return events < expected * (1 + (surge.ratio - 1) / 4)

    def clip_at(self) -> int:
        """The quiet 95th percentile of a second's count."""
        least = CLIP_SHARE * sum(self.counts)
        return max(next(count for count, below in enumerate(accumulate(self.counts)) if below >= least), 1)

    def learn(self, count: float, seen: float) -> None:
        """Learn a quiet second, scaled up by the share that was seen: what is unseen is not calm."""
        if seen < MIN_SHARE_SEEN:
            return
        count /= seen
        self.quiet.learn(count)
        self.counts[min(int(count), len(self.counts) - 1)] += 1
        self.clipped_quiet.learn(min(count, self.clip_at()))


class LiquidationSurgeEvidence:
    """Surges of liquidations."""

    kinds = frozenset({SignalKind.LIQUIDATION, SignalKind.EXPECT})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Count a liquidation, or learn a feed and its censoring."""
        subject = signal.subject
        if subject.asset is None or signal.attributes.get("backlog") is True:
            return
        of = signal.attributes
        if signal.kind is SignalKind.EXPECT and (of.get("leg") != "liquidation" or of.get("class") == "chain"):
            return  # chains are counted apart, in minutes
        asset = self._assets.get(subject.asset)
        if asset is None:
            asset = self._assets[subject.asset] = _Asset(self._board, at_s)
        feed = asset.feeds.get(signal.source)
        if feed is None:
            feed = asset.feeds[signal.source] = _Feed()
        censoring = signal.attributes.get("censoring", "complete")
        feed.throttled = censoring != "complete"
        if signal.kind is SignalKind.LIQUIDATION:
            feed.now += 1
            feed.usd += signal.value

    def on_second(self, now_s: float) -> None:
        """End the second of every asset."""
        for name in sorted(self._assets):
            self._close(name, self._assets[name], now_s)

    def _close(self, name: str, asset: _Asset, now_s: float) -> None:
        count = 0.0
        usd = 0.0
        for source in sorted(asset.feeds):
            feed = asset.feeds[source]
            reported, hidden = feed.close()
            count += reported + hidden
            usd += feed.usd
            feed.usd = 0.0
            self._board.coverage.trust[source, name] = feed.shown()
        asset.usd.append(usd)
        count = round(count)
        sight = self._board.coverage
        coverage = [sight.seen(sight.by_name[source], now_s, name) for source in sorted(asset.feeds)]
        seen = sum(coverage) / len(coverage)
        if now_s - asset.began_s < self._board.settings.warm_s:
            asset.learn(count, seen)
            return
        grade, best = asset.judge(count, seen)
        asset.branching.add(count)
        if grade and count:
            self._put(name, asset, now_s, grade, best.bins, best.ratio * asset.quiet.upper)

    def _put(self, name: str, asset: _Asset, now_s: float, grade: int, bins: int, rate: float) -> None:
        usual = asset.quiet.rate
        children = asset.branching.ratio
        usd = sum(asset.usd)
        cascade = f", {children:.0%} self-excited" if children > 0.6 else ""
        self._board.put(
            Finding(
                name="liquidation_surge",
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=name),
                grade=grade,
                onset_s=now_s - bins,
                at_s=now_s,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=rate,
                normal=usual,
                unit="1/s",
                said=f"liquidations {rate / usual:.0f}x normal ({rate:.1f}/s, {usd:,.0f} USD in 30 s{cascade})",
            )
        )


PRODUCER = LiquidationSurgeEvidence
