"""The figures of the latency benchmark on a part of the recorded round trips that parameters were not chosen on."""

from __future__ import annotations

import pytest

from tests.bench.measures.latency import FOLDER, judged, recorded


@pytest.mark.skipif(
    not FOLDER.exists(), reason="the recorded round trips lie beside the repository, in shared/data/latency"
)
def test_recorded_latencies_of_a_healthy_venue_make_no_alarm_and_a_threefold_step_is_found() -> None:
    count = judged({name: one for name, one in recorded("htx").items() if "Tokyo" in name}, steps=10)
    assert count.hours > 40
    assert count.alarms == 0
    assert count.found >= 0.8 * count.steps
