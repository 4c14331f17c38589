"""Decides for one scope when an incident opens, changes, is held because we are blind, and ends.

A transition needs its condition to hold for some seconds (hysteresis); grade-4 evidence opens at once. A leg that was TRUE
in this incident and is UNKNOWN now may still be true: it neither lowers nor ends the incident. While calm cannot be seen the
incident is held blind. After the longest hold it is lowered to what is still seen, or ends as unknown: never "resolved".
Where the level stands, what became known since the last change is an update, at most one a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from monitor.correlator.knowledge import known_of
from monitor.correlator.levels import blind_under_stress
from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Leg, LegState, Level

NEWS_EVERY_S = 60.0
MAX_TOLD = 256
"""Keys that an incident has reported; beyond these nothing is news any more."""
_RISES = frozenset({ChangeKind.OPENED, ChangeKind.RAISED, ChangeKind.RESUMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The state of a scope at one second. `at_once` skips the entry ticks; a change of `mark` is worth an update, and
    so is a key of `known` that the incident has not reported.

    `true` and `unseen` are the legs that are TRUE and UNKNOWN; `blind_stress`: one leg is TRUE and both others are UNKNOWN.
    """

    now_s: float
    level: Level
    p_hi: float
    true: frozenset[Leg] = frozenset()
    unseen: frozenset[Leg] = frozenset()
    at_once: bool = False
    critical: bool = False
    blind_stress: bool = False
    mark: tuple[object, ...] = ()
    known: frozenset[str] = frozenset()
    late: bool = False
    retracted: bool = False
    onset_s: float | None = None


