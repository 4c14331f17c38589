"""Runs a venue in its own process for benchmarks: it answers the server time after an exact delay and floods a WebSocket.

Run as `python -m tests.bench.venue_process`; it prints its two ports and lives until its input ends. The delay is exact:
the loop's timers are good to a millisecond only, so the last stretch is spun.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, time

from aiohttp import web

from tests.bench.frames import liquidations

SPUN_S = 0.003
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BLOCK = 500
CLOSE_FRAME = 0x88


@dataclass(frozen=True, slots=True)
class VenueProcess:
    """The base URLs of the process."""

    rest: str
    socket: str


@contextmanager
def venue_process() -> Iterator[VenueProcess]:
    """Start the process; end it on exit."""
    command = [sys.executable, "-m", "tests.bench.venue_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        rest, socket = json.loads(running.stdout.readline())
        try:
            yield VenueProcess(f"http://127.0.0.1:{rest}", f"ws://127.0.0.1:{socket}")
        finally:
            running.stdin.close()
            running.wait(10)


async def _server_time(request: web.Request) -> web.Response:
    due = perf_counter() + float(request.match_info["delay_s"])
    if due - perf_counter() > SPUN_S:
        await asyncio.sleep(due - perf_counter() - SPUN_S)
    while perf_counter() < due:
        pass
    return web.Response(body=b'{"serverTime":%d}' % (time() * 1000), content_type="application/json")


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send frames until the client leaves. Written by hand, so that the sender is not the bottleneck."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        venue = head.split(b" ")[1].strip(b"/").decode()
        block = b"".join(_text_frame(one) for one in liquidations(venue, BLOCK, int(time() * 1000)))
        key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        lines = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(lines + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        client_left = asyncio.create_task(_left(reader))
        while not client_left.done():
            writer.write(block)
            await writer.drain()
            await asyncio.sleep(0)  # drain yields only to a slow client, and the loop must run to notice a lost one
    except (OSError, asyncio.IncompleteReadError):
        pass  # it left without a close frame
    finally:
        writer.close()


async def _left(reader: asyncio.StreamReader) -> None:
    """Return when the client closes; what it subscribes to is not read."""
    try:
        while (chunk := await reader.read(4096)) and chunk[0] != CLOSE_FRAME:
            pass
    except OSError:
        pass  # it left without a farewell


def _text_frame(body: bytes) -> bytes:
    assert 126 <= len(body) < 65536
    return b"\x81\x7e" + len(body).to_bytes(2, "big") + body


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/{delay_s}/fapi/v1/time", _server_time)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    flood = await asyncio.start_server(_flood, "127.0.0.1", 0)
    print(json.dumps([runner.addresses[0][1], flood.sockets[0].getsockname()[1]]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    flood.close()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
