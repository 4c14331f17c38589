"""Joins findings at several places (venues, or groups of venues of one provider) into one rate of false alarms. Pure.

Stress of k of n independent places at once is far rarer than at one. The rate is that of a scan over k (the k-th rarest place
against chance among n, corrected for the choice of k); docs/detection.md, "Many venues at once".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, exp, log

from monitor.detect.alarm_rate import MAX_PER_DAY, nats_of_rate

MAX_NATS = float(len(MAX_PER_DAY))
DAY_S = 86400.0
MAX_PLACES = 64
"""Beyond so many places the rarest count."""
_PER_NAT = log(MAX_PER_DAY[0])
"""Under one nat the scale goes on as it is between one and two."""
_LOGS = tuple(log(one) for one in MAX_PER_DAY)


@dataclass(frozen=True, slots=True)
class Stress:
    """One place: how often a day chance makes its findings, how long these last, and its share of the asset's places."""

    place: str
    per_day: float
    lasts_s: float
    share: float


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
    """The set of places that says most together, of `of` places in all: the rarest first, each further one added."""
    ordered = sorted(stressed, key=lambda one: (one.per_day, -one.share, one.place))[:MAX_PLACES]
    of = min(max(of, len(ordered)), MAX_PLACES)
    best = max((_one(one, of) for one in ordered), key=lambda one: one.nats, default=NOTHING)
    share = lasts_s = 0.0
    for count, one in enumerate(ordered, start=1):
        share += one.share
        lasts_s = max(lasts_s, one.lasts_s)
        if count > 1:
            per_day = joint_per_day(one.per_day, lasts_s / DAY_S, count, of)
            so_far = reach(share, count)
            if (nats := nats_of(per_day) * so_far) > best.nats:
                best = Fold(nats, per_day, so_far, _names(ordered[:count]))
    return best


def _one(stress: Stress, of: int) -> Fold:
    per_day = joint_per_day(stress.per_day, stress.lasts_s / DAY_S, 1, of)
    own = reach(stress.share, 1)
    return Fold(nats_of(per_day) * own, per_day, own, _names([stress]))


def _names(stressed: Sequence[Stress]) -> frozenset[str]:
    return frozenset(one.place for one in stressed)
