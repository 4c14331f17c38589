"""A receiver on loopback: answers each POST with the next of its answers and stores what came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.alerting.sink import Note, Outcome, Sink


@dataclass(frozen=True, slots=True)
class Came:
    """One POST: its path, its headers and its body, read as JSON."""

    path: str
    headers: Mapping[str, str]
    body: Any


class Receiver:
    """The receiver. `answers` holds status and headers of the next answers; without one it answers 202."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.came: list[Came] = []
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return str(self.server.make_url("")).rstrip("/")

    async def _take(self, request: web.Request) -> web.Response:
        self.came.append(Came(request.path, request.headers.copy(), json.loads(await request.read())))
        status, headers = self.answers.pop(0) if self.answers else (202, {})
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    await receiver.server.start_server()
    try:
        yield receiver
    finally:
        await receiver.server.close()


async def delivered(sink: Sink, *notes: Note) -> list[Outcome]:
    """Deliver these notes one after the other."""
    async with aiohttp.ClientSession() as client:
        return [await sink.deliver(client, note) for note in notes]
