"""Keeps the figures of the table: makes the instruments, bounds their attribute sets, lets stale gauges vanish.

Counters and histograms are OpenTelemetry's own. Gauges are kept here and observed on collection, because the SDK
repeats a gauge's last value for ever or forgets it after one collection, and neither is true of a wallet that is asked
once a minute. Thread-safe for one writer (the loop) and any number of collecting threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from monitor.telemetry.instruments import METRICS, OTHER, Metric, MetricKind

Attributes = dict[str, str]
Values = tuple[str, ...]


class AttributeSets:
    """The attribute sets of one metric: at most twice its cap and one, however many values come from outside."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._known: dict[Values, Attributes] = {}
        self._spare: dict[Values, Attributes] = {}

    def of(self, values: Values) -> Attributes:
        """The attributes for these values, in the table's order; "other" where there are too many already."""
        known = self._known.get(values)
        if known is not None:
            return known
        metric = self._metric
        assert len(values) == len(metric.attributes), f"{metric.name} takes {metric.attributes}, not {values}"
        if len(self._known) < metric.cap:
            return self._keep(self._known, values)
        folded = tuple(
            OTHER if name in metric.unbounded else value for name, value in zip(metric.attributes, values, strict=True)
        )
        spare = self._spare.get(folded)
        if spare is not None:
            return spare
        if folded == values or len(self._spare) >= metric.cap:
            folded = (OTHER,) * len(values)
        return self._keep(self._spare, folded)

    def _keep(self, room: dict[Values, Attributes], values: Values) -> Attributes:
        kept = dict(zip(self._metric.attributes, values, strict=True))
        room[values] = kept
        return kept


class Figures:
    """All metrics of the table. Values are given positionally in the table's order of attributes.

    `clock` is monotonic seconds and only decides when a gauge is stale.
    """

    def __init__(self, meter: Meter, *, clock: Callable[[], float] = time.monotonic) -> None:
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
        """Let a counter grow by `amount` (never negative; what is not finite is left out)."""
        if amount >= 0 and math.isfinite(amount):
            self._counters[metric.name].add(amount, self._sets[metric.name].of(values))

    def spread(self, metric: Metric, value: float, *values: str, context: Context | None = None) -> None:
        """Take one value into a histogram; `context` carries the span it belongs to, for exemplars."""
        if math.isfinite(value):
            self._histograms[metric.name].record(value, self._sets[metric.name].of(values), context)

    def show(self, metric: Metric, value: float | None, *values: str) -> None:
        """Set a gauge; None or what is not finite takes it away: unknown is not zero."""
        attributes = self._sets[metric.name].of(values)
        shown = self._gauges[metric.name]
        key = tuple(attributes.values())
        if value is None or not math.isfinite(value):
            shown.pop(key, None)
        else:
            shown[key] = (value, self._clock())

    def _observer(self, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Sequence[Observation]:
            now = self._clock()
            return [
                Observation(value, dict(zip(metric.attributes, values, strict=True)))
                for values, (value, told) in self._gauges[metric.name].copy().items()
                if now - told <= metric.stale_s
            ]

        return observe
