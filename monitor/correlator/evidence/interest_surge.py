"""Finds open interest that grows fast: new leverage, which a fall of the price would force out. Context only.

Counts base units of the instruments that were known then and are known now: a venue that comes or goes is no surge.
"""

from __future__ import annotations

from collections import deque

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

WINDOW_S = 3600.0
MIN_SPAN_S = 600.0
"""A shorter past is too short to compare with."""
FRESH_S = 600.0
"""Open interest is asked for once a minute, of some venues every five: an older figure is no figure of now."""
SAMPLED_S = 60.0
EVERY_S = 15
RISE = 1.5
NATS = 0.2
HALF_LIFE_S = 1800.0
MAX_INSTRUMENTS = 4096


class InterestSurgeEvidence:
    """Open interest of each asset against an hour ago."""

    kinds = frozenset({SignalKind.OPEN_INTEREST})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._points: dict[tuple[str, str, str], deque[tuple[float, float]]] = {}
        """(asset, venue, instrument) -> (unix seconds, base units): one a minute, and behind them the newest."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one instrument's open interest in base units."""
        subject, base = signal.subject, signal.attributes.get("base")
        if subject.asset is None or not isinstance(base, int | float) or base <= 0:
            return
        key = (subject.asset, subject.venue or "", subject.instrument or "")
        if key not in self._points and len(self._points) >= MAX_INSTRUMENTS:
            self._points.pop(next(iter(self._points)))
        points = self._points.setdefault(key, deque())
        if len(points) > 1 and at_s - points[-2][0] < SAMPLED_S:
            points.pop()
        points.append((at_s, float(base)))
        while at_s - points[0][0] > WINDOW_S:
            points.popleft()

    def on_second(self, now_s: float) -> None:
        """Put surges on the board."""
        if int(now_s) % EVERY_S:
            return
        sums: dict[str, list[float]] = {}
        unseen: set[str] = set()
        for (asset, _, _), points in self._points.items():
            while points and now_s - points[0][0] > WINDOW_S:
                points.popleft()
            if points and points[-1][0] - points[0][0] >= MIN_SPAN_S and now_s - points[-1][0] <= FRESH_S:
                both = sums.setdefault(asset, [0.0, 0.0])
                both[0] += points[0][1]
                both[1] += points[-1][1]
            elif points and now_s - points[-1][0] > FRESH_S:
                unseen.add(asset)
        for asset in sorted(sums):
            before, now = sums[asset]
            if asset not in unseen:
                self._board.note(asset, "interest_growth", now / before, now_s)
            if now >= RISE * before:
                self._put(asset, before, now, now_s)

    def _put(self, asset: str, before: float, now: float, now_s: float) -> None:
        self._board.put(
            Finding(
                name="open_interest_surge",
                leg=Leg.FRAGILITY,
                subject=Subject(asset=asset),
                grade=1,
                weight=NATS,
                onset_s=now_s,
                at_s=now_s,
                half_life_s=HALF_LIFE_S,
                value=now,
                normal=before,
                unit="base",
                said=f"open interest is {now / before:.1f} times that of an hour ago",
            )
        )


PRODUCER = InterestSurgeEvidence
