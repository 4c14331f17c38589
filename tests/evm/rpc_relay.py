"""Runs a loopback relay in front of a node: it counts requests, refuses methods, and changes or delays single answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

Twist = Callable[[dict[str, Any], Any], Any]
"""Turns the answer of the node to a request into the answer of the relay (both as JSON-RPC objects)."""


@dataclass
class RpcRelay:
    """The settings of a relay and its counters."""

    url: str = ""
    refuses: Collection[str] = ()
    twist: Twist | None = None
    slow: dict[str, float] = field(default_factory=dict)  # method -> delay in seconds
    requests: int = 0
    asked: list[str] = field(default_factory=list)  # methods
    bytes_sent: int = 0

    def forget(self) -> None:
        """Resets the counters."""
        self.requests, self.bytes_sent = 0, 0
        self.asked.clear()


@asynccontextmanager
async def rpc_relay(node_url: str, **how: Any) -> AsyncIterator[RpcRelay]:
    """Starts a relay; send requests to its `url` instead of the URL of the node."""
    relay = RpcRelay(**how)
    async with ClientSession() as client:

        async def act(request: web.Request) -> web.Response:
            body = await request.read()
            asks = json.loads(body)
            many = asks if isinstance(asks, list) else [asks]
            relay.requests += 1
            relay.bytes_sent += len(body)
            relay.asked += [ask["method"] for ask in many]
            await asyncio.sleep(max((relay.slow.get(ask["method"], 0) for ask in many), default=0))
            passed = [ask for ask in many if ask["method"] not in relay.refuses]
            answers = {}
            if passed:
                async with client.post(node_url, json=passed) as answer:
                    answers = {one["id"]: one for one in json.loads(await answer.read())}
            replies = [answers.get(ask["id"]) or _refused(ask) for ask in many]
            if relay.twist:
                replies = [relay.twist(ask, one) for ask, one in zip(many, replies, strict=True)]
            return web.json_response(replies if isinstance(asks, list) else replies[0])

        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", act)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        relay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield relay
        finally:
            await runner.cleanup()


def _refused(ask: dict[str, Any]) -> dict[str, Any]:
    error = {"code": -32601, "message": f"the method {ask['method']} does not exist/is not available"}
    return {"jsonrpc": "2.0", "id": ask["id"], "error": error}
