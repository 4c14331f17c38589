"""Stands between one region and the world: a relay before every port, so that one region's network can fail and no other's.

A relay knows no protocol. When the network is down it aborts every connection, and each new one at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

CHUNK = 65_536
_PORT = re.compile(r"(?<=//127\.0\.0\.1:)\d+")


class Relay:
    """Passes bytes between a port of its own and one of the world."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.down = False

    async def start(self) -> int:
        """Begin to listen. Returns its own port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close it."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Abort every connection, as a dead network does."""
        for one in tuple(self._open):
            one.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            if self.down:
                writer.transport.abort()
                return
            there_reader, there = await asyncio.open_connection("127.0.0.1", self._port)
            self._open.add(there)
            try:
                await asyncio.gather(_pass(reader, there), _pass(there_reader, writer))
            finally:
                self._open.discard(there)
                there.transport.abort()
        except (OSError, asyncio.CancelledError):
            return  # an end from outside is an end: nobody waits for this connection
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what one side sends until it ends; then end the other side's reading."""
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class Region:
    """All relays of one region. `down` says whether its network is down now."""

    def __init__(self) -> None:
        self._relays: dict[int, Relay] = {}
        self._ports: dict[int, int] = {}

    async def start(self, addresses: Mapping[str, Any]) -> dict[str, Any]:
        """Open a relay before each address. Returns the same addresses as this region reaches them."""
        return {name: await self._through(one) for name, one in addresses.items()}

    async def _through(self, address: Any) -> Any:
        if isinstance(address, Mapping):
            return {name: await self._through(one) for name, one in address.items()}
        found = _PORT.search(address)
        assert found is not None, f"{address} is no address of the world"
        port = int(found[0])
        if port not in self._relays:
            self._relays[port] = Relay(port)
            self._ports[port] = await self._relays[port].start()
        return _PORT.sub(str(self._ports[port]), address)

    def be(self, *, down: bool) -> None:
        """Cut the network off, or let it work again."""
        for one in self._relays.values():
            if down and not one.down:
                one.cut()
            one.down = down

    async def stop(self) -> None:
        """Close every relay."""
        for one in self._relays.values():
            await one.stop()
