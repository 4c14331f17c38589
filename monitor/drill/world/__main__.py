"""Runs the world as a process: `python -m monitor.drill.world SCENARIO.toml [VENUE,...] [--quiet]`.

The first JSON line lists all addresses; "begin" on stdin starts the scenario; JSON lines report its stages and its end. "end"
or the end of stdin ends it, else it ends by itself a while after the scenario. The webhooks' secret comes from
STORMWATCH_DRILL_SECRET.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from monitor.drill.scenario import Scenario, load, named, played_by, quiet_twin
from monitor.drill.world.world import World
from monitor.errors import OperatorError

SECRET_ENV = "STORMWATCH_DRILL_SECRET"  # noqa: S105  # the name of the variable, not the secret
QUIET = "--quiet"
"""Play the scenario's quiet twin."""
STDIN = 0
CHUNK = 4096


def write_line(message: Mapping[str, Any]) -> None:
    """Write one JSON line to stdout, at once."""
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def read_commands(world: World, loop: asyncio.AbstractEventLoop) -> None:
    """Read commands from stdin until it ends. Runs in its own thread: stdin may be any kind of file."""
    rest = b""
    while chunk := os.read(STDIN, CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            command = {b"begin": world.begin, b"end": world.end}.get(line.strip())
            if command is not None:
                loop.call_soon_threadsafe(command)
        rest = rest[-CHUNK:]
    with suppress(RuntimeError):  # the loop is closed: the world ended first
        loop.call_soon_threadsafe(world.end)


async def play(scenario: Scenario) -> None:
    """Play one scenario to its end."""
    world = World(scenario, os.environ.get(SECRET_ENV, ""))
    try:
        write_line(await world.start())
        loop = asyncio.get_running_loop()
        threading.Thread(target=read_commands, args=(world, loop), name="stdin", daemon=True).start()
        await world.run(write_line)
    finally:
        await world.stop()


def main() -> int:
    """Returns the exit code: 0 if the scenario was played, 2 if it cannot be read."""
    given = [one for one in sys.argv[1:] if one != QUIET]
    if len(given) not in (1, 2):
        sys.stderr.write("usage: python -m monitor.drill.world SCENARIO.toml [VENUE,...] [--quiet]\n")
        return 2
    try:
        scenario = load(given[0])
        if len(given) == 2:
            scenario = played_by(scenario, named(given[1]))
        if QUIET in sys.argv:
            scenario = quiet_twin(scenario)
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        asyncio.run(play(scenario))
    except (KeyboardInterrupt, BrokenPipeError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
