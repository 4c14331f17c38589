"""Counts and sums events in windows of a second with bytewax: run by .peers/bytewax's own Python, never imported by ours.

stdin: a JSON list of [asset, unix seconds, value]. stdout: the CPU seconds that the dataflow took.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from time import process_time
from typing import Any

op: Any = import_module("bytewax.operators")  # of the peer's own environment
windowing: Any = import_module("bytewax.operators.windowing")
dataflow: Any = import_module("bytewax.dataflow")
testing: Any = import_module("bytewax.testing")
ALIGN = datetime(2026, 1, 1, tzinfo=UTC)
Event = tuple[str, datetime, float]
Sums = tuple[int, float]


def spent_s(events: list[Event]) -> float:
    """CPU seconds of the dataflow over all events, in order of arrival."""
    windows: list[object] = []
    flow = dataflow.Dataflow("seconds")
    stream = op.key_on("asset", op.input("events", flow, testing.TestingSource(events, batch_size=1000)), _asset)
    clock = windowing.EventClock(_time, wait_for_system_duration=timedelta(seconds=3))
    seconds = windowing.TumblingWindower(length=timedelta(seconds=1), align_to=ALIGN)
    summed = windowing.fold_window("sums", stream, clock, seconds, _nothing, _add, _join)
    op.output("windows", summed.down, testing.TestingSink(windows))
    began = process_time()
    testing.run_main(flow)
    assert windows, "some window is complete"
    return process_time() - began


def _asset(event: Event) -> str:
    return event[0]


def _time(event: Event) -> datetime:
    return event[1]


def _nothing() -> Sums:
    return (0, 0.0)


def _add(sums: Sums, event: Event) -> Sums:
    return (sums[0] + 1, sums[1] + event[2])


def _join(one: Sums, other: Sums) -> Sums:
    return (one[0] + other[0], one[1] + other[1])


if __name__ == "__main__":
    print(spent_s([(asset, datetime.fromtimestamp(at_s, UTC), usd) for asset, at_s, usd in json.load(sys.stdin)]))
