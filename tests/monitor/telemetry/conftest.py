"""A real collector: rotel, the complete OTLP collector that a wheel ships, on loopback, printing everything it receives."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

MAX_START_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A running collector: its endpoint, and the file that it prints to."""

    endpoint: str
    printed: Path

    def awaited(self, *words: str, within_s: float = 20.0) -> str:
        """The printed text once it contains all `words`; fails if they do not come."""
        deadline = time.monotonic() + within_s
        while True:
            text = self.printed.read_text(encoding="utf-8", errors="replace")
            if all(word in text for word in words):
                return text
            if time.monotonic() > deadline:
                missing = [word for word in words if word not in text]
                pytest.fail(f"the collector did not print {missing} within {within_s} s; it printed: {text[-2000:]}")
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port: int = trying.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as trying:
        trying.settimeout(0.5)
        return trying.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    spec = importlib.util.find_spec("rotel")
    binary = Path(spec.origin).with_name("rotel-agent") if spec is not None and spec.origin is not None else None
    if binary is None or not binary.exists():
        pytest.skip("the wheel rotel brings no collector for this machine")
    http, grpc = free_port(), free_port()
    printed = tmp_path / "collector.txt"
    command = [str(binary), "start", "--exporter", "blackhole", "--debug-log", "traces"]
    command += ["--debug-log", "metrics", "--debug-log", "logs"]
    command += ["--debug-log-verbosity", "detailed", "--otlp-http-endpoint", f"127.0.0.1:{http}"]
    command += ["--otlp-grpc-endpoint", f"127.0.0.1:{grpc}"]
    env = os.environ | {"ROTEL_PID_FILE": str(tmp_path / "pid"), "ROTEL_LOG_FILE": str(tmp_path / "log")}
    with printed.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=env) as running:
        try:
            deadline = time.monotonic() + MAX_START_S
            while not answers(http):
                if running.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the collector did not start: {printed.read_text(encoding='utf-8')[-2000:]}")
                time.sleep(0.02)
            yield Collector(endpoint=f"http://127.0.0.1:{http}", printed=printed)
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
