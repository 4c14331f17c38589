"""Finds a liquidation feed that shows nothing while the open interest of its own venue falls fast: acknowledged, but mute.

Positions can be closed by their owners too, so that this proves nothing and finds nothing. It only lowers what the feed is
trusted with, to less than calm needs, until it shows a liquidation of the asset.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

from monitor.correlator.coverage import ACKNOWLEDGED_SIGHT
from monitor.correlator.producer import EvidenceBoard
from monitor.signals import Signal, SignalKind

WINDOW_S = 300.0
FALL = 0.08
"""Of the venue's open interest of the asset, within the window: the second grade of a fall (`open_interest.py`)."""
MAX_FALL = 0.9
"""Beyond this a unit or a listing changed: no market closes nine tenths of its positions in five minutes."""
SHOWN_S = 600.0
"""A feed that has shown a liquidation within this time speaks."""
EVERY_S = 5
MAX_POINTS = 120
MAX_PAIRS = 4096
MAX_INSTRUMENTS = 64


@dataclass(slots=True)
class _Market:
    """One asset at one venue: open interest by instrument in base units, and when its feed showed a liquidation last."""

    interest: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    shown_s: float = -inf

    def fall(self, now_s: float) -> float:
        """The share that closed within the window, over the instruments that are known both then and now."""
        before = after = 0.0
        for points in self.interest.values():
            while points and now_s - points[0][0] > WINDOW_S:
                points.popleft()
            if len(points) > 1:
                before += max(base for _, base in points)
                after += points[-1][1]
        return 1 - after / before if before else 0.0


class UnshownLiquidations:
    """The open interest of each venue beside its own liquidations."""

    kinds = frozenset({SignalKind.OPEN_INTEREST, SignalKind.LIQUIDATION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._markets: dict[tuple[str, str], _Market] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one instrument's open interest, or a liquidation: then the feed speaks."""
        subject, base = signal.subject, signal.attributes.get("base")
        if subject.asset is None or subject.venue is None:
            return
        key = (subject.venue, subject.asset)
        if key not in self._markets and len(self._markets) >= MAX_PAIRS:
            return
        market = self._markets.setdefault(key, _Market())
        if signal.kind is SignalKind.LIQUIDATION:
            if signal.attributes.get("backlog") is not True:
                market.shown_s = at_s
                self._board.coverage.doubted.pop((_feed(subject.venue), subject.asset), None)
        elif isinstance(base, int | float) and base > 0:
            name = subject.instrument or ""
            if name in market.interest or len(market.interest) < MAX_INSTRUMENTS:
                market.interest.setdefault(name, deque(maxlen=MAX_POINTS)).append((at_s, float(base)))

    def on_second(self, now_s: float) -> None:
        """Compare both, every five seconds."""
        if int(now_s) % EVERY_S:
            return
        for (venue, asset), market in self._markets.items():
            if now_s - market.shown_s > SHOWN_S and FALL <= market.fall(now_s) <= MAX_FALL:
                self._board.coverage.doubted.setdefault((_feed(venue), asset), ACKNOWLEDGED_SIGHT)


def _feed(venue: str) -> str:
    return f"{venue}/liquidation"


PRODUCER = UnshownLiquidations
