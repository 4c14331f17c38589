"""The board over HTTP: whole without a script, nothing of a stranger's is markup, and changes are told live."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentState, Level
from monitor.settings.tree import Settings
from monitor.web.board.contents import Contents
from monitor.web.board.history import MAX_CHANGES, MAX_INCIDENTS, History
from monitor.web.board.render import document, sections
from monitor.web.board.server import MAX_STREAMS, BoardRoutes
from monitor.web.hosts import is_loopback
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.alerting.sinks.changes import blindness, change
from tests.monitor.snapshot.test_page import Read
from tests.monitor.web.answers import ready
from tests.monitor.web.board.boards import large, sight, storm

HTML = {"Accept": "text/html,application/xhtml+xml"}


class Served:
    """A board that a test changes, and where it is served."""

    def __init__(self, board: Contents) -> None:
        self.board = board
        self.url = ""


@asynccontextmanager
async def served(board: Contents, token: str | None = None, *, stream_s: float = 5.0) -> AsyncIterator[Served]:
    ours = Served(board)
    routes = BoardRoutes(lambda: ours.board, token, stream_s)
    web = Web(WebSettings(port=0), ready, lambda: (b"", ""), board=routes)
    await web.start()
    ours.url = f"http://127.0.0.1:{web.port}"
    try:
        yield ours
    finally:
        await web.stop()


async def text_of(url: str, **asked: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers={**HTML, **asked}) as answer:
        return answer.status, await answer.text()


def rendered(board: Contents) -> str:
    return document(board, sections(board), "v")


async def test_a_browser_gets_the_board_and_everybody_else_the_list_of_paths() -> None:
    async with served(storm()) as ours:
        status, page = await text_of(ours.url)
        _status, listed = await text_of(ours.url, Accept="*/*")

    assert status == 200
    assert page.startswith("<!doctype html>")
    assert "/readyz" in listed


def test_the_page_answers_every_question_without_a_script() -> None:
    shown = Read(rendered(storm()))
    text = " ".join(shown.text.split())

    for wanted in (
        "perfect storm asset:BTC since 01-01 12:00:00, open",
        "This daemon is not ready: database is away",
        "1.2 M USD of BTC can leave within 1 % in a minute",
        "stress since 12:00:05, seen 75%",
        "unknown, seen 75%",
        "in 7 min",
        "not watched",
        "silent on an open socket",
        "100%, 3 of 4 claims",
        "binance_usdm/liquidation",
        "CALM ETH",
        "squall asset:ETH, ended",
        "Timeline of asset-btc-1767268800-abc123",
        "it is not there",
    ):
        assert wanted in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in rendered(storm())


def test_the_page_can_be_read_by_ear_and_by_keyboard() -> None:
    page = rendered(storm())
    shown = Read(page)

    assert not shown.open
    assert shown.tags.count("h1") == shown.tags.count("main") == shown.tags.count("nav") == 1
    assert shown.tags.count("table") == shown.tags.count("caption")
    assert set(shown.attributes["scope"]) == {"col", "row"}
    assert len(set(shown.attributes["id"])) == len(shown.attributes["id"])
    assert set(shown.attributes["aria-labelledby"]) <= set(shown.attributes["id"])
    assert 'class="skip" href="#now"' in page
    assert "style" not in shown.attributes
    assert not [one for one in shown.attributes if one.startswith("on")]


def test_a_drill_is_said_in_the_title_and_on_the_page() -> None:
    page = rendered(replace(storm(), drill=True))

    assert "<title>DRILL: perfect-storm asset:BTC" in page
    assert "DRILL: a rehearsal, nothing of this happens" in page
    assert "DRILL" not in rendered(storm())


def test_a_board_without_anything_says_so_in_words() -> None:
    page = rendered(Contents(at=storm().at, vantage="x", ready=replace(ready(), readers={})))

    for wanted in (
        "No incident is open.",
        "no asset is watched yet",
        "no source has been declared yet",
        "nobody reads the log yet",
    ):
        assert wanted in page


@given(st.text() | st.text(alphabet="<>\"'&`= /script\x1b\u202e"))
def test_no_text_of_a_stranger_is_markup(text: str) -> None:
    plain, strange = storm(), storm()
    strange = replace(
        strange,
        vantage=text,
        sources=(sight(f"{text.replace('/', '')}/{text}", 0.0, text), sight("ethereum/chain")),
        incidents=([change(headline=text, scope=text, incident_id=text, runbook=text)],),
        verdicts={
            text: replace(plain.verdicts["BTC"], asset=text, blind=(replace(blindness(), source=text, reason=text),))
        },
        delivered={},
    )
    page = rendered(strange)

    tags = set(re.findall(r"<([a-z0-9!]+)", page))
    assert tags <= set(re.findall(r"<([a-z0-9!]+)", rendered(plain))) | {"p"}
    assert set(re.findall(r" ([a-z-]+)=\"", re.sub(r"(?<==\")[^\"]*", "", page))) <= {
        "lang", "charset", "name", "content", "http-equiv", "rel", "href", "src", "class", "id", "datetime", "role",
        "aria-label", "aria-labelledby", "tabindex", "scope",
    }  # fmt: skip
    assert all(line.isprintable() for line in page.splitlines())


async def test_the_page_runs_only_its_own_script_and_is_shown_in_no_frame() -> None:
    async with served(storm()) as ours, aiohttp.ClientSession() as client:
        for path in ("/", "/board.css", "/board.js"):
            async with client.get(ours.url + path, headers=HTML) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert answer.status == 200
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert "http" not in await answer.text() or path == "/"
        async with client.get(ours.url + "/board.js") as answer:
            assert answer.content_type == "text/javascript"


async def test_a_change_is_told_while_the_stream_lasts_and_the_stream_ends_by_itself() -> None:
    async with served(storm(), stream_s=2.0) as ours, aiohttp.ClientSession() as client:
        async with client.get(f"{ours.url}/events") as stream:
            assert stream.content_type == "text/event-stream"
            assert await stream.content.readline() == b"retry: 300\n"
            await stream.content.readline()
            first = (await stream.content.readline()).decode().split()
            ours.board = replace(ours.board, incidents=())
            words: list[str] = []
            async for line in stream.content:
                words = line.decode().split()
                if words and words[1] != first[1]:
                    break
            await stream.content.read()
        _status, page = await text_of(ours.url)

    assert first[0] == "data:"
    assert first[2] == "2026-01-01T12:02:00Z"
    assert words[1] != first[1]
    assert f'content="{words[1]}"' in page


async def test_more_readers_than_the_board_has_streams_are_told_to_come_again() -> None:
    async with served(storm()) as ours, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        streams = [await client.get(f"{ours.url}/events") for _ in range(MAX_STREAMS)]
        async with client.get(f"{ours.url}/events") as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"]
        for one in streams:
            one.close()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Basic " + base64.b64encode(b"anyone:open sesame").decode(), 200),
        ("Bearer open sesame", 200),
        ("Basic " + base64.b64encode(b"open sesame:wrong").decode(), 401),
        ("Basic ###", 401),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 401),
        ("Digest open sesame", 401),
        ("", 401),
    ],
)
async def test_a_board_with_a_token_asks_for_it(header: str, status: int) -> None:
    async with served(storm(), "open sesame", stream_s=0.1) as ours:
        for path in ("/", "/events"):
            found, text = await text_of(ours.url + path, Authorization=header)
            assert found == status
            assert ("BTC" in text) == (status == 200 and path == "/")
        assert (await text_of(f"{ours.url}/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.5", False),
     ("fe80::1%eth0", False), ("::", False), ("nonsense", False)],
)  # fmt: skip
def test_only_loopback_needs_no_token(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


async def test_the_token_comes_from_the_environment_and_must_be_there() -> None:
    from monitor.daemon.assembly import board_token

    settings = Settings(web=WebSettings(board_token_env="BOARD"))
    assert board_token(settings, {"BOARD": "x"}) == "x"
    assert board_token(Settings(), {}) is None
    with pytest.raises(OperatorError, match="board_token_env"):
        board_token(settings, {})


def test_two_hundred_assets_at_fourteen_venues_are_one_page_of_bounded_size() -> None:
    page = rendered(large(200, 14))

    assert page.count('<th scope="row">A') == 200
    assert len(page) < 400_000
    assert "1 more rows" not in page
    assert "1 more rows are not shown." in rendered(large(401, 1))


def test_the_board_remembers_timelines_within_bounds_and_forgets_first_what_ended() -> None:
    history = History()
    history.on_changes([change(1, incident_id="over"), change(2, incident_id="over", state=IncidentState.ENDED)])
    history.on_changes([change(n) for n in range(1, MAX_CHANGES + 11)])
    history.on_changes([change(3)])

    [latest, over] = history.incidents()
    assert [one.revision for one in over] == [1, 2]
    assert [latest[0].revision, latest[-1].revision, len(latest)] == [1, MAX_CHANGES + 10, MAX_CHANGES]

    history.on_changes([change(1, incident_id=f"i{n}") for n in range(MAX_INCIDENTS - 1)])
    names = [one[0].incident_id for one in history.incidents()]
    assert len(names) == MAX_INCIDENTS
    assert "over" not in names
    assert change().incident_id in names
    history.on_changes([change(1, incident_id="new", kind=ChangeKind.OPENED, level=Level.WATCH)])
    assert change().incident_id not in [one[0].incident_id for one in history.incidents()]
