"""The webhook: signed, idempotent, with the documented retry rules. Against a real server on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.alerting.delivery import Deliveries
from monitor.alerting.posting import MAX_AFTER_S, outcome_of
from monitor.alerting.sink import Delivered, Outcome, Refused, TryAgain, note_of
from monitor.alerting.sinks import made
from monitor.alerting.sinks.webhook import (
    LOST,
    MISSED,
    SIGNATURE,
    WebhookSettings,
    WebhookSink,
    missed_headers,
    signature,
)
from monitor.incidents import IncidentChange, Level
from tests.monitor.alerting.logged import LONG_S, SHORT, SetClock, append, delivered_once, opened, running
from tests.monitor.alerting.sinks.changes import INCIDENT, change

SECRET = "swordfish"
NOW_S = 1_767_268_830.0


class Receiver:
    """A receiver's server: answers with the given statuses and stores the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.came: list[tuple[Mapping[str, str], bytes]] = []
        self._more = asyncio.Event()
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_post("/slow", self._slow)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        self.came.append((request.headers.copy(), await request.read()))
        self._more.set()
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        return web.Response(status=status, headers=headers)

    async def had(self, requests: int) -> None:
        """Return when so many requests came."""
        while len(self.came) < requests:
            self._more.clear()
            await self._more.wait()

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


def table(receiver: Receiver) -> dict[str, dict[str, str]]:
    """The settings of a webhook "desk" to this receiver."""
    return {"desk": {"type": "webhook", "url": str(receiver.server.make_url("/hook")), "secret_env": "S"}}


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
    key = note.key

    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


async def test_a_retried_change_keeps_its_key_and_reaches_the_receiver_in_order(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [(503, {}), (429, {"Retry-After": "0"}), (200, {})]
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2))
        await delivered_once(log, clock, *made(table(receiver), {"S": SECRET}))

    keys = [headers["Idempotency-Key"].rpartition(":")[2] for headers, _body in receiver.came]
    assert keys == ["1", "1", "1", "2"]
    assert all(genuine(headers[SIGNATURE], body) for headers, body in receiver.came)


async def test_a_receiver_that_asks_for_a_pause_is_not_called_before_it_is_over(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [(429, {"Retry-After": "1"}), (200, {})]
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1))
        ours = Deliveries(made(table(receiver), {"S": SECRET}), log, clock=clock, pauses=SHORT)
        begun_s = asyncio.get_running_loop().time()
        async with running(ours):
            await asyncio.wait_for(receiver.had(2), LONG_S)
        assert asyncio.get_running_loop().time() - begun_s >= 1.0


async def test_missed_changes_are_told_in_headers_beside_the_documented_body(
    receiver: Receiver, tmp_path: Path
) -> None:
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, change(1), change(2, pages=False), change(3))
        clock.now += timedelta(hours=2)
        await delivered_once(log, clock, *made(table(receiver), {"S": SECRET}))

    ((headers, body),) = receiver.came
    assert msgspec.json.decode(body, type=IncidentChange) == change(3)
    assert headers["Idempotency-Key"] == f"{INCIDENT}:3"
    assert headers[MISSED] == "changes=2,pages=1,first=2026-01-01T12:00:30Z,last=2026-01-01T12:01:00Z,late=true"
    assert LOST not in headers


async def test_a_note_that_missed_nothing_has_no_header_about_it(receiver: Receiver) -> None:
    await deliver(str(receiver.server.make_url("/hook")))

    ((headers, _body),) = receiver.came
    assert not [name for name in headers if name.startswith("X-Stormwatch") and name != SIGNATURE]


def test_a_loss_is_told_in_a_header() -> None:
    assert missed_headers(note_of(change(), Level.WATCH, lost=5321)) == {"X-Stormwatch-Lost": "5321"}
