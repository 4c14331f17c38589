"""One HTTP exchange against real sockets: true phases, limits, and a kind for every failure."""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from probes.readings import Refusal
from probes.rest.http import USER_AGENT, Request, exchange, get_once, refusal_of, session, tls_context, utc_now
from probes.tape import HttpExchange
from tests.probes.loopback import cut_short, free_port, hung_up, in_turn, never_ending, say, serving

OURS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.ENOMEM)
STEP = timedelta(microseconds=5)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(tls_context(), USER_AGENT) as one:
        yield one


async def get(client: aiohttp.ClientSession, url: str, timeout_s: float = 2.0, max_bytes: int = 10_000) -> HttpExchange:
    return await get_once(
        client, url, headers={"X-Asked": "yes"}, timeout_s=timeout_s, max_bytes=max_bytes, clock=utc_now
    )


def names(got: HttpExchange) -> list[str]:
    return [one.name for one in got.phases]


async def test_phases_follow_each_other_without_a_gap_and_sum_to_the_service_time(
    client: aiohttp.ClientSession,
) -> None:
    async with serving({"/slow": say("{}", after_s=0.2)}) as venue:
        got = await get(client, f"http://localhost:{venue.host.partition(':')[2]}/slow")
    assert (got.status, got.body, got.refusal) == (200, b"{}", None)
    assert names(got) == ["resolve", "connect", "send", "wait", "receive"]
    for one, following in pairwise(got.phases):
        assert abs(one.started_at + timedelta(seconds=one.duration_s) - following.started_at) <= STEP
    assert got.phases[0].started_at >= got.sent_at
    assert abs(got.phases[-1].started_at + timedelta(seconds=got.phases[-1].duration_s) - got.received_at) <= STEP
    assert got.phases[3].duration_s >= 0.15, "waiting for the venue is reported as waiting"
    total_s = sum(one.duration_s for one in got.phases)
    service_s = (got.received_at - got.sent_at).total_seconds()
    assert 0.15 <= total_s <= service_s + 1e-4


