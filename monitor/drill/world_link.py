"""The drill's end of the world: starts it as its own process, reads what it says, tells it when to begin and to end."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import OperatorError

READY_S = 20.0
END_S = 10.0
MAX_LINE = 4_000_000


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The world's first line: where everything is."""

    hosts: Mapping[str, Mapping[str, str]]
    node: str
    controls: Mapping[str, str]
    webhook: str
    contract: str
    pools: tuple[str, ...]
    timelock: str
    asset: str


class WorldLink:
    """One world. Start it, `begin`, read `lines` until it is done, `end` it whatever happens."""

    def __init__(self, scenario: Path, secret: str) -> None:
        self._scenario = scenario
        self._secret = secret
        self._process: Process | None = None

    async def start(self) -> Ready:
        """Start the process and wait until its servers listen. Raises OperatorError where it cannot."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "monitor.drill.world", str(self._scenario),
            stdin=PIPE, stdout=PIPE, limit=MAX_LINE,
            env={**os.environ, "STORMWATCH_DRILL_SECRET": self._secret},
        )  # fmt: skip
        try:
            async with asyncio.timeout(READY_S):
                line = await self._line()
            return msgspec.json.decode(line, type=Ready)
        except (TimeoutError, msgspec.DecodeError):
            await self.end()
            raise OperatorError(
                "drill", str(self._scenario), "a world that starts", "its servers did not come up; see the lines above"
            ) from None

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    async def begin(self) -> None:
        """Second 0 of the scenario is now."""
        await self._say(b"begin\n")

    async def _say(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()

    async def said(self) -> dict[str, Any] | None:
        """What the world says next (a stage that begins, or that it is done); None where it has ended."""
        line = await self._line()
        if not line:
            return None
        told = msgspec.json.decode(line)
        assert isinstance(told, dict)
        return told

    async def finish(self) -> list[dict[str, Any]]:
        """End the world by word; give the webhooks it received ({"kind", "incident_id", "signed"} each)."""
        await self._say(b"end\n")
        async with asyncio.timeout(END_S):
            while (told := await self.said()) is not None:
                if told.get("done"):
                    return list(told.get("webhooks", []))
        return []

    async def end(self) -> None:
        """End the process, whatever state it is in."""
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
