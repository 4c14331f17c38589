"""Notices that a sink is broken, and makes the incident that tells the other sinks: once, and again when it works. Pure.

Broken is a sink that has got nothing for too long although there was something to tell, or whose place in the log was lost. It
works again when a receiver has taken a note: that nothing was tried since a restart says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from monitor.incidents import (
    DRILL_PREFIX,
    MAX_HEADLINE,
    SINK_PREFIX,
    ChangeKind,
    Fault,
    IncidentChange,
    IncidentState,
    Level,
)  # fmt: skip
from monitor.signals.plain_text import one_line

RUNBOOK = "sink.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkHealth:
    """How one sink is. `works`: its last note was delivered in this run; False after a failure, None if none was tried.

    `failing_since`: since when every note failed; None if none did. `lost`: entries of the log that were removed unread.
    `why` holds no secret.
    """

    works: bool | None = None
    failing_since: datetime | None = None
    lost: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A sink, how it is, and after how many seconds of failing it counts as broken."""

    name: str
    health: SinkHealth
    broken_after_s: float


class BrokenSinks:
    """Which sinks are broken. `runbook_base` stands before the runbook's name."""

    def __init__(self, runbook_base: str) -> None:
        self._runbook = f"{runbook_base}{RUNBOOK}"
        self._open: dict[str, IncidentChange] = {}

    def resume(self, last: Iterable[IncidentChange]) -> None:
        """Continue with the last change of each scope: what was reported in an earlier run is not reported again."""
        for one in last:
            if one.scope.startswith(SINK_PREFIX) and one.state is IncidentState.OPEN:
                self._open[one.scope.removeprefix(SINK_PREFIX)] = one

    def why(self, name: str) -> str | None:
        """That this sink is broken, since when and why, as it was reported; None if it is not."""
        change = self._open.get(name)
        return None if change is None else change.headline.removeprefix(DRILL_PREFIX)

    def look(self, sinks: Sequence[Watched], now: datetime) -> list[IncidentChange]:
        """What is to be reported now: sinks that broke, that work again, and that are gone."""
        changes = []
        for one in sinks:
            change = self._open.get(one.name)
            reason = _reason(one, now)
            if change is None and reason:
                changes.append(self._broke(one, reason, now))
            elif change is not None and one.health.works and not one.health.lost:
                changes.append(self._ended(change, f"sink {one.name} works again", now))
        gone = sorted(self._open.keys() - {one.name for one in sinks})
        return changes + [self._ended(self._open[one], f"sink {one} is no longer in the settings", now) for one in gone]

    def _broke(self, sink: Watched, reason: str, now: datetime) -> IncidentChange:
        since = sink.health.failing_since or now
        scope = f"{SINK_PREFIX}{sink.name}"
        seed = sha256(f"{scope}|{now.timestamp():.6f}".encode()).hexdigest()[:6]
        incident_id = f"sink-{sink.name.lower()}-{int(now.timestamp())}-{seed}"
        change = self._open[sink.name] = IncidentChange(
            incident_id=incident_id, scope=scope, kind=ChangeKind.OPENED, state=IncidentState.OPEN, at=now,
            opened_at=min(since, now), revision=1, level=Level.WATCH, peak=Level.WATCH, critical=False, pages=False,
            fault=Fault.LOCAL, headline=_headline(f"sink {sink.name} is broken: {reason}"),
            verdict=None, evidence=(), counter_evidence=(), blind=(), rejected_causes=(), far_per_day=0.0,
            runbook=self._runbook, replay_id=f"{incident_id}:1",
        )  # fmt: skip
        return change

    def _ended(self, change: IncidentChange, headline: str, now: datetime) -> IncidentChange:
        del self._open[change.scope.removeprefix(SINK_PREFIX)]
        revision = change.revision + 1
        return replace(
            change, kind=ChangeKind.ENDED, state=IncidentState.ENDED, at=max(now, change.at), revision=revision,
            level=Level.CALM, headline=_headline(f"{headline}, after {_span((now - change.opened_at).total_seconds())}"),
            replay_id=f"{change.incident_id}:{revision}",
        )  # fmt: skip


def _reason(sink: Watched, now: datetime) -> str:
    """Why a sink is broken; empty if it is not."""
    health = sink.health
    if health.lost:
        return f"its place in the log was lost, and {health.lost} entries with it"
    since = health.failing_since
    if since is None or (now - since).total_seconds() < sink.broken_after_s:
        return ""
    return f"nothing delivered since {since:%m-%d %H:%M:%S} UTC ({health.why})"


def _headline(text: str) -> str:
    """At most as long as a headline may be, also in a drill."""
    return one_line(text, MAX_HEADLINE - len(DRILL_PREFIX))


def _span(seconds: float) -> str:
    return f"{max(seconds, 0.0):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
