"""Makes an OTLP log record of each incident change, in the incident's trace, so that a collector of logs alone has them too."""

from __future__ import annotations

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from monitor.incidents import IncidentChange, Level
from monitor.signals.plain_text import one_line
from monitor.telemetry.incident_traces import change_attributes, root_context
from monitor.telemetry.redact import redact
from monitor.telemetry.spans import ROOT, unix_ns

EVENT = "stormwatch.incident.change"
LOGGER = "stormwatch.incidents"
_SEVERITY = {
    Level.CALM: (SeverityNumber.INFO, "INFO"),
    Level.WATCH: (SeverityNumber.INFO, "INFO"),
    Level.SQUALL: (SeverityNumber.WARN, "WARN"),
    Level.STORM_SUSPECTED: (SeverityNumber.ERROR, "ERROR"),
    Level.PERFECT_STORM: (SeverityNumber.ERROR, "ERROR"),
}


def log_change(provider: LoggerProvider, change: IncidentChange) -> None:
    """Emit one change as an event (OpenTelemetry's log data model, "Event Name"): its time, level, headline and attributes."""
    number, text = _SEVERITY[change.level]
    at = unix_ns(change.at)
    provider.get_logger(LOGGER).emit(
        LogRecord(
            timestamp=at, observed_timestamp=at, severity_number=number, severity_text=text, event_name=EVENT,
            context=set_span_in_context(NonRecordingSpan(root_context(change.incident_id)), ROOT),
            body=one_line(redact(change.headline)), attributes=dict(change_attributes(change)),
        )
    )  # fmt: skip
