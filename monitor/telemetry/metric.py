"""Defines a metric of the table: name, kind, unit, description, attributes, and how many attribute sets it may have.

A set beyond the maximum becomes `OTHER`; a gauge that is not renewed vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

OTHER = "other"
"""The value of an attribute once its metric has reached its maximum of attribute sets."""


class MetricKind(StrEnum):
    """Counters only grow; gauges show the last value until it is too old; histograms show a distribution."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. `attributes` are in the order of the values; `unbounded` names those whose values come from outside
    and become "other" beyond `cap` attribute sets (beyond twice the cap, all do).

    `stale_s` is how long a gauge is shown after it was last set: a value that is not renewed is no longer a fact.
    """

    name: str
    kind: MetricKind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
    cap: int = 500
    buckets: tuple[float, ...] = ()
    stale_s: float = 300.0


def counter(
    name: str, unit: str, description: str, *attributes: str, unbounded: tuple[str, ...] = (), cap: int = 500
) -> Metric:
    """A counter of the table."""
    return Metric(
        name=name,
        kind=MetricKind.COUNTER,
        unit=unit,
        description=description,
        attributes=attributes,
        unbounded=unbounded,
        cap=cap,
    )


def gauge(
    name: str,
    unit: str,
    description: str,
    *attributes: str,
    unbounded: tuple[str, ...] = (),
    cap: int = 500,
    stale_s: float = 300.0,
) -> Metric:
    """A gauge of the table."""
    return Metric(
        name=name,
        kind=MetricKind.GAUGE,
        unit=unit,
        description=description,
        attributes=attributes,
        unbounded=unbounded,
        cap=cap,
        stale_s=stale_s,
    )


def histogram(
    name: str,
    description: str,
    *attributes: str,
    buckets: tuple[float, ...],
    unbounded: tuple[str, ...] = (),
    cap: int = 500,
) -> Metric:
    """A histogram of seconds of the table."""
    return Metric(
        name=name,
        kind=MetricKind.HISTOGRAM,
        unit="s",
        description=description,
        attributes=attributes,
        unbounded=unbounded,
        cap=cap,
        buckets=buckets,
    )
