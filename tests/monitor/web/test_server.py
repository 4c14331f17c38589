"""The daemon's web page: alive, ready with reasons, metrics; and an operator error if it cannot listen."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from monitor.errors import OperatorError
from monitor.settings.reader import read
from monitor.web.server import Exposition, Web, serve
from monitor.web.settings import WebSettings
from tests.monitor.web.answers import answered, ready


class Page:
    """A running server and its readiness reasons."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.web = Web(
            WebSettings(port=0), lambda: answered(*self.reasons), lambda: (b"up 1\n", "text/plain; version=0.0.4")
        )

    async def get(self, path: str) -> tuple[int, str, str]:
        """Status, content type and text."""
        url = f"http://127.0.0.1:{self.web.port}{path}"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    ours = Page()
    await ours.web.start()
    yield ours
    await ours.web.stop()


async def test_the_server_is_alive_whether_ready_or_not(page: Page) -> None:
    page.reasons = ["the database is away"]
    assert (await page.get("/healthz"))[0] == 200


async def test_the_server_is_ready_if_there_is_no_reason_against_it(page: Page) -> None:
    status, content_type, text = await page.get("/readyz")
    assert status == 200
    assert json.loads(text) == {
        "ready": True, "reasons": [],
        "log": {
            "failing": None, "waiting": 0, "written": 7, "size": 4096, "segments": 1, "dropped": {}, "lost": {}, "damaged": 0,
        },
        "readers": {"database": {"entries": 3, "behind_s": 1.5, "state": "away", "why": "it is not there"}},
        "unseen": {
            "dropped": {"okx BookMeasured": 4}, "passed_over": {"kraken volume_spot": 90}, "missed": {}, "late": 2,
            "unwatched": 0, "refused": {"book value": 3},
        },
    }  # fmt: skip
    assert content_type.startswith("application/json")

    page.reasons = ["the database is away", "part prober bybit keeps failing"]
    status, _type, text = await page.get("/readyz")
    assert status == 503
    assert json.loads(text)["ready"] is False
    assert json.loads(text)["reasons"] == ["the database is away", "part prober bybit keeps failing"]


async def test_metrics_are_served_with_their_given_content_type(page: Page) -> None:
    assert await page.get("/metrics") == (200, "text/plain; version=0.0.4", "up 1\n")


@pytest.mark.parametrize(
    ("accept", "encoding", "body", "packed"),
    [
        ("*/*", "identity", "up 1\n", False),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5", "gzip", "open 1\n", True),
        ("application/openmetrics-text;q=0", "gzip;q=0", "up 1\n", False),
        ("text/plain", "br, gzip;q=0.1", "up 1\n", True),
    ],
)
async def test_metrics_come_in_the_format_and_encoding_that_the_scraper_accepts(
    accept: str, encoding: str, body: str, packed: bool
) -> None:
    text, opened = (b"up 1\n", "text/plain"), (b"open 1\n", "application/openmetrics-text")
    served = Web(WebSettings(port=0), ready, Exposition(lambda: text, lambda: opened))
    await served.start()
    try:
        asked = {"Accept": accept, "Accept-Encoding": encoding}
        url = f"http://127.0.0.1:{served.port}/metrics"
        async with aiohttp.ClientSession(auto_decompress=False) as client, client.get(url, headers=asked) as answer:
            raw = await answer.read()
            assert (answer.headers.get("Content-Encoding") == "gzip") is packed
            assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        assert (gzip.decompress(raw) if packed else raw).decode() == body
    finally:
        await served.stop()


async def test_the_index_names_every_path(page: Page) -> None:
    status, _type, text = await page.get("/")
    assert status == 200
    assert all(path in text for path in ("/healthz", "/readyz", "/metrics"))


async def test_other_paths_and_other_methods_are_refused(page: Page) -> None:
    assert (await page.get("/../etc/passwd"))[0] == 404
    async with aiohttp.ClientSession() as client, client.post(f"http://127.0.0.1:{page.web.port}/readyz") as answer:
        assert answer.status == 405


async def test_an_occupied_port_is_reported_with_its_key_and_remedy(page: Page) -> None:
    assert page.web.port is not None
    other = Web(WebSettings(port=page.web.port), ready, lambda: (b"", "text/plain"))

    with pytest.raises(OperatorError, match="is taken") as caught:
        await other.start()

    assert (caught.value.key, caught.value.value) == ("web.port", page.web.port)
    assert "choose another port" in caught.value.remedy
    assert other.port is None
    await other.stop()


async def test_an_address_of_another_machine_is_reported() -> None:
    with pytest.raises(OperatorError) as caught:
        await Web(WebSettings(host="192.0.2.1", port=0), ready, lambda: (b"", "")).start()
    assert caught.value.key == "web.host"


async def test_the_server_listens_on_every_address_of_a_name() -> None:
    web = Web(WebSettings(host="localhost", port=0), ready, lambda: (b"", ""))
    await web.start()
    async with aiohttp.ClientSession() as client, client.get(f"http://localhost:{web.port}/healthz") as answer:
        assert answer.status == 200
    await web.stop()
    assert web.port is None


async def test_the_server_can_be_disabled_and_stopped_twice() -> None:
    web = Web(WebSettings(enabled=False), ready, lambda: (b"", ""))
    await web.start()
    assert web.port is None
    await web.stop()
    await web.stop()


async def test_serving_ends_when_cancelled() -> None:
    task = asyncio.create_task(serve(WebSettings(port=0), ready, lambda: (b"", "")))
    await asyncio.sleep(0.05)  # listening or not yet: both must end
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_server_listens_on_loopback_by_default() -> None:
    assert WebSettings() == WebSettings(enabled=True, host="127.0.0.1", port=9464)


def test_an_invalid_port_is_refused() -> None:
    with pytest.raises(OperatorError, match="0 to 65535"):
        read(WebSettings, {"port": 70_000}, "web")
