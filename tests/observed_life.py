"""One life of the daemon under a scripted fault, seen from outside: its `/readyz` each second, its memory, its output, its stop.

Used by `tests/database_faults.py` and `tests/disk_full.py`; the daemon is that of `tests/killed_daemon.py`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec

from tests.killed_daemon import SECRET_ENV, Order

POLL_S = 1.0
READY_S = 60.0
STOPS_S = 40.0
"""A stop that takes longer is ended by a kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer of `/readyz`: when it came (monotonic seconds), and its reasons; None: no answer."""

    at_s: float
    reasons: tuple[str, ...] | None

    @property
    def ready(self) -> bool:
        """Whether the daemon says that it is ready."""
        return self.reasons == ()

    def names(self, what: str) -> bool:
        """Whether one of the reasons begins with `what`."""
        return any(one.startswith(what) for one in self.reasons or ())


@dataclass
class Life:
    """A running daemon. `start` it; `stop` returns how long its end took, in seconds."""

    order: Order
    output: Path
    """What it writes to stderr is added here."""
    seen: list[Seen] = field(default_factory=list)
    peak_mb: float = 0.0
    """Its largest resident set so far, in 10⁶ bytes."""
    ended: int | None = None
    """Its exit code."""
    metrics: str = ""
    _process: Process | None = None
    _polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and wait until its parts run. Raises AssertionError with its last words if it does not."""
        path = self.output.with_suffix(".json")
        path.write_bytes(msgspec.json.encode(self.order))
        with self.output.open("ab") as file:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.killed_daemon", str(path), stdout=PIPE, stderr=file,
                env={**os.environ, SECRET_ENV: "x"},
            )  # fmt: skip
        self._polling = asyncio.create_task(self._poll())
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await self._process.stdout.readline()
        if not line:
            self.ended = await self._process.wait()
            self._polling.cancel()
            raise AssertionError(self.output.read_text()[-500:])

    async def stop(self) -> float:
        """SIGTERM; seconds until it has ended. Raises AssertionError if it has ended by itself."""
        assert self._process is not None
        assert self._polling is not None
        assert self._process.returncode is None, f"it ended by itself with {self._process.returncode}"
        began_s = time.monotonic()
        self._process.terminate()
        try:
            async with asyncio.timeout(STOPS_S):
                self.ended = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            self.ended = await self._process.wait()
        took_s = time.monotonic() - began_s
        self._polling.cancel()
        with suppress(asyncio.CancelledError):
            await self._polling
        return took_s

    async def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._polling is not None:
            self._polling.cancel()

    async def until_ready(self, within_s: float) -> float | None:
        """Seconds until it says ready for three answers on end; None: not in time."""
        began_s = time.monotonic()
        while time.monotonic() < began_s + within_s:
            since = [one for one in self.seen if one.at_s >= began_s][-3:]
            if len(since) == 3 and all(one.ready for one in since):
                return since[0].at_s - began_s
            await asyncio.sleep(POLL_S / 4)
        return None

    async def _poll(self) -> None:
        assert self._process is not None
        base = f"http://127.0.0.1:{self.order.port}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as client:
            while True:
                reasons: tuple[str, ...] | None = None
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with client.get(f"{base}/readyz") as answer:
                        reasons = tuple((await answer.json())["reasons"])
                    async with client.get(f"{base}/metrics") as answer:
                        self.metrics = await answer.text()
                self.seen.append(Seen(at_s=time.monotonic(), reasons=reasons))
                self.peak_mb = max(self.peak_mb, _peak_mb(self._process.pid))
                await asyncio.sleep(POLL_S)


def _peak_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path("/proc", str(pid), "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
        return number
