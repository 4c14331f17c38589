"""OpenMetrics: the same figures as for Prometheus, with the trace of a check in the bucket that it fell into."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed
from prometheus_client.samples import Sample

from monitor.telemetry.telemetry import Telemetry
from tests.monitor.telemetry.samples import bare, check, memory_exports

BUCKET = "stormwatch_check_duration_seconds_bucket"


def samples(telemetry: Telemetry, name: str) -> list[Sample]:
    body, content_type = telemetry.open_metrics()
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    families = parsed(body.decode())  # type: ignore[no-untyped-call]  # the library's own
    return [one for family in families for one in family.samples if one.name == name]


def test_a_bucket_has_the_trace_of_the_latest_check_in_it_and_no_other_bucket_has() -> None:
    telemetry = memory_exports().telemetry
    telemetry.record(check())
    link = telemetry.record(check())  # 0.3 s
    slow = telemetry.record(replace(check(), latency_s=1e6))
    assert link is not None
    assert slow is not None
    found = {one.labels["le"]: one.exemplar for one in samples(telemetry, BUCKET) if one.exemplar is not None}

    first, last = sorted(found, key=float)
    assert float(first) >= 0.3
    assert (found[first].labels, found[first].value) == (
        dict(zip(("trace_id", "span_id"), link.split(":"), strict=True)),
        0.3,
    )
    assert (last, found[last].labels["trace_id"]) == ("+Inf", slow.split(":")[0])


def test_without_exported_spans_there_is_no_exemplar_and_the_figures_are_the_same() -> None:
    telemetry = bare()
    telemetry.record(check())
    telemetry.record_delivery("desk", "delivered")
    found = samples(telemetry, BUCKET)

    assert max(one.value for one in found) == 1
    assert all(one.exemplar is None for one in found)
    assert [one.value for one in samples(telemetry, "stormwatch_delivery_total")] == [1]
