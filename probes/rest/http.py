"""Makes one HTTP exchange, a GET or a POST of JSON, and measures its phases, each with start and length.

The phases are resolve, connect, tls, send, wait and receive. aiohttp's tracing has no hook for TLS, so the SSL context itself
marks the handshake: asyncio asks it for a TLS object as soon as the TCP connection is open. Bodies are bounded, redirects are
not followed, certificates are verified.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError

from probes.fair_shares.allowance import FAIR, Limits
from probes.fair_shares.connection import FairConnector, FloodingError
from probes.readings import Phase, Refusal
from probes.rest.refusals import by_error
from probes.tape import HttpExchange

USER_AGENT = "stormwatch/0.1 (+exchange-health monitor)"


def utc_now() -> datetime:
    """The time now, by our clock."""
    return datetime.now(UTC)


Clock = Callable[[], datetime]
MAX_CONNECTIONS = 32
DNS_TTL_S = 60
KEEP_ALIVE_S = 75.0
SHORT_S = 0.001
"""A name that is known already is looked up in less."""
_INCOMPLETE = (ContentLengthError, TransferEncodingError)
"""The causes of a body that ended before its stated end."""


@dataclass(slots=True)
class _Marks:
    """The perf_counter seconds of each hook that fired, by name."""

    at: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        self.at.setdefault(name, perf_counter())


_marks: ContextVar[_Marks | None] = ContextVar("marks", default=None)


def _marked_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for one address: with the first one the name is resolved, and connecting begins.

    aiohttp's hooks of the resolver do not fire for a request that waits for another one's look-up of the same name.
    """
    marks = _marks.get()
    if marks is not None:
        marks.mark("socket")
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


class _MarkedContext(ssl.SSLContext):
    """A TLS context that marks when a handshake begins."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        marks = _marks.get()
        if marks is not None:
            marks.mark("tls")
        return super().wrap_bio(*args, **kwargs)


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """A verifying client context; `ca_file` adds the operator's own authority."""
    context = _MarkedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


class RedirectRefused(aiohttp.ClientError):
    """The other side pointed to another address. The address is not asked; `status` is the answer's."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}, redirect refused")
        self.status = status


async def refuse_redirect(
    _session: aiohttp.ClientSession, _ctx: SimpleNamespace, asked: aiohttp.TraceRequestRedirectParams
) -> None:
    """End a request that aiohttp is about to send to another address: `ws_connect` has no option against it."""
    asked.response.close()
    raise RedirectRefused(asked.response.status)


def session(context: ssl.SSLContext, user_agent: str, *, limits: Limits = FAIR) -> aiohttp.ClientSession:
    """A session that follows no redirect, limits each connection, traces its phases, stores no cookies and uses no proxy."""
    trace = aiohttp.TraceConfig()

    def on(hook: str, name: str) -> None:
        async def fired(_session: aiohttp.ClientSession, _ctx: SimpleNamespace, _params: object) -> None:
            marks = _marks.get()
            if marks is not None:
                marks.mark(name)

        getattr(trace, hook).append(fired)

    on("on_dns_resolvehost_start", "resolve")
    on("on_dns_resolvehost_end", "resolved")
    on("on_connection_create_start", "create")
    on("on_connection_create_end", "created")
    on("on_connection_reuseconn", "reused")
    on("on_request_headers_sent", "sent")
    on("on_request_end", "answered")
    trace.on_request_redirect.append(refuse_redirect)
    connector = FairConnector(
        limits=limits, limit=MAX_CONNECTIONS, ttl_dns_cache=DNS_TTL_S, keepalive_timeout=KEEP_ALIVE_S, ssl=context,
        socket_factory=_marked_socket,
    )  # fmt: skip
    return aiohttp.ClientSession(
        connector=connector,
        trace_configs=[trace],
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate"},
        auto_decompress=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent: a GET of `url`, or a POST of `body` (JSON) to it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None


async def get_once(
    client: aiohttp.ClientSession,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    max_bytes: int,
    clock: Clock,
) -> HttpExchange:
    """GET `url` once, as `exchange`."""
    asked = Request(url=url, headers=headers)
    return await exchange(client, asked, timeout_s=timeout_s, max_bytes=max_bytes, clock=clock)


async def exchange(
    client: aiohttp.ClientSession, asked: Request, *, timeout_s: float, max_bytes: int, clock: Clock
) -> HttpExchange:
    """Send `asked` once. Never raises for a failure of network or venue; cancellation passes through."""
    marks = _Marks()
    token = _marks.set(marks)
    sent_at, began = clock(), perf_counter()
    status: int | None = None
    got: Mapping[str, str] = {}
    body = b""
    refusal: Refusal | None = None
    detail = ""
    try:
        async with asyncio.timeout(timeout_s):
            async with await _answered(client, asked, marks) as answer:
                status = answer.status
                got = _joined(answer.headers)
                body, complete = await _bounded(answer, max_bytes)
                if not complete:
                    refusal, detail = Refusal.OVERSIZED, f"more than {max_bytes} bytes"
    except FloodingError as flood:
        refusal, detail = Refusal.FLOODING, str(flood)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        refusal, detail = refusal_of(error), type(error).__name__  # its text may carry a URL with secrets
    finally:
        _marks.reset(token)
    ended = perf_counter()
    return HttpExchange(
        sent_at=sent_at,
        received_at=sent_at + timedelta(seconds=ended - began),
        phases=_phases(marks.at, began, ended, sent_at),
        cold="reused" not in marks.at,
        status=status,
        headers=got,
        body=body,
        refusal=refusal,
        detail=detail,
        method="GET" if asked.body is None else "POST",
        url=_bare(asked.url),
    )


def _bare(url: str) -> str:
    """The URL without user name, query and fragment: they may hold keys and signatures. Empty if it cannot be read."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        return ""


