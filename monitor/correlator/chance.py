"""Estimates how often chance alone would bring an asset's legs together, from this deployment's own episodes. Pure.

Two figures, and the worse counts: the product of the legs' own rates, and time slides, which shift one leg's episodes against the
others' by hours and count again, as searches for gravitational waves do. Until a week was watched, shipped priors stand in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import floor

from monitor.correlator.levels import joint_far_per_day
from monitor.incidents import LEGS, Leg

DAY_S = 86400.0
KEPT_DAYS = 31
WARM_DAYS = 7.0
MAX_EPISODES = 256
"""Of one leg of one asset."""
MIN_SHIFT_S = 6 * 3600.0
MAX_SLIDES = 100
MAX_STEPS = 200_000
"""Episodes times slides in one night: with very many episodes there are fewer slides, at least one."""
PRIORS = {Leg.LIQUIDATION: (1.0, 600.0), Leg.VENUE: (2.0, 1200.0), Leg.MIGRATION: (0.2, 3600.0)}
"""Leg -> true episodes a day of one asset, and their mean length in seconds: figures of quiet weeks (docs/detection.md)."""
PRIOR_WORDS = "from shipped priors, not measured here"
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chance:
    """A rate of false alarms a day, and in words what it rests on."""

    per_day: float
    basis: str


class LegHistory:
    """The spans in which each leg of each asset was true, of the last month, and what last night's slides gave."""

    def __init__(self) -> None:
        self._watched_s = 0.0
        self._spans: dict[tuple[str, Leg], deque[Span]] = {}
        self._open: dict[tuple[str, Leg], float] = {}
        self._slides: dict[tuple[Leg, ...], float] = {}
        """Legs -> overlaps a day of one asset by slides, at least; empty until the first night."""
        self._night = -1

    def observe(self, asset: str, true: Collection[Leg], now_s: float) -> None:
        """Take the legs of an asset that are true in this second."""
        for leg in LEGS:
            key = (asset, leg)
            if leg in true:
                self._open.setdefault(key, now_s)
            elif key in self._open:
                spans = self._spans.setdefault(key, deque(maxlen=MAX_EPISODES))
                spans.append((self._open.pop(key), now_s))

    def on_second(self, now_s: float, assets: int) -> None:
        """Take note that a second was watched; once a night, forget what is older than a month and slide the rest."""
        self._watched_s += 1.0
        night = floor(now_s / DAY_S)
        if night != self._night:
            if self._night >= 0:
                self._forget(now_s - KEPT_DAYS * DAY_S)
                if self.days >= WARM_DAYS:
                    self._slide(now_s, assets)
            self._night = night

    @property
    def days(self) -> float:
        """The days that were watched, a month at most."""
        return min(self._watched_s / DAY_S, float(KEPT_DAYS))

    def of(self, asset: str, legs: Sequence[Leg]) -> Chance:
        """How often a day chance alone makes these legs of an asset true at once: the worse of both figures."""
        if self.days < WARM_DAYS:
            return Chance(joint_far_per_day(*zip(*(PRIORS[one] for one in legs), strict=True)), PRIOR_WORDS)
        rates, lengths = [], []
        for leg in legs:
            spans = self._spans.get((asset, leg), ())
            rates.append((len(spans) + 1) / self.days)  # never zero: one more may come at once
            lengths.append(sum(until - since for since, until in spans) / len(spans) if spans else PRIORS[leg][1])
        per_day = max(joint_far_per_day(rates, lengths), self._slides.get(tuple(legs), 0.0))
        return Chance(per_day, f"from {self.days:.0f} days of your own data")

    def _forget(self, before_s: float) -> None:
        for key in list(self._spans):
            spans = self._spans[key]
            while spans and spans[0][1] < before_s:
                spans.popleft()
            if not spans:
                del self._spans[key]

    def _slide(self, now_s: float, assets: int) -> None:
        """Shift the second leg by k and the third by 2 k steps of over six hours around the month, and count what overlaps."""
        length_s = self.days * DAY_S
        steps = sum(len(spans) for spans in self._spans.values()) or 1
        slides = max(1, min(int(length_s / MIN_SHIFT_S) - 1, MAX_SLIDES, MAX_STEPS // steps))
        shift_s = length_s / (slides + 1)
        names = sorted({asset for asset, _ in self._spans})
        for count in (2, 3):
            for legs in combinations(LEGS, count):
                found = 0
                for asset in names:
                    spans = [[*self._spans.get((asset, leg), ())] for leg in legs]
                    if all(spans):
                        found += sum(_overlaps(spans, one * shift_s, now_s, length_s) for one in range(1, slides + 1))
                self._slides[legs] = found / (slides * self.days * max(assets, 1))


def _overlaps(spans: Sequence[Sequence[Span]], shift_s: float, until_s: float, length_s: float) -> int:
    """How often all legs overlap when the leg of index i is shifted by i times `shift_s` around a window of `length_s`."""
    common = list(spans[0])
    for index, others in enumerate(spans[1:], start=1):
        common = _common(common, _shifted(others, index * shift_s, until_s - length_s, length_s))
    return len(common)


def _shifted(spans: Sequence[Span], shift_s: float, since_s: float, length_s: float) -> list[Span]:
    moved = [((since - since_s + shift_s) % length_s + since_s, until - since) for since, until in spans]
    return sorted((since, since + lasts_s) for since, lasts_s in moved)


def _common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The spans that lie in both lists, which are in order."""
    found, first = [], 0
    for since, until in some:
        while first < len(others) and others[first][1] <= since:
            first += 1
        for other_since, other_until in others[first:]:
            if other_since >= until:
                break
            found.append((max(since, other_since), min(until, other_until)))
    return found
