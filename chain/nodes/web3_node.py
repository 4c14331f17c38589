"""Sends batches of requests to one node over HTTP or WebSocket with web3, and returns answers or a named failure.

Only this file uses web3; it imports it when a node is opened, because the import takes a second. Bodies and waits are bounded;
`scheduler.py` decides what goes into a batch, and when. The URL often contains a key: it is never shown.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from chain.events.network import NodeFaultKind
from chain.nodes.node import NodeLimits
from chain.nodes.pace import Pace
from chain.nodes.scheduler import LANES, Scheduler
from chain.rpc.errors import AnswerTooLong, ConnectionDropped, NodeFailure, PassingFailure, Refusal, stated_wait_s
from chain.rpc.messages import Ask
from chain.rpc.pairing import paired, written

if TYPE_CHECKING:
    from web3.providers.persistent import WebSocketProvider
    from web3.providers.rpc import AsyncHTTPProvider

MAX_BYTES = 32 * 1024 * 1024
MAX_AT_ONCE = 1024 * 1024
"""Bytes of a body that is sent in one piece."""
TIMEOUT_S = 10.0
THROTTLED = frozenset({429, 402})
PASSING = frozenset({500, 502, 503, 504, 520, 521, 522, 523, 524})
"""Statuses of gateways in front of a node, Cloudflare's included, that are often gone at the next request."""
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.ENOMEM})
"""Errors of our own machine: no file descriptor, port or memory left."""
TOO_LARGE, UNAVAILABLE = 413, 503
DROPPED = frozenset({
    "ServerDisconnectedError", "ClientPayloadError", "ClientOSError", "ConnectionResetError", "BrokenPipeError",
    "ConnectionClosedError", "ConnectionClosedOK", "IncompleteRead",
})  # fmt: skip
"""Errors of aiohttp, websockets and the system for a connection that the other side closed."""
_READ_BYTES = 256 * 1024

