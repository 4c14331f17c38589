"""A proxy between the daemon and PostgreSQL whose behaviour changes while it runs: away, silent, late, cutting, or honest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

LATE_S = 2.0
CUT_S = 1.0
BLOCK = 65536
COPY_DATA = b"d"
"""The first byte of PostgreSQL's message CopyData."""


class Mode(StrEnum):
    """What the proxy does with connections, old and new."""

    THROUGH = "through"
    AWAY = "away"
    """Nothing listens, and connections are cut."""
    SILENT = "silent"
    """It accepts, and passes nothing on in either direction."""
    LATE = "late"
    """Every answer comes 2 s late."""
    CUT = "cut"
    """Every connection is cut once a second."""


class ChangingProxy:
    """Listens on a port of loopback, and passes bytes on to the Unix socket of `server_dsn`."""

    def __init__(self, server_dsn: str, port: int) -> None:
        query = parse_qs(urlsplit(server_dsn).query)
        self._target = Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"
        self._port = port
        self.dsn = f"postgresql://postgres:@127.0.0.1:{port}/postgres?sslmode=disable"
        self.mode = Mode.THROUGH
        self.on_copy: Callable[[], None] | None = None
        """Called once when rows pass, before they are passed on; then forgotten."""
        self._through = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._cutting: asyncio.Task[None] | None = None

    async def turn(self, mode: Mode) -> None:
        """Behave like this from now on."""
        self.mode = mode
        if mode is Mode.SILENT:
            self._through.clear()
        else:
            self._through.set()
        if mode is Mode.AWAY:
            if self._server is not None:
                self._server.close()
                self._server = None
            self._cut()
        elif self._server is None:
            self._server = await asyncio.start_server(self._greet, "127.0.0.1", self._port)
        if self._cutting is not None:
            self._cutting.cancel()
            self._cutting = None
        if mode is Mode.CUT:
            self._cutting = asyncio.create_task(self._cut_each_second())

    def _cut(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _cut_each_second(self) -> None:
        while True:
            self._cut()
            await asyncio.sleep(CUT_S)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        far_writer: asyncio.StreamWriter | None = None
        try:
            await self._through.wait()
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            self._open.add(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(reader, far_writer))
                group.create_task(self._answer(far_reader, writer))
        except* OSError:
            pass
        finally:
            for one in (writer, far_writer):
                if one is not None:
                    self._open.discard(one)
                    one.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(BLOCK):
            await self._through.wait()
            if self.on_copy is not None and block[:1] == COPY_DATA:
                call, self.on_copy = self.on_copy, None
                call()
            writer.write(block)
            await writer.drain()
        raise ConnectionResetError

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(BLOCK):
            if self.mode is Mode.LATE:
                await asyncio.sleep(LATE_S)
            await self._through.wait()
            writer.write(block)
            with suppress(ConnectionResetError):
                await writer.drain()
        raise ConnectionResetError
