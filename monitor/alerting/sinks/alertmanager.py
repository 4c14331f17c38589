"""Keeps one alert for each open incident firing in Prometheus Alertmanager (API v2, POST /api/v2/alerts).

An alert fires until `hold_s` after it was posted last, so an open incident is posted again each `remind_s` of the route; the end
of the incident ends the alert. An incident that ended unknown ends as another alert, StormwatchEndedUnknown: nobody saw it over.
The labels name the incident, its scope and its severity; what changes from revision to revision stands in annotations. When the
severity changes, the alert of the old one is ended in the same request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from monitor.alerting.posting import Receiver, checked_seconds, given_url
from monitor.alerting.routing import ENDS, MAX_INCIDENTS
from monitor.alerting.sink import Delivered, Note, Outcome
from monitor.alerting.sinks import SinkType
from monitor.errors import OperatorError
from monitor.incidents import LEVEL_NAMES, ChangeKind, IncidentChange, Level
from monitor.signals.plain_text import one_line

REMIND_S = 60.0
"""How often an open incident is posted again: Alertmanager forgets what is not."""
OPEN, UNKNOWN = "StormwatchIncident", "StormwatchEndedUnknown"
UNKNOWN_S = 3600.0
"""How long an incident that ended unknown keeps its alert."""
SEVERITIES = {
    Level.PERFECT_STORM: "critical",
    Level.STORM_SUSPECTED: "critical",
    Level.SQUALL: "warning",
    Level.WATCH: "info",
    Level.CALM: "info",
}

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSettings:
    """`url` is Alertmanager's own, such as http://127.0.0.1:9093; `board_url` becomes the alert's source link."""

    url: str = ""
    url_env: str = ""
    board_url: str = ""
    hold_s: float = 600.0
    timeout_s: float = 10.0


class AlertmanagerSink:
    """The Alertmanager sink. `clock` gives unix seconds."""

    def __init__(
        self,
        settings: AlertmanagerSettings,
        env: Mapping[str, str],
        key: str = "sinks.alertmanager",
        clock: Callable[[], float] = time.time,
    ) -> None:
        base = given_url(settings.url, settings.url_env, env, key).rstrip("/")
        self._receiver = Receiver(
            url=f"{base}/api/v2/alerts",
            timeout_s=checked_seconds(settings.timeout_s, f"{key}.timeout_s"),
            clock=clock,
        )
        self._hold_s = checked_seconds(settings.hold_s, f"{key}.hold_s")
        if self._hold_s < 2 * REMIND_S:
            raise OperatorError(f"{key}.hold_s", settings.hold_s, f"{2 * REMIND_S:.0f} s or more", "raise it")
        self._board_url = settings.board_url
        self._clock = clock
        self._firing: OrderedDict[str, dict[str, str]] = OrderedDict()
        """Incident id -> the labels of its alert."""

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Post the alert, and the end of what it stands in for."""
        change, now = note.change, datetime.fromtimestamp(self._clock(), UTC)
        before = self._firing.get(change.incident_id)
        labels = labels_of(change)
        if change.kind in ENDS:
            alerts = [self._alert(note, one, now) for one in ([before] if before else every_severity(change))]
            if change.kind is ChangeKind.ENDED_UNKNOWN:
                alerts.append(self._alert(note, labels, now + timedelta(seconds=UNKNOWN_S)))
        else:
            alerts = [self._alert(note, labels, now + timedelta(seconds=self._hold_s))]
            if before is not None and before != labels:
                alerts.append(self._alert(note, before, now))
        outcome = await self._receiver.send(client, _encode(alerts))
        if isinstance(outcome, Delivered):
            self._firing.pop(change.incident_id, None)
            if change.kind not in ENDS:
                self._firing[change.incident_id] = labels
            while len(self._firing) > MAX_INCIDENTS:
                self._firing.popitem(last=False)
        return outcome

    def _alert(self, note: Note, labels: Mapping[str, str], until: datetime) -> dict[str, Any]:
        change = note.change
        start = change.at if labels["alertname"] == UNKNOWN else change.opened_at
        alert: dict[str, Any] = {
            "labels": labels,
            "annotations": {
                "summary": one_line(note.title),
                "description": note.text,
                "level": LEVEL_NAMES[change.level],
                "state": str(change.state),
                "revision": str(change.revision),
                "runbook": change.runbook,
            },
            "startsAt": _stamp(min(start, until)),
            "endsAt": _stamp(until),
        }
        return alert | ({"generatorURL": self._board_url} if self._board_url else {})


def labels_of(change: IncidentChange) -> dict[str, str]:
    """The labels of an incident's alert at its severity now, or of the alert that says that it ended unknown."""
    if change.kind is ChangeKind.ENDED_UNKNOWN:
        return _labels(change, UNKNOWN, "warning")
    return _labels(change, OPEN, SEVERITIES[change.level])


def every_severity(change: IncidentChange) -> list[dict[str, str]]:
    """The labels of each alert that an incident can have had: after a restart the sink no longer knows which one fired."""
    return [_labels(change, OPEN, one) for one in dict.fromkeys(SEVERITIES.values())]


def _labels(change: IncidentChange, alertname: str, severity: str) -> dict[str, str]:
    kind, _, name = change.scope.partition(":")
    labels = {"alertname": alertname, "incident": change.incident_id, "scope": kind, "severity": severity}
    if change.vantage:
        labels["vantage"] = one_line(change.vantage)
    if change.drill:
        labels["drill"] = "true"
    return {**labels, kind: one_line(name)} if name else labels


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


SINK = SinkType(settings=AlertmanagerSettings, build=AlertmanagerSink, remind_s=REMIND_S)
