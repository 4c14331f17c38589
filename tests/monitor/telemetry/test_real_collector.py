"""A real OTLP collector receives: true times of a check and its phases, and an incident linked to its probe."""

from __future__ import annotations

import logging
import re

from monitor.incidents import ChangeKind
from monitor.telemetry.incident_traces import root_context, trace_id_of
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.spans import unix_ns
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.telemetry.conftest import Collector
from tests.monitor.telemetry.samples import after, change, check, evidence


def exporting(collector: Collector) -> Telemetry:
    settings = TelemetrySettings(otlp_endpoint=collector.endpoint, export_interval_s=60, export_timeout_s=10)
    return Telemetry(settings, vantage="home", version="1.2.3", env={})


def spans(text: str) -> dict[str, str]:
    """The printed block of each span, by its name."""
    blocks = re.split(r"^(?:Span #\d+|ResourceSpans #\d+|ScopeSpans #\d+)\s*$", text, flags=re.MULTILINE)
    named = ((re.search(r"^\s+Name\s+: (.*)$", block, re.MULTILINE), block) for block in blocks)
    return {found[1]: block for found, block in named if found is not None and "Trace ID " in block}


def times(block: str) -> tuple[int, int]:
    start, end = re.search(r"Start time: (\d+)", block), re.search(r"End time: (\d+)", block)
    assert start is not None
    assert end is not None
    return int(start[1]), int(end[1])


async def test_a_check_arrives_with_its_phases_and_true_times(collector: Collector) -> None:
    telemetry, reading = exporting(collector), check()
    link = telemetry.record(reading)
    assert link is not None
    trace_id, span_id = link.split(":")
    await telemetry.close()
    blocks = spans(collector.awaited("check bybit depth", "service.name: Str(stormwatch)"))
    root = blocks["check bybit depth"]
    assert times(root) == (unix_ns(reading.scheduled_at), unix_ns(reading.received_at))
    assert "SPAN_KIND_CLIENT" in root
    assert "http.response.status_code: Int(200)" in root
    assert re.search(rf"^\s+ID\s+: {span_id}$", root, re.MULTILINE)
    for phase in reading.phases:
        begun = unix_ns(phase.started_at)
        assert times(blocks[phase.name]) == (begun, begun + round(phase.duration_s * 1e9))
        assert re.search(rf"Parent ID\s+: {span_id}$", blocks[phase.name], re.MULTILINE)
        assert re.search(rf"Trace ID\s+: {trace_id}$", blocks[phase.name], re.MULTILINE)


async def test_an_incident_arrives_as_one_trace_linked_to_its_probe_span(collector: Collector) -> None:
    telemetry = exporting(collector)
    link = telemetry.record(check())
    assert link is not None
    telemetry.record_change(change(ChangeKind.OPENED, at=3, findings=(evidence(links=(link,)),)))
    telemetry.record_change(change(ChangeKind.ENDED, at=90, revision=2))
    await telemetry.close()
    blocks = spans(collector.awaited("incident asset:BTC life", "Name           : incident asset:BTC\n"))
    root, whole = blocks["incident asset:BTC"], blocks["incident asset:BTC life"]
    assert (times(root), times(whole)) == (
        (unix_ns(after(0)), unix_ns(after(3))),
        (unix_ns(after(0)), unix_ns(after(90))),
    )
    probe_trace, probe_span = link.split(":")
    linked = root.partition("Links:")[2]
    assert f"Trace ID: {probe_trace}" in linked
    assert f"ID: {probe_span}" in linked
    assert "Name: evidence api errors" in root
    for name in ("incident asset:BTC", "incident asset:BTC ended", "incident asset:BTC life"):
        assert re.search(rf"Trace ID\s+: {trace_id_of('btc-1')}$", blocks[name], re.MULTILINE)
    parent = f"{root_context('btc-1').span_id:016x}"
    for name in ("incident asset:BTC ended", "incident asset:BTC life"):
        assert re.search(rf"Parent ID\s+: {parent}$", blocks[name], re.MULTILINE)
        assert f"ID: {parent}" in blocks[name].partition("Links:")[2]
    assert "hunter2" not in root


async def test_the_root_of_an_open_incident_arrives_within_two_seconds(collector: Collector) -> None:
    telemetry = exporting(collector)  # everything else is sent once a minute
    telemetry.record(check())
    telemetry.record_change(change(ChangeKind.OPENED))
    collector.awaited("Name           : incident asset:BTC\n", trace_id_of("btc-1"), within_s=2.0)
    await telemetry.close()


async def test_figures_and_logs_arrive_too_and_a_log_carries_its_incidents_trace(collector: Collector) -> None:
    telemetry = exporting(collector)
    telemetry.record_restart("bybit feed")
    logger, sink = logging.getLogger("stormwatch.test.collector"), telemetry.log_sink()
    logger.addHandler(sink)
    logger.warning("not delivered, token=%s", "hunter2", extra={"incident_id": "btc-1"})
    logger.removeHandler(sink)
    await telemetry.close()
    text = collector.awaited("stormwatch.part.restarts", "not delivered, token=[hidden]", trace_id_of("btc-1"))
    assert "hunter2" not in text
