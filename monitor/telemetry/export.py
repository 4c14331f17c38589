"""Builds OpenTelemetry's providers from the settings, and shuts them down within a time limit.

The global providers are not set: several `Telemetry` may exist in one process, and a library that uses the global provider
exports nothing. The OTLP exporters (and with them an HTTP client) are imported only if an endpoint is set.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableGauge
from opentelemetry.sdk.metrics.export import CardinalityLimits, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from prometheus_client import CollectorRegistry, ProcessCollector

from monitor.errors import OperatorError
from monitor.telemetry.collector import Collector, hold_back_attempts
from monitor.telemetry.incident_traces import MAX_EVENTS, MAX_LINKS, IncidentIds
from monitor.telemetry.settings import TelemetrySettings

if TYPE_CHECKING:
    from requests import Session

log = logging.getLogger("stormwatch.telemetry")

MAX_BATCHED = 512
LOG_QUEUE = 2048
INCIDENT_EVERY_S = 0.5
"""How often incidents' spans are sent, if there are any: whoever is paged finds the trace."""
_CARDINALITY: CardinalityLimits = {Counter: 20_000, Histogram: 20_000, ObservableGauge: 20_000}
"""Above every cap of the table: the table's own limit ("other") applies first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraExporters:
    """Exporters besides OTLP: in tests and drills, they store telemetry in memory."""

    spans: SpanExporter | None = None
    metrics: MetricReader | None = None
    logs: LogRecordExporter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The providers, and the registry that Prometheus reads. `exports_spans`: whether spans have an exporter.

    Spans of incidents have a provider of their own, because they are sent at once.
    """

    tracers: TracerProvider
    incident_tracers: TracerProvider
    meters: MeterProvider
    loggers: LoggerProvider | None
    ids: IncidentIds
    registry: CollectorRegistry
    exports_spans: bool


def otlp_headers(settings: TelemetrySettings, env: Mapping[str, str]) -> dict[str, str]:
    """Parse the headers in the variable that the settings name ("k=v,k=v"). Raises OperatorError, without the value."""
    name = settings.otlp_headers_env
    if not name:
        return {}
    if name not in env:
        raise OperatorError("telemetry.otlp_headers_env", name, "a variable that is set", f"set {name} to k=v,k=v")
    headers = {}
    for part in filter(None, (one.strip() for one in env[name].split(","))):
        key, mark, value = part.partition("=")
        if not mark or not key.strip():
            raise OperatorError("telemetry.otlp_headers_env", name, "k=v,k=v in that variable", "correct its value")
        headers[key.strip()] = value.strip()
    return headers


def build(
    settings: TelemetrySettings, resource: Resource, env: Mapping[str, str], exporters: ExtraExporters
) -> Providers:
    """Build the providers. Starts threads only if an endpoint is set. Raises OperatorError for bad headers."""
    ids = IncidentIds()
    limits = SpanLimits(max_span_attributes=64, max_events=MAX_EVENTS, max_links=MAX_LINKS, max_attribute_length=4096)
    tracers = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False, span_limits=limits)
    incident_tracers = TracerProvider(
        sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False, id_generator=ids, span_limits=limits
    )
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)  # by Prometheus' own names, process_…, that every dashboard knows
    readers: list[MetricReader] = [
        PrometheusMetricReader(scope_info_enabled=False, registry=registry, cardinality_limits=_CARDINALITY)
    ]
    log_processors = [SimpleLogRecordProcessor(exporters.logs)] if exporters.logs is not None else []
    batched: list[BatchLogRecordProcessor] = []
    if exporters.spans is not None:
        tracers.add_span_processor(SimpleSpanProcessor(exporters.spans))
        incident_tracers.add_span_processor(SimpleSpanProcessor(exporters.spans))
    if exporters.metrics is not None:
        readers.append(exporters.metrics)
    if settings.otlp_endpoint:
        headers = otlp_headers(settings, env)
        hold_back_attempts()
        collector = Collector()
        spans, reader, logs = _otlp(settings, headers, collector)
        tracers.add_span_processor(spans)
        incident_tracers.add_span_processor(
            _otlp_spans(settings, headers, INCIDENT_EVERY_S, ("traces of incidents", collector))
        )
        readers.append(reader)
        batched = [logs] if logs is not None else []
    loggers = None
    if log_processors or batched:
        loggers = LoggerProvider(resource, shutdown_on_exit=False)
        for one in (*log_processors, *batched):
            loggers.add_log_record_processor(one)
    return Providers(
        tracers=tracers,
        incident_tracers=incident_tracers,
        meters=MeterProvider(readers, resource, shutdown_on_exit=False),
        loggers=loggers,
        ids=ids,
        registry=registry,
        exports_spans=bool(settings.otlp_endpoint) or exporters.spans is not None,
    )


