"""Finds liquidations that have been far above their usual rate for half an hour: a storm that rises slowly.

The surge evidence follows the pattern of a day and so learns what grows over hours. This one compares the last half hour with
the days before (`monitor/detect/swell.py`). Minutes in which the feeds were blind are no part of either. What a throttled feed
showed is divided by the share that it can have shown in that minute (its trust, which the surge evidence measures).
"""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import grade_of_rate, nats_of_rate
from monitor.detect.swell import WINDOW_MIN, Height, Swell
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

MINUTE_S = 60
MIN_TRUST = 0.02
"""The least share that a feed can have shown: what saturates tells no more."""


class _Asset:
    """One asset over all its feeds."""

    def __init__(self) -> None:
        self.swell = Swell()
        self.events: dict[str, int] = {}
        """Source -> its events in the open minute."""


class LiquidationSwellEvidence:
    """Slow rises of liquidations."""

    kinds = frozenset({SignalKind.LIQUIDATION, SignalKind.EXPECT})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}
        self._minute: int | None = None

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Count a liquidation, or learn a feed."""
        name, of = signal.subject.asset, signal.attributes
        if name is None or of.get("backlog") is True:
            return
        if signal.kind is SignalKind.EXPECT:
            if of.get("leg") == Leg.LIQUIDATION and of.get("class") != "chain":
                self._assets.setdefault(name, _Asset()).events.setdefault(signal.source, 0)
            return
        events = self._assets.setdefault(name, _Asset()).events
        events[signal.source] = events.get(signal.source, 0) + 1

    def on_second(self, now_s: float) -> None:
        """End the minute of every asset."""
        minute = int(now_s) // MINUTE_S
        if self._minute is not None and minute > self._minute:
            for name in sorted(self._assets):
                self._close(name, self._assets[name], now_s)
        self._minute = minute

    def _close(self, name: str, asset: _Asset, now_s: float) -> None:
        sight = self._board.coverage
        sources = [sight.by_name[one] for one in sorted(asset.events) if one in sight.by_name]
        seen = sum(sight.seen(one, now_s, name) for one in sources) / len(sources) if sources else 0.0
        events = 0.0
        for source, count in sorted(asset.events.items()):
            events += count / max(sight.trust.get((source, name), 1.0), MIN_TRUST)
            asset.events[source] = 0
        height = asset.swell.add(events, MINUTE_S * seen)
        grade = grade_of_rate(height.per_day)
        if grade:
            self._put(name, now_s, grade, height)

    def _put(self, name: str, now_s: float, grade: int, height: Height) -> None:
        self._board.put(
            Finding(
                name="liquidation_swell",
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=name),
                grade=grade,
                weight=nats_of_rate(height.per_day),
                far_per_day=height.per_day,
                onset_s=now_s - MINUTE_S * height.minutes,
                at_s=now_s,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=height.rate,
                normal=height.usual,
                unit="1/s",
                said=f"liquidations {height.rate / height.usual:.1f}x usual over {WINDOW_MIN} min "
                f"({height.rate:.2g}/s, usually {height.usual:.2g}/s)",
            )
        )


PRODUCER = LiquidationSwellEvidence
