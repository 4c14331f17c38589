"""Compares the liquidations that our feeds showed with another's count of the same interval: far fewer, and we are partly blind.

It only lowers what our feeds are trusted with, and finds nothing: another's higher count makes the leg unknown rather than calm,
and a lower one proves nothing. An interval that we did not hear as a whole is not compared.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import floor

from monitor.correlator.producer import EvidenceBoard
from monitor.signals import Signal, SignalKind

BUCKET_S = 60
KEPT_S = 9 * 3600.0
"""Longer than the longest interval that is compared (4 h), with the time until it is told."""
MIN_USD = 250_000.0
"""Below this the other's count is too small to be compared: one order more or less decides."""
MAX_ASSETS = 512
INTERVALS_VALID = 3.0
"""A comparison holds until the next one, and for so many intervals at most."""


@dataclass(slots=True)
class _Asset:
    """USD of our liquidations by minute, oldest first, and until when the last comparison holds."""

    minutes: deque[list[float]] = field(default_factory=deque)
    until_s: float | None = None

    def add(self, usd: float, at_s: float) -> None:
        """Count one liquidation at its own time. Signals come nearly in order: an old one looks back a little."""
        minute = floor(at_s / BUCKET_S) * BUCKET_S
        if self.minutes and self.minutes[-1][0] == minute:
            self.minutes[-1][1] += usd
            return
        for one in reversed(self.minutes):
            if one[0] == minute:
                one[1] += usd
                return
            if one[0] < minute:
                break
        self.minutes.append([float(minute), usd])
        while self.minutes[0][0] < at_s - KEPT_S:
            self.minutes.popleft()

    def between(self, from_s: float, to_s: float) -> float:
        """The USD of an interval of whole minutes."""
        return sum(usd for minute, usd in self.minutes if from_s <= minute < to_s)


class LiquidationCrossCheck:
    """Our sums beside another's."""

    kinds = frozenset({SignalKind.LIQUIDATION, SignalKind.MARKET_LIQUIDATIONS})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}
        self._began_s: float | None = None
        """Since when we listen: what was before is unknown."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a liquidation of ours, or another's count."""
        asset = signal.subject.asset
        if asset is None:
            return
        one = self._assets.get(asset)
        if one is None:
            if len(self._assets) >= MAX_ASSETS:
                return
            one = self._assets[asset] = _Asset()
        if signal.kind is SignalKind.LIQUIDATION:
            if signal.attributes.get("backlog") is not True:
                one.add(signal.value, at_s)
            return
        begins_s, interval_s = (_number(signal, name) for name in ("begins_s", "interval_s"))
        if begins_s is not None and interval_s is not None and interval_s > 0:
            self._compare(asset, one, signal.value, (begins_s, begins_s + interval_s), at_s)

    def _compare(self, asset: str, one: _Asset, theirs: float, span: tuple[float, float], at_s: float) -> None:
        from_s, to_s = span
        heard = self._began_s is not None and self._began_s <= from_s and at_s - from_s <= KEPT_S
        ours = one.between(from_s, to_s)
        checked = self._board.coverage.checked
        if not heard or theirs < MIN_USD or ours >= self._board.settings.cross_check_share * theirs:
            checked.pop(asset, None)
            one.until_s = None
            return
        checked[asset] = ours / theirs
        one.until_s = at_s + INTERVALS_VALID * (to_s - from_s)

    def on_second(self, now_s: float) -> None:
        """Note since when we listen, and let old comparisons end."""
        if self._began_s is None:
            self._began_s = now_s
        for asset, one in self._assets.items():
            if one.until_s is not None and now_s > one.until_s:
                one.until_s = None
                self._board.coverage.checked.pop(asset, None)


def _number(signal: Signal, name: str) -> float | None:
    value = signal.attributes.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


PRODUCER = LiquidationCrossCheck
