"""Finds prices that ran far one way while leverage leans the same way: RSI(14) beside funding and long/short ratios. Context.

Closes of 1 h and 4 h (UTC) are medians of our own marks in dollars. An index is known after 15 closes in a row: 15 h and 60 h
after the start. A close that nobody saw begins the series anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from monitor.correlator.producer import EvidenceBoard, Finding, in_eight_hours
from monitor.detect.rsi import RelativeStrength
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

HOUR_S = 3600.0
HOURS = (1, 4)
FAR = (70.0, 80.0, 90.0)
"""Steps of the index upwards; downwards they are 30, 20 and 10."""
FUNDING = 0.0003
"""In eight hours: three times the rate that venues state when nobody leans."""
RATIO = 1.5
NATS_A_STEP = 0.1
NATS_BOTH = 0.1
"""More, if funding and ratio lean the same way."""
EVERY_S = 15
MARK_FRESH_S = 150.0
"""Marks are asked for once a minute where no feed has them."""
LEAN_FRESH_S = 600.0
HALF_LIFE_S = 1800.0
MAX_ASSETS = 512
MAX_INSTRUMENTS = 256

_Newest = dict[tuple[str, str], tuple[float, float]]
"""(venue, instrument) -> unix seconds and the figure."""


@dataclass(slots=True)
class _Asset:
    marks: _Newest = field(default_factory=dict)
    funding: _Newest = field(default_factory=dict)
    ratios: _Newest = field(default_factory=dict)
    series: dict[int, RelativeStrength] = field(default_factory=lambda: {hours: RelativeStrength() for hours in HOURS})

    def close(self, hour: int, at_s: float) -> None:
        """Take the closes that are due at the begin of this hour, counted from 1970."""
        price = _middle(self.marks, at_s, MARK_FRESH_S)
        for hours in HOURS:
            if hour % hours:
                continue
            if price is None:
                self.series[hours] = RelativeStrength()
            else:
                self.series[hours].closed(price)


class RelativeStrengthEvidence:
    """RSI of each asset, with what leans the same way."""

    kinds = frozenset({SignalKind.MARK_PRICE, SignalKind.FUNDING, SignalKind.LONG_SHORT_RATIO})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}
        self._hour: int | None = None

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Remember each instrument's newest figure."""
        subject = signal.subject
        if subject.asset is None:
            return
        asset = self._assets.get(subject.asset)
        if asset is None:
            if len(self._assets) >= MAX_ASSETS:
                self._assets.pop(next(iter(self._assets)))
            asset = self._assets[subject.asset] = _Asset()
        key = (subject.venue or "", subject.instrument or "")
        if signal.kind is SignalKind.MARK_PRICE:
            if isinstance(signal.attributes.get("quote"), str):
                _keep(asset.marks, key, at_s, signal.value)
        elif signal.kind is SignalKind.FUNDING:
            _keep(asset.funding, key, at_s, in_eight_hours(signal))
        else:
            _keep(asset.ratios, key, at_s, signal.value)

    def on_second(self, now_s: float) -> None:
        """Take closes at the begin of an hour, and put what is far and leans on the board."""
        hour = int(now_s // HOUR_S)
        if self._hour is not None and hour > self._hour:
            for asset in self._assets.values():
                if hour > self._hour + 1:
                    asset.series = {hours: RelativeStrength() for hours in HOURS}
                asset.close(hour, now_s)
        self._hour = hour
        if not int(now_s) % EVERY_S:
            for name in sorted(self._assets):
                for hours, series in self._assets[name].series.items():
                    if series.value is not None:
                        self._judge(name, self._assets[name], hours, series.value, now_s)

    def _judge(self, name: str, asset: _Asset, hours: int, index: float, now_s: float) -> None:
        steps = sum(max(index, 100 - index) >= one for one in FAR)
        up = index > 50
        leans = [words for words in (_funding(asset, up, now_s), _ratio(asset, up, now_s)) if words]
        if not steps or not leans:
            return
        self._board.put(
            Finding(
                name="relative_strength",
                leg=Leg.FRAGILITY,
                subject=Subject(asset=name),
                key=f"{hours}h",
                grade=1,
                weight=NATS_A_STEP * steps + NATS_BOTH * (len(leans) - 1),
                onset_s=now_s,
                at_s=now_s,
                half_life_s=HALF_LIFE_S,
                value=index,
                normal=50.0,
                unit="RSI",
                said=f"RSI(14) of {hours} h closes {index:.0f}, with {' and '.join(leans)}",
            )
        )


def _funding(asset: _Asset, up: bool, now_s: float) -> str:
    """The funding in words, if it leans this way."""
    rate = _middle(asset.funding, now_s, LEAN_FRESH_S)
    return "" if rate is None or (rate if up else -rate) < FUNDING else f"funding {rate:.4%} in eight hours"


def _ratio(asset: _Asset, up: bool, now_s: float) -> str:
    """The longs over shorts in words, if they lean this way."""
    ratio = _middle(asset.ratios, now_s, LEAN_FRESH_S)
    return "" if not ratio or (ratio if up else 1 / ratio) < RATIO else f"{ratio:.2f} longs to a short"


def _keep(newest: _Newest, key: tuple[str, str], at_s: float, value: float) -> None:
    newest.pop(key, None)
    if len(newest) >= MAX_INSTRUMENTS:
        newest.pop(next(iter(newest)))
    newest[key] = (at_s, value)


def _middle(newest: _Newest, now_s: float, fresh_s: float) -> float | None:
    """The median of the figures that are fresh; None if there are none."""
    fresh = [value for at_s, value in newest.values() if now_s - at_s <= fresh_s]
    return median(fresh) if fresh else None


PRODUCER = RelativeStrengthEvidence
