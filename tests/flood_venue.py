"""A hostile venue on loopback in its own process: it answers every connection with one flood, as fast as it is read.

Run as `python -m tests.flood_venue KIND`; it prints its port, begins at the first line of its input and lives until that ends.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import time
from typing import IO

from tests.bench.frames import liquidations

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BLOCK_BYTES = 262_144
INFORMATIONAL = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"


def text_frame(body: bytes) -> bytes:
    """One WebSocket text frame, not masked (RFC 6455 §5.2)."""
    if len(body) < 126:
        return b"\x81" + bytes([len(body)]) + body
    size = b"\x7e" + len(body).to_bytes(2, "big") if len(body) < 65536 else b"\x7f" + len(body).to_bytes(8, "big")
    return b"\x81" + size + body


FLOODS = {
    "1xx": INFORMATIONAL,
    "ping": b"\x89\x00",
    "pong": b"\x8a\x00",
    "empty": b"\x81\x00",
    "fragment": b"\x00\x00",
    "liquidation": b"".join(text_frame(one) for one in liquidations("binance_usdm", 500, int(time() * 1000))),
}
"""What one connection is sent for ever. A fragment is an empty part of a message that never ends."""


async def flood(kind: str, begun: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one flood until the client leaves. Written by hand, so that the sender is not the bottleneck.

    Before `begun`, requests get 404 and sockets hear nothing.
    """
    block = FLOODS[kind] * max(BLOCK_BYTES // len(FLOODS[kind]), 1)
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        keys = [line[18:].strip() for line in head if line.lower().startswith(b"sec-websocket-key:")]
        if kind != "1xx" and keys:
            accept = base64.b64encode(hashlib.sha1(keys[0] + GUID).digest())  # RFC 6455 asks for SHA-1
            lines = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            writer.write(lines + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            writer.write(b"\x01\x01a" if kind == "fragment" else b"")
        elif not begun.is_set():
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        client_left = asyncio.create_task(_left(reader))
        await asyncio.wait({client_left, asyncio.ensure_future(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
        while not client_left.done():
            writer.write(block)
            await writer.drain()
            await asyncio.sleep(0)  # drain yields only to a slow client, and the loop must run to notice a lost one
    except (OSError, asyncio.IncompleteReadError):
        pass  # it left without a close frame
    finally:
        writer.close()


async def _left(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(65536):
            pass  # its subscriptions and pongs


async def _serve(kind: str) -> None:
    begun = asyncio.Event()
    server = await asyncio.start_server(partial(flood, kind, begun), "127.0.0.1", 0)
    print(json.dumps(server.sockets[0].getsockname()[1]), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begun.set()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


@dataclass(frozen=True, slots=True)
class FloodVenue:
    """The running process."""

    port: int
    _input: IO[bytes]

    def begin(self) -> None:
        """Begin to flood every connection, the open ones too."""
        self._input.write(b"begin\n")
        self._input.flush()


@contextmanager
def flood_venue(kind: str) -> Iterator[FloodVenue]:
    """Start the process; end it on exit."""
    command = [sys.executable, "-m", "tests.flood_venue", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield FloodVenue(json.loads(running.stdout.readline()), running.stdin)
        finally:
            running.terminate()
            running.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
