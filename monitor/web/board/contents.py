"""Defines what the board shows at one time, and nothing of how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.correlator.coverage import SourceSight
from monitor.incidents import ExitCapacity, IncidentChange, Verdict
from monitor.web.answer import ReadyAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """`incidents`: the changes of each, oldest first; the incident that changed last comes first.

    `delivered`: how often each outcome occurred, by sink.
    """

    at: datetime
    vantage: str
    ready: ReadyAnswer
    drill: bool = False
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    exits: Mapping[str, ExitCapacity] = field(default_factory=dict)
    sources: Sequence[SourceSight] = ()
    incidents: Sequence[Sequence[IncidentChange]] = ()
    delivered: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    """Of an incident, by its id: who acknowledged it, and until when it is silenced."""
