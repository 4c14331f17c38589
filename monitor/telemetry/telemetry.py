"""Records readings, events, changes and verdicts as spans and metrics, and exports logs: the only way into telemetry.

`record` is on the hot path: it never blocks, takes its times from the reading and not from a clock, and makes spans only if
they have an exporter.
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Mapping
from random import random

from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import set_span_in_context
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chain.events import ChainEvent
from chain.events.network import HeadResumed, HeadSeen, HeadStalled, NodeFault, NodeMeasured, Reorged
from monitor.incidents import ExitCapacity, IncidentChange, Verdict
from monitor.intake.unseen import Unseen
from monitor.log.health import LogFigures
from monitor.telemetry import instruments as table
from monitor.telemetry.export import ExtraExporters, build, shut_down
from monitor.telemetry.figures import Figures
from monitor.telemetry.incident_logs import log_change
from monitor.telemetry.incident_traces import IncidentTraces, trace_id_of
from monitor.telemetry.log_sink import LogSink
from monitor.telemetry.measure import (
    measure,
    measure_chain,
    measure_change,
    measure_check,
    measure_exit,
    measure_verdict,
)
from monitor.telemetry.metric import Metric
from monitor.telemetry.open_metrics import rendered
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.spans import ROOT, chain_span, end_check, link_of, start_check
from probes.readings import Reading, RequestTimed

SCOPE = "stormwatch"


class Telemetry:
    """The pipeline's Recorder, and the metrics of store, parts and deliveries.

    `vantage` names the place of this monitor, `env` holds the variable named by `otlp_headers_env`. `exporters` get
    everything besides (or without) an OTLP endpoint. Raises OperatorError if the headers cannot be read.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        *,
        vantage: str,
        version: str,
        env: Mapping[str, str],
        exporters: ExtraExporters | None = None,
    ) -> None:
        resource = Resource.create(
            {
                "service.name": settings.service_name,
                "service.version": version,
                "service.instance.id": vantage,
                "stormwatch.vantage": vantage,
            }
        )
        self._shutdown_timeout_s = settings.export_timeout_s
        self._providers = build(settings, resource, env, exporters or ExtraExporters())
        self._tracer = self._providers.tracers.get_tracer(SCOPE, version)
        self._figures = Figures(self._providers.meters.get_meter(SCOPE, version))
        self._figures.set_gauge(table.BUILD_INFO, 1, version, platform.python_version())
        incidents = self._providers.incident_tracers.get_tracer(SCOPE, version)
        self._incidents = IncidentTraces(incidents, self._providers.ids)
        self._exports_spans = self._providers.exports_spans
        self._trace_share = settings.trace_share
        self._totals: dict[tuple[str, ...], int] = {}
        self._closed = False

    def record(self, reading: Reading) -> str | None:
        """Record a reading; "trace_id:span_id" of a check's span if it is exported, else None."""
        if not isinstance(reading, RequestTimed) or not self._exports_spans or not self._is_traced(reading):
            measure(self._figures, reading)
            return None
        span = start_check(self._tracer, reading)
        measure_check(self._figures, reading, set_span_in_context(span, ROOT))
        end_check(span, reading)
        return link_of(span)

    def _is_traced(self, reading: RequestTimed) -> bool:
        """Whether a check gets a trace. It is over, so that no failure has to be guessed beforehand."""
        return reading.refusal is not None or random() < self._trace_share  # noqa: S311  # no secret

    def record_chain(self, event: ChainEvent) -> str | None:
        """Record a chain event; the link of the span of a placed event or retraction if spans are exported, else None."""
        measure_chain(self._figures, event)
        if not self._exports_spans:
            return None
        if isinstance(event, HeadSeen | HeadStalled | HeadResumed | NodeFault | NodeMeasured | Reorged):
            return None
        return link_of(chain_span(self._tracer, event))

    def record_change(self, change: IncidentChange) -> str:
        """Record an incident change; the incident's trace id (32 hex), the same in every run."""
        measure_change(self._figures, change)
        if self._providers.loggers is not None:
            log_change(self._providers.loggers, change)
        if not self._exports_spans:
            return trace_id_of(change.incident_id)
        return self._incidents.record(change)

    def record_verdict(self, verdict: Verdict) -> None:
        """Record an asset's verdict; its metrics vanish unless it is recorded again within five minutes."""
        measure_verdict(self._figures, verdict)

    def record_exit(self, one: ExitCapacity) -> None:
        """Record how much of an asset could leave; it vanishes unless it is recorded again within five minutes."""
        measure_exit(self._figures, one)

    def record_log(self, figures: LogFigures) -> None:
        """Record how the log and its readers are; counts are since the start of the process."""
        log = figures.log
        self._add_up(table.LOG_ROWS, log.written, "written")
        self._add_up(table.LOG_ROWS, sum(log.dropped.values()), "dropped")
        for reader, rows in log.lost.items():
            self._add_up(table.LOG_LOST, rows, reader)
        self._figures.set_gauge(table.LOG_WAITING, log.waiting)
        self._figures.set_gauge(table.LOG_SIZE, log.size)
        for reader, lag in figures.readers.items():
            self._figures.set_gauge(table.READER_ENTRIES, lag.entries, reader)
            self._figures.set_gauge(table.READER_LAG, lag.behind_s, reader)

    def record_vantages(self, age_s: Mapping[str, float], refused: Mapping[str, int]) -> None:
        """Record how old the last second of each vantage is, and what of the bus was not taken since the start of the process."""
        for vantage, seconds in age_s.items():
            self._figures.set_gauge(table.VANTAGE_AGE, seconds, vantage)
        for reason, count in refused.items():
            self._add_up(table.BUS_REFUSED, count, reason)

    def record_unseen(self, unseen: Unseen) -> None:
        """Record what did not become evidence; counts are since the start of the process."""
        for name, count in unseen.dropped.items():
            self._add_up(table.READINGS_DROPPED, count, *name.split(" ", 1))
        for name, count in unseen.refused.items():
            self._add_up(table.SIGNALS_REFUSED, count, *name.split(" ", 1))
        self._add_up(table.SIGNALS_LATE, unseen.late)
        self._add_up(table.READINGS_UNWATCHED, unseen.unwatched)

    def _add_up(self, metric: Metric, total: int, *values: str) -> None:
        before = self._totals.get((metric.name, *values), 0)
        self._totals[(metric.name, *values)] = total
        self._figures.add(metric, total - before, *values)

    def record_loop_lag(self, late_s: float) -> None:
        """Record how late our own event loop was at one wake-up."""
        self._figures.observe(table.LOOP_LAG, late_s)

    def record_restart(self, part: str) -> None:
        """Record that a part failed and was restarted."""
        self._figures.add(table.PART_RESTARTS, 1, part)

    def record_delivery(self, sink: str, outcome: str) -> None:
        """Record a sink's outcome: delivered, try_again or refused."""
        self._figures.add(table.DELIVERY, 1, sink, outcome)

    def record_delivery_latency(self, sink: str, sink_type: str, latency_s: float) -> None:
        """Record how long after its judgement a change was delivered to a sink."""
        self._figures.observe(table.DELIVERY_LATENCY, latency_s, sink, sink_type)

    def record_sink(self, sink: str, broken: bool, breaks: int) -> None:
        """Record whether a sink is broken, and how often it was found to be since the start of the process."""
        self._figures.set_gauge(table.SINK_BROKEN, float(broken), sink)
        self._add_up(table.SINK_BREAKS, breaks, sink)

    def prometheus(self) -> tuple[bytes, str]:
        """All metrics, and those of our process (Linux), in Prometheus' format: body and type. Takes some milliseconds."""
        return generate_latest(self._providers.registry), CONTENT_TYPE_LATEST

    def open_metrics(self) -> tuple[bytes, str]:
        """The same in OpenMetrics' format, with the traces of checks as exemplars. Takes some milliseconds."""
        return rendered(self._providers.registry, self._figures.exemplars)

    def log_sink(self) -> logging.Handler:
        """A handler for the root logger that exports logs with trace ids and without secrets; idle if logs have no exporter."""
        loggers = self._providers.loggers
        return logging.NullHandler() if loggers is None else LogSink(loggers)

    async def close(self) -> None:
        """Flush and shut down within `export_timeout_s`, in a thread."""
        await asyncio.to_thread(self.shutdown)

    def shutdown(self) -> None:
        """Flush and shut down within `export_timeout_s`; a second call does nothing. Blocks: `close` does not."""
        if self._closed:
            return
        self._closed = True
        self._exports_spans = False
        shut_down(self._providers, self._shutdown_timeout_s)
