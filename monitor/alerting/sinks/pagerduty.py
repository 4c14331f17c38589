"""Opens, updates and resolves one PagerDuty alert for each incident (Events API v2, developer.pagerduty.com).

The incident's id is the deduplication key, so a retry or an update never opens a second alert. Only an end that was seen resolves
it: an incident that ended unknown stays open, with the reason, for a person to close.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import aiohttp
import msgspec

from monitor.alerting.posting import Receiver, checked_seconds, given_url
from monitor.alerting.sink import Note, Outcome
from monitor.alerting.sinks import SinkType, from_env
from monitor.errors import OperatorError
from monitor.incidents import LEVEL_NAMES, ChangeKind, Level
from monitor.signals.plain_text import one_line

URL = "https://events.pagerduty.com/v2/enqueue"
MAX_SUMMARY = 1024
MAX_KEY = 255
MAX_TEXT = 8192
RESOLVED = frozenset({ChangeKind.ENDED, ChangeKind.RETRACTED})
SEVERITIES = {
    Level.PERFECT_STORM: "critical",
    Level.STORM_SUSPECTED: "error",
    Level.SQUALL: "warning",
    Level.WATCH: "info",
    Level.CALM: "info",
}

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutySettings:
    """The integration's routing key, by environment variable; `board_url` is where a person looks next, if there is one."""

    routing_key_env: str = ""
    url: str = URL
    board_url: str = ""
    timeout_s: float = 10.0


class PagerDutySink:
    """The PagerDuty sink."""

    def __init__(
        self,
        settings: PagerDutySettings,
        env: Mapping[str, str],
        key: str = "sinks.pagerduty",
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not settings.routing_key_env:
            remedy = "name the one that holds the integration's routing key"
            raise OperatorError(f"{key}.routing_key_env", "", "the name of an environment variable", remedy)
        self._routing_key = from_env(f"{key}.routing_key_env", settings.routing_key_env, env)
        self._board_url = settings.board_url
        self._receiver = Receiver(
            url=given_url(settings.url, "", env, key),
            timeout_s=checked_seconds(settings.timeout_s, f"{key}.timeout_s"),
            clock=clock,
        )

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Send the event; 202 is delivered."""
        event = {"routing_key": self._routing_key, **event_of(note)}
        if self._board_url:
            event |= {"client": "Stormwatch", "client_url": self._board_url}
        return await self._receiver.send(client, _encode(event))


def event_of(note: Note) -> dict[str, Any]:
    """The event of a note, without the routing key: a trigger until the incident has ended, then a resolve."""
    change = note.change
    action = "resolve" if change.kind in RESOLVED else "trigger"
    return {
        "event_action": action,
        "dedup_key": change.incident_id[:MAX_KEY],
        "payload": {
            "summary": one_line(f"{note.title}: {change.headline}", MAX_SUMMARY),
            "source": one_line(change.scope),
            "severity": "warning" if change.kind is ChangeKind.ENDED_UNKNOWN else SEVERITIES[change.level],
            "timestamp": f"{change.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "component": one_line(change.scope.partition(":")[2]),
            "group": "stormwatch",
            "class": LEVEL_NAMES[change.level],
            "custom_details": {
                "text": note.text[:MAX_TEXT],
                "state": str(change.state),
                "revision": change.revision,
                "runbook": change.runbook,
                "vantage": change.vantage,
                "instance": change.instance,
                "drill": change.drill,
            },
        },
    }


SINK = SinkType(settings=PagerDutySettings, build=PagerDutySink)
