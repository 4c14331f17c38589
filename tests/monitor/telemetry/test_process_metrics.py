"""Metrics of the process itself: which version runs, and what it takes of memory, CPU time and files."""

from __future__ import annotations

import math
import platform
import sys
from pathlib import Path

import pytest

from monitor.telemetry import instruments as table
from tests.monitor.telemetry.samples import bare
from tests.monitor.telemetry.test_figures import lines


def test_the_version_that_runs_is_shown_and_never_goes_stale() -> None:
    assert lines(bare(), "stormwatch_build_info") == {
        f'stormwatch_build_info{{python="{platform.python_version()}",version="1.2.3"}}': 1.0
    }
    assert table.BUILD_INFO.stale_s == math.inf


@pytest.mark.skipif(sys.platform != "linux", reason="the process is measured on Linux only")
def test_memory_cpu_time_and_open_files_of_the_process_are_shown() -> None:
    telemetry = bare()
    before = lines(telemetry, "process_open_fds")["process_open_fds"]
    with Path("/proc/self/stat").open(encoding="ascii"):
        assert lines(telemetry, "process_open_fds")["process_open_fds"] == before + 1
    assert lines(telemetry, "process_resident_memory_bytes")["process_resident_memory_bytes"] > 1e6
    assert lines(telemetry, "process_cpu_seconds_total")["process_cpu_seconds_total"] > 0
