"""An event loop whose clock jumps to the next timer instead of waiting for it: hours of pauses take no time.

While work of the loop runs in a thread (a read of the log), the clock stands still.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

import pytest

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")
BEGIN_S = 1_000.0


class _Jumps(selectors.SelectSelector):
    """Selects at once and advances the loop's time by the timeout."""

    loop: JumpingLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:  # None: only a thread or a socket can continue the loop, so wait for it
            return super().select(timeout)
        if self.loop.in_threads:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.loop.now_s += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose monotonic clock is `now_s`; a test may also advance it by hand."""

    def __init__(self) -> None:
        self.now_s = BEGIN_S
        self.in_threads = 0
        jumps = _Jumps()
        jumps.loop = self
        super().__init__(jumps)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Arguments]], Result], *args: *Arguments
    ) -> asyncio.Future[Result]:
        """Run in a thread; the clock stands still until it has ended."""
        running = super().run_in_executor(executor, func, *args)
        self.in_threads += 1
        running.add_done_callback(self._left_thread)
        return running

    def _left_thread(self, _running: asyncio.Future[Any]) -> None:
        self.in_threads -= 1


def run_jumping(monkeypatch: pytest.MonkeyPatch, work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` in jumping time; `time.monotonic` gives the same clock during the run."""
    loop = JumpingLoop()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(time, "monotonic", loop.time)
            return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def elapsed_s() -> float:
    """Seconds since this run in jumping time began."""
    return asyncio.get_running_loop().time() - BEGIN_S
