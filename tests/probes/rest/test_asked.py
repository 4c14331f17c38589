"""A reading says what was asked of whom, and nothing that may be a secret: no query, no user name, no path of an own target."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.feeds.targets import ask_once
from probes.readings import VenueId
from probes.rest.http import USER_AGENT, Request, exchange, session, tls_context, utc_now
from probes.rest.interpreter import Slot, request_reading
from probes.rest.target import Target
from probes.tape import HttpExchange
from tests.probes.loopback import say, serving

DUE = datetime(2026, 1, 1, tzinfo=UTC)


async def asked(request: Request) -> HttpExchange:
    async with session(tls_context(), USER_AGENT) as client:
        return await exchange(client, request, timeout_s=2.0, max_bytes=1000, clock=utc_now)


@pytest.mark.parametrize("body", [None, b"{}"])
async def test_a_reading_has_the_method_and_the_url_without_its_secrets(body: bytes | None) -> None:
    async with serving({"/v1/depth": say("{}")}) as venue:
        host = venue.host.rpartition("/")[2]
        got = await asked(Request(url=f"http://me:hunter2@{host}/v1/depth?signature=hunter2#x", body=body))
        reading = request_reading(Slot(VenueId("bybit"), "depth", None, DUE), got, None, "")

    assert reading.method == ("GET" if body is None else "POST")
    assert reading.url == f"http://{host}/v1/depth"


async def test_what_cannot_be_read_as_a_url_is_empty() -> None:
    got = await asked(Request(url="http://[::1/x"))

    assert (got.url, got.refusal is not None) == ("", True)


async def test_of_an_operators_own_target_only_the_host_is_said() -> None:
    async with serving({"/key-hunter2/health": say("{}")}) as venue:
        host = venue.host.rpartition("/")[2]
        reading = await ask_once(Target(name="api", url=f"http://{host}/key-hunter2/health"))

    assert (reading.status, reading.url) == (200, f"http://{host}")
