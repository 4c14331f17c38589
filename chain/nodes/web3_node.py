"""Sends batches of requests to one node over HTTP or WebSocket with web3, and returns answers or a named failure.

Only this file uses web3; it imports it when a node is opened, because the import takes a second. Bodies, batches and waits
are bounded. The node's URL often contains a key, so it is used only for the connection and never shown.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from chain.events.network import NodeFaultKind
from chain.nodes.node import NodeLimits
from chain.rate_limit import RateLimit
from chain.rpc.errors import AnswerTooLong, NodeFailure, Refusal, stated_wait_s
from chain.rpc.messages import Ask

if TYPE_CHECKING:
    from web3.providers.persistent import WebSocketProvider
    from web3.providers.rpc import AsyncHTTPProvider

MAX_BYTES = 32 * 1024 * 1024
MAX_SENT = 2 * 1024 * 1024
"""Characters of the requests of one batch, roughly. geth accepts five million, proxies in front of nodes less."""
MAX_AT_ONCE = 1024 * 1024
"""Bytes of a body that is sent in one piece."""
AT_ONCE = 3
"""Concurrent batches over HTTP."""
TIMEOUT_S = 10.0
THROTTLED = frozenset({429, 402})
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.ENOMEM})
"""Errors of our own machine: no file descriptor, port or memory left."""
TOO_LARGE = 413
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
    """Connects to one node. Every failure is a NodeFailure whose detail contains no URL. `calls_per_s` limits the requests."""

    def __init__(
        self,
        url: str,
        *,
        chain_id: int,
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_BYTES,
        calls_per_s: float | None = None,
    ) -> None:
        self.name = redacted(url)
        self.pushes = url.startswith(("ws://", "wss://"))
        self.limits = NodeLimits()
        self._rate_limit = RateLimit(calls_per_s) if calls_per_s else None
        self._url = url
        self._chain_id = chain_id
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._provider: AsyncHTTPProvider | WebSocketProvider | None = None
        self._dropping: set[asyncio.Task[None]] = set()

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        """Return the answers in the order of the requests. An error of a single request is a Refusal. Connects if needed."""
        if self._provider is None:
            await self._open()
        batches = _batches(asks, self.limits.max_asks)
        if self.pushes or len(batches) == 1:
            return [answer for batch in batches for answer in await self._batch(batch)]
        return await self._side_by_side(batches)

    async def _side_by_side(self, batches: Sequence[Sequence[Ask]]) -> list[Any]:
        """Return the answers to all batches, a few of them concurrently. If one batch fails, the others are cancelled."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(batch: Sequence[Ask]) -> list[Any]:
            async with room:
                return await self._batch(batch)

        try:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(one(batch)) for batch in batches]
        except* NodeFailure as failures:
            raise failures.exceptions[0] from None
        return [answer for task in asking for answer in task.result()]

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
        assert self._provider is not None
        if self._rate_limit and (wait_s := self._rate_limit.wait_s(len(asks), asyncio.get_running_loop().time())):
            await asyncio.sleep(wait_s)
        try:
            answers = await asyncio.wait_for(
                self._provider.make_batch_request([(method, params) for method, params in asks]),  # type: ignore[misc]
                self._timeout_s,
            )
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
        if isinstance(answers, dict) and isinstance(answers.get("error"), dict):
            raise _answer(answers).failure()
        if not isinstance(answers, list) or len(answers) != len(asks):
            raise NodeFailure(NodeFaultKind.MALFORMED, "the number of answers differs from the number of requests")
        return [_answer(answer) for answer in answers]

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

            async def make_batch_request(self, batch_requests: Any) -> Any:
                assert self.endpoint_uri is not None
                asked = _written(batch_requests)
                asking = session.post(self.endpoint_uri, data=asked, allow_redirects=False, **self.get_request_kwargs())
                async with asking as response:
                    if response.status != 200:
                        stated = ", ".join(response.headers.getall("Retry-After", []))
                        raise _refused(response.status, stated, len(batch_requests))
                    body = bytearray()
                    async for part in response.content.iter_chunked(_READ_BYTES):
                        body += part
                        if len(body) > max_bytes:
                            raise AnswerTooLong(max_bytes)
                answers = msgspec.json.decode(body)
                return sorted(answers, key=lambda one: one["id"]) if isinstance(answers, list) else answers

        provider = Bounded(self._url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None)
        await provider.cache_async_session(session)
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


def _written(asks: Sequence[Ask]) -> bytes | BytesIO:
    """Encode a batch as JSON-RPC 2.0; ids count from 0. A large body becomes a file, which aiohttp sends piece by piece."""
    body = msgspec.json.encode(
        [{"jsonrpc": "2.0", "method": method, "params": params, "id": at} for at, (method, params) in enumerate(asks)]
    )
    return body if len(body) < MAX_AT_ONCE else BytesIO(body)


def _batches(asks: Sequence[Ask], most: int) -> list[list[Ask]]:
    """Split the requests into batches of at most `most` requests and about `MAX_SENT` characters."""
    batches: list[list[Ask]] = []
    room = 0
    for ask in asks:
        size = _size(ask)
        if not batches or len(batches[-1]) >= most or size > room:
            batches.append([])
            room = MAX_SENT
        batches[-1].append(ask)
        room -= size
    return batches


def _size(ask: Ask) -> int:
    """Estimate the length of a request in characters. Only packed calls and long lists of addresses matter."""
    size = 200
    for parameter in ask[1]:
        if isinstance(parameter, dict):
            size += sum(len(value) if isinstance(value, str) else 120 * len(value) for value in parameter.values())
    return size


def _redirect_refused(status: int) -> NodeFailure:
    return NodeFailure(NodeFaultKind.REFUSED, f"HTTP {status}, redirect refused")


def _refused(status: int, retry_after: str, asks: int) -> NodeFailure:
    if 300 <= status < 400:
        return _redirect_refused(status)
    kind = NodeFaultKind.THROTTLED if status in THROTTLED else NodeFaultKind.REFUSED
    if status == TOO_LARGE and asks > 1:
        kind = NodeFaultKind.BATCH_LIMIT
    return NodeFailure(kind, f"HTTP {status}", stated_wait_s(retry_after, datetime.now(UTC)))


def _answer(answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a JSON-RPC answer")
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        raise NodeFailure(NodeFaultKind.MALFORMED, "an error without a code")
    return Refusal(error["code"], str(error.get("message", ""))[:500])


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
    return NodeFailure(NodeFaultKind.UNREACHABLE, name)
