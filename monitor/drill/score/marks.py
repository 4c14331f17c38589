"""Judges what was said against what was true: hits, delays, false alarms, flaps and calibration of one case or recording. Pure.

An incident is false from the first time at which it stands higher than the truth allows then, and it counts once, at the highest
level that was not allowed. An incident of an asset at storm-suspected or above is a right storm if it was allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from monitor.drill.score.calibration import Calibration, calibrated
from monitor.drill.score.trial import SecondSaid, TimedChange, Trial
from monitor.drill.score.truth import SETTLE_S, LegTruth, Truth
from monitor.incidents import LEVEL_NAMES, Level

FOUND_WITHIN_S = 60.0
"""A leg or storm may still be found so long after its end: findings come late."""
EARLY_S = 2.0
"""Onsets are known to the second: what comes this much before is no mistake."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What one case adds to a score. Times are seconds; a delay of None means never found.

    `false` maps a level's name to the asset's incidents that were wrong at that level. `venue_faults_found` counts venues at
    fault that a change blamed, `false_venues` venue incidents that opened where that venue was not at fault, `resolved_blind`
    incidents that ended as resolved while blind.
    """

    seconds: int
    storms: int
    storm_delay_s: float | None
    storm_s: float
    storm_held_s: float
    """How long the storm lasted, and for how much of that the asset's incident stood at the right level."""
    level_reached: str
    level_right: str
    leg_delays: tuple[tuple[str, float | None], ...]
    right_storms: int
    wrong_storms: int
    false: dict[str, int]
    venue_faults: int
    venue_faults_found: int
    false_venues: int
    false_pages: int
    incidents: int
    flaps: tuple[int, ...]
    fault_right: bool | None
    resolved_blind: int
    calibration: Calibration
    calibration_seen: Calibration
    """Of the seconds in which no source was away."""


def judge(trial: Trial, truth: Truth, asset: str, since_s: float = float("-inf")) -> Marks:
    """The marks of one asset. What was said before `since_s` does not count; an incident that was open then counts on."""
    scope = f"asset:{asset}"
    told = [one for one in trial.told if one.at_s >= since_s]
    own = [one for one in told if one.scope == scope]
    incidents = _by_incident(own)
    said = [one for one in trial.seconds.get(asset, ()) if one.second_s >= since_s]
    false = dict.fromkeys((LEVEL_NAMES[one] for one in Level if one > Level.CALM), 0)
    right = wrong = 0
    for changes in incidents.values():
        level = _wrong_level(changes, truth)
        if level > Level.CALM:
            false[LEVEL_NAMES[level]] += 1
        if max(one.level for one in changes) >= Level.STORM_SUSPECTED:
            right += level < Level.STORM_SUSPECTED
            wrong += level >= Level.STORM_SUSPECTED
    delay_s = _storm_delay_s(own, truth)
    faulty = {one.venue for one in truth.venues}
    opened = [one for one in told if one.kind == "opened" and one.scope.startswith("venue:")]
    return Marks(
        seconds=len(said),
        storms=int(truth.storm is not None),
        storm_delay_s=delay_s,
        storm_s=0.0 if truth.storm is None else truth.storm.end_s - truth.storm.onset_s,
        storm_held_s=_held_s(own, truth),
        level_reached=LEVEL_NAMES[max((one.level for one in own), default=Level.CALM)],
        level_right=LEVEL_NAMES[truth.level],
        leg_delays=tuple((one.leg.value, _leg_delay_s(said, one)) for one in truth.legs if not one.blind),
        right_storms=right,
        wrong_storms=wrong,
        false=false,
        venue_faults=len(faulty),
        venue_faults_found=len({venue for one in told for venue in _named(one) if _is_fault(venue, one.at_s, truth)}),
        false_venues=sum(not _is_fault(_venue(one), one.at_s, truth) for one in opened),
        false_pages=sum(one.pages and truth.allowed(one.at_s + EARLY_S) < one.level for one in own),
        incidents=len(incidents),
        flaps=tuple(flaps(changes) for changes in incidents.values()),
        fault_right=any(one.fault.value in truth.faults for one in told) if truth.faults else None,
        resolved_blind=sum(one.kind == "ended" and any(s.covers(one.at_s) for s in truth.blind) for one in own),
        calibration=calibrated(_stated(said, truth)),
        calibration_seen=calibrated(_stated((one for one in said if not truth.is_blind(one.second_s)), truth)),
    )


def flaps(changes: Sequence[TimedChange]) -> int:
    """How often an incident turned round between rising and falling, beyond the one rise and one fall of any incident."""
    turns, up = 0, True
    for one in changes:
        if one.kind not in ("raised", "lowered"):
            continue
        if (one.kind == "raised") is not up:
            turns, up = turns + 1, not up
    return max(0, turns - 1)


def _by_incident(told: Iterable[TimedChange]) -> dict[str, list[TimedChange]]:
    found: dict[str, list[TimedChange]] = {}
    for one in told:
        found.setdefault(one.incident_id, []).append(one)
    return found


def _wrong_level(changes: Sequence[TimedChange], truth: Truth) -> Level:
    """The highest level that an incident opened at or rose to and that the truth did not allow then; CALM: none."""
    rises = [one for one in changes if one.kind in ("opened", "raised", "resumed", "amended")]
    wrong = [one.level for one in rises if one.level > truth.allowed(one.at_s + EARLY_S)]
    return max(wrong, default=Level.CALM)


def _storm_delay_s(own: Sequence[TimedChange], truth: Truth) -> float | None:
    """From the onset of the last leg to the first change that says the right level, while it is right; 0 if it came before."""
    storm = truth.storm
    if storm is None:
        return None
    first = next(
        (one.at_s for one in own if one.level >= truth.level and truth.allowed(one.at_s + EARLY_S) >= one.level), None
    )
    if first is None or first > storm.end_s + FOUND_WITHIN_S:
        return None
    return max(0.0, first - storm.onset_s)


def _held_s(own: Sequence[TimedChange], truth: Truth) -> float:
    """For how long, within the storm, the asset's incident stood at the right level or above."""
    storm, held_s = truth.storm, 0.0
    if storm is None:
        return held_s
    for place, one in enumerate(own):
        until_s = own[place + 1].at_s if place + 1 < len(own) else storm.end_s
        if one.level >= truth.level:
            held_s += max(0.0, min(until_s, storm.end_s) - max(one.at_s, storm.onset_s))
    return held_s


def _leg_delay_s(said: Sequence[SecondSaid], leg: LegTruth) -> float | None:
    """From a leg's onset to the first second that says TRUE, while it holds or shortly after."""
    for one in said:
        if one.second_s >= leg.onset_s and one.second_s < leg.end_s + FOUND_WITHIN_S and leg.leg in one.true:
            return max(0.0, one.at_s - leg.onset_s)
    return None


def _venue(one: TimedChange) -> str:
    return one.scope.partition(":")[2]


def _named(one: TimedChange) -> frozenset[str]:
    """The venues that a change blames: its own, or those of an asset's findings."""
    return frozenset({_venue(one)}) if one.scope.startswith("venue:") else one.venues


def _is_fault(venue: str, at_s: float, truth: Truth) -> bool:
    return any(fault.venue == venue and fault.covers(at_s + EARLY_S, SETTLE_S) for fault in truth.venues)


def _stated(said: Iterable[SecondSaid], truth: Truth) -> Iterable[tuple[float, bool]]:
    for one in said:
        true = truth.is_storm(one.second_s)
        if true is not None:
            yield one.p, true
