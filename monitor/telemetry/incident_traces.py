"""Makes a trace for every incident: a root span at its opening, a span for each later change, and one for its whole life.

A span is exported when it ends, so the root ends with the opening: it is there while the incident is open. All others have it as
their parent and link to it. Its ids come from the incident's id alone: a snapshot can name the trace, a restart continues it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from monitor.incidents import LEVEL_NAMES, ChangeKind, Evidence, IncidentChange, Level
from monitor.telemetry.redact import redact
from monitor.telemetry.spans import ROOT, Attributes, context_of, unix_ns

MAX_INCIDENTS = 1024
"""Of how many incidents it is remembered what was exported; the one that changed longest ago is forgotten first."""
MAX_LINKS = 128
MAX_EVENTS = 512

_ENDINGS = frozenset({ChangeKind.ENDED, ChangeKind.ENDED_UNKNOWN, ChangeKind.RETRACTED})


class IncidentIds(RandomIdGenerator):
    """Random ids, except those of the next trace and span, which `fix` sets."""

    def __init__(self) -> None:
        self._trace: int | None = None
        self._span: int | None = None

    def fix(self, context: SpanContext) -> None:
        """Give the next root span these ids."""
        self._trace, self._span = context.trace_id, context.span_id

    def generate_trace_id(self) -> int:
        """The fixed trace id once, then random ones."""
        fixed, self._trace = self._trace, None
        return super().generate_trace_id() if fixed is None else fixed

    def generate_span_id(self) -> int:
        """The fixed span id once, then random ones."""
        fixed, self._span = self._span, None
        return super().generate_span_id() if fixed is None else fixed


def root_context(incident_id: str) -> SpanContext:
    """The ids of an incident's root span, from the SHA-256 of its id: the same in every run and on every machine."""
    digest = sha256(incident_id.encode()).digest()
    return SpanContext(
        int.from_bytes(digest[:16], "big") or 1,
        int.from_bytes(digest[16:24], "big") or 1,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def trace_id_of(incident_id: str) -> str:
    """The 32-hex trace id of an incident."""
    return f"{root_context(incident_id).trace_id:032x}"


@dataclass(slots=True)
class _Exported:
    """The evidence and the links of one incident that its spans have carried: at most those of its last changes."""

    evidence: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


class IncidentTraces:
    """Exports a change as spans when it comes. `tracer` must draw its ids from `ids`, and be used by nobody else."""

    def __init__(self, tracer: Tracer, ids: IncidentIds) -> None:
        self._tracer = tracer
        self._ids = ids
        self._exported: OrderedDict[str, _Exported] = OrderedDict()

    def record(self, change: IncidentChange) -> str:
        """Record one change; the incident's trace id (32 hex)."""
        root = root_context(change.incident_id)
        if change.kind is ChangeKind.OPENED:
            self._ids.fix(root)
            self._span(change, f"incident {change.scope}", ROOT, self._parent(change), change.opened_at)
            return trace_id_of(change.incident_id)
        inside = set_span_in_context(NonRecordingSpan(root), ROOT)
        to_root = [Link(root, {"stormwatch.link": "incident"})]
        self._span(change, f"incident {change.scope} {change.kind.value}", inside, to_root, change.at)
        if change.kind in _ENDINGS:
            self._life(change, inside, to_root)
        return trace_id_of(change.incident_id)

    def _span(self, change: IncidentChange, name: str, inside: Context, links: Sequence[Link], start: datetime) -> None:
        """Export a span that ends with the change, with the evidence and the probes that are new with it."""
        known = self._known(change.incident_id)
        evidence = [one for one in change.evidence if one.id not in known.evidence][: MAX_EVENTS - 1]
        probes = self._probes(known, change.evidence)
        span = self._tracer.start_span(
            name,
            inside,
            SpanKind.INTERNAL,
            change_attributes(change),
            [*links, *probes],
            start_time=_begin(start, change),
        )
        for one in evidence:
            span.add_event(f"evidence {one.name}", _evidence(one), unix_ns(one.onset))
        span.add_event(f"incident {change.kind.value}", change_attributes(change), unix_ns(change.at))
        known.evidence = (known.evidence if len(known.evidence) <= MAX_EVENTS else set()) | {
            one.id for one in change.evidence
        }
        if change.pages:
            span.set_status(StatusCode.ERROR, redact(change.headline))
        span.end(unix_ns(change.at))

    def _life(self, change: IncidentChange, inside: Context, links: Sequence[Link]) -> None:
        """Export the whole of an incident that has ended, from its opening to its end."""
        span = self._tracer.start_span(
            f"incident {change.scope} life", inside, SpanKind.INTERNAL, change_attributes(change), links,
            start_time=_begin(change.opened_at, change),
        )  # fmt: skip
        if change.kind is ChangeKind.RETRACTED:
            span.set_status(StatusCode.OK)
        elif change.peak >= Level.STORM_SUSPECTED or change.kind is ChangeKind.ENDED_UNKNOWN:
            span.set_status(StatusCode.ERROR, redact(change.headline))
        span.end(unix_ns(change.at))

    def _known(self, incident_id: str) -> _Exported:
        known = self._exported.setdefault(incident_id, _Exported())
        self._exported.move_to_end(incident_id)
        while len(self._exported) > MAX_INCIDENTS:
            self._exported.popitem(last=False)
        return known

    def _parent(self, change: IncidentChange) -> list[Link]:
        if change.parent_id is None:
            return []
        return [Link(root_context(change.parent_id), {"stormwatch.link": "parent incident"})]

    def _probes(self, known: _Exported, evidence: Iterable[Evidence]) -> list[Link]:
        """The links to probes that no span of this incident has carried yet; bounded for the whole incident."""
        links = []
        for text in _links(evidence):
            context = context_of(text) if text not in known.links and len(known.links) < MAX_LINKS - 1 else None
            if context is not None:
                known.links.add(text)
                links.append(Link(context, {"stormwatch.link": "probe"}))
        return links


def _begin(start: datetime, change: IncidentChange) -> int:
    """Nanoseconds of the start, never behind the change itself."""
    return unix_ns(min(start, change.at))


def _links(evidence: Iterable[Evidence]) -> Iterable[str]:
    return (text for one in evidence for text in one.links)


def change_attributes(change: IncidentChange) -> Attributes:
    """What a change says, as attributes of its span, its event and its log record."""
    attributes: Attributes = {
        "stormwatch.incident.id": change.incident_id,
        "stormwatch.incident.scope": change.scope,
        "stormwatch.incident.kind": change.kind.value,
        "stormwatch.incident.state": change.state.value,
        "stormwatch.incident.revision": change.revision,
        "stormwatch.incident.level": LEVEL_NAMES[change.level],
        "stormwatch.incident.peak": LEVEL_NAMES[change.peak],
        "stormwatch.incident.critical": change.critical,
        "stormwatch.incident.pages": change.pages,
        "stormwatch.incident.fault": change.fault.value,
        "stormwatch.incident.headline": redact(change.headline),
        "stormwatch.incident.far_per_day": change.far_per_day,
        "stormwatch.incident.runbook": change.runbook,
        "stormwatch.incident.replay_id": change.replay_id,
        "stormwatch.drill": change.drill,
    }
    if change.parent_id is not None:
        attributes["stormwatch.incident.parent_id"] = change.parent_id
    if change.blind:
        attributes["stormwatch.incident.blind"] = ", ".join(sorted({one.source for one in change.blind}))
    if change.verdict is not None:
        attributes["stormwatch.confidence.storm"] = change.verdict.p_lo
        attributes["stormwatch.confidence.calm"] = 1.0 - change.verdict.p_hi
    return attributes


def _evidence(one: Evidence) -> Attributes:
    attributes: Attributes = {
        "stormwatch.evidence.id": one.id,
        "stormwatch.leg": one.leg.value,
        "stormwatch.evidence.grade": one.grade,
        "stormwatch.evidence.weight_nats": one.weight,
        "stormwatch.evidence.value": one.value,
        "stormwatch.evidence.unit": one.unit,
        "stormwatch.evidence.far_per_day": one.far_per_day,
        "stormwatch.evidence.said": redact(one.said),
    }
    if one.normal is not None:
        attributes["stormwatch.evidence.normal"] = one.normal
    for name in ("asset", "venue", "instrument", "network", "contract", "pool"):
        value = getattr(one.subject, name)
        if value is not None:
            attributes[f"stormwatch.{name}"] = value
    return attributes
