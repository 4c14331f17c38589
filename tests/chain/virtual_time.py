"""An event loop whose clock jumps ahead while nothing happens: seconds of waiting cost a moment, and sockets still work.

The clock moves at most `STEP_S` at a time, each time after the sockets were silent for `LOOK_S` of real time, so that an answer
on its way over loopback always arrives before the time passes in which it was awaited. It stands still while a process of ours
runs: how long that takes is the machine's affair.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.chain.builders import START

T = TypeVar("T")
STEP_S, LOOK_S = 0.1, 0.001


class _Patient(selectors.DefaultSelector):
    """Waits on sockets, and tells how long it pretended to wait."""

    pretended_s = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.starting = 0
        self.processes: list[asyncio.SubprocessTransport] = []

    def _processes_run(self) -> bool:
        self.processes = [one for one in self.processes if one.get_returncode() is None]
        return bool(self.starting or self.processes)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        found = super().select(LOOK_S)
        if not found and timeout is not None and not self._processes_run():
            self.pretended_s += min(timeout, STEP_S)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at 0."""

    def __init__(self) -> None:
        self._patient = _Patient()
        super().__init__(self._patient)

    def time(self) -> float:
        return self._patient.pretended_s

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        self._patient.starting += 1
        try:
            transport, protocol = await super().subprocess_exec(*args, **options)
            self._patient.processes.append(transport)
        finally:
            self._patient.starting -= 1
        return transport, protocol


def in_virtual_time(story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a story on a loop of its own, and returns its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())


def virtual_clock() -> datetime:
    """The time of the running virtual loop, as a date."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())