class Episode:
    """The episode of one scope. `step` returns the kind of change to report, or None; `pages`: the change pages somebody."""

    def __init__(self, scope: str, settings: CorrelatorSettings) -> None:
        self.scope = scope
        self._s = settings
        self.open = False
        self.state = IncidentState.ENDED
        self.incident_id = ""
        self.parent_id: str | None = None
        """The first incident that this one was part of."""
        self.opened_s = 0.0
        self.ended_s = float("-inf")
        self.level = Level.CALM
        self.peak = Level.CALM
        self.critical = False
        self.revision = 0
        self.pages = False
        self._paged = Level.CALM
        self._paged_s = float("-inf")
        self._paged_blind = False
        self._legs: frozenset[Leg] = frozenset()
        self._higher = 0
        self._lower = 0
        self._calm_s: float | None = None
        self._dark_s: float | None = None
        self._mark: tuple[object, ...] = ()
        self._differs = 0
        self.news: frozenset[str] = frozenset()
        """What the last change reported that no change of this incident had reported before; empty when it opens."""
        self._told: set[str] = set()
        self._newer = 0
        self._changed_s = float("-inf")

    @property
    def live(self) -> bool:
        """Whether it is open or about to open."""
        return self.open or self._higher > 0

    def adopt(self, last: IncidentChange) -> None:
        """Continue an incident of an earlier program from its last change: same id, next revision, no second page."""
        self.open = last.state in (IncidentState.OPEN, IncidentState.HELD_BLIND)
        self.state, self.incident_id, self.parent_id = last.state, last.incident_id, last.parent_id
        self.opened_s, self.revision = last.opened_at.timestamp(), last.revision
        self.level, self.peak, self.critical = last.level, last.peak, last.critical
        self._higher = self._lower = self._differs = 0
        self._calm_s = self._dark_s = None
        if not self.open:
            self.ended_s = last.at.timestamp()
            return
        legs = last.verdict.legs if last.verdict is not None else ()
        self._legs = frozenset(one.leg for one in legs if one.state is LegState.TRUE)
        self._paged, self._paged_s = last.peak, last.at.timestamp()
        self._paged_blind = blind_under_stress(legs)
        self._told, self._changed_s = set(known_of(last.evidence, last.blind)), last.at.timestamp()
        if self.state is IncidentState.HELD_BLIND:
            self._dark_s = last.at.timestamp() - self._s.leave_after_s

    def give_up(self, now_s: float) -> None:
        """End as unknown: nothing watches the scope any more."""
        self.open, self.state, self.ended_s = False, IncidentState.ENDED_UNKNOWN, now_s
        self.level, self.critical = Level.CALM, False
        self.revision += 1

    def step(self, observed: Observation) -> ChangeKind | None:
        """Take one second; return the kind of change to report, or None."""
        before = self.level
        kind = self._going_on(observed) if self.open else self._opening(observed)
        if kind is None:
            return None
        self.revision += 1
        self._tell(observed, opening=kind is ChangeKind.OPENED)
        if kind is ChangeKind.LOWERED:
            self.level = self._possible(observed)
        elif kind is not ChangeKind.HELD_BLIND:
            self.level = observed.level
        self.peak = max(self.peak, self.level)
        self.critical = observed.critical
        self._mark, self._differs = observed.mark, 0
        self.pages = self._page(observed, rising=kind in _RISES and self.level > before)
        return kind

    def _tell(self, observed: Observation, *, opening: bool) -> None:
        """Remember what this change tells."""
        if opening:
            self._told = set(observed.known)
        self.news = observed.known - self._told
        self._told |= self.news
        self._newer, self._changed_s = 0, observed.now_s

    def _page(self, observed: Observation, *, rising: bool) -> bool:
        """Page once for each level, and once for blindness under stress, until the end or until `merge_s` has passed."""
        blind = observed.blind_stress and not self._paged_blind
        if rising and self.level >= Level.STORM_SUSPECTED:
            rising = self.level > self._paged or observed.now_s - self._paged_s > self._s.merge_s
        else:
            rising = False
        if rising:
            self._paged, self._paged_s = self.level, observed.now_s
        self._paged_blind = self._paged_blind or blind
        return rising or blind

    def _opening(self, observed: Observation) -> ChangeKind | None:
        self._higher = self._higher + 1 if observed.level > Level.CALM else 0
        if not self._higher or (self._higher < self._s.enter_ticks and not observed.at_once):
            return None
        self.open, self.state = True, IncidentState.OPEN
        self._higher = self._lower = 0
        self._calm_s = self._dark_s = None
        self._legs = observed.true
        if self.incident_id and observed.now_s - self.ended_s <= self._s.merge_s:
            return ChangeKind.RESUMED
        self.opened_s = observed.now_s if observed.onset_s is None else min(observed.onset_s, observed.now_s)
        seed = f"{self.scope}|{self.opened_s:.6f}|{observed.now_s:.6f}"
        slug = self.scope.replace(":", "-").lower()
        self.incident_id = f"{slug}-{int(observed.now_s)}-{sha256(seed.encode()).hexdigest()[:6]}"
        self.revision, self.peak, self.parent_id = 0, observed.level, None
        return ChangeKind.OPENED

    def _possible(self, observed: Observation) -> Level:
        """The level, if every leg of this incident that is UNKNOWN now were still TRUE."""
        if not self._legs & observed.unseen:
            return observed.level
        true = len(observed.true | (self._legs & observed.unseen))
        if true == 2:
            two = Level.STORM_SUSPECTED if len(observed.true | observed.unseen) > 2 else Level.SQUALL
            return max(two, observed.level)
        return max(Level.WATCH if true == 1 else Level.PERFECT_STORM, observed.level)

    def _going_on(self, observed: Observation) -> ChangeKind | None:
        if observed.retracted and observed.level < self.level:
            self._legs = observed.true
            if observed.level is Level.CALM:
                return self._close(observed, IncidentState.RETRACTED, ChangeKind.RETRACTED)
            return ChangeKind.AMENDED
        self._legs |= observed.true
        possible = self._possible(observed)
        if observed.level > self.level:
            return self._rising(observed)
        self._higher = 0
        self._lower = self._lower + 1 if possible < self.level else 0
        if self._lower >= self._s.lower_ticks and possible > Level.CALM:
            self._lower = 0
            self.state = IncidentState.OPEN
            return ChangeKind.LOWERED
        if observed.level is Level.CALM or possible > observed.level:
            return self._ending(observed, possible)
        self._calm_s = self._dark_s = None
        if observed.level < self.level:
            return None
        if self.state is IncidentState.HELD_BLIND:
            self.state = IncidentState.OPEN
            return ChangeKind.RESUMED
        self._differs = self._differs + 1 if observed.mark != self._mark else 0
        if self._differs and observed.late:
            return ChangeKind.AMENDED
        return ChangeKind.UPDATED if self._differs >= self._s.enter_ticks or self._is_news(observed) else None

    def _is_news(self, observed: Observation) -> bool:
        """Whether something is known that was not reported, for some seconds, and the last change is a minute ago."""
        newer = len(self._told) < MAX_TOLD and not observed.known <= self._told
        self._newer = self._newer + 1 if newer else 0
        return self._newer >= self._s.enter_ticks and observed.now_s - self._changed_s >= NEWS_EVERY_S

    def _rising(self, observed: Observation) -> ChangeKind | None:
        self._lower = 0
        self._calm_s = self._dark_s = None
        self._higher += 1
        if self._higher < self._s.enter_ticks and not observed.at_once:
            return None
        self._higher = 0
        self.state = IncidentState.OPEN
        return ChangeKind.RAISED

    def _ending(self, observed: Observation, possible: Level) -> ChangeKind | None:
        if possible is Level.CALM and observed.p_hi <= self._s.leave_p_hi:
            self._dark_s = None
            self._calm_s = observed.now_s if self._calm_s is None else self._calm_s
            if observed.now_s - self._calm_s >= self._s.leave_after_s:
                return self._close(observed, IncidentState.ENDED, ChangeKind.ENDED)
            return None
        self._calm_s = None
        self._dark_s = observed.now_s if self._dark_s is None else self._dark_s
        dark_s = observed.now_s - self._dark_s
        if self.state is IncidentState.OPEN and dark_s >= self._s.leave_after_s:
            self.state = IncidentState.HELD_BLIND
            return ChangeKind.HELD_BLIND
        if self.state is IncidentState.HELD_BLIND and dark_s >= self._s.leave_after_s + self._s.held_blind_max_s:
            if observed.level is Level.CALM:
                return self._close(observed, IncidentState.ENDED_UNKNOWN, ChangeKind.ENDED_UNKNOWN)
            self._legs, self._dark_s, self.state = observed.true, None, IncidentState.OPEN
            return ChangeKind.LOWERED
        return None

    def _close(self, observed: Observation, state: IncidentState, kind: ChangeKind) -> ChangeKind:
        self.open, self.state, self.ended_s = False, state, observed.now_s
        self._higher = self._lower = 0
        self._calm_s = self._dark_s = None
        self._paged, self._paged_blind = Level.CALM, False
        return kind
