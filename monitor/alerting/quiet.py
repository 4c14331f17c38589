"""Knows which incidents are not to be sent now (silences, maintenance), and which are acknowledged. Pure.

A silence is narrow: by venue it holds back an asset's incident only where all its evidence is from that venue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from monitor.alerting.maintenance import MaintenanceWindow, all_from
from monitor.alerting.routing import ENDS
from monitor.incidents import LEVEL_NAMES, IncidentChange, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Hold back what matches from `since` to `until`. Empty names match everything; `level` is the highest that is held back."""

    id: str
    since: datetime
    until: datetime
    author: str
    asset: str = ""
    venue: str = ""
    level: Level = Level.PERFECT_STORM
    comment: str = ""

    def holds(self, change: IncidentChange, at: datetime) -> bool:
        """Whether `change` is held back at this time."""
        return self.since <= at < self.until and self.matches(change)

    def matches(self, change: IncidentChange) -> bool:
        """Whether `change` is held back while the silence lasts."""
        return (
            change.level <= self.level
            and (not self.asset or change.scope == f"asset:{self.asset}")
            and (not self.venue or all_from(change, (self.venue,)))
        )

    @property
    def matchers(self) -> str:
        """What it matches, in words."""
        named = [f"{key} {name}" for key, name in (("asset", self.asset), ("venue", self.venue)) if name]
        if self.level < Level.PERFECT_STORM:
            named.append(f"up to {LEVEL_NAMES[self.level]}")
        return ", ".join(named) or "everything"

    @property
    def words(self) -> str:
        """Until when, by whom and why, in one line."""
        return f"silenced until {self.until:%Y-%m-%d %H:%M:%S} UTC by {self.author}" + (
            f": {self.comment}" if self.comment else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who knows of an incident, and since when."""

    by: str
    at: datetime

    @property
    def words(self) -> str:
        """Who, and when, in one line."""
        return f"acknowledged by {self.by} at {self.at:%Y-%m-%d %H:%M:%S} UTC"


Hold = Silence | MaintenanceWindow
"""What holds incidents back for a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """All silences and windows of maintenance, and the acknowledgements by incident id."""

    silences: tuple[Silence, ...] = ()
    acknowledged: Mapping[str, Acknowledgement] = field(default_factory=dict)
    windows: tuple[MaintenanceWindow, ...] = ()

    @property
    def holds(self) -> tuple[Hold, ...]:
        """All that holds something back at some time."""
        return (*self.silences, *self.windows)

    def held_by(self, change: IncidentChange, at: datetime) -> Hold | None:
        """What holds `change` back the longest; None if nothing does."""
        found = [one for one in self.holds if one.holds(change, at)]
        return max(found, key=lambda one: one.until, default=None)

    def window_of(self, change: IncidentChange, at: datetime) -> MaintenanceWindow | None:
        """The window of maintenance that holds `change` back the longest; None if none does."""
        found = [one for one in self.windows if one.holds(change, at)]
        return max(found, key=lambda one: one.end, default=None)

    def silence_of(self, change: IncidentChange, at: datetime) -> Silence | None:
        """The silence that holds `change` back the longest; None if none does."""
        found = [one for one in self.silences if one.holds(change, at)]
        return max(found, key=lambda one: one.until, default=None)

    def remarks(self, incidents: Iterable[IncidentChange], at: datetime) -> dict[str, str]:
        """Of each incident of which there is something to say, by its id: who acknowledged it, until when it is silenced
        or in maintenance.
        """
        said: dict[str, str] = {}
        for one in incidents:
            held = () if one.kind in ENDS else (self.silence_of(one, at), self.window_of(one, at))
            parts = [self.acknowledged.get(one.incident_id), *held]
            words = ", ".join(part.words for part in parts if part is not None)
            if words:
                said[one.incident_id] = words
        return said

    def said_of(self, changes: Sequence[IncidentChange]) -> tuple[str, ...]:
        """Who acknowledged one incident, and what held it back while it was open, each in a line: whatever the time is now."""
        last = changes[-1]
        over = last.at if last.kind in ENDS else datetime.max.replace(tzinfo=UTC)
        held = [one for one in self.holds if one.since < over and last.opened_at < one.until]
        holds = [one.words for one in held if any(one.matches(change) for change in changes)]
        given = self.acknowledged.get(last.incident_id)
        return (*((given.words,) if given is not None else ()), *holds)


class QuietSource(Protocol):
    """Where the present silences and acknowledgements are found."""

    def __call__(self) -> Quiet:
        """What holds now. Never raises: what cannot be read silences nothing."""
        ...


def nothing_quiet() -> Quiet:
    """No silence, no acknowledgement."""
    return Quiet()
