"""Finds prices that move within five minutes far more than they usually do, and says whether the trade of a day grew with it.

The price is the median of the venues' mids, else of their last prices, so that one venue of three moves nothing; the move is
judged by its own past. A move is no forced sale, so the grade is 1, and 2 if the volume of 24 hours grew by a tenth meanwhile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.latency import LatencyStream
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

LOOK_EVERY_S = 15.0
OVER_S = 300.0
FRESH_S = 90.0
MIN_MOVE = 0.03
"""A smaller move is no shock, however calm the price was before."""
VOLUME_GROWS = 1.1
VOLUME_OVER_S = 900.0
MAX_INSTRUMENTS = 256


@dataclass(slots=True)
class _Asset:
    """Newest mids and last prices by instrument (when, price), the asset's past prices, and volumes of the last minutes."""

    mids: dict[str, tuple[float, float]] = field(default_factory=dict)
    lasts: dict[str, tuple[float, float]] = field(default_factory=dict)
    past: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=int(OVER_S / LOOK_EVERY_S) + 1))
    volumes: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    moves: LatencyStream = field(default_factory=LatencyStream)
    began_s: float | None = None


class PriceShockEvidence:
    """The price of each asset in dollars, and what is traded of it."""

    kinds = frozenset({SignalKind.BOOK, SignalKind.VOLUME})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a book's middle, or the figures of a day's trade."""
        name, attributes = signal.subject.asset, signal.attributes
        if name is None or signal.subject.venue is None:
            return
        asset = self._assets.setdefault(name, _Asset())
        key = f"{signal.subject.venue}/{signal.subject.instrument}"
        if signal.kind is SignalKind.BOOK:
            if attributes.get("state") == "ok" and isinstance(attributes.get("quote"), str):
                _note(asset.mids, key, attributes.get("mid"), at_s)
            return
        _note(asset.lasts, key, attributes.get("last"), at_s)
        if key in asset.volumes or len(asset.volumes) < MAX_INSTRUMENTS:
            volumes = asset.volumes.setdefault(key, deque(maxlen=64))
            volumes.append((at_s, signal.value))
            while volumes[0][0] < at_s - VOLUME_OVER_S:
                volumes.popleft()

    def on_second(self, now_s: float) -> None:
        """Look at every asset four times a minute."""
        if now_s % LOOK_EVERY_S >= 1:
            return
        for name in sorted(self._assets):
            self._look(name, self._assets[name], now_s)

    def _look(self, name: str, asset: _Asset, now_s: float) -> None:
        fresh = [price for at_s, price in (asset.mids or asset.lasts).values() if now_s - at_s <= FRESH_S]
        if not fresh:
            return
        price = median(fresh)
        asset.past.append((now_s, price))
        while asset.past[0][0] < now_s - OVER_S:
            asset.past.popleft()
        highest, lowest = max(asset.past, key=_price), min(asset.past, key=_price)
        then_s, then = highest if highest[1] / price > price / lowest[1] else lowest
        move = price / then - 1
        rise = asset.moves.add(abs(move), now_s)
        asset.began_s = now_s if asset.began_s is None else asset.began_s
        warm = now_s - asset.began_s >= self._board.settings.warm_s
        if not warm or abs(move) < MIN_MOVE or not grade_of_rate(rise.per_day):
            return
        grown = _grown(asset, now_s)
        traded = f", the volume of 24 h grew {grown:.1f} times" if grown >= VOLUME_GROWS else ""
        self._board.put(
            Finding(
                name="price_shock",
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=name),
                grade=2 if traded and grade_of_rate(rise.per_day) >= 2 else 1,
                far_per_day=rise.per_day,
                onset_s=then_s,
                at_s=now_s,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=price,
                normal=then,
                unit="USD",
                said=f"the price of {name} moved {move:+.1%} in {(now_s - then_s) / 60:.1f} min{traded}",
            )
        )


def _note(prices: dict[str, tuple[float, float]], key: str, price: object, at_s: float) -> None:
    if isinstance(price, int | float) and price > 0 and (key in prices or len(prices) < MAX_INSTRUMENTS):
        prices[key] = (at_s, float(price))


def _price(one: tuple[float, float]) -> float:
    return one[1]


def _grown(asset: _Asset, now_s: float) -> float:
    """How many times what was traded in 24 hours grew in the last minutes, over the instruments known then and now."""
    known = [one for one in asset.volumes.values() if now_s - one[-1][0] <= VOLUME_OVER_S]
    then = sum(one[0][1] for one in known)
    return sum(one[-1][1] for one in known) / then if then > 0 else 1.0


PRODUCER = PriceShockEvidence
