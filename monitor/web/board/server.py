"""Answers for the board: the page, its style and script, and the events that keep it live.

An event stream ends by itself within the time that the port gives any connection, and the browser opens it again. Off loopback
the board asks for its token, by HTTP Basic authentication (RFC 7617) with any user name, so that it works without a script.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Callable
from datetime import UTC
from hashlib import sha256
from importlib.resources import files

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.web.board.brief import brief
from monitor.web.board.contents import Contents
from monitor.web.board.render import document, sections
from monitor.web.hosts import is_loopback

Shown = Callable[[], Contents]
"""Returns what the board shows now."""

FRESH_S = 0.5
"""For so long one rendering is given to everybody."""
STREAM_S = 12.0
RETRY_MS = 300
MAX_STREAMS = 24
"""Event streams at once: further ones are told to come again later, and the page still works by reloading."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class BoardRoutes:
    """The board's paths. `token` None: the board is shown on loopback addresses only. One event loop."""

    def __init__(self, shown: Shown, token: str | None = None, stream_s: float = STREAM_S) -> None:
        self._shown = shown
        self._token = token
        self._stream_s = stream_s
        self._streams = 0
        self._rendered_s = self._encoded_s = float("-inf")
        self._body = b""
        self._page = b""
        self._line = ""
        self._version = ""

    def routes(self) -> list[web.RouteDef]:
        """The paths but `/`, which is shared with the index."""
        return [
            web.get("/board.css", self._static("board.css", "text/css")),
            web.get("/board.js", self._static("board.js", "text/javascript")),
            web.get("/board.json", self._json),
            web.get("/events", self._events),
        ]

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The board as a page."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        self._render()
        return web.Response(body=self._page, content_type="text/html", charset="utf-8", headers=HEADERS)

    async def _json(self, request: web.Request) -> web.StreamResponse:
        """The board in brief, for `stormwatch top`."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        now_s = asyncio.get_running_loop().time()
        if now_s - self._encoded_s >= FRESH_S:
            self._body = await asyncio.to_thread(msgspec.json.encode, brief(self._shown()))
            self._encoded_s = now_s
        return web.Response(body=self._body, content_type="application/json", headers=HEADERS)

    def _static(self, name: str, content_type: str) -> Handler:
        body = (files("monitor.web.board") / name).read_bytes()

        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, content_type=content_type, charset="utf-8", headers=HEADERS)

        return answer

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """A line "VERSION TIME" at once, whenever the board changed, and at least once a second."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if self._streams >= MAX_STREAMS:
            return web.Response(status=503, text="too many event streams\n", headers={**HEADERS, "Retry-After": "15"})
        answer = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        self._streams += 1
        try:
            await answer.prepare(request)
            await answer.write(f"retry: {RETRY_MS}\n\n".encode())
            clock = asyncio.get_running_loop().time
            end_s, said, said_s = clock() + self._stream_s, "", float("-inf")
            while clock() < end_s:
                self._render()
                if self._version != said or clock() - said_s >= 1.0:
                    await answer.write(f"data: {self._line}\n\n".encode())
                    said, said_s = self._version, clock()
                await asyncio.sleep(FRESH_S)
            await answer.write_eof()
        except ConnectionError:
            pass  # the reader has gone
        finally:
            self._streams -= 1
        return answer

    def _render(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._rendered_s < FRESH_S:
            return
        board = self._shown()
        parts = sections(board)
        self._version = sha256("\0".join(parts.values()).encode()).hexdigest()[:16]
        self._page = document(board, parts, self._version).encode()
        self._line = f"{self._version} {board.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._rendered_s = now_s

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why this request may not see the board; None if it may."""
        if self._token is not None:
            if _is_token(request.headers.get("Authorization", ""), self._token):
                return None
            challenge = {**HEADERS, "WWW-Authenticate": 'Basic realm="stormwatch board", charset="UTF-8"'}
            return web.Response(
                status=401, text="the board's token is the password, with any user name\n", headers=challenge
            )
        transport = request.transport
        reached = None if transport is None else transport.get_extra_info("sockname")
        if reached and is_loopback(str(reached[0])):
            return None
        return web.Response(
            status=403,
            text="the board is shown on loopback only: the operator can set web.board_token_env\n",
            headers=HEADERS,
        )


def _is_token(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    if scheme.lower() == "bearer":
        said = given.strip()
    elif scheme.lower() == "basic":
        try:
            said = base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    else:
        return False
    return hmac.compare_digest(said.encode(), token.encode())
