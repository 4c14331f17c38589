"""Joins findings at several places (venues, or groups of venues of one provider) into one rate of false alarms. Pure.

Stress of k of n independent places at once is far rarer than at one. The rate is that of a scan over k (the k-th rarest place
against chance among n, corrected for the choice of k); docs/detection.md, "Many venues at once".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, exp, floor, log

from monitor.detect.alarm_rate import MAX_PER_DAY, nats_of_rate

MAX_NATS = float(len(MAX_PER_DAY))
DAY_S = 86400.0
MAX_PLACES = 64
"""Beyond so many places the rarest count."""
STEPS = 32
"""How finely sets are told apart by what has faded."""
_PER_NAT = log(MAX_PER_DAY[0])
"""Under one nat the scale goes on as it is between one and two."""
_LOGS = tuple(log(one) for one in MAX_PER_DAY)


@dataclass(frozen=True, slots=True)
class Stress:
    """One finding at a place: how often a day chance makes it, how long it lasts, the place's share of all, 0..1.

    `left` is how much of it has not faded, 0..1: a finding of an hour ago is as rare as it was, but it is no stress of now.
    """

    place: str
    per_day: float
    lasts_s: float
    share: float
    left: float = 1.0


@dataclass(frozen=True, slots=True)
class Fold:
    """What places say together: nats after the reach of `places`, and the rate a day that gave them."""

    nats: float
    per_day: float
    reach: float
    places: frozenset[str]


NOTHING = Fold(0.0, float("inf"), 0.0, frozenset())


def rate_of_nats(nats: float) -> float:
    """The false alarms a day that a weight stands for: the inverse of `nats_of`. Above the gravest grade: its own rate."""
    if nats >= MAX_NATS:
        return MAX_PER_DAY[-1]
    if nats < 1:
        return exp(_LOGS[0] + (1 - nats) * _PER_NAT)
    grade = int(nats)
    low, high = _LOGS[grade - 1], _LOGS[grade]
    return exp(low + (nats - grade) * (high - low))


def nats_of(per_day: float) -> float:
    """The weight of a rate: as `nats_of_rate`, and in (0, 1) down to 576 a day instead of 0 at once."""
    if per_day > MAX_PER_DAY[0]:
        return max(0.0, 1 - (log(per_day) - _LOGS[0]) / _PER_NAT)
    return nats_of_rate(per_day)


def reach(share: float, places: int) -> float:
    """How much of stress at some of an asset's places is stress of the asset, 0..1, by their share of them.

    Several places: in full from half of the market on. One alone is first of all its own trouble: by the square, so that one
    of four equal places does not make the asset's leg true, however grave.
    """
    doubled = min(1.0, 2 * share)
    return doubled if places > 1 else doubled**2


@lru_cache(maxsize=4096)
def joint_per_day(per_day: float, lasts_days: float, count: int, of: int) -> float:
    """How often a day chance alone brings `count` of `of` places to findings that each has `per_day` times a day.

    A place is in such an episode for the share q of the time; an episode begins while at least `count` - 1 others last. The
    factor `count` times the harmonic number of `of` pays for the choice of the count (Bonferroni with weights 1/k).
    """
    q = min(per_day * lasts_days, 1.0)
    others = of - 1
    at_least = sum(comb(others, one) * q**one * (1 - q) ** (others - one) for one in range(count - 1, of))
    return of * per_day * min(at_least, 1.0) * count * sum(1 / one for one in range(1, of + 1))


def fold(stressed: Iterable[Stress], of: int) -> Fold:
    """The set of places that says most together, of `of` places in all: the rarest first, each further one added.

    A set is as fresh as its most faded finding, so sets of fresher findings alone are weighed too.
    """
    return _fold(tuple(sorted(stressed, key=lambda one: (one.per_day, -one.share, one.place, -one.left))), of)


@lru_cache(maxsize=1024)
def _fold(ordered: tuple[Stress, ...], of: int) -> Fold:
    """Many assets trade at the same venues, so they ask the same in the same second."""
    of = min(max(of, len({one.place for one in ordered})), MAX_PLACES)
    best = NOTHING
    for one in ordered:
        per_day = joint_per_day(one.per_day, one.lasts_s / DAY_S, 1, of)
        best = max(best, _weighed([one], per_day, one.left), key=_nats)
    for left in sorted({floor(one.left * STEPS) / STEPS for one in ordered}, reverse=True):
        rarest: dict[str, Stress] = {}
        for one in ordered:
            if one.left >= left and len(rarest) < MAX_PLACES:
                rarest.setdefault(one.place, one)
        together: list[Stress] = []
        for one in rarest.values():
            together.append(one)
            if len(together) > 1:
                lasts_days = max(each.lasts_s for each in together) / DAY_S
                per_day = joint_per_day(one.per_day, lasts_days, len(together), of)
                best = max(best, _weighed(together, per_day, left), key=_nats)
    return best


def _weighed(together: Sequence[Stress], per_day: float, left: float) -> Fold:
    reached = reach(min(sum(one.share for one in together), 1.0), len(together))
    places = frozenset(one.place for one in together)
    return Fold(nats_of(per_day) * reached * left, per_day, reached, places)


def _nats(one: Fold) -> float:
    return one.nats
