"""Serves the neutral control targets, and receives the monitor's signed webhooks.

A webhook is signed when X-Stormwatch-Signature holds `t=<unix>,v1=<hex>`, v1 being HMAC-SHA256 of "<t>." and the body.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from aiohttp import web

from monitor.drill.world.listening import Server, abort

SIGNATURE = "X-Stormwatch-Signature"
MAX_WEBHOOKS = 2000
REPORTED_KEYS = ("kind", "incident_id", "revision", "scope", "level", "fault", "pages")

Down = Callable[[], bool]


def signed(secret: str, header: str, body: bytes) -> bool:
    """Whether a signature header is valid for a body and a secret. An empty secret is never valid."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not secret or not stamp.isdecimal():
        return False
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode())


class Control:
    """A target that always answers while the network is up."""

    def __init__(self, down: Down) -> None:
        self._down = down
        self._server = Server(self._serve)

    async def start(self) -> str:
        """Listen. Returns the URL."""
        return f"http://127.0.0.1:{await self._server.start()}/"

    async def stop(self) -> None:
        """Close it."""
        await self._server.stop()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        return abort(request) if self._down() else web.Response(status=204)


class Webhooks:
    """Receives webhooks and records the identifying keys of each. The secret is never returned."""

    def __init__(self, secret: str, down: Down) -> None:
        self._secret = secret
        self._down = down
        self._server = Server(self._serve)
        self._received: list[dict[str, Any]] = []

    async def start(self) -> str:
        """Listen. Returns the URL."""
        return f"http://127.0.0.1:{await self._server.start()}/webhook"

    async def stop(self) -> None:
        """Close it."""
        await self._server.stop()

    @property
    def received(self) -> Sequence[dict[str, Any]]:
        """The webhooks in order: kind, incident_id, signed, and if present revision, scope, level, fault, pages."""
        return tuple(self._received)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._down():
            return abort(request)
        body = await request.read()
        try:
            payload = json.loads(body)
        except ValueError:
            return web.Response(status=400, text="not JSON")
        if not isinstance(payload, dict):
            return web.Response(status=400, text="not an object")
        if not isinstance(payload.get("incident_id"), str) and isinstance(payload.get("change"), dict):
            payload = payload["change"]
        if len(self._received) < MAX_WEBHOOKS:
            row = {name: payload[name] for name in REPORTED_KEYS if name in payload}
            good = signed(self._secret, request.headers.get(SIGNATURE, ""), body)
            self._received.append({"kind": "", "incident_id": "", **row, "signed": good})
        return web.Response(status=204)
