"""Holds the form of a window of planned work in the settings. What it explains is decided where incidents are sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.incidents import Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSettings:
    """Work from `start` until `end` (aware times). Incidents that it explains are recorded, and sent when it ends if still open.

    All that is named must match: the incident's asset; all of its evidence by venue ("okx", "target:NAME"); all of its legs.
    Empty lists match everything.
    """

    start: datetime
    end: datetime
    reason: str
    assets: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    legs: tuple[Leg, ...] = ()
