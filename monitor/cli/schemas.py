"""Makes the JSON Schema of everything Stormwatch writes as JSON from the dataclasses, and the table of signal kinds.

`SCHEMAS` maps a name to a callable that returns the schema, so that no heavy module is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from monitor.errors import OperatorError, nearest
from monitor.incidents import IncidentChange, Verdict
from monitor.signals import Signal
from monitor.signals.kinds import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def of(form: Any) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type as msgspec encodes it."""
    return {"$schema": DIALECT, **msgspec.json.schema(form)}


def _recording_header() -> dict[str, Any]:
    from monitor.recordings.signals import Header

    return of(Header)


def _drill_verdict() -> dict[str, Any]:
    from monitor.drill.verdict import DrillVerdict

    return of(DrillVerdict)


def _replay_summary() -> dict[str, Any]:
    from monitor.recordings.replay import Summary

    return of(Summary)


def _score() -> dict[str, Any]:
    from monitor.drill.score.report import Score

    return of(Score)


def _recording_score() -> dict[str, Any]:
    from monitor.drill.score.report import RecordingScore

    return of(RecordingScore)


def _union(union: Any) -> dict[str, Any]:
    """The schema of a closed union as commands print it: each member has its class name as `kind`."""
    forms, parts = msgspec.json.schema_components(get_args(union), ref_template="#/$defs/{name}")
    members = [
        {"allOf": [one, {"properties": {"kind": {"const": form.__name__}}, "required": ["kind"]}]}
        for form, one in zip(get_args(union), forms, strict=True)
    ]
    return {"$schema": DIALECT, "oneOf": members, "$defs": parts}


def _reading() -> dict[str, Any]:
    from probes.readings import Reading

    return _union(Reading)


def _chain_event() -> dict[str, Any]:
    from chain.events import PlacedEvent

    return _union(PlacedEvent)  # what `chain scan` prints: a scan of the past retracts nothing


def _chain_inspection() -> dict[str, Any]:
    from chain.inspection.inspect import Inspection

    return of(Inspection)


def _readiness() -> dict[str, Any]:
    from monitor.web.answer import ReadyAnswer

    return of(ReadyAnswer)


def _daemon_status() -> dict[str, Any]:
    from monitor.cli.status import DaemonStatus

    return of(DaemonStatus)


def _incident() -> dict[str, Any]:
    from monitor.cli.listed import ListedIncident

    return of(ListedIncident)


def _venue() -> dict[str, Any]:
    from monitor.cli.venue_facts import VenueFacts

    return of(VenueFacts)


def _payload() -> dict[str, Any]:
    from monitor.cli.commands.venue import PayloadRead

    return of(PayloadRead)


def _detect_row() -> dict[str, Any]:
    from monitor.cli.commands.detect import DetectedRow

    return of(DetectedRow)


def _detect_summary() -> dict[str, Any]:
    from monitor.cli.commands.detect import DetectSummary

    return of(DetectSummary)


def _settings() -> dict[str, Any]:
    from monitor.cli.settings_schema import settings_schema

    return settings_schema()


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "signal": lambda: of(Signal),
    "incident-change": lambda: of(IncidentChange),
    "incident": _incident,
    "verdict": lambda: of(Verdict),
    "recording-header": _recording_header,
    "replay-summary": _replay_summary,
    "drill-verdict": _drill_verdict,
    "score": _score,
    "recording-score": _recording_score,
    "reading": _reading,
    "chain-event": _chain_event,
    "chain-inspection": _chain_inspection,
    "readiness": _readiness,
    "daemon-status": _daemon_status,
    "venue": _venue,
    "payload": _payload,
    "detect-row": _detect_row,
    "detect-summary": _detect_summary,
    "settings": _settings,
}


def schema(name: str) -> dict[str, Any]:
    """The schema with this name. Raises OperatorError with the nearest name."""
    if name not in SCHEMAS:
        raise OperatorError("NAME", name, ", ".join(sorted(SCHEMAS)), nearest(name, sorted(SCHEMAS)))
    return SCHEMAS[name]()


def kinds_table() -> str:
    """Every kind of signal as a Markdown table, as docs/formats.md shows it."""
    lines = ["| kind | value | unit | attributes |", "| --- | --- | --- | --- |"]
    for name, kind in KINDS.items():
        attributes = "<br>".join(f"`{key}`: {meaning}" for key, meaning in kind.attributes.items())
        lines.append(f"| `{name}` | {kind.value} | {kind.unit} | {attributes or '–'} |")
    return "\n".join(lines) + "\n"
