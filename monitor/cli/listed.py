"""Joins a stored incident with what people said of it: who acknowledged it, until when it is silenced or in maintenance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from monitor.alerting.quiet import Quiet
from monitor.alerting.routing import ENDS
from monitor.incidents import IncidentChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIncident(IncidentChange):
    """The last change of an incident, and what holds of it now. `remarks` says the same in words."""

    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    silenced_until: datetime | None = None
    maintenance_until: datetime | None = None
    remarks: str = ""


def listed(change: IncidentChange, quiet: Quiet, at: datetime) -> ListedIncident:
    """The incident with what holds of it at this time."""
    given = quiet.acknowledged.get(change.incident_id)
    over = change.kind in ENDS
    silence = None if over else quiet.silence_of(change, at)
    window = None if over else quiet.window_of(change, at)
    return ListedIncident(
        **{one.name: getattr(change, one.name) for one in fields(change)},
        acknowledged_by=None if given is None else given.by,
        acknowledged_at=None if given is None else given.at,
        silenced_until=None if silence is None else silence.until,
        maintenance_until=None if window is None else window.end,
        remarks=quiet.remarks([change], at).get(change.incident_id, ""),
    )
