"""Compares the incidents of two judgements of the same signals: which appear, vanish, or have another level or time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from monitor.drill.score.marks import flaps
from monitor.drill.score.trial import TimedChange
from monitor.incidents import LEVEL_NAMES, Level

SAME_S = 1.0
"""Times that differ by less are the same second."""
_ENDS = ("ended", "ended_unknown", "retracted")


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as it was told: unix seconds, its highest level, how often it paged. `ended_s` None: open at the end."""

    scope: str
    incident_id: str
    opened_s: float
    ended_s: float | None
    peak: str
    pages: int
    flaps: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What another judgement makes of an incident: `what` is appears, vanishes, or what differs; None: not there."""

    scope: str
    what: str
    before: Incident | None
    after: Incident | None


def incidents(told: Sequence[TimedChange]) -> list[Incident]:
    """The incidents of a judgement, in order of their opening."""
    changes: dict[str, list[TimedChange]] = {}
    for one in told:
        changes.setdefault(one.incident_id, []).append(one)
    found = []
    for some in changes.values():
        first, last = some[0], some[-1]
        peak = max(one.level for one in some)
        found.append(
            Incident(
                scope=first.scope,
                incident_id=first.incident_id,
                opened_s=first.at_s,
                ended_s=last.at_s if last.kind in _ENDS else None,
                peak=LEVEL_NAMES[peak],
                pages=sum(one.pages for one in some),
                flaps=flaps(some),
            )
        )
    return sorted(found, key=lambda one: (one.opened_s, one.scope))


def compared(before: Sequence[Incident], after: Sequence[Incident]) -> list[Change]:
    """What differs, in order of time. Two incidents are the same if they are of one scope and overlap most in time."""
    left = list(after)
    found: list[tuple[float, Change]] = []
    for one in before:
        same = [other for other in left if other.scope == one.scope and _overlap_s(one, other) > 0.0]
        if not same:
            found.append((one.opened_s, Change(scope=one.scope, what="vanishes", before=one, after=None)))
            continue
        other = max(same, key=lambda two: (_overlap_s(one, two), -two.opened_s))
        left.remove(other)
        what = _difference(one, other)
        if what:
            found.append((one.opened_s, Change(scope=one.scope, what=what, before=one, after=other)))
    found += [(one.opened_s, Change(scope=one.scope, what="appears", before=None, after=one)) for one in left]
    found.sort(key=lambda pair: (pair[0], pair[1].scope))
    return [change for _, change in found]


_LEVELS = {name: level for level, name in LEVEL_NAMES.items()}


def _end_s(one: Incident) -> float:
    return float("inf") if one.ended_s is None else one.ended_s


def _overlap_s(one: Incident, other: Incident) -> float:
    begin_s, end_s = max(one.opened_s, other.opened_s), min(_end_s(one), _end_s(other))
    return end_s - begin_s + SAME_S


def _difference(one: Incident, other: Incident) -> str:
    parts = []
    if one.peak != other.peak:
        word = "rises to" if _level(other) > _level(one) else "reaches only"
        parts.append(f"{word} {other.peak} (was {one.peak})")
    parts += _moved("opens", other.opened_s - one.opened_s)
    if one.ended_s is None or other.ended_s is None:
        if one.ended_s is not other.ended_s:
            parts.append("does not end" if other.ended_s is None else "ends")
    else:
        parts += _moved("ends", other.ended_s - one.ended_s)
    if one.pages != other.pages:
        parts.append(f"pages {other.pages} times (was {one.pages})")
    return ", ".join(parts)


def _level(one: Incident) -> Level:
    return _LEVELS[one.peak]


def _moved(verb: str, by_s: float) -> list[str]:
    if abs(by_s) < SAME_S:
        return []
    return [f"{verb} {abs(by_s):.0f} s {'later' if by_s > 0 else 'sooner'}"]
