"""A collector that is away is said once a minute in one line, and once when it is back; attempts are not said at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from monitor.incidents import ChangeKind
from monitor.telemetry.collector import Collector
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.telemetry.conftest import free_port
from tests.monitor.telemetry.samples import change, check

WAIT_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


def test_it_is_said_once_a_minute_with_all_that_does_not_arrive(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    collector = Collector(clock)
    for second in range(121):
        clock.now_s = 1000.0 + second
        collector.fails("traces", "ConnectionError token=hunter2")
        collector.fails("logs", "HTTP 503")
    collector.takes("metrics")
    collector.takes("logs")
    collector.takes("traces")
    collector.takes("traces")

    rest = "s now (ConnectionError token=[hidden]); what does not fit into the queues is lost"
    assert said(caplog) == [
        f"the collector takes no traces, for 0 {rest}",
        f"the collector takes no logs, traces, for 60 {rest}",
        f"the collector takes no logs, traces, for 120 {rest}",
        "the collector takes everything again, after 120 s",
    ]


def test_the_next_time_it_is_away_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(Clock())
    for _ in range(2):
        collector.fails("traces", "ConnectionError")
        collector.takes("traces")

    assert [one.split(",")[0] for one in said(caplog)][::2] == ["the collector takes no traces"] * 2


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a collector that answers everything so."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the standard library's name
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def exported(port: int, until: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said when everything goes to a collector on this port, once `until` was said."""
    settings = TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{port}", export_interval_s=0.05, export_timeout_s=0.5)
    telemetry = Telemetry(settings, vantage="home", version="1", env={})
    telemetry.record(check())
    telemetry.record_change(change(ChangeKind.OPENED))
    deadline = time.monotonic() + WAIT_S
    while until and until not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.02)
    telemetry.shutdown()
    return [one for one in said(caplog) if "could not be sent within" not in one]


def test_every_exporter_of_a_collector_that_is_away_shares_one_line(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = exported(free_port(), "the collector takes no", caplog)
    assert "ConnectionError" in line


@pytest.mark.parametrize(("status", "why"), [(503, "HTTP 503"), (307, "HTTP 307, redirect refused"), (400, "HTTP 400")])
def test_an_answer_that_is_no_success_is_said_too(status: int, why: str, caplog: pytest.LogCaptureFixture) -> None:
    with answering(status) as port:
        (line,) = exported(port, "the collector takes no", caplog)
    assert f"({why})" in line


def test_a_collector_that_takes_everything_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    with answering(200) as port:
        assert exported(port, "", caplog) == []
