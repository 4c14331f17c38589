"""Sends the standard library's log records to OTLP with trace ids, redacted.

A record names its trace by `extra={"link": "trace_id:span_id"}` or `extra={"incident_id": …}`; else the current span
counts. The exporters' own loggers are left out: what says that exporting fails cannot be exported.
"""

from __future__ import annotations

import logging
import traceback

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context, get_current
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from monitor.telemetry.incident_traces import root_context
from monitor.telemetry.redact import redact
from monitor.telemetry.spans import ROOT, context_of

MAX_CHARS = 8192
_OURS = ("opentelemetry", "urllib3", "requests")
_SEVERITY = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.NOTSET, SeverityNumber.DEBUG, "DEBUG"),
)


class LogSink(logging.Handler):
    """Takes log records of INFO and above (or `level`) to the provider. Never raises, never blocks on the network."""

    def __init__(self, provider: LoggerProvider, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; a record that cannot be formatted is told on stderr by logging itself."""
        if record.name.partition(".")[0] in _OURS:
            return
        try:
            self._provider.get_logger(record.name).emit(_translated(record))
        except (TypeError, ValueError, KeyError, AttributeError):  # a message that does not fit its arguments
            self.handleError(record)


def _translated(record: logging.LogRecord) -> LogRecord:
    number, text = next((number, text) for least, number, text in _SEVERITY if record.levelno >= least)
    attributes: dict[str, str | int] = {
        "code.file.path": record.filename,
        "code.function.name": record.funcName,
        "code.line.number": record.lineno,
    }
    for name in ("incident_id", "venue", "part"):
        value = getattr(record, name, None)
        if value is not None:
            attributes[f"stormwatch.{name}"] = redact(str(value))
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, _ = record.exc_info
        attributes["exception.type"] = kind.__name__
        attributes["exception.message"] = redact(str(error)[:MAX_CHARS])
        attributes["exception.stacktrace"] = _stack(record)
    return LogRecord(
        timestamp=round(record.created * 1e9),
        observed_timestamp=round(record.created * 1e9),
        context=_context(record),
        severity_number=number,
        severity_text=text,
        body=redact(record.getMessage()[:MAX_CHARS]),
        attributes=attributes,
    )


def _stack(record: logging.LogRecord) -> str:
    """The traceback's end, by whole lines: half a line could be a secret without its name."""
    lines = "".join(traceback.format_exception(*record.exc_info)).splitlines() if record.exc_info else []
    kept: list[str] = []
    for line in reversed(lines):
        if sum(map(len, kept)) + len(line) > MAX_CHARS:
            break
        kept.append(line)
    return redact("\n".join(reversed(kept)))


def _context(record: logging.LogRecord) -> Context:
    link = getattr(record, "link", None)
    incident_id = getattr(record, "incident_id", None)
    context = context_of(link) if isinstance(link, str) else None
    if context is None and isinstance(incident_id, str):
        context = root_context(incident_id)
    return get_current() if context is None else set_span_in_context(NonRecordingSpan(context), ROOT)
