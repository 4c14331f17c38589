"""Adds the marks of many cases up to the figures that a score prints: recall, precision, delays, rates, calibration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

import msgspec

from monitor.drill.score.calibration import BINS, Calibration
from monitor.drill.score.marks import Marks
from monitor.incidents import LEVEL_NAMES, Level

DAY_S = 86_400.0


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """How late something was found: `found` of `of`, and the median and 95th percentile, where never found is later than all.

    None: that many were not found at all.
    """

    of: int
    found: int
    p50_s: float | None
    p95_s: float | None


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the reliability table: seconds in which p lay in [low, high), the mean of p, and the share that was true."""

    low: float
    high: float
    seconds: int
    stated: float | None
    true: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a set of cases. Rates are per day and asset; None: there was nothing to measure."""

    cases: int
    clean: int
    """Cases without any of `mistakes`."""
    days: float
    storms: int
    storms_found: int
    recall: float | None
    storm_held: float | None
    """The share of the storms' time in which the incident stood at the right level."""
    right_storms: int
    wrong_storms: int
    precision: float | None
    storm_delay: Delays
    leg_delays: dict[str, Delays]
    false: dict[str, int]
    false_per_day: dict[str, float | None]
    false_pages: int
    venue_faults: int
    venue_faults_found: int
    false_venues: int
    incidents: int
    flaps_mean: float | None
    flaps_p95: float | None
    flaps_max: int
    faults_right: int
    faults: int
    resolved_blind: int
    ece: float | None
    ece_doubtful: float | None
    ece_seen: float | None
    ece_seen_doubtful: float | None
    """The same without the seconds in which sources were away: p is a lower bound, and falls there by design."""
    brier: float | None
    reliability: tuple[Reliability, ...]


def figures(marks: Sequence[Marks]) -> Figures:
    """The figures of these marks."""
    calibration = seen = Calibration()
    for one in marks:
        calibration, seen = calibration.plus(one.calibration), seen.plus(one.calibration_seen)
    days = sum(one.seconds for one in marks) / DAY_S
    storms = [one for one in marks if one.storms]
    found = sum(one.storm_delay_s is not None for one in storms)
    right, wrong = sum(one.right_storms for one in marks), sum(one.wrong_storms for one in marks)
    false = {name: sum(one.false[name] for one in marks) for name in _NAMES}
    flaps = sorted(count for one in marks for count in one.flaps)
    judged = [one.fault_right for one in marks if one.fault_right is not None]
    return Figures(
        cases=len(marks),
        clean=sum(not mistakes(one) for one in marks),
        days=days,
        storms=len(storms),
        storms_found=found,
        recall=_share(found, len(storms)),
        storm_held=_share(sum(one.storm_held_s for one in storms), sum(one.storm_s for one in storms)),
        right_storms=right,
        wrong_storms=wrong,
        precision=_share(right, right + wrong),
        storm_delay=delays(one.storm_delay_s for one in storms),
        leg_delays=_leg_delays(marks),
        false=false,
        false_per_day={name: count / days if days else None for name, count in false.items()},
        false_pages=sum(one.false_pages for one in marks),
        venue_faults=sum(one.venue_faults for one in marks),
        venue_faults_found=sum(one.venue_faults_found for one in marks),
        false_venues=sum(one.false_venues for one in marks),
        incidents=sum(one.incidents for one in marks),
        flaps_mean=sum(flaps) / len(flaps) if flaps else None,
        flaps_p95=percentile(flaps, 0.95),
        flaps_max=max(flaps, default=0),
        faults_right=sum(judged),
        faults=len(judged),
        resolved_blind=sum(one.resolved_blind for one in marks),
        ece=calibration.ece(),
        ece_doubtful=calibration.ece_doubtful(),
        ece_seen=seen.ece(),
        ece_seen_doubtful=seen.ece_doubtful(),
        brier=calibration.brier(),
        reliability=_reliability(calibration),
    )


def mistakes(one: Marks) -> tuple[str, ...]:
    """What was wrong or missed, in words: the storm or a leg not found, a false level, an end while blind. Empty: nothing."""
    found = (
        [f"{one.level_right} not found (reached {one.level_reached})"]
        if one.storms and one.storm_delay_s is None
        else []
    )
    found += [f"{leg} leg not found" for leg, delay_s in one.leg_delays if delay_s is None]
    found += [
        f"false {name}" + (f" ({count} times)" if count > 1 else "") for name, count in one.false.items() if count
    ]
    if one.resolved_blind:
        found.append("resolved while blind")
    return tuple(found)


_NAMES = tuple(LEVEL_NAMES[one] for one in Level if one > Level.CALM)


def delays(some: Iterable[float | None]) -> Delays:
    """The delays of things of which None was never found."""
    every = [float("inf") if one is None else one for one in some]
    every.sort()
    return Delays(
        of=len(every),
        found=sum(one < float("inf") for one in every),
        p50_s=_finite(percentile(every, 0.5)),
        p95_s=_finite(percentile(every, 0.95)),
    )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank); None without any."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def _finite(value: float | None) -> float | None:
    return None if value is None or value == float("inf") else value


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _leg_delays(marks: Iterable[Marks]) -> dict[str, Delays]:
    by_leg: dict[str, list[float | None]] = {}
    for one in marks:
        for leg, delay_s in one.leg_delays:
            by_leg.setdefault(leg, []).append(delay_s)
    return {leg: delays(by_leg[leg]) for leg in sorted(by_leg)}


def _reliability(calibration: Calibration) -> tuple[Reliability, ...]:
    return tuple(
        Reliability(
            low=place / BINS,
            high=(place + 1) / BINS,
            seconds=one.seconds,
            stated=one.stated / one.seconds if one.seconds else None,
            true=one.true / one.seconds if one.seconds else None,
        )
        for place, one in enumerate(calibration.bins)
    )
