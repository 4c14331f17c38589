"""Knows a window of planned work: from when until when, what is expected to suffer, and which incidents that explains. Pure.

A window is narrow: an incident that rests on anything else as well is sent as usual.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from monitor.alerting.concern import legs_of
from monitor.incidents import IncidentChange
from monitor.settings.maintenance import MaintenanceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow(MaintenanceSettings):
    """A window of the settings that knows what it explains."""

    def holds(self, change: IncidentChange, at: datetime) -> bool:
        """Whether `change` is held back at this time."""
        return self.start <= at < self.end and self.matches(change)

    def matches(self, change: IncidentChange) -> bool:
        """Whether `change` is held back while the window lasts."""
        return (
            (not self.assets or _all_about(change, self.assets))
            and (not self.venues or all_from(change, self.venues))
            and (not self.legs or bool(legs_of(change)))
            and (not self.legs or legs_of(change) <= set(self.legs))
        )

    @property
    def since(self) -> datetime:
        """The same as `start`: what a silence calls it."""
        return self.start

    @property
    def until(self) -> datetime:
        """The same as `end`."""
        return self.end

    @property
    def words(self) -> str:
        """Until when and why, in one line."""
        return f"in maintenance until {self.end:%Y-%m-%d %H:%M:%S} UTC: {self.reason}"


def windows_of(settings: Iterable[MaintenanceSettings]) -> tuple[MaintenanceWindow, ...]:
    """The windows of these settings."""
    names = [one.name for one in fields(MaintenanceSettings)]
    return tuple(MaintenanceWindow(**{name: getattr(one, name) for name in names}) for one in settings)


def all_from(change: IncidentChange, venues: Collection[str]) -> bool:
    """Whether the incident is of one of these venues, or has evidence, all of it from them."""
    kind, _, name = change.scope.partition(":")
    if (kind == "venue" and name in venues) or change.scope in venues:
        return True
    return bool(change.evidence) and all(one.subject.venue in venues for one in change.evidence)


def _all_about(change: IncidentChange, assets: Collection[str]) -> bool:
    kind, _, name = change.scope.partition(":")
    if kind == "asset":
        return name in assets
    return bool(change.evidence) and all(one.subject.asset in assets for one in change.evidence)
