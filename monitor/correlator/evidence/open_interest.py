"""Finds fast falls of open interest: positions are being closed, whether or not a liquidation feed shows it.

Counts base units, not dollars, so that a falling price alone is no evidence. Sums over the instruments of an asset.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

WINDOW_S = 300.0
FALL = (0.05, 0.08, 0.15, 0.30)
MAX_POINTS = 400
BEGUN = 0.1
"""A fall has begun when a tenth of it has happened: before, the interest may have wandered."""


@dataclass(slots=True)
class _Instrument:
    """The last points (unix seconds, base units), and the highest of them."""

    points: deque[tuple[float, float]] = field(default_factory=deque)
    peak: float = 0.0

    def add(self, at_s: float, base: float) -> None:
        self.points.append((at_s, base))
        self.peak = max(self.peak, base)
        if len(self.points) > MAX_POINTS:
            self._drop()

    def forget(self, now_s: float) -> None:
        while len(self.points) > 1 and now_s - self.points[0][0] > WINDOW_S:
            self._drop()

    def _drop(self) -> None:
        if self.points.popleft()[1] == self.peak:
            self.peak = max(base for _, base in self.points)


class OpenInterestEvidence:
    """Falls of open interest within five minutes."""

    kinds = frozenset({SignalKind.OPEN_INTEREST})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, dict[tuple[str, str], _Instrument]] = {}
        self._touched: set[str] = set()

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one instrument's open interest in base units."""
        subject = signal.subject
        base = signal.attributes.get("base")
        if subject.asset is None or not isinstance(base, int | float) or base <= 0:
            return
        instruments = self._assets.setdefault(subject.asset, {})
        key = (subject.venue or "", subject.instrument or "")
        instrument = instruments.get(key)
        if instrument is None:
            instrument = instruments[key] = _Instrument()
        instrument.add(at_s, float(base))
        self._touched.add(subject.asset)

    def on_second(self, now_s: float) -> None:
        """Compare each touched asset with its own last five minutes."""
        for asset in sorted(self._touched):
            self._judge(asset, now_s)
        self._touched.clear()

    def _judge(self, asset: str, now_s: float) -> None:
        before = after = 0.0
        onset_s = now_s
        instruments = self._assets[asset]
        for key in sorted(instruments):
            one = instruments[key]
            one.forget(now_s)
            peak, last = one.peak, one.points[-1][1]
            before += peak
            after += last
            if last <= peak * (1 - FALL[0]):
                onset_s = min(onset_s, max(at_s for at_s, base in one.points if base >= peak - BEGUN * (peak - last)))
        fall = 1 - after / before
        grade = graded(fall, FALL)
        if grade:
            self._board.put(
                Finding(
                    name="open_interest_fall",
                    leg=Leg.LIQUIDATION,
                    subject=Subject(asset=asset),
                    grade=grade,
                    onset_s=onset_s,
                    at_s=now_s,
                    half_life_s=self._board.settings.liquidation_half_life_s,
                    value=after,
                    normal=before,
                    unit="base",
                    said=f"open interest fell {fall:.0%} within {now_s - onset_s:.0f} s",
                )
            )


PRODUCER = OpenInterestEvidence