async def test_a_name_that_is_never_found_is_a_wait_for_the_name_and_not_for_the_connection(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests: aiohttp looks the name up once, and the second one only waits for the first."""
    asked = 0

    async def hang(*_given: object, **_named: object) -> None:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    both = await asyncio.gather(*(get(client, "http://venue.test/", timeout_s=0.05) for _ in range(2)))
    assert asked == 1
    assert [one.refusal for one in both] == [Refusal.TIMEOUT] * 2
    assert [names(one) for one in both] == [["resolve"], ["resolve"]]


async def test_a_connection_that_is_never_made_is_a_wait_for_the_connection(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_given: object, **_named: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", hang)
    got = await get(client, "http://127.0.0.1:9/", timeout_s=0.05)
    assert (got.refusal, names(got)) == (Refusal.TIMEOUT, ["connect"])


async def test_a_first_request_is_cold_and_a_reused_connection_has_no_connect_phase(
    client: aiohttp.ClientSession,
) -> None:
    async with serving({"/": say("{}")}) as venue:
        first, second = await get(client, venue.url + "/"), await get(client, venue.url + "/")
    assert (first.cold, names(first)) == (True, ["connect", "send", "wait", "receive"])
    assert (second.cold, names(second)) == (False, ["send", "wait", "receive"])


async def test_headers_are_sent_and_returned_with_lower_case_names_and_no_cookie_is_stored(
    client: aiohttp.ClientSession,
) -> None:
    async with serving({"/": say("{}", headers={"X-Left": "7", "Set-Cookie": "a=b"})}) as venue:
        first = await get(client, venue.url + "/")
        await get(client, venue.url + "/")
        assert first.headers["x-left"] == "7"
        assert venue.headers[1]["X-Asked"] == "yes"
        assert venue.headers[1]["User-Agent"] == USER_AGENT
        assert "Cookie" not in venue.headers[1]


async def test_the_values_of_a_repeated_header_are_joined(client: aiohttp.ClientSession) -> None:
    repeated = CIMultiDict([("Retry-After", "2"), ("Retry-After", "90"), ("X-Left", "7")])
    async with serving({"/": say("{}", 429, repeated)}) as venue:
        got = await get(client, venue.url + "/")
    assert (got.headers["retry-after"], got.headers["x-left"]) == ("2, 90", "7")


async def test_a_redirect_is_not_followed(client: aiohttp.ClientSession) -> None:
    async with serving({"/": say("", 302, {"Location": "/elsewhere"})}) as venue:
        assert (await get(client, venue.url + "/")).status == 302
        assert venue.asked == ["/"]


async def post(client: aiohttp.ClientSession, url: str) -> HttpExchange:
    asked = Request(url=url, headers={"X-Asked": "yes"}, body=b'{"type":"meta"}')
    return await exchange(client, asked, timeout_s=2.0, max_bytes=10_000, clock=utc_now)


async def test_a_request_with_a_body_is_a_post_of_json_measured_as_a_get(client: aiohttp.ClientSession) -> None:
    came: list[tuple[str, str, str, bytes]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        came.append((request.method, request.content_type, request.headers["X-Asked"], await request.read()))
        return web.Response(body=b"{}")

    async with serving({"/info": answer}) as venue:
        first, second = await post(client, venue.url + "/info"), await post(client, venue.url + "/info")
    assert came == [("POST", "application/json", "yes", b'{"type":"meta"}')] * 2
    assert (first.status, first.body, first.refusal) == (200, b"{}", None)
    assert (first.cold, names(first)) == (True, ["connect", "send", "wait", "receive"])
    assert (second.cold, names(second)) == (False, ["send", "wait", "receive"])


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirect_of_a_post_is_not_followed(client: aiohttp.ClientSession, status: int) -> None:
    async with serving({"/": say("", status, {"Location": "/elsewhere"})}) as venue:
        assert (await post(client, venue.url + "/")).status == status
        assert venue.asked == ["/"]


@pytest.mark.parametrize("send", [get, post])
async def test_a_kept_connection_that_ended_costs_no_answer(
    client: aiohttp.ClientSession, send: Callable[[aiohttp.ClientSession, str], Awaitable[HttpExchange]]
) -> None:
    async with serving({"/": in_turn(say("{}"), hung_up, say("[]"))}) as venue:
        first, second = await send(client, venue.url + "/"), await send(client, venue.url + "/")
        assert (first.body, second.body, second.refusal) == (b"{}", b"[]", None)
        assert len(venue.asked) == 3


async def test_a_post_on_a_new_connection_that_ends_is_a_reset_and_is_sent_once(client: aiohttp.ClientSession) -> None:
    async with serving({"/": hung_up}) as venue:
        assert (await post(client, venue.url + "/")).refusal is Refusal.RESET
        assert venue.asked == ["/"]


async def test_a_timeout_is_reported_with_the_time_it_took(client: aiohttp.ClientSession) -> None:
    async with serving({"/": say("{}", after_s=5)}) as venue:
        got = await get(client, venue.url + "/", timeout_s=0.1)
    assert (got.refusal, got.status, got.body) == (Refusal.TIMEOUT, None, b"")
    assert (got.received_at - got.sent_at).total_seconds() >= 0.1
    assert names(got)[-1] == "wait"


async def test_a_body_that_never_ends_times_out(client: aiohttp.ClientSession) -> None:
    async with serving({"/": never_ending}) as venue:
        got = await get(client, venue.url + "/", timeout_s=0.2)
    assert (got.refusal, got.status) == (Refusal.TIMEOUT, 200)
    assert names(got)[-1] == "receive"


async def test_a_body_above_its_limit_is_oversized_and_is_discarded(client: aiohttp.ClientSession) -> None:
    async with serving({"/": say(b"x" * 20_000)}) as venue:
        got = await get(client, venue.url + "/")
        assert (got.refusal, got.body, got.detail) == (Refusal.OVERSIZED, b"", "more than 10000 bytes")
        assert (await get(client, venue.url + "/", max_bytes=20_000)).refusal is None


async def test_a_body_cut_short_is_a_reset(client: aiohttp.ClientSession) -> None:
    async with serving({"/": cut_short}) as venue:
        got = await get(client, venue.url + "/")
    assert (got.refusal, got.status) == (Refusal.RESET, 200)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def ending(sent: bytes, *, reset: bool, after: bytes = b"\r\n\r\n") -> AsyncIterator[str]:
    """A server that reads up to `after`, sends `sent`, and ends the connection, by a reset (SO_LINGER 0) or an orderly end."""

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(after)
        writer.write(sent)
        await writer.drain()
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(end, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", HEAD + b"{", CHUNKED + b"5\r\nab", CHUNKED])
async def test_a_peer_that_ends_the_connection_is_a_reset_in_every_phase(
    client: aiohttp.ClientSession, sent: bytes, reset: bool
) -> None:
    async with ending(sent, reset=reset) as url:
        assert (await get(client, url)).refusal is Refusal.RESET


async def test_a_peer_that_resets_while_we_send_is_a_reset(client: aiohttp.ClientSession) -> None:
    long = {f"X-{number}": "y" * 8000 for number in range(500)}
    async with ending(b"", reset=True, after=b"GET") as url:
        got = await get_once(client, url, headers=long, timeout_s=5.0, max_bytes=100, clock=utc_now)
    assert got.refusal is Refusal.RESET


@pytest.mark.parametrize("reset", [True, False])
async def test_a_peer_that_ends_the_connection_in_the_tls_handshake_is_a_reset(
    client: aiohttp.ClientSession, reset: bool
) -> None:
    async with ending(b"", reset=reset, after=b"\x16\x03") as url:
        assert (await get(client, url.replace("http:", "https:"))).refusal is Refusal.RESET


async def test_a_body_that_is_not_what_its_encoding_says_is_malformed(client: aiohttp.ClientSession) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n"
    async with ending(head + b"not gzip!!", reset=False) as url:
        assert (await get(client, url)).refusal is Refusal.MALFORMED


SHORT = """
import asyncio, resource, socket
from probes.rest.http import USER_AGENT, get_once, session, tls_context, utc_now

async def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    async with session(tls_context(), USER_AGENT) as client:
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        while True:
            try:
                held.append(socket.socket())
            except OSError:
                break
        for host in ("127.0.0.1", "localhost", "venue.invalid"):
            got = await get_once(
                client, f"http://{host}:{port}/", headers={}, timeout_s=20, max_bytes=100, clock=utc_now
            )
            print(host, got.refusal, got.refusal.is_ours)

asyncio.run(main())
"""


def test_a_process_without_file_descriptors_says_that_the_fault_is_its_own() -> None:
    """In a child process, because the limit holds for a whole process."""
    child = subprocess.run(
        [sys.executable, "-c", SHORT], capture_output=True, text=True, timeout=60, check=False,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert child.stdout.splitlines() == [
        "127.0.0.1 local True",
        "localhost local True",
        "venue.invalid local True",
    ], child.stderr


async def test_a_dropped_connection_is_a_reset(client: aiohttp.ClientSession) -> None:
    async with serving({"/": hung_up}) as venue:
        assert (await get(client, venue.url + "/")).refusal is Refusal.RESET


async def test_a_connection_to_a_closed_port_is_refused(client: aiohttp.ClientSession) -> None:
    got = await get(client, f"http://127.0.0.1:{await free_port()}/?secret=1")
    assert (got.refusal, got.cold) == (Refusal.REFUSED, True)
    assert "secret" not in got.detail


@pytest.mark.parametrize("greeting", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
async def test_an_answer_that_is_not_http_is_malformed(client: aiohttp.ClientSession, greeting: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read(1)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        got = await get(client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert got.refusal is Refusal.MALFORMED


async def test_an_invalid_address_is_a_bad_request(client: aiohttp.ClientSession) -> None:
    assert (await get(client, "http:///nowhere")).refusal is Refusal.BAD_REQUEST


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(), Refusal.DNS),
        (aiohttp.ServerTimeoutError(), Refusal.TIMEOUT),
        (aiohttp.ClientConnectionError(), Refusal.RESET),
        (aiohttp.ServerDisconnectedError(), Refusal.RESET),
        (aiohttp.ClientOSError(), Refusal.REFUSED),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), Refusal.RESET),
        (aiohttp.ClientOSError(errno.EPIPE, "broken pipe"), Refusal.RESET),
        (aiohttp.ClientOSError(errno.ETIMEDOUT, "timed out"), Refusal.TIMEOUT),
        (aiohttp.ClientOSError(errno.ENETUNREACH, "unreachable"), Refusal.REFUSED),
        (aiohttp.ClientConnectionResetError(), Refusal.RESET),
        (aiohttp.ClientPayloadError("unknown"), Refusal.MALFORMED),
        *((OSError(code, "ours"), Refusal.LOCAL) for code in OURS),
        *((aiohttp.ClientOSError(code, "ours"), Refusal.LOCAL) for code in OURS),
        (ConnectionResetError(), Refusal.RESET),
    ],
)
def test_each_failure_that_loopback_cannot_produce_has_its_kind(error: Exception, kind: Refusal) -> None:
    assert refusal_of(error) is kind


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of "localhost" with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the test certificate, is not here")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
            "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


def served_with(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


async def test_an_untrusted_certificate_is_a_tls_refusal(client: aiohttp.ClientSession, certificate: Path) -> None:
    async with serving({"/": say("{}")}, tls=served_with(certificate)) as venue:
        got = await get(client, f"https://localhost:{venue.host.partition(':')[2]}/")
    assert (got.refusal, got.status) == (Refusal.TLS, None)


async def test_a_certificate_of_another_name_is_a_tls_refusal(certificate: Path) -> None:
    async with (
        session(tls_context(str(certificate / "cert.pem")), USER_AGENT) as client,
        serving({"/": say("{}")}, tls=served_with(certificate)) as venue,
    ):
        assert (await get(client, venue.url + "/")).refusal is Refusal.TLS


async def test_a_handshake_is_a_phase_of_its_own(certificate: Path) -> None:
    async with (
        session(tls_context(str(certificate / "cert.pem")), USER_AGENT) as client,
        serving({"/": say("{}")}, tls=served_with(certificate)) as venue,
    ):
        got = await get(client, f"https://localhost:{venue.host.partition(':')[2]}/")
    assert (got.refusal, got.status) == (None, 200)
    assert names(got) == ["resolve", "connect", "tls", "send", "wait", "receive"]
    assert got.phases[2].duration_s > 0


async def test_cancellation_passes_through(client: aiohttp.ClientSession) -> None:
    async with serving({"/": say("{}", after_s=5)}) as venue:
        asking = asyncio.create_task(get(client, venue.url + "/"))
        await venue.reached.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
