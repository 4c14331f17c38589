"""A server on loopback that accepts every connection, reads, and says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def mute_server() -> AsyncIterator[int]:
    """Its port."""
    at_work: set[asyncio.Task[None]] = set()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        at_work.add(task)
        try:
            with suppress(OSError):
                await reader.read()  # until the other side leaves
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        await asyncio.sleep(0)  # the transports end in the next round of the loop
        await server.wait_closed()
