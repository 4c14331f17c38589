"""Knows a loopback door before a node: it counts what passes, refuses methods, and twists or delays single answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

Twist = Callable[[dict[str, Any], Any], Any]
"""What is answered to a question, given the node's own answer (both as JSON-RPC objects)."""


@dataclass
class Door:
    """What it lets through, and what it saw."""

    url: str = ""
    refuses: Collection[str] = ()
    twist: Twist | None = None
    slow: dict[str, float] = field(default_factory=dict)  # method -> seconds it takes
    requests: int = 0
    asked: list[str] = field(default_factory=list)  # methods
    bytes_sent: int = 0

    def forget(self) -> None:
        """Count from here on."""
        self.requests, self.bytes_sent = 0, 0
        self.asked.clear()


@asynccontextmanager
async def door(node_url: str, **how: Any) -> AsyncIterator[Door]:
    """An open door; its `url` is asked instead of the node's."""
    made = Door(**how)
    async with ClientSession() as client:

        async def act(request: web.Request) -> web.Response:
            body = await request.read()
            asks = json.loads(body)
            many = asks if isinstance(asks, list) else [asks]
            made.requests += 1
            made.bytes_sent += len(body)
            made.asked += [ask["method"] for ask in many]
            await asyncio.sleep(max((made.slow.get(ask["method"], 0) for ask in many), default=0))
            passed = [ask for ask in many if ask["method"] not in made.refuses]
            answers = {}
            if passed:
                async with client.post(node_url, json=passed) as answer:
                    answers = {one["id"]: one for one in json.loads(await answer.read())}
            told = [answers.get(ask["id"]) or _refused(ask) for ask in many]
            if made.twist:
                told = [made.twist(ask, one) for ask, one in zip(many, told, strict=True)]
            return web.json_response(told if isinstance(asks, list) else told[0])

        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", act)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield made
        finally:
            await runner.cleanup()


def _refused(ask: dict[str, Any]) -> dict[str, Any]:
    error = {"code": -32601, "message": f"the method {ask['method']} does not exist/is not available"}
    return {"jsonrpc": "2.0", "id": ask["id"], "error": error}
