"""Writes all metrics in OpenMetrics' text format, with an exemplar in each bucket that has one: the trace of a request in it.

OpenTelemetry's exporter for Prometheus passes no exemplars on, so the latest of each bucket is remembered here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from opentelemetry.context import Context
from opentelemetry.trace import get_current_span
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from monitor.telemetry.metric import Metric as Declared

Key = tuple[str, tuple[tuple[str, str], ...]]


class Exemplars:
    """The latest exemplar of each bucket of each attribute set; as many as there are buckets. For one writer, any readers."""

    def __init__(self) -> None:
        self._latest: dict[Key, dict[float, Exemplar]] = {}

    def note(self, metric: Declared, attributes: Mapping[str, str], value: float, context: Context) -> None:
        """Remember the span of `context` as the exemplar of the bucket of `value`."""
        span = get_current_span(context).get_span_context()
        if not span.is_valid:
            return
        key = (f"{metric.name.replace('.', '_')}_seconds", tuple(sorted(attributes.items())))
        place = bisect_left(metric.buckets, value)
        bound = metric.buckets[place] if place < len(metric.buckets) else inf
        labels = {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
        self._latest.setdefault(key, {})[bound] = Exemplar(labels, value)

    def of(self, sample: Sample) -> Exemplar | None:
        """The exemplar of a sample; None if it is no bucket or has none."""
        if not sample.name.endswith("_bucket"):
            return None
        labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        return self._latest.get((sample.name.removesuffix("_bucket"), labels), {}).get(float(sample.labels["le"]))


@dataclass(frozen=True, slots=True)
class _WithExemplars(Collector):
    registry: CollectorRegistry
    exemplars: Exemplars

    def collect(self) -> Iterable[Metric]:
        for family in self.registry.collect():
            if family.type == "histogram":
                family.samples = [one._replace(exemplar=self.exemplars.of(one)) for one in family.samples]
            yield family


def rendered(registry: CollectorRegistry, exemplars: Exemplars) -> tuple[bytes, str]:
    """All metrics of a registry in OpenMetrics 1.0, and the content type. Takes some milliseconds."""
    given = _WithExemplars(registry, exemplars)
    return generate_latest(given), CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]  # the library's own
