"""The web port under hostile clients: each is cut, refused or counted, and the next honest one is served."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.web import port as port_module
from monitor.web.port import Limits
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.web.answers import ready

LONG_S = 60.0
"""A time-out that the test must not need."""
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def served(limits: Limits | None = None, body: bytes = b"up 1\n", **settings: object) -> AsyncIterator[int]:
    """The port of a running server."""
    web = Web(WebSettings(port=0, **settings), ready, lambda: (body, "text/plain"), limits)  # type: ignore[arg-type]
    await web.start()
    assert web.port is not None
    try:
        yield web.port
    finally:
        await web.stop()


async def answer_to(port: int, request: bytes) -> bytes:
    """Everything that the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(LONG_S):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(path: str = "/healthz", host: str = "localhost", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@pytest.mark.parametrize("part", [b"", b"GET /hea", b"GET /healthz HTTP/1.1\r\nHost: local", GET[:-2]])
async def test_a_client_that_sends_half_a_request_is_cut(part: bytes) -> None:
    async with served(Limits(head_s=0.2, whole_s=LONG_S)) as port:
        assert await answer_to(port, part) == b""


async def test_a_client_that_sends_a_byte_now_and_then_is_cut_too() -> None:
    async with served(Limits(head_s=0.3, whole_s=LONG_S)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        ended = asyncio.create_task(reader.read())
        sent = 0
        while not ended.done():
            writer.write(b"x")
            sent += 1
            await asyncio.wait([ended], timeout=0.05)
        writer.close()
        assert sent < 200


async def test_a_client_that_does_not_read_its_answer_is_cut() -> None:
    async with served(Limits(connections=1, whole_s=0.3), body=b"x" * 30_000_000) as port:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(get("/metrics"))
        async with asyncio.timeout(LONG_S):
            while not await answer_to(port, GET):  # the only place is taken until the time is up
                pass
        writer.close()


async def test_beyond_the_limit_the_newest_connection_is_closed_at_once_and_the_others_are_kept() -> None:
    async with served(Limits(connections=3, head_s=LONG_S, whole_s=LONG_S)) as port:
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await answer_to(port, b"") == b""
        reader, writer = kept.pop()
        writer.write(GET)
        assert status(await reader.read()) == 200
        writer.close()
        async with asyncio.timeout(LONG_S):
            while not (answer := await answer_to(port, GET)):
                pass
        assert status(answer) == 200
        for _reader, writer in kept:
            writer.close()


def test_the_default_bounds_are_a_few_seconds_and_64_connections() -> None:
    assert Limits() == Limits(connections=64, head_s=5.0, whole_s=15.0, request_bytes=32_768)


async def test_a_connection_ends_with_its_answer() -> None:
    async with served() as port:
        answer = await answer_to(port, GET + GET)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (GET, 200),
        (get("/readyz"), 200),
        (get("/none"), 404),
        (get(method="POST"), 405),
        (get(host="evil.example"), 421),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
    ],
)
async def test_no_answer_names_a_version_or_quotes_the_request(request_bytes: bytes, expected: int) -> None:
    async with served() as port:
        answer = await answer_to(port, request_bytes)
    assert status(answer) == expected
    assert b"Server: stormwatch\r\n" in answer
    assert not re.search(rb"(?i)aiohttp|python|evil|nonsense", answer)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:9464", 200),
        ("127.0.0.1", 200),
        ("[::1]:9464", 200),
        ("Desk.Example:9464", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.0.2.9", 421),
        ("a b", 400),
    ],
)
async def test_a_host_that_nobody_configured_is_refused(host: str, expected: int) -> None:
    async with served(allowed_hosts=("desk.example",)) as port:
        assert status(await answer_to(port, get("/metrics", host))) == expected


async def test_two_host_headers_are_refused_and_an_old_client_needs_none() -> None:
    async with served() as port:
        two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
        assert status(await answer_to(port, two)) == 400
        assert status(await answer_to(port, b"GET /healthz HTTP/1.0\r\n\r\n")) == 200
        assert status(await answer_to(port, b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n")) == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
async def test_only_get_and_head_are_served_on_every_path(method: str) -> None:
    async with served() as port:
        for path in ("/healthz", "/none"):
            assert status(await answer_to(port, get(path, method=method))) == 405
        head = await answer_to(port, get(method="HEAD"))
        assert status(head) == 200
        assert head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 16_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 100 + b"\r\n",
    ],
)
async def test_a_long_line_a_long_header_and_many_headers_are_refused(request_bytes: bytes) -> None:
    async with served(Limits(head_s=LONG_S, whole_s=LONG_S)) as port:
        assert status(await answer_to(port, request_bytes)) == 400


async def test_a_request_larger_than_any_needs_is_cut() -> None:
    async with served(Limits(head_s=LONG_S, whole_s=LONG_S)) as port:
        headers = b"".join(b"X%d: %s\r\n" % (one, b"a" * 8000) for one in range(10))
        assert await answer_to(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + headers) == b""


async def test_requests_that_are_none_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "stormwatch")
    caplog.set_level(logging.INFO, "aiohttp")
    async with served() as port:
        for _ in range(20):
            assert status(await answer_to(port, b"GET \x1b[31m HTTP/1.1\r\n\r\n")) == 400
    assert not [one for one in caplog.records if one.levelno >= logging.INFO]


async def test_refused_connections_are_logged_once_a_minute_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    async with served(Limits(connections=1, head_s=LONG_S, whole_s=LONG_S)) as port:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(30):
            assert await answer_to(port, b"") == b""
        writer.close()
        assert said(caplog) == ["web port: 1 connections are open, the newest is closed"]
    assert said(caplog)[1:] == ["web port: 1 connections are open, the newest is closed (29 more times)"]


async def test_the_number_of_refused_connections_is_said_after_a_minute_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "SAY_EVERY_S", 0.2)
    async with served(Limits(connections=0)) as port, asyncio.timeout(LONG_S):
        while not any("more times" in line for line in said(caplog)):
            assert await answer_to(port, b"") == b""


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the web port."""
    return [one.getMessage() for one in caplog.records if one.name == "stormwatch.web"]


async def test_a_failure_of_ours_is_logged_and_answered_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> tuple[bytes, str]:
        raise ZeroDivisionError("a secret")

    web = Web(WebSettings(port=0), ready, failing)
    await web.start()
    assert web.port is not None
    answer = await answer_to(web.port, get("/metrics"))
    await web.stop()
    assert status(answer) == 500
    assert b"Server: stormwatch\r\n" in answer
    assert b"secret" not in answer
    assert "a secret" in caplog.text


SERVER_WITH_FEW_DESCRIPTORS = """
import asyncio, resource, sys
from monitor.daemon.logs import set_up_logs
from monitor.web import port as port_module
from monitor.web.port import Limits
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.web.answers import ready

async def main():
    web = Web(WebSettings(port=0), ready, lambda: (b"", "text/plain"), Limits(connections=1000))
    await web.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
    print(web.port, flush=True)
    await asyncio.Event().wait()

set_up_logs(False)
asyncio.run(main())
"""


async def test_a_server_without_free_descriptors_logs_a_line_and_serves_again_when_some_are_free() -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER_WITH_FEW_DESCRIPTORS,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        port = int(await child.stdout.readline())
        greedy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        first = await child.stderr.readline()
        for _reader, writer in greedy:
            writer.close()
        assert status(await answer_to(port, GET)) == 200
    finally:
        child.terminate()
        _out, rest = await child.communicate()
    assert b"no connection can be accepted (Too many open files)" in first
    assert rest == b""
