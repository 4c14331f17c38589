"""Export: bounded at the end, off the loop, silent without an endpoint, and its settings checked."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from monitor.errors import OperatorError
from monitor.telemetry.export import otlp_headers
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.telemetry.samples import bare, check, memory_exports


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


async def test_closing_is_bounded_and_leaves_the_loop_free_when_the_collector_is_silent(silent_port: int) -> None:
    settings = TelemetrySettings(
        otlp_endpoint=f"http://127.0.0.1:{silent_port}", export_timeout_s=0.5, export_interval_s=60
    )
    telemetry = Telemetry(settings, vantage="home", version="1", env={})
    telemetry.record(check())
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    turning = asyncio.create_task(turn())
    begun = time.monotonic()
    await telemetry.close()
    took_s = time.monotonic() - begun
    turning.cancel()
    assert took_s < 5
    assert turns > 5


async def test_closing_twice_is_harmless_and_nothing_is_recorded_after() -> None:
    exports = memory_exports()
    await exports.telemetry.close()
    await exports.telemetry.close()
    assert exports.telemetry.record(check()) is None
    assert exports.spans.get_finished_spans() == ()


def test_without_an_endpoint_no_thread_is_started() -> None:
    before = threading.active_count()
    telemetry = bare()
    assert threading.active_count() == before
    telemetry.shutdown()


def test_reading_the_settings_imports_nothing_heavy() -> None:
    module = sys.modules["monitor.telemetry.settings"]
    assert not any(name in vars(module) for name in ("opentelemetry", "prometheus_client", "requests"))


def test_headers_come_from_the_named_variable() -> None:
    settings = TelemetrySettings(otlp_headers_env="OTLP_HEADERS")
    assert otlp_headers(settings, {"OTLP_HEADERS": "a=1, b=x=y"}) == {"a": "1", "b": "x=y"}
    assert otlp_headers(TelemetrySettings(), {}) == {}


def test_a_missing_or_broken_headers_variable_is_an_operator_error_without_its_value() -> None:
    settings = TelemetrySettings(otlp_headers_env="OTLP_HEADERS")
    with pytest.raises(OperatorError, match="set OTLP_HEADERS"):
        otlp_headers(settings, {})
    with pytest.raises(OperatorError) as caught:
        otlp_headers(settings, {"OTLP_HEADERS": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"otlp_endpoint": "127.0.0.1:4318"},
        {"otlp_endpoint": "http://me:pw@host.example"},
        {"export_interval_s": 0.0},
        {"export_timeout_s": float("inf")},
        {"span_queue": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TelemetrySettings(**wrong)  # type: ignore[arg-type]
