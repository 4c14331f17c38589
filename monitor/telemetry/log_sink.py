"""Sends the standard library's log records to OTLP, with trace ids and without secrets.

A record names its trace by `extra={"link": "trace_id:span_id"}` or `extra={"incident_id": …}`; otherwise the current span
is used. The exporters' own loggers are ignored: a message that exporting fails cannot be exported.
"""

from __future__ import annotations

import logging
import traceback

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context, get_current
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from monitor.signals.plain_text import one_line
from monitor.telemetry.incident_traces import root_context
from monitor.telemetry.redact import redact
from monitor.telemetry.spans import ROOT, context_of

MAX_CHARS = 8192
_EXPORTER_LOGGERS = ("opentelemetry", "urllib3", "requests")
_SEVERITY = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.NOTSET, SeverityNumber.DEBUG, "DEBUG"),
)


class LogSink(logging.Handler):
    """Passes log records of INFO and above (or `level`) to the provider. Never raises, never blocks on the network."""

    def __init__(self, provider: LoggerProvider, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; if it cannot be formatted, logging itself reports that on stderr."""
        if record.name.partition(".")[0] in _EXPORTER_LOGGERS:
            return
        try:
            self._provider.get_logger(record.name).emit(_as_otel_record(record))
        except (TypeError, ValueError, KeyError, AttributeError):  # a message that does not fit its arguments
            self.handleError(record)


def _as_otel_record(record: logging.LogRecord) -> LogRecord:
    number, text = next((number, text) for min_level, number, text in _SEVERITY if record.levelno >= min_level)
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
        body=one_line(redact(record.getMessage()[:MAX_CHARS])),
        attributes=attributes,
    )


def _stack(record: logging.LogRecord) -> str:
    """The last whole lines of the traceback: half a line could show a secret without the name that marks it."""
    lines = "".join(traceback.format_exception(*record.exc_info)).splitlines() if record.exc_info else []
    tail: list[str] = []
    for line in reversed(lines):
        if sum(map(len, tail)) + len(line) > MAX_CHARS:
            break
        tail.append(line)
    return redact("\n".join(reversed(tail)))


def _context(record: logging.LogRecord) -> Context:
    link = getattr(record, "link", None)
    incident_id = getattr(record, "incident_id", None)
    context = context_of(link) if isinstance(link, str) else None
    if context is None and isinstance(incident_id, str):
        context = root_context(incident_id)
    return get_current() if context is None else set_span_in_context(NonRecordingSpan(context), ROOT)
