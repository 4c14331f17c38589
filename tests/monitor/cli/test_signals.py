"""A command that receives a signal stops everything it started: no server and no folder is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

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