def direct_session(what: str, collector: Collector) -> Session:
    """A session for one exporter that fails on a redirect: the operator's headers are for one collector.

    Some versions of the exporters follow redirects, others count one as a delivery. `collector` is called with each attempt.
    """
    from requests import PreparedRequest, RequestException, Response, Session

    class Direct(Session):
        def send(self, request: PreparedRequest, **options: Any) -> Response:
            try:
                answer = super().send(request, **{**options, "allow_redirects": False})
            except (RequestException, OSError) as error:
                collector.fails(what, type(error).__name__)  # its text is long and shows the URL
                raise
            if answer.ok and answer.status_code < 300:
                collector.takes(what)
                return answer
            redirect = 300 <= answer.status_code < 400
            collector.fails(what, f"HTTP {answer.status_code}{', redirect refused' if redirect else ''}")
            if redirect:
                answer.close()
                raise RequestException(f"HTTP {answer.status_code}, redirect refused")
            return answer

    return Direct()


def _otlp(
    settings: TelemetrySettings, headers: dict[str, str], collector: Collector
) -> tuple[BatchSpanProcessor, PeriodicExportingMetricReader, BatchLogRecordProcessor | None]:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    base = settings.otlp_endpoint.rstrip("/")
    timeout_s, every_ms = settings.export_timeout_s, settings.export_interval_s * 1000
    gzip = Compression.Gzip
    spans = _otlp_spans(settings, headers, settings.export_interval_s, ("traces", collector))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(
            f"{base}/v1/metrics",
            headers=headers,
            timeout=timeout_s,
            compression=gzip,
            session=direct_session("metrics", collector),
        ),
        export_interval_millis=every_ms,
        export_timeout_millis=timeout_s * 1000,
        cardinality_limits=_CARDINALITY,
    )
    if not settings.logs:
        return spans, reader, None
    logs = BatchLogRecordProcessor(
        OTLPLogExporter(
            f"{base}/v1/logs",
            headers=headers,
            timeout=timeout_s,
            compression=gzip,
            session=direct_session("logs", collector),
        ),
        schedule_delay_millis=every_ms,
        max_export_batch_size=MAX_BATCHED,
        max_queue_size=LOG_QUEUE,
    )
    return spans, reader, logs


def _otlp_spans(
    settings: TelemetrySettings, headers: dict[str, str], every_s: float, sent_by: tuple[str, Collector]
) -> BatchSpanProcessor:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(
        f"{settings.otlp_endpoint.rstrip('/')}/v1/traces",
        headers=headers,
        timeout=settings.export_timeout_s,
        compression=Compression.Gzip,
        session=direct_session(*sent_by),
    )
    return BatchSpanProcessor(
        exporter,
        max_queue_size=settings.span_queue,
        schedule_delay_millis=every_s * 1000,
        max_export_batch_size=min(MAX_BATCHED, settings.span_queue),
    )


def shut_down(providers: Providers, within_s: float) -> list[str]:
    """Flush and shut down all of them in parallel; the names of those that took longer than `within_s` (their rest is lost)."""
    shutdowns: dict[str, Callable[[], object]] = {
        "traces": providers.tracers.shutdown,
        "incident traces": providers.incident_tracers.shutdown,
        "metrics": lambda: providers.meters.shutdown(timeout_millis=within_s * 1000),
    }
    if providers.loggers is not None:
        shutdowns["logs"] = providers.loggers.shutdown
    threads = {
        name: threading.Thread(target=shutdown, name=f"telemetry shutdown {name}", daemon=True)
        for name, shutdown in shutdowns.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + within_s
    for thread in threads.values():
        thread.join(max(deadline - time.monotonic(), 0.0))
    late = [name for name, thread in threads.items() if thread.is_alive()]
    if late:
        log.warning("telemetry: %s could not be sent within %.1f s; the rest is lost", ", ".join(late), within_s)
    return late