async def _answered(client: aiohttp.ClientSession, asked: Request, marks: _Marks) -> aiohttp.ClientResponse:
    """The head of the answer.

    aiohttp sends a GET again if its kept connection had ended; a POST of ours only asks too, so it is treated the same.
    """
    if asked.body is None:
        return await client.get(asked.url, headers=asked.headers, allow_redirects=False)
    headers = {**asked.headers, "Content-Type": "application/json"}
    try:
        return await client.post(asked.url, data=asked.body, headers=headers, allow_redirects=False)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        if "reused" not in marks.at:
            raise
        return await client.post(asked.url, data=asked.body, headers=headers, allow_redirects=False)


def _joined(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with lower-case names; the values of a repeated one are joined by commas (RFC 9110 §5.3)."""
    got: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        got[key] = f"{got[key]}, {value}" if key in got else value
    return got


async def _bounded(answer: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    """The body, and whether it fits in `max_bytes` (else it is empty)."""
    parts: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            answer.close()
            return b"", False
        parts.append(chunk)
    return b"".join(parts), True


def refusal_of(error: BaseException) -> Refusal:
    """The refusal of a failed exchange. A peer that ends the connection is `reset` at every phase; our own lack is `local`."""
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return Refusal.DNS if _can_open_sockets() else Refusal.LOCAL
    if isinstance(error, aiohttp.ClientSSLError):
        return by_error(error.os_error) if isinstance(error.os_error, ssl.SSLError) else Refusal.TLS
    if isinstance(error, aiohttp.ServerTimeoutError):
        return Refusal.TIMEOUT
    if isinstance(error, aiohttp.ClientConnectorError):
        return by_error(error.os_error)
    if isinstance(error, aiohttp.InvalidURL):
        return Refusal.BAD_REQUEST
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, _INCOMPLETE):
        return Refusal.RESET
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return Refusal.MALFORMED
    if isinstance(error, aiohttp.ClientError) and not isinstance(error, OSError):
        return Refusal.RESET
    return by_error(error)


def _can_open_sockets() -> bool:
    """Whether this process can still open a socket: if not, a resolver fails too, and does not say why."""
    try:
        socket.socket().close()
    except OSError:
        return False
    return True


def _phases(at: Mapping[str, float], began: float, ended: float, sent_at: datetime) -> tuple[Phase, ...]:
    """The phases between the hooks that fired, in order; a phase that did not happen is left out."""
    ready = at.get("created", at.get("reused", at.get("create", began)))
    looked_up, known = _name_look_up(at, ended)
    spans = [
        ("resolve", looked_up, known),
        ("connect", at.get("create") if looked_up is None else known, at.get("tls", at.get("created", ended))),
        ("tls", at.get("tls"), at.get("created", ended)),
        ("send", ready if "created" in at or "reused" in at else None, at.get("sent", ended)),
        ("wait", at.get("sent"), at.get("answered", ended)),
        ("receive", at.get("answered"), ended),
    ]
    return tuple(
        Phase(name=name, started_at=sent_at + timedelta(seconds=start - began), duration_s=max(end - start, 0.0))
        for name, start, end in spans
        if start is not None and (name != "connect" or start < ended)
    )


def _name_look_up(at: Mapping[str, float], ended: float) -> tuple[float | None, float]:
    """The begin (None: there was none to speak of) and the end of the look-up of the name.

    A request that waits for another one's look-up has no hook of its own: it has no socket yet.
    """
    known = at.get("resolved", at.get("socket", at.get("created", ended)))
    if "resolve" in at:
        return at["resolve"], at.get("resolved", ended)
    if "create" in at and "socket" in at and at["socket"] - at["create"] > SHORT_S:
        return at["create"], known
    return (at["create"], ended) if "create" in at and not at.keys() & {"socket", "created"} else (None, known)
