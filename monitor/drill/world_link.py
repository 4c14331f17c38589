"""Connects the drill to its world: starts it as its own process, reads its messages, and makes it begin and end."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import OperatorError

READY_S = 120.0
"""A world starts in two seconds, and in half a minute on a host whose cores are taken. One that cannot start ends at once."""
END_S = 10.0
MAX_LINE = 4_000_000


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of the world as one region reaches them."""

    hosts: Mapping[str, Mapping[str, str]]
    node: str
    controls: Mapping[str, str]


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of the world: all addresses."""

    hosts: Mapping[str, Mapping[str, str]]
    node: str
    controls: Mapping[str, str]
    webhook: str
    contract: str
    pools: tuple[str, ...]
    timelock: str
    asset: str
    regions: Mapping[str, Reached] = {}


class WorldLink:
    """One world, of these venues (without any: of the scenario's own); `quiet`: the scenario's quiet twin.

    Start it, `begin`, read `next_message` until it is done, and always `end` it.
    """

    def __init__(self, scenario: Path, secret: str, venues: Sequence[str] = (), *, quiet: bool = False) -> None:
        self._scenario = scenario
        self._played = ([",".join(venues)] if venues else []) + (["--quiet"] if quiet else [])
        self._secret = secret
        self._process: Process | None = None

    async def start(self) -> Ready:
        """Start the process and wait until its servers listen. Raises OperatorError if it cannot."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "monitor.drill.world", str(self._scenario), *self._played,
            stdin=PIPE, stdout=PIPE, limit=MAX_LINE,
            env={**os.environ, "STORMWATCH_DRILL_SECRET": self._secret},
        )  # fmt: skip
        try:
            async with asyncio.timeout(READY_S):
                line = await self._line()
            return msgspec.json.decode(line, type=Ready)
        except TimeoutError:
            await self.end()
            late = f"its servers did not come up within {READY_S:g} s; try again when the host is less busy"
            raise OperatorError("drill", str(self._scenario), "a world that starts", late) from None
        except msgspec.DecodeError:  # it ended before its first line
            await self.end()
            raise OperatorError(
                "drill", str(self._scenario), "a world that starts", "its process ended; see the lines above"
            ) from None

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    async def begin(self) -> None:
        """Begin the scenario: its second 0 is now."""
        await self._send(b"begin\n")

    async def _send(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()

    async def next_message(self) -> dict[str, Any] | None:
        """The next message of the world (a stage begins, or all is done); None if it has ended."""
        line = await self._line()
        if not line:
            return None
        message = msgspec.json.decode(line)
        assert isinstance(message, dict)
        return message

    async def finish(self) -> list[dict[str, Any]]:
        """Send "end" to the world. Returns the webhooks it received ({"kind", "incident_id", "signed"} each).

        If it has ended by itself, because the daemon took long to stop, its last line still says them.
        """
        with suppress(ConnectionError):
            await self._send(b"end\n")
        async with asyncio.timeout(END_S):
            while (message := await self.next_message()) is not None:
                if message.get("done"):
                    return list(message.get("webhooks", []))
        return []

    async def end(self) -> None:
        """End the process in any state."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            assert process.stdin is not None
            process.stdin.close()  # end of input ends the world
            async with asyncio.timeout(END_S):
                await process.wait()
        except (TimeoutError, ConnectionError):
            process.kill()
            await process.wait()
