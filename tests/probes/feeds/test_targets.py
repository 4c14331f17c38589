"""An operator's own targets are asked over real HTTP and WebSockets; each question has one outcome, each change is a claim."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from probes.feeds.targets import Targets, ask_once
from probes.readings import ClaimChanged, ClaimState, Refusal, RequestTimed, SlotMissed
from probes.rest.target import BodyCondition, Target
from tests.probes.loopback import free_port, in_turn, never_ending, say, serving

PATIENCE_S = 20.0
ASKED = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
BLOCK = '{"jsonrpc":"2.0","id":1,"result":"0x10"}'


def rpc(url: str, **given: Any) -> Target:
    return Target(name="rpc", url=url, **given)


async def echo_block(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    good = request.method == "POST" and body == ASKED and request.headers["Content-Type"] == "application/json"
    return web.Response(text=BLOCK if good else "{}")


async def test_a_question_by_json_rpc_is_posted_with_its_headers_and_its_answer_judged() -> None:
    async with serving({"/v1": echo_block}) as served:
        condition = BodyCondition(path="$.result", least=16)
        one = rpc(f"{served.url}/v1", body=ASKED, headers={"Authorization": "Bearer s3cret"}, conditions=(condition,))
        reading = await ask_once(one)
        too_high = await ask_once(replace(one, conditions=(BodyCondition(path="$.result", least=17),)))

    assert (reading.venue, reading.check, reading.refusal, reading.status) == ("target:rpc", "http", None, 200)
    assert served.headers[0]["Authorization"] == "Bearer s3cret"
    assert {phase.name for phase in reading.phases} >= {"connect", "wait"}
    assert (too_high.refusal, too_high.detail) == (Refusal.UNMET, "$.result: 16 below 17")
    assert "s3cret" not in repr(one)


async def test_a_redirect_is_not_followed() -> None:
    async with serving({"/": say("", 302, {"Location": "/there"}), "/there": say("{}")}) as served:
        reading = await ask_once(rpc(f"{served.url}/"))

    assert (reading.refusal, reading.status) == (Refusal.UNMET, 302)
    assert served.asked == ["/"]


async def test_a_body_without_end_is_cut() -> None:
    async with serving({"/": never_ending}) as served:
        reading = await ask_once(rpc(f"{served.url}/", max_bytes=8))

    assert reading.refusal is Refusal.OVERSIZED


async def test_a_target_that_nobody_serves_is_refused() -> None:
    reading = await ask_once(rpc(f"http://127.0.0.1:{await free_port()}/"))

    assert reading.refusal is Refusal.REFUSED


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1, and its key."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


async def test_a_certificate_is_verified_by_the_authority_of_the_target(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serving({"/": say("{}")}, tls=context) as served:
        unknown = await ask_once(rpc(f"{served.url}/"))
        known = await ask_once(rpc(f"{served.url}/", ca_file=str(certificate)))

    assert (unknown.refusal, known.refusal) == (Refusal.TLS, None)
    assert served.asked == ["/"]


async def says_block(socket: web.WebSocketResponse, number: int) -> None:
    await socket.ping()
    await socket.send_str(BLOCK)
    await asyncio.Event().wait()


async def waits(socket: web.WebSocketResponse, number: int) -> None:
    await asyncio.Event().wait()


async def test_the_first_message_of_a_socket_is_judged() -> None:
    async with serving(talk=says_block) as served:
        one = rpc(served.ws_url, conditions=(BodyCondition(path="$.result", least=16),))
        good = await ask_once(one)
        bad = await ask_once(replace(one, conditions=(BodyCondition(path="$.result", most=15),)))

    assert (good.check, good.refusal, good.status, good.body_bytes) == ("websocket", None, 101, len(BLOCK))
    assert (bad.refusal, bad.detail) == (Refusal.UNMET, "$.result: 16 above 15")


async def test_a_socket_is_told_what_it_is_to_be_told() -> None:
    async with serving(talk=waits) as served:

        async def answers(socket: web.WebSocketResponse, text: str) -> None:
            await socket.send_bytes(BLOCK.encode())

        served.hear = answers
        reading = await ask_once(rpc(served.ws_url, body=ASKED))

    assert reading.refusal is None
    assert served.received == [ASKED.decode()]


async def test_a_socket_that_only_has_to_open_need_not_speak() -> None:
    async with serving(talk=waits) as served:
        reading = await ask_once(rpc(served.ws_url))

    assert reading.refusal is None


async def closes(socket: web.WebSocketResponse, number: int) -> None:
    await socket.close(code=1013)


async def only_pings(socket: web.WebSocketResponse, number: int) -> None:
    for _ in range(40):
        await socket.pong()


@pytest.mark.parametrize(
    ("talk", "refusal"), [(waits, Refusal.TIMEOUT), (closes, Refusal.RESET), (only_pings, Refusal.FLOODING)]
)
async def test_a_socket_without_a_message_fails(talk: Any, refusal: Refusal) -> None:
    async with serving(talk=talk) as served:
        reading = await ask_once(rpc(served.ws_url, conditions=(BodyCondition(path="$.a"),), timeout_s=1.0))

    assert reading.refusal is refusal


async def test_an_answer_in_place_of_a_socket_is_no_socket() -> None:
    async with serving({"/no": say("", 503), "/away": say("", 302, {"Location": "/"})}) as served:
        no, away = [await ask_once(rpc(f"{served.ws_url}/{path}")) for path in ("no", "away")]
    gone = await ask_once(rpc(f"ws://127.0.0.1:{await free_port()}/"))

    assert (no.refusal, no.status, no.detail) == (Refusal.UNMET, 503, "HTTP 503 instead of a WebSocket")
    assert (away.refusal, away.status) == (Refusal.UNMET, 302)
    assert gone.refusal is Refusal.REFUSED


async def read(target: Target, enough: Callable[[list[Any]], bool]) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(PATIENCE_S), aclosing(Targets([target]).readings()) as readings:
        async for one in readings:
            found.append(one)
            if enough(found):
                return found
    raise AssertionError


def claims(found: list[Any]) -> list[ClaimChanged]:
    return [one for one in found if isinstance(one, ClaimChanged)]


async def test_the_claim_of_a_target_is_told_when_it_changes_and_only_then() -> None:
    answers = in_turn(say("{}"), say("{}"), say("", 500), say("", 500), say("{}"))
    async with serving({"/": answers}) as served:
        found = await read(rpc(f"{served.url}/", every_s=0.05), lambda all_: len(claims(all_)) == 4)

    assert [(one.state, one.covers, one.reason) for one in claims(found)] == [
        (ClaimState.ASKED, False, ""),
        (ClaimState.SPEAKING, True, ""),
        (ClaimState.REFUSED, False, "HTTP 500; allowed: 200"),
        (ClaimState.SPEAKING, True, ""),
    ]
    assert {(one.venue, one.feed, one.main) for one in claims(found)} == {("target:rpc", "http", True)}
    assert len([one for one in found if isinstance(one, RequestTimed)]) >= 5


async def test_a_target_that_does_not_answer_is_silent() -> None:
    port = await free_port()
    found = await read(rpc(f"http://127.0.0.1:{port}/", every_s=0.05), lambda all_: len(claims(all_)) == 2)

    assert [one.state for one in claims(found)] == [ClaimState.ASKED, ClaimState.SILENT]


async def test_a_target_that_asks_for_a_pause_is_left_alone() -> None:
    answers = in_turn(say("", 429, {"Retry-After": "3600"}), say("{}"))
    async with serving({"/slow": answers, "/beside": say("{}")}) as served:
        paused = rpc(f"{served.url}/slow", every_s=0.02)
        beside = Target(name="beside", url=f"{served.url}/beside", every_s=0.02)
        asked: list[str] = []
        async with asyncio.timeout(PATIENCE_S), aclosing(Targets([paused, beside]).readings()) as readings:
            async for one in readings:
                if isinstance(one, RequestTimed):
                    asked.append(one.venue)
                if asked.count("target:beside") >= 10 and "target:rpc" in asked:
                    break

    assert asked.count("target:rpc") == 1


async def test_slots_that_passed_are_told() -> None:
    async with serving({"/": say("{}", after_s=0.1)}) as served:
        one = rpc(f"{served.url}/", every_s=0.02)
        found = await read(one, lambda all_: any(isinstance(one, SlotMissed) for one in all_))

    missed = next(one for one in found if isinstance(one, SlotMissed))
    assert (missed.venue, missed.check) == ("target:rpc", "http")
