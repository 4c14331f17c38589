"""One scope's episode: when an incident opens, is told again, is held because we are blind, and ends.

A transition needs its condition to hold for some seconds (hysteresis); grade-4 evidence opens at once. An episode ends only
when calm is seen, p_hi low for long enough. Where calm cannot be seen it is held blind, and after the longest hold it ends
as unknown: never "resolved".
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import ChangeKind, IncidentState, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one second shows of a scope. `at_once` skips the entry ticks; `mark` is what makes an update worth telling."""

    now_s: float
    level: Level
    p_hi: float
    at_once: bool = False
    critical: bool = False
    mark: tuple[object, ...] = ()
    late: bool = False
    retracted: bool = False
    onset_s: float | None = None


class Episode:
    """The state of one scope. `step` gives the kind of change to tell, or None."""

    def __init__(self, scope: str, settings: CorrelatorSettings) -> None:
        self.scope = scope
        self._s = settings
        self.open = False
        self.state = IncidentState.ENDED
        self.incident_id = ""
        self.opened_s = 0.0
        self.ended_s = float("-inf")
        self.level = Level.CALM
        self.peak = Level.CALM
        self.critical = False
        self.revision = 0
        self._higher = 0
        self._lower = 0
        self._calm_s: float | None = None
        self._dark_s: float | None = None
        self._mark: tuple[object, ...] = ()

    def step(self, look: Look) -> ChangeKind | None:
        """Take one second; give what is to be told."""
        kind = self._opening(look) if not self.open else self._going_on(look)
        if kind is not None:
            self.revision += 1
            self.level = self.level if kind in _KEEP_LEVEL else look.level
            self.peak = max(self.peak, self.level)
            self.critical = look.critical
            self._mark = look.mark
        return kind

    def _opening(self, look: Look) -> ChangeKind | None:
        self._higher = self._higher + 1 if look.level > Level.CALM else 0
        if not self._higher or (self._higher < self._s.enter_ticks and not look.at_once):
            return None
        self.open, self.state = True, IncidentState.OPEN
        self._higher = self._lower = 0
        self._calm_s = self._dark_s = None
        if self.incident_id and look.now_s - self.ended_s <= self._s.merge_s:
            return ChangeKind.RESUMED
        self.opened_s = look.now_s if look.onset_s is None else min(look.onset_s, look.now_s)
        seed = f"{self.scope}|{self.opened_s:.6f}|{look.now_s:.6f}"
        slug = self.scope.replace(":", "-").lower()
        self.incident_id = f"{slug}-{int(look.now_s)}-{sha256(seed.encode()).hexdigest()[:6]}"
        self.revision, self.peak = 0, look.level
        return ChangeKind.OPENED

    def _going_on(self, look: Look) -> ChangeKind | None:
        if look.retracted and look.level is Level.CALM:
            self._close(look, IncidentState.RETRACTED)
            return ChangeKind.RETRACTED
        ending = self._ending(look)
        if ending is not None:
            return ending
        if look.level > self.level:
            self._higher += 1
            if self._higher >= self._s.enter_ticks or look.at_once:
                self._higher = self._lower = 0
                return ChangeKind.RAISED
            return None
        self._higher = 0
        self._lower = self._lower + 1 if look.level < self.level else 0
        if self._lower >= self._s.lower_ticks and look.level > Level.CALM:
            self._lower = 0
            return ChangeKind.LOWERED
        if look.level == self.level and look.mark != self._mark:
            return ChangeKind.AMENDED if look.late else ChangeKind.UPDATED
        return None

    def _ending(self, look: Look) -> ChangeKind | None:
        if look.level > Level.CALM:
            self._calm_s = self._dark_s = None
            if self.state is IncidentState.HELD_BLIND:
                self.state = IncidentState.OPEN
                return ChangeKind.RESUMED
            return None
        if look.p_hi <= self._s.leave_p_hi:
            self._dark_s = None
            self._calm_s = look.now_s if self._calm_s is None else self._calm_s
            if look.now_s - self._calm_s >= self._s.leave_after_s:
                self._close(look, IncidentState.ENDED)
                return ChangeKind.ENDED
            return None
        self._calm_s = None
        self._dark_s = look.now_s if self._dark_s is None else self._dark_s
        dark_s = look.now_s - self._dark_s
        if self.state is IncidentState.OPEN and dark_s >= self._s.leave_after_s:
            self.state = IncidentState.HELD_BLIND
            return ChangeKind.HELD_BLIND
        if self.state is IncidentState.HELD_BLIND and dark_s >= self._s.leave_after_s + self._s.held_blind_max_s:
            self._close(look, IncidentState.ENDED_UNKNOWN)
            return ChangeKind.ENDED_UNKNOWN
        return None

    def _close(self, look: Look, state: IncidentState) -> None:
        self.open, self.state, self.ended_s = False, state, look.now_s
        self._higher = self._lower = 0
        self._calm_s = self._dark_s = None


_KEEP_LEVEL = frozenset({ChangeKind.HELD_BLIND})
