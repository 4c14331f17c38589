"""Says how the desk's own sinks took a rehearsal, and takes back what it left open there, so that no page stays behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from statistics import median

from monitor.alerting.delivery import Deliveries
from monitor.drill.verdict import RouteAnswers
from monitor.incidents import DRILL_PREFIX, ChangeKind, IncidentChange, IncidentState, Level

OVER = 1_000_000
"""Added to the revision of what is taken back: a revision that is judged later is older for every sink, and not sent."""
WIDE = ("assets", "venues")
"""Filters that a rehearsal leaves out: its asset and its venues are simulated, and no desk asks for them."""


def answers_of(deliveries: Deliveries, names: Iterable[str]) -> tuple[RouteAnswers, ...]:
    """How these sinks took the rehearsal, by name."""
    return tuple(_answers(deliveries, name) for name in sorted(names) if name in deliveries.names)


def _answers(deliveries: Deliveries, name: str) -> RouteAnswers:
    given = deliveries.answers(name)
    took = [one.took_s for one in given]
    latencies = [one.latency_s for one in given if one.latency_s is not None]
    counts = deliveries.counts(name)
    last = given[-1] if given else None
    return RouteAnswers(
        sink=name,
        type=deliveries.type_of(name),
        works=None if last is None else last.outcome == "delivered",
        delivered=counts.get("delivered", 0),
        failed=sum(counts.get(one, 0) for one in ("try_again", "refused", "failed")),
        said=f"nothing was sent: {deliveries.passed_over(name) or 'no incident'}" if last is None else last.words,
        median_s=round(median(took), 3) if took else None,
        max_s=round(max(took), 3) if took else None,
        latency_s=round(max(latencies), 3) if latencies else None,
    )


def sinks_of(tables: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """The desk's sinks as a rehearsal takes them: without the filters that it cannot meet."""
    return {name: {key: one for key, one in table.items() if key not in WIDE} for name, table in tables.items()}


def taken_back(last: Iterable[IncidentChange], now: datetime) -> list[IncidentChange]:
    """The retraction of every incident that the rehearsal leaves open, from the last change of each."""
    return [
        replace(
            one, kind=ChangeKind.RETRACTED, state=IncidentState.RETRACTED, level=Level.CALM, pages=False, critical=False,
            at=max(now, one.at), revision=one.revision + OVER, headline=f"{DRILL_PREFIX}it is over, nothing of this happened",
            replay_id=f"{one.incident_id}:{one.revision + OVER}",
        )
        for one in last
        if one.state in (IncidentState.OPEN, IncidentState.HELD_BLIND)
    ]  # fmt: skip
