"""A command that receives a signal stops everything it started: no server and no folder is left behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WORK = """
import asyncio
from monitor.cli.shared import run

async def work():
    try:
        print("begun", flush=True)
        await asyncio.sleep(60)
    finally:
        print("ended", flush=True)

run(work())
"""


def test_after_sigterm_a_command_cleans_up_and_returns_its_exit_code() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as begun:  # fmt: skip
        assert begun.stdout is not None
        assert begun.stdout.readline() == "begun\n"
        begun.send_signal(signal.SIGTERM)
        out, err = begun.communicate(timeout=30)
    assert (out, err, begun.returncode) == ("ended\n", "", 128 + signal.SIGTERM)


HANGING_UP = """
import asyncio
import os
import pty
from monitor.cli.shared import reload_on_hang_up

async def work():
    stop = asyncio.Event()
    asked = reload_on_hang_up(stop)
    os.write(9, b"begun\\n")
    waiting = {asyncio.create_task(stop.wait(), name="stop"), asyncio.create_task(asked.wait(), name="reload")}
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    os.write(9, done.pop().get_name().encode())

asyncio.run(work())
"""


@pytest.mark.parametrize(
    ("gone", "ignored", "said"), [(True, False, "stop"), (False, False, "reload"), (True, True, "reload")]
)
def test_sighup_reloads_unless_the_terminal_has_gone(gone: bool, ignored: bool, said: str) -> None:
    ours, theirs = pty.openpty()
    reading, writing = os.pipe()

    def prepare() -> None:
        os.dup2(writing, 9)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)  # as nohup does

    with subprocess.Popen(
        [sys.executable, "-c", HANGING_UP], stdin=theirs, stdout=theirs, stderr=theirs, pass_fds=(9,), preexec_fn=prepare,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as begun:  # fmt: skip
        os.close(writing)
        os.close(theirs)
        with os.fdopen(reading, "rb", buffering=0) as told:
            assert told.read(6) == b"begun\n"
            if gone:
                os.close(ours)
            begun.send_signal(signal.SIGHUP)
            assert told.read(20).decode() == said
    if not gone:
        os.close(ours)
    assert begun.returncode == 0
