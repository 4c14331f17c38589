"""Finds a liquidation feed that shows nothing while the others of the asset show many: acknowledged, but mute.

On the wire such a feed looks like one with nothing to say. Beside the others it does not: by its usual share of them it should
have shown several. It only lowers what that feed is trusted with, until it shows a liquidation of the asset, and finds nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import exp, log

from monitor.correlator.coverage import ACKNOWLEDGED_SIGHT
from monitor.correlator.producer import EvidenceBoard
from monitor.signals import Signal, SignalKind

WINDOW_S = 60
EVERY_S = 5
USUAL_HALF_LIFE_S = 6 * 3600.0
EXPECTED = 7.0
"""Liquidations that a feed should have shown: none of seven has a chance of 0.0009, if they come by themselves."""
MIN_OTHERS = 2
"""Other feeds that show some, without the busiest: a cascade at one venue says nothing of another."""
MIN_USUAL = 20.0
"""Liquidations of a feed before its usual share is known."""
LN_2 = log(2)
MAX_ASSETS = 512
MAX_RECENT = 4096


@dataclass(slots=True)
class _Feed:
    """When it showed the last ones, and how many it usually shows, forgotten by half in six hours."""

    recent: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_RECENT))
    usual: float = 0.0
    counted_s: float = 0.0

    def show(self, at_s: float) -> None:
        self.recent.append(at_s)
        self.usual = self.usually(at_s) + 1.0
        self.counted_s = max(at_s, self.counted_s)

    def shown(self, now_s: float) -> int:
        while self.recent and now_s - self.recent[0] > WINDOW_S:
            self.recent.popleft()
        return len(self.recent)

    def usually(self, now_s: float) -> float:
        return self.usual * exp(-LN_2 * max(now_s - self.counted_s, 0.0) / USUAL_HALF_LIFE_S)


class MuteLiquidations:
    """The feeds of each asset beside each other."""

    kinds = frozenset({SignalKind.LIQUIDATION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, dict[str, _Feed]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Count a liquidation. Its feed speaks: whatever was doubted of it is over."""
        asset = signal.subject.asset
        if asset is None or signal.attributes.get("backlog") is True:
            return
        feeds = self._assets.get(asset)
        if feeds is None:
            if len(self._assets) >= MAX_ASSETS:
                return
            feeds = self._assets[asset] = {}
        feed = feeds.get(signal.source)
        if feed is None:
            feed = feeds[signal.source] = _Feed()
        feed.show(at_s)
        if self._board.coverage.doubted:
            self._board.coverage.doubted.pop((signal.source, asset), None)

    def on_second(self, now_s: float) -> None:
        """Compare the feeds, every five seconds."""
        if int(now_s) % EVERY_S:
            return
        for asset, feeds in self._assets.items():
            shown = {name: feed.shown(now_s) for name, feed in feeds.items()}
            for name, feed in feeds.items():
                known = not shown[name] and feed.usually(now_s) >= MIN_USUAL
                if known and _expected(name, feeds, shown, now_s) >= EXPECTED:
                    self._board.coverage.doubted[name, asset] = ACKNOWLEDGED_SIGHT


def _expected(name: str, feeds: dict[str, _Feed], shown: dict[str, int], now_s: float) -> float:
    """What a feed should have shown by its usual share of the others, of whom the busiest does not count."""
    others = sorted((one for one in feeds if one != name), key=lambda one: (shown[one], one))[:-1]
    if sum(shown[one] > 0 for one in others) < MIN_OTHERS:
        return 0.0
    usual = sum(feeds[one].usually(now_s) for one in others)
    return sum(shown[one] for one in others) * feeds[name].usually(now_s) / usual if usual > 0 else 0.0


PRODUCER = MuteLiquidations
