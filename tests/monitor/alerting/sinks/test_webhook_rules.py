"""The webhook as docs/formats.md states it: which answers are tried again, floors, the signature over the exact body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict

from monitor.alerting.posting import outcome_of
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, Refused, TryAgain, note_of
from monitor.alerting.sinks import made
from monitor.alerting.sinks.webhook import WebhookSettings, WebhookSink
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange, Level
from monitor.version import stormwatch_version
from tests.monitor.alerting.logged import SetClock, append, delivered_once, desk, opened
from tests.monitor.alerting.sinks.changes import INCIDENT, change
from tests.retry_after import CASES, NOW

SECRET = "swordfish"
NOW_S = 1_767_268_830.0  # 2026-01-01 12:00:30 UTC
TRIED_AGAIN = {408, 409, 421, 423, 425, 429}
FIRST = "Thu, 01 Jan 2026"


class Receiver:
    """A receiver that stores the bytes of every body, and answers as scripted."""

    def __init__(self) -> None:
        self.came: list[tuple[Mapping[str, str], bytes]] = []
        self.answers: list[tuple[int, Mapping[str, str]]] = []
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        self.came.append((request.headers.copy(), await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        return web.Response(status=status, headers=headers)

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self.server.make_url("/hook"))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    ours = Receiver()
    await ours.server.start_server()
    yield ours
    await ours.server.close()


def sink(url: str, clock_s: list[float]) -> WebhookSink:
    """A webhook whose clock gives the next of these seconds at each reading (then always the last one)."""
    return WebhookSink(
        WebhookSettings(url=url, secret_env="S"),
        {"S": SECRET},
        clock=lambda: clock_s.pop(0) if len(clock_s) > 1 else clock_s[0],
    )


def signed(header: str, body: bytes, unix_s: int, secret: str = SECRET) -> bool:
    """Whether the header is `t=<unix seconds>,v1=<hex>` of HMAC-SHA256 over `<unix seconds>.` and the body."""
    digest = hmac.new(secret.encode(), str(unix_s).encode() + b"." + body, hashlib.sha256).hexdigest()
    return header == f"t={unix_s},v1={digest}"


def test_every_status_has_its_documented_meaning() -> None:
    for status in range(100, 600):
        outcome = outcome_of(status, None, NOW_S)
        if 200 <= status <= 299:
            assert outcome == Delivered()
        elif status in TRIED_AGAIN or status >= 500:
            assert outcome == TryAgain(why=f"HTTP {status}", after_s=None)
        else:
            why = f"HTTP {status}, redirect refused" if 300 <= status < 400 else f"HTTP {status}"
            assert outcome == Refused(why=why)


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("0", 0.0),
        ("1", 1.0),
        (" 120 ", 120.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        (f"{FIRST} 12:00:31 GMT", 1.0),
        (f"{FIRST} 12:00:30 GMT", 0.0),
        (f"{FIRST} 12:00:29 GMT", 0.0),
        (f"{FIRST} 12:01:30 -0000", 60.0),
        (f"{FIRST} 13:01:30 +0100", 60.0),
        (f"{FIRST} 14:00:30 GMT", 3600.0),
        ("1.5", None),
        ("", None),
        ("never", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_seconds_or_a_date_and_at_most_an_hour(status: int, text: str, after_s: float | None) -> None:
    assert outcome_of(status, text, NOW_S) == TryAgain(why=f"HTTP {status}", after_s=after_s)


@pytest.mark.parametrize(("text", "stated_s"), CASES)
def test_retry_after_is_read_as_everywhere_and_at_most_an_hour_is_obeyed(text: str, stated_s: float | None) -> None:
    after_s = None if stated_s is None else min(stated_s, 3600.0)
    assert outcome_of(503, text, NOW.timestamp()) == TryAgain(why="HTTP 503", after_s=after_s)


async def test_the_longest_of_several_retry_after_headers_is_obeyed(receiver: Receiver) -> None:
    receiver.answers = [(429, CIMultiDict([("Retry-After", "2"), ("Retry-After", "90")]))]
    async with aiohttp.ClientSession() as client:
        outcome = await sink(receiver.url, [NOW_S]).deliver(client, note_of(change(), Level.WATCH))
    assert outcome == TryAgain(why="HTTP 429", after_s=90.0)


async def test_the_signature_covers_exactly_the_received_bytes(receiver: Receiver) -> None:
    async with aiohttp.ClientSession() as client:
        note = note_of(change(headline="Zürich − 5 %: \u2028 \U0001f300"), Level.WATCH)
        assert await sink(receiver.url, [NOW_S]).deliver(client, note) == Delivered()

    ((headers, body),) = receiver.came
    header = headers["X-Stormwatch-Signature"]
    assert signed(header, body, 1_767_268_830)
    assert not signed(header, body + b"\n", 1_767_268_830)
    assert not signed(header, body, 1_767_268_831)
    assert not signed(header, body, 1_767_268_830, "another")
    assert msgspec.json.decode(body, type=IncidentChange) == note.change
    assert headers["User-Agent"] == f"stormwatch/{stormwatch_version()}"
    assert headers["Content-Type"] == "application/json"


async def test_a_retry_is_signed_with_its_own_time_and_has_the_same_key_and_body(receiver: Receiver) -> None:
    receiver.answers = [(503, {}), (503, {}), (200, {})]
    async with aiohttp.ClientSession() as client:
        note = note_of(change(3), Level.WATCH)
        for second in (0, 100, 301):
            await sink(receiver.url, [NOW_S + second + 0.9]).deliver(client, note)

    stamps = [headers["X-Stormwatch-Signature"].split(",")[0] for headers, _body in receiver.came]
    assert stamps == ["t=1767268830", "t=1767268930", "t=1767269131"]
    assert {headers["Idempotency-Key"] for headers, _body in receiver.came} == {f"{INCIDENT}:3"}
    assert len({body for _headers, body in receiver.came}) == 1


def test_each_revision_of_each_incident_has_a_key_of_its_own() -> None:
    keys = [
        note_of(change(revision, incident_id=incident), Level.WATCH).key
        for incident in ("a", "b", "a:1", "a/1", "a 1", "ä")
        for revision in (1, 2, 11)
    ]
    assert len(set(keys)) == len(keys)
    assert keys[:2] == ["a:1", "a:2"]
    assert keys[9] == "a%2F1:1"
    assert keys[12] == "a%201:1"


async def test_a_received_retry_after_header_is_obeyed(receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": "2"}), (503, {"Retry-After": f"{FIRST} 12:00:40 GMT"})]
    async with aiohttp.ClientSession() as client:
        note = note_of(change(), Level.WATCH)
        outcomes = [await sink(receiver.url, [NOW_S]).deliver(client, note) for _ in range(3)]
    assert outcomes == [
        TryAgain(why="HTTP 429", after_s=2.0),
        TryAgain(why="HTTP 503", after_s=10.0),
        Delivered(),
    ]


async def test_changes_behind_a_retried_change_stay_in_order(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [(200, {}), (503, {}), (503, {}), (400, {}), (200, {})]
    async with opened(tmp_path, clock := SetClock()) as log:
        await append(log, *(change(revision) for revision in (1, 2, 3, 4)))
        ours = await delivered_once(log, clock, desk(sink(receiver.url, [NOW_S])))

    revisions = [headers["Idempotency-Key"].rpartition(":")[2] for headers, _body in receiver.came]
    assert revisions == ["1", "2", "2", "2", "3", "4"]
    assert ours.counts("desk") == {"delivered": 3, "try_again": 2, "refused": 1}


@pytest.mark.parametrize("url", ["http://desk.example/x", "https://desk.example:8443/x?key=1", "https://[::1]/x"])
def test_a_complete_url_is_accepted(url: str) -> None:
    WebhookSink(WebhookSettings(url=url, secret_env="S"), {"S": SECRET})
    WebhookSink(WebhookSettings(url_env="U", secret_env="S"), {"S": SECRET, "U": url})


def test_port_zero_is_refused() -> None:
    with pytest.raises(OperatorError, match="complete URL") as caught:
        WebhookSink(WebhookSettings(url="https://desk.example:0/hush", secret_env="S"), {"S": SECRET})
    assert (caught.value.key, caught.value.value) == ("sinks.webhook.url", "(not shown)")


@pytest.mark.parametrize(("env", "good"), [({"S": ""}, False), ({}, False), ({"S": "x"}, True)])
def test_an_empty_secret_is_refused(env: dict[str, str], good: bool) -> None:
    if good:
        WebhookSink(WebhookSettings(url="https://desk.example/x", secret_env="S"), env)
        return
    with pytest.raises(OperatorError) as caught:
        WebhookSink(WebhookSettings(url="https://desk.example/x", secret_env="S"), env)
    assert (caught.value.key, caught.value.value) == ("sinks.webhook.secret_env", "S")


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_a_timeout_must_be_above_zero(timeout_s: float) -> None:
    with pytest.raises(OperatorError) as caught:
        WebhookSink(WebhookSettings(url="https://desk.example/x", secret_env="S", timeout_s=timeout_s), {"S": SECRET})
    assert (caught.value.key, caught.value.value) == ("sinks.webhook.timeout_s", timeout_s)


def test_ten_seconds_are_the_default_timeout_and_a_part_of_a_second_is_allowed() -> None:
    assert WebhookSettings().timeout_s == 10.0
    WebhookSink(WebhookSettings(url="https://desk.example/x", secret_env="S", timeout_s=0.5), {"S": SECRET})


def test_missing_keys_of_a_table_have_their_documented_defaults() -> None:
    (route,) = made({"console": {}}, {})
    rule = Rule(min_level=Level.WATCH, pages_only=False, changed_level_only=False, repeat_s=60.0)
    assert route.rule == replace(rule, own_scope="sink:console")
    assert route.broken_after_s == 300.0
    assert route.stale_after_s == 3600.0
    assert route.name == "console"


def test_each_key_of_a_table_reaches_its_route() -> None:
    table = {"type": "console", "min_level": "squall", "changed_level_only": True, "repeat_s": 5, "stale_after_s": "2h"}
    (route,) = made({"desk": table}, {})
    assert route.stale_after_s == 7200.0
    assert route.rule == Rule(
        own_scope="sink:desk", min_level=Level.SQUALL, pages_only=False, changed_level_only=True, repeat_s=5.0
    )
    (route,) = made({"desk": {"type": "console", "pages_only": True}}, {})
    assert (route.rule.pages_only, route.rule.changed_level_only) == (True, False)


@pytest.mark.parametrize("stale_after_s", [0, -1.0, float("inf"), float("nan")])
def test_an_age_at_which_changes_are_too_old_is_a_length_of_time(stale_after_s: float) -> None:
    with pytest.raises(OperatorError) as caught:
        made({"console": {"stale_after_s": stale_after_s}}, {})
    assert caught.value.key == "sinks.console.stale_after_s"
    with pytest.raises(OperatorError) as caught:
        made({"console": {"broken_after_s": stale_after_s}}, {})
    assert caught.value.key == "sinks.console.broken_after_s"


def test_calm_is_refused_as_a_minimum_level() -> None:
    with pytest.raises(OperatorError, match="watch, squall, storm-suspected, perfect-storm"):
        made({"console": {"min_level": "calm"}}, {})


def test_a_disabled_sink_is_still_checked_for_unknown_keys() -> None:
    with pytest.raises(OperatorError) as caught:
        made({"console": {"enabled": False, "strem": "stdout"}}, {})
    assert caught.value.key == "sinks.console.strem"


@pytest.mark.parametrize(
    ("pages", "title"), [(True, "SQUALL PAGE asset:BTC held blind"), (False, "SQUALL asset:BTC held blind")]
)
def test_a_title_contains_level_page_scope_and_kind(pages: bool, title: str) -> None:
    titled = change(level=Level.SQUALL, pages=pages, kind="held_blind")
    assert note_of(titled, Level.SQUALL).title == title
    assert note_of(titled, Level.SQUALL).min_level is Level.SQUALL
