"""The webhook: signed, idempotent, with the documented retry rules. Against a real server on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.alerting.delivery import Deliveries
from monitor.alerting.sink import Delivered, Outcome, Refused, TryAgain, note_of
from monitor.alerting.sinks import made
from monitor.alerting.sinks.webhook import (
    MAX_AFTER_S,
    SIGNATURE,
    WebhookSettings,
    WebhookSink,
    idempotency_key,
    outcome_of,
    signature,
)
from monitor.incidents import IncidentChange, Level
from tests.monitor.alerting.sinks.changes import INCIDENT, change

SECRET = "swordfish"
NOW_S = 1_767_268_830.0


class Receiver:
    """A receiver's server: answers with the given statuses and stores the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.came: list[tuple[Mapping[str, str], bytes]] = []
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_post("/slow", self._slow)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        self.came.append((request.headers.copy(), await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        return web.Response(status=status, headers=headers)

    async def _slow(self, request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    ours = Receiver()
    await ours.server.start_server()
    yield ours
    await ours.server.close()


async def deliver(url: str, *, timeout_s: float = 10.0, sent: IncidentChange | None = None) -> Outcome:
    settings = WebhookSettings(url=url, secret_env="S", timeout_s=timeout_s)
    sink = WebhookSink(settings, {"S": SECRET}, clock=lambda: NOW_S)
    async with aiohttp.ClientSession() as client:
        return await sink.deliver(client, note_of(sent or change(), Level.WATCH))


def genuine(header: str, body: bytes) -> bool:
    """Check the signature as docs/formats.md describes."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"])


async def test_the_change_arrives_signed_with_its_idempotency_key(receiver: Receiver) -> None:
    assert await deliver(str(receiver.server.make_url("/hook"))) == Delivered()

    ((headers, body),) = receiver.came
    assert msgspec.json.decode(body, type=IncidentChange) == change()
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == f"{INCIDENT}:1"
    assert headers[SIGNATURE].startswith(f"t={int(NOW_S)},v1=")
    assert genuine(headers[SIGNATURE], body)
    assert not genuine(headers[SIGNATURE], body + b" ")


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [(307, {"Location": "/hook"})]

    assert await deliver(str(receiver.server.make_url("/hook"))) == Refused(why="HTTP 307, redirect refused")
    assert len(receiver.came) == 1


async def test_a_delivery_that_times_out_may_be_tried_again(receiver: Receiver) -> None:
    outcome = await deliver(str(receiver.server.make_url("/slow")), timeout_s=0.05)
    assert isinstance(outcome, TryAgain)


async def test_an_unreachable_server_may_be_tried_again_and_its_url_is_not_shown(receiver: Receiver) -> None:
    url = receiver.server.make_url("/hook?key=hush")
    await receiver.server.close()

    outcome = await deliver(str(url))
    assert isinstance(outcome, TryAgain)
    assert "hush" not in outcome.why
    assert str(url.port) not in outcome.why


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome"),
    [
        (200, None, Delivered()),
        (299, None, Delivered()),
        (302, None, Refused(why="HTTP 302, redirect refused")),
        (400, None, Refused(why="HTTP 400")),
        (401, "5", Refused(why="HTTP 401")),
        (404, None, Refused(why="HTTP 404")),
        (408, None, TryAgain(why="HTTP 408")),
        (429, "7", TryAgain(why="HTTP 429", after_s=7.0)),
        (500, None, TryAgain(why="HTTP 500")),
        (503, "Thu, 01 Jan 2026 12:01:00 GMT", TryAgain(why="HTTP 503", after_s=30.0)),
        (503, "Thu, 01 Jan 2026 11:00:00 GMT", TryAgain(why="HTTP 503", after_s=0.0)),
        (503, "99999999", TryAgain(why="HTTP 503", after_s=MAX_AFTER_S)),
        (503, "soon", TryAgain(why="HTTP 503")),
        (503, "-5", TryAgain(why="HTTP 503")),
    ],
)
def test_each_answer_means_delivered_or_try_again_or_refused(
    status: int, retry_after: str | None, outcome: Outcome
) -> None:
    assert outcome_of(status, retry_after, NOW_S) == outcome


def test_the_signature_is_the_documented_one() -> None:
    expected = hmac.new(b"k", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b"k", b'{"a":1}', 1_700_000_000) == f"t=1700000000,v1={expected}"


def test_the_idempotency_key_is_safe_in_a_header() -> None:
    note = note_of(change(incident_id="vantage-zürich\r\nX: y-1"), Level.WATCH)
    key = idempotency_key(note)

    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


async def test_a_retried_change_keeps_its_key_and_reaches_the_receiver_in_order(receiver: Receiver) -> None:
    receiver.answers = [(503, {}), (429, {"Retry-After": "0"}), (200, {})]
    tables = {"desk": {"type": "webhook", "url": str(receiver.server.make_url("/hook")), "secret_env": "S"}}
    ours = Deliveries(made(tables, {"S": SECRET}), first_pause_s=0.001)
    ours.on_changes([change(1), change(2)])
    task = asyncio.create_task(ours.run("desk"))
    try:
        assert await ours.drain(30) == 0
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    keys = [headers["Idempotency-Key"].rpartition(":")[2] for headers, _body in receiver.came]
    assert keys == ["1", "1", "1", "2"]
    assert all(genuine(headers[SIGNATURE], body) for headers, body in receiver.came)
