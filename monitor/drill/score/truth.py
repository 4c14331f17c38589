"""States what was true in a case or a recording: when each leg held, which storm is right, what could not be seen. Pure.

Times are unix seconds, or seconds of a case until `moved` adds its begin. Nothing here knows what the correlator said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.incidents import LEGS, LEVEL_NAMES, Leg, Level

SETTLE_S = 300.0
"""So long after a fact has ended, a finding of it is neither right nor wrong: nobody calls the storm over in its last second."""
LEVELS = {name: level for level, name in LEVEL_NAMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A span of time: from `onset_s` (included) to `end_s` (excluded)."""

    onset_s: float
    end_s: float

    def __post_init__(self) -> None:
        if self.end_s < self.onset_s:
            raise ValueError("end_s at or after onset_s")

    def covers(self, at_s: float, settle_s: float = 0.0) -> bool:
        """Whether a time lies in it, or at most `settle_s` behind its end."""
        return self.onset_s <= at_s < self.end_s + settle_s

    def moved(self, by_s: float) -> Spell:
        """The same span, later."""
        return Spell(onset_s=self.onset_s + by_s, end_s=self.end_s + by_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTruth(Spell):
    """A leg that holds for this span. `blind`: nobody can see it, so no finding of it is expected.

    `first_s`, for a leg that grows: when it can first be seen. From then on a finding is not wrong; it is due at the onset.
    """

    leg: Leg
    blind: bool = False
    first_s: float | None = None

    @property
    def shown(self) -> Spell:
        """The span in which a finding of it is not wrong."""
        return Spell(onset_s=self.onset_s if self.first_s is None else self.first_s, end_s=self.end_s)

    def moved(self, by_s: float) -> LegTruth:
        """The same leg, later."""
        first_s = None if self.first_s is None else self.first_s + by_s
        return replace(self, onset_s=self.onset_s + by_s, end_s=self.end_s + by_s, first_s=first_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTruth(Spell):
    """A venue that is at fault for this span, whether or not that makes a leg."""

    venue: str

    def moved(self, by_s: float) -> VenueTruth:
        """The same fault, later."""
        return replace(self, onset_s=self.onset_s + by_s, end_s=self.end_s + by_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was true of one asset. `level` is the highest level that is right; `faults` are whom a change may name, if anyone.

    `blind` are spans in which sources were away: an incident may not end as resolved there.
    """

    level: Level = Level.CALM
    legs: tuple[LegTruth, ...] = ()
    venues: tuple[VenueTruth, ...] = ()
    blind: tuple[Spell, ...] = ()
    faults: tuple[str, ...] = ()

    def moved(self, by_s: float) -> Truth:
        """The same truth, later by `by_s`."""
        return replace(
            self,
            legs=tuple(one.moved(by_s) for one in self.legs),
            venues=tuple(one.moved(by_s) for one in self.venues),
            blind=tuple(one.moved(by_s) for one in self.blind),
        )

    @property
    def storm(self) -> Spell | None:
        """The span of the storm: from the onset of the last leg to the end of the first. None: there is no storm."""
        if self.level < Level.STORM_SUSPECTED:
            return None
        return overlap(self.legs)

    def allowed(self, at_s: float) -> Level:
        """The highest level that is right at a time: one, two or three legs on, a venue at fault, or nothing."""
        on = {one.leg for one in self.legs if one.shown.covers(at_s, SETTLE_S)}
        blind = any(one.blind for one in self.legs)
        if len(on) == len(LEGS):
            found = Level.STORM_SUSPECTED if blind else Level.PERFECT_STORM
        elif len(on) == 2:
            found = Level.STORM_SUSPECTED if self.storm is not None else Level.SQUALL
        elif on or any(one.covers(at_s, SETTLE_S) for one in self.venues):
            found = Level.WATCH
        else:
            found = Level.CALM
        return min(found, max(self.level, Level.CALM))

    def is_storm(self, at_s: float) -> bool | None:
        """Whether there is a storm at a time. None: it grows or has just ended, and that second is not counted."""
        storm = self.storm
        if storm is None:
            return False
        if storm.covers(at_s):
            return True
        shown = overlap([one.shown for one in self.legs])
        return None if shown is not None and shown.covers(at_s, SETTLE_S) else False

    def is_blind(self, at_s: float) -> bool:
        """Whether sources were away at a time."""
        return any(one.covers(at_s) for one in self.blind)


def overlap(spells: Sequence[Spell]) -> Spell | None:
    """The span that all have in common, or None."""
    if not spells:
        return None
    onset_s, end_s = max(one.onset_s for one in spells), min(one.end_s for one in spells)
    return Spell(onset_s=onset_s, end_s=end_s) if onset_s < end_s else None