for _name in ("web3.providers", "web3.manager", "web3._utils"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # at lower levels it logs URLs with their keys


def load_web3() -> None:
    """Import web3 and restore the recursion limit. Its dependency py_ecc raises the limit to 100,000; a deeply nested answer of
    a hostile node or venue would then overflow the C stack instead of being refused.
    """
    limit = sys.getrecursionlimit()
    import web3  # noqa: F401

    sys.setrecursionlimit(limit)


def redacted(url: str) -> str:
    """Return the scheme, host and port of a URL: the name of a node."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        return "(not a URL)"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


class Web3Node:
    """Connects to one node. Every failure is a NodeFailure whose detail contains no URL. `calls_per_s` limits the requests.

    `name` is the scheme, host and port of the URL until another is set, and `provider` the name.
    """

    def __init__(
        self,
        url: str,
        *,
        chain_id: int,
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_BYTES,
        calls_per_s: float | None = None,
    ) -> None:
        self.name = self.provider = redacted(url)
        self.pushes = url.startswith(("ws://", "wss://"))
        self.limits = NodeLimits()
        self.pace = Pace(calls_per_s)
        self._scheduler = Scheduler(self._send, self.limits, self.pace, lanes=1 if self.pushes else LANES)
        self._opening = asyncio.Lock()
        self._next_id = 0
        self._post: Callable[[bytes, int], Awaitable[Any]] | None = None
        self._url = url
        self._chain_id = chain_id
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._provider: AsyncHTTPProvider | WebSocketProvider | None = None
        self._dropping: set[asyncio.Task[None]] = set()

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        """Return the answers in the order of the requests. An error of a single request is a Refusal. Connects if needed."""
        return await self._scheduler.ask(asks)

    async def _send(self, asks: Sequence[Ask]) -> list[Any]:
        """Send one batch. Over a WebSocket one at a time: web3 keeps one answer there, whosever it is."""
        async with self._opening:
            if self._provider is None:
                await self._open()
        return await self._batch(asks)

    async def heads(self) -> AsyncIterator[None]:
        """Yield one item for each head that a WebSocket node pushes, on a separate connection. Ends when the node closes it."""
        load_web3()
        from web3 import AsyncWeb3
        from web3.types import SubscriptionType

        kind: SubscriptionType = "newHeads"
        try:
            async with AsyncWeb3(_direct_websocket(self._url, self._timeout_s)) as web3:
                await web3.eth.subscribe(kind)
                async for _ in web3.socket.process_subscriptions():
                    yield None
        except Exception as error:
            raise _failure(error) from error

    async def close(self) -> None:
        """Close the connection."""
        provider, self._provider = self._provider, None
        if provider is not None:
            await _hung_up(provider, self.name, self._timeout_s)
        await asyncio.gather(*self._dropping)

    def _drop(self) -> None:
        """Close the connection without waiting: late answers on it must not be taken for answers to later requests."""
        provider, self._provider = self._provider, None
        if provider is not None:
            dropping = asyncio.create_task(_hung_up(provider, self.name, self._timeout_s))
            self._dropping.add(dropping)
            dropping.add_done_callback(self._dropping.discard)

    async def _open(self) -> None:
        try:
            self._provider = await (self._websocket() if self.pushes else self._http())
            self._check((await self._batch([("eth_chainId", [])]))[0])
        except NodeFailure:
            await self.close()
            raise
        except Exception as error:
            await self.close()
            raise _failure(error) from error

    def _check(self, answer: Any) -> None:
        if isinstance(answer, Refusal):
            raise answer.failure()
        chain_id = int(answer, 16) if isinstance(answer, str) else None
        if chain_id != self._chain_id:
            raise NodeFailure(NodeFaultKind.WRONG_CHAIN, f"chain id {chain_id}, expected {self._chain_id}")

    async def _batch(self, asks: Sequence[Ask]) -> list[Any]:
        try:
            first_id, answers = await asyncio.wait_for(self._exchanged(asks), self._timeout_s)
        except NodeFailure:
            raise
        except asyncio.CancelledError:
            if self.pushes:
                self._drop()
            raise
        except Exception as error:
            if self.pushes:
                await self.close()
            raise _failure(error) from error
        return paired(answers, first_id, len(asks))

    async def _exchanged(self, asks: Sequence[Ask]) -> tuple[int, Any]:
        """Send the batch; return its first id and the body of the answer."""
        provider = self._provider
        if provider is None:
            raise NodeFailure(NodeFaultKind.UNREACHABLE, "the connection was closed meanwhile")
        if self._post is None:
            sent: list[Any] = await provider.send_batch_request(list(asks))  # type: ignore[union-attr, arg-type]
            return sent[0]["id"], await provider.recv_for_batch_request(sent)  # type: ignore[union-attr]
        first_id, self._next_id = self._next_id, self._next_id + len(asks)
        return first_id, await self._post(written(asks, first_id), len(asks))

    async def _http(self) -> AsyncHTTPProvider:
        from aiohttp import ClientSession, ClientTimeout

        load_web3()
        from web3.providers.rpc import AsyncHTTPProvider

        max_bytes = self._max_bytes
        timeout = ClientTimeout(total=self._timeout_s)
        session = ClientSession(timeout=timeout)

        class Bounded(AsyncHTTPProvider):
            """Reads at most `max_bytes`, and turns an HTTP status into a failure.

            It uses its own session: web3 takes sessions from a pool behind a lock, and a request cancelled while it waits for
            that lock never releases it, so that all later requests hang.
            """

            async def post(self, asked: bytes, asks: int) -> Any:
                """Send a batch of `asks` requests. A large one becomes a file, which aiohttp sends piece by piece."""
                assert self.endpoint_uri is not None
                sent = asked if len(asked) < MAX_AT_ONCE else BytesIO(asked)
                asking = session.post(self.endpoint_uri, data=sent, allow_redirects=False, **self.get_request_kwargs())
                async with asking as response:
                    if response.status != 200:
                        stated = ", ".join(response.headers.getall("Retry-After", []))
                        raise _refused(response.status, stated, asks)
                    body = bytearray()
                    async for part in response.content.iter_chunked(_READ_BYTES):
                        body += part
                        if len(body) > max_bytes:
                            raise AnswerTooLong(max_bytes)
                return _decoded(bytes(body))

        provider = Bounded(self._url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None)
        await provider.cache_async_session(session)
        self._post = provider.post
        return provider

    async def _websocket(self) -> WebSocketProvider:
        provider = _direct_websocket(self._url, self._timeout_s, max_size=self._max_bytes)
        await asyncio.wait_for(provider.connect(), self._timeout_s)
        return provider


def _direct_websocket(url: str, timeout_s: float, **bounds: int) -> WebSocketProvider:
    """A WebSocket provider that follows no redirect: another address could be anybody's, also inside our network."""
    load_web3()
    from web3 import WebSocketProvider
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    class DirectConnect(connect):
        def process_redirect(self, exc: Exception) -> Exception | str:
            if isinstance(exc, InvalidStatus) and 300 <= exc.response.status_code < 400:
                return _redirect_refused(exc.response.status_code)
            return exc

    class Direct(WebSocketProvider):
        async def _provider_specific_connect(self) -> None:
            self._ws = await DirectConnect(self.endpoint_uri, **self.websocket_kwargs)

    return Direct(url, websocket_kwargs=dict(bounds), request_timeout=timeout_s)


async def _hung_up(provider: AsyncHTTPProvider | WebSocketProvider, name: str, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(provider.disconnect(), timeout_s)
    except Exception as error:  # noqa: BLE001 - closing a broken connection may raise anything
        logging.getLogger(__name__).debug("%s: closing raised %s", name, type(error).__name__)


def _decoded(body: bytes) -> Any:
    """Decode the body of an answer. Raises PassingFailure: a page of a gateway, an empty body, or one that was cut short."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        detail = (
            "an empty body"
            if not body.strip()
            else "a body that is not JSON"
            if body[:1] not in b"[{"
            else "a broken body"
        )
        raise PassingFailure(NodeFaultKind.MALFORMED, detail) from error


def _redirect_refused(status: int) -> NodeFailure:
    return NodeFailure(NodeFaultKind.REFUSED, f"HTTP {status}, redirect refused")


def _refused(status: int, retry_after: str, asks: int) -> NodeFailure:
    if 300 <= status < 400:
        return _redirect_refused(status)
    kind = NodeFaultKind.THROTTLED if status in THROTTLED else NodeFaultKind.REFUSED
    if status == TOO_LARGE and asks > 1:
        kind = NodeFaultKind.BATCH_LIMIT
    rest_s = stated_wait_s(retry_after, datetime.now(UTC))
    if status == UNAVAILABLE and rest_s is not None:
        kind = NodeFaultKind.THROTTLED  # RFC 9110 §15.6.4: it says when to come back
    elif status in PASSING:
        return PassingFailure(kind, f"HTTP {status}")
    return NodeFailure(kind, f"HTTP {status}", rest_s)


def _failure(error: Exception) -> NodeFailure:
    """Describe an error by its type alone: messages of the libraries contain URLs."""
    if isinstance(error, NodeFailure):
        return error
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno in OURS:
        return NodeFailure(NodeFaultKind.UNREACHABLE, f"our own machine: {errno.errorcode[error.errno]}")
    if isinstance(error, TimeoutError) or "Timeout" in name or "TimeExhausted" in name:
        return NodeFailure(NodeFaultKind.TIMEOUT, name)
    if isinstance(error, ValueError | KeyError | TypeError | RecursionError) and not isinstance(error, OSError):
        return NodeFailure(NodeFaultKind.MALFORMED, name)
    if name in DROPPED:
        return ConnectionDropped(name)
    return NodeFailure(NodeFaultKind.UNREACHABLE, name)
