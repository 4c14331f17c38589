"""Computes the level from the legs, and the joint false-alarm rate from the grades. Pure rules (docs/detection.md, "Levels")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Leg, LegState, LegVerdict, Level

WATCH_GRADE = 3
SECONDS_PER_DAY = 86400.0
RAREST_PER_DAY = 1 / (1e6 * 365.25)
"""No background is known so well that a rarer chance could be told."""


def level_of(
    legs: Sequence[LegVerdict], grades: Mapping[Leg, int], p_lo: float, s: CorrelatorSettings, held: Level = Level.CALM
) -> Level:
    """The level of three legs. `grades` holds the highest grade of each leg; `held` is the level of a second ago."""
    true = [one for one in legs if one.state is LegState.TRUE]
    unknown = [one for one in legs if one.state is LegState.UNKNOWN]
    strong = any(grades[one.leg] >= WATCH_GRADE for one in true)
    if len(true) == len(legs) and p_lo >= (s.storm_leave_p if held is Level.PERFECT_STORM else s.storm_p):
        return Level.PERFECT_STORM
    if len(true) == 2 and unknown and strong:
        return Level.STORM_SUSPECTED
    if len(true) >= 2:
        return Level.SQUALL
    if true and (strong or blind_under_stress(legs)):
        return Level.WATCH
    return Level.CALM


def blind_under_stress(legs: Sequence[LegVerdict]) -> bool:
    """Whether one leg is TRUE and both others UNKNOWN: it pages somebody although no storm can be claimed."""
    states = [one.state for one in legs]
    return states.count(LegState.TRUE) == 1 and states.count(LegState.UNKNOWN) == 2


def joint_far_per_day(rates_per_day: Sequence[float], lengths_s: Sequence[float]) -> float:
    """How often independent episodes overlap by chance: r1 r2 (d1+d2), r1 r2 r3 (d1 d2 + d1 d3 + d2 d3), a day.

    `rates_per_day` are the legs' false alarms a day, `lengths_s` their mean episode lengths in seconds.
    """
    days = [one / SECONDS_PER_DAY for one in lengths_s]
    if len(days) == 1:
        return rates_per_day[0]
    if len(days) == 2:
        return rates_per_day[0] * rates_per_day[1] * (days[0] + days[1])
    a, b, c = days
    return rates_per_day[0] * rates_per_day[1] * rates_per_day[2] * (a * b + a * c + b * c)


def by_chance(far_per_day: float, basis: str = "") -> str:
    """A false-alarm rate in words, with at most two digits that count, and its basis: "by chance once in 3.2 years"."""
    if far_per_day <= 0:
        return "by chance: never measured"
    of = f" ({basis})" if basis else ""
    if far_per_day < RAREST_PER_DAY:
        return f"by chance less than once in a million years{of}"
    days = 1 / far_per_day
    for unit, length in (("years", 365.25), ("weeks", 7.0), ("days", 1.0)):
        if days >= length:
            return f"by chance once in {_two_digits(days / length)} {unit}{of}"
    return f"by chance {float(f'{far_per_day:.2g}'):,.0f} times a day{of}"


def _two_digits(figure: float) -> str:
    rounded = float(f"{figure:.2g}")
    return f"{rounded:.1f}" if rounded < 10 else f"{rounded:,.0f}"
