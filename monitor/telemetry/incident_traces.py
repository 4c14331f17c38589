"""Makes a trace for every incident: one root span from onset to end, and a child of zero length for each change.

Spans are exported when they end, so only the children show an open incident. Their parent is the root span, whose ids
come from the incident's id alone: a snapshot can name the trace, and a restarted daemon continues it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
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

MAX_OPEN = 1024
MAX_ENDED = 4096
MAX_LINKS = 128
MAX_EVENTS = 512
_EVENTS_RESERVED_FOR_CHANGES = 128

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


@dataclass(slots=True, kw_only=True)
class _Open:
    span: Span
    last: IncidentChange
    sent_evidence: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    events: int = 0


class IncidentTraces:
    """Holds the root spans of open incidents. `tracer` must draw its ids from `ids`."""

    def __init__(self, tracer: Tracer, ids: IncidentIds) -> None:
        self._tracer = tracer
        self._ids = ids
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def record(self, change: IncidentChange) -> str:
        """Record one change; the incident's trace id (32 hex)."""
        known = self._open.get(change.incident_id)
        if known is None and change.incident_id not in self._ended:
            known = self._begin(change)
        self._child(change, self._add_to_root(known, change) if known is not None else [])
        if known is not None and change.kind in _ENDINGS:
            self._end(known, change.kind.value)
        return trace_id_of(change.incident_id)

    def close(self) -> None:
        """Export the open incidents with state "open": a daemon that stops does not end them."""
        for known in list(self._open.values()):
            self._end(known, "open", ended=False)

    def _begin(self, change: IncidentChange) -> _Open:
        while len(self._open) >= MAX_OPEN:
            self._end(next(iter(self._open.values())), "open", ended=False)
        self._ids.fix(root_context(change.incident_id))
        attributes: Attributes = {
            "stormwatch.incident.id": change.incident_id,
            "stormwatch.incident.scope": change.scope,
        }
        links = []
        if change.parent_id is not None:
            attributes["stormwatch.incident.parent_id"] = change.parent_id
            links.append(Link(root_context(change.parent_id), {"stormwatch.link": "parent incident"}))
        span = self._tracer.start_span(
            f"incident {change.scope}",
            ROOT,
            SpanKind.INTERNAL,
            attributes,
            links,
            start_time=unix_ns(change.opened_at),
        )
        known = _Open(span=span, last=change)
        self._open[change.incident_id] = known
        return known

    def _add_to_root(self, known: _Open, change: IncidentChange) -> list[Link]:
        """Add the change to the root span; the links that are new with it."""
        known.last = change
        new = [one for one in change.evidence if one.id not in known.sent_evidence]
        for one in new:
            if known.events >= MAX_EVENTS - _EVENTS_RESERVED_FOR_CHANGES:
                break
            known.sent_evidence.add(one.id)
            known.events += 1
            known.span.add_event(f"evidence {one.name}", _evidence(one), unix_ns(one.onset))
        known.span.add_event(f"incident {change.kind.value}", _change(change), unix_ns(change.at))
        links = []
        for text in _links(change.evidence):
            if text not in known.links and len(known.links) < MAX_LINKS - 1:
                context = context_of(text)
                if context is not None:
                    known.links.add(text)
                    links.append(Link(context, {"stormwatch.link": "probe"}))
        for link in links:
            known.span.add_link(link.context, link.attributes)
        return links

    def _child(self, change: IncidentChange, links: list[Link]) -> None:
        parent = set_span_in_context(NonRecordingSpan(root_context(change.incident_id)), ROOT)
        attributes = _change(change) | {
            "stormwatch.incident.id": change.incident_id,
            "stormwatch.incident.scope": change.scope,
        }
        at = unix_ns(change.at)
        child = self._tracer.start_span(
            f"incident {change.scope} {change.kind.value}", parent, SpanKind.INTERNAL, attributes, links, start_time=at
        )
        if change.pages:
            child.set_status(StatusCode.ERROR, redact(change.headline))
        child.end(at)

    def _end(self, known: _Open, state: str, *, ended: bool = True) -> None:
        change = known.last
        known.span.set_attributes(_change(change) | {"stormwatch.incident.state": state})
        if change.kind is ChangeKind.RETRACTED:
            known.span.set_status(StatusCode.OK)
        elif change.peak >= Level.STORM_SUSPECTED or change.kind is ChangeKind.ENDED_UNKNOWN:
            known.span.set_status(StatusCode.ERROR, redact(change.headline))
        known.span.end(max(unix_ns(change.at), unix_ns(change.opened_at)))
        del self._open[change.incident_id]
        if ended:
            self._ended[change.incident_id] = None
            while len(self._ended) > MAX_ENDED:
                self._ended.popitem(last=False)


def _links(evidence: Iterable[Evidence]) -> Iterable[str]:
    return (text for one in evidence for text in one.links)


def _change(change: IncidentChange) -> Attributes:
    attributes: Attributes = {
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
