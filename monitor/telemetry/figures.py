"""Holds the metrics of the table: creates the instruments, limits their attribute sets, removes stale gauges.

Counters and histograms are OpenTelemetry's own. Gauges are stored here and observed on collection, because the SDK
repeats a gauge's last value for ever or forgets it after one collection; both are wrong for a wallet that is read
once a minute. Thread-safe for one writer (the event loop) and any number of collecting threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from monitor.signals.plain_text import one_line
from monitor.telemetry.instruments import METRICS
from monitor.telemetry.metric import OTHER, Metric, MetricKind
from monitor.telemetry.open_metrics import Exemplars

Attributes = dict[str, str]
Values = tuple[str, ...]


class AttributeSets:
    """The attribute sets of one metric: at most twice its cap plus one, however many values come from outside."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._known: dict[Values, Attributes] = {}
        self._folded: dict[Values, Attributes] = {}

    def of(self, values: Values) -> Attributes:
        """The attributes for these values, in the table's order; "other" if there are too many already."""
        known = self._known.get(values)
        if known is not None:
            return known
        if not all(
            map(str.isprintable, values)
        ):  # a name from outside: it must not steer who reads /metrics on a terminal
            return self.of(tuple(map(one_line, values)))
        metric = self._metric
        assert len(values) == len(metric.attributes), f"{metric.name} takes {metric.attributes}, not {values}"
        if len(self._known) < metric.cap:
            return self._add(self._known, values)
        folded = tuple(
            OTHER if name in metric.unbounded else value for name, value in zip(metric.attributes, values, strict=True)
        )
        known = self._folded.get(folded)
        if known is not None:
            return known
        if folded == values or len(self._folded) >= metric.cap:
            folded = (OTHER,) * len(values)
        return self._add(self._folded, folded)

    def _add(self, sets: dict[Values, Attributes], values: Values) -> Attributes:
        attributes = dict(zip(self._metric.attributes, values, strict=True))
        sets[values] = attributes
        return attributes


class Figures:
    """All metrics of the table. Attribute values are positional, in the table's order.

    `clock` gives monotonic seconds and only decides when a gauge is stale.
    """

    def __init__(self, meter: Meter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.exemplars = Exemplars()
        self._clock = clock
        self._sets = {one.name: AttributeSets(one) for one in METRICS}
        self._gauges: dict[str, dict[Values, tuple[float, float]]] = {}
        self._counters = {}
        self._histograms = {}
        for one in METRICS:
            match one.kind:
                case MetricKind.COUNTER:
                    self._counters[one.name] = meter.create_counter(one.name, one.unit, one.description)
                case MetricKind.HISTOGRAM:
                    self._histograms[one.name] = meter.create_histogram(
                        one.name, one.unit, one.description, explicit_bucket_boundaries_advisory=one.buckets
                    )
                case MetricKind.GAUGE:
                    self._gauges[one.name] = {}
                    meter.create_observable_gauge(one.name, [self._observer(one)], one.unit, one.description)

    def add(self, metric: Metric, amount: float, *values: str) -> None:
        """Increase a counter by `amount`; ignores a negative or not finite one."""
        if amount >= 0 and math.isfinite(amount):
            self._counters[metric.name].add(amount, self._sets[metric.name].of(values))

    def observe(self, metric: Metric, value: float, *values: str, context: Context | None = None) -> None:
        """Record one value in a histogram; `context` carries the span it belongs to, for exemplars."""
        if math.isfinite(value):
            attributes = self._sets[metric.name].of(values)
            self._histograms[metric.name].record(value, attributes, context)
            if context is not None:
                self.exemplars.note(metric, attributes, value, context)

    def set_gauge(self, metric: Metric, value: float | None, *values: str) -> None:
        """Set a gauge; None or a value that is not finite removes it: unknown is not zero."""
        attributes = self._sets[metric.name].of(values)
        gauge = self._gauges[metric.name]
        key = tuple(attributes.values())
        if value is None or not math.isfinite(value):
            gauge.pop(key, None)
        else:
            gauge[key] = (value, self._clock())

    def _observer(self, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def collect(_options: CallbackOptions) -> Sequence[Observation]:
            now_s = self._clock()
            return [
                Observation(value, dict(zip(metric.attributes, values, strict=True)))
                for values, (value, set_at_s) in self._gauges[metric.name].copy().items()
                if now_s - set_at_s <= metric.stale_s
            ]

        return collect
