"""Measures the time that a probe adds to the venue's own, and the probes a second of one loop, beside a bare client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter

import aiohttp

from probes import venues
from probes.readings import RequestTimed
from probes.rest.client import RestAccess, RestClient
from probes.rest.http import USER_AGENT, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from probes.venue import Budget, RestCheck, Venue
from tests.bench.figures import Figure, quantile
from tests.bench.venue_process import VenueProcess, venue_process

DELAY_S = 0.02
REQUESTS = 300
CONCURRENCY = 32
RATE_S = 4.0
SIMULATED = "the venue (aiohttp in its own process on loopback, plain HTTP, persistent connections)"
PEER = "aiohttp ClientSession.get + read"


def bench() -> list[Figure]:
    """Overhead at p50 and p99, and probes a second."""
    with venue_process() as venue:
        return asyncio.run(_bench(venue))


async def _bench(venue: VenueProcess) -> list[Figure]:
    return [*await _overhead(venue), await _rate(venue)]


def _dialect() -> tuple[Venue, RestCheck]:
    """A real dialect with a rate limit that is never reached."""
    dialect = replace(venues.declared("binance_usdm"), budgets=(Budget(name="ip", limit=1e9, window_s=60),))
    return dialect, next(one for one in dialect.checks if one.name == "server_time")


def _rest_client(dialect: Venue, client: aiohttp.ClientSession, base: str) -> RestClient:
    return RestClient(VenueState(dialect), client, utc_now, RestAccess(hosts={"rest": base}))


async def _bare(client: aiohttp.ClientSession, url: str) -> None:
    async with client.get(url) as answer:
        await answer.read()


async def _overhead(venue: VenueProcess) -> list[Figure]:
    dialect, check = _dialect()
    base = f"{venue.rest}/{DELAY_S}"
    reported: list[float] = []
    whole: list[float] = []
    bare: list[float] = []
    async with session(tls_context(), USER_AGENT) as client, aiohttp.ClientSession() as peer:
        rest_client = _rest_client(dialect, client, base)
        for number in range(REQUESTS + 20):
            began = perf_counter()
            readings = await rest_client.ask(check, None)
            middle = perf_counter()
            await _bare(peer, f"{base}/fapi/v1/time")
            ended = perf_counter()
            timed = readings[0]
            assert isinstance(timed, RequestTimed)
            assert timed.refusal is None, timed
            if number >= 20:  # warm: connections are open, code is loaded
                reported.append((timed.latency_s - DELAY_S) * 1e3)
                whole.append((middle - began - DELAY_S) * 1e3)
                bare.append((ended - middle - DELAY_S) * 1e3)
    note = f"less the venue's exact 20 ms; {REQUESTS} requests, one at a time, in turns with the peer"
    return [
        Figure(
            name=f"probe overhead {name}: {what}", value=quantile(values, share), unit="ms",
            most=most, peer=f"{PEER}, {name}", peer_value=quantile(bare, share), simulated=SIMULATED, note=note,
        )
        for what, values, share, name, most in (
            ("reported latency", reported, 0.5, "p50", 1.5),
            ("reported latency", reported, 0.99, "p99", None),
            ("whole call with readings", whole, 0.5, "p50", None),
        )
    ]  # fmt: skip


async def _rate(venue: VenueProcess) -> Figure:
    dialect, check = _dialect()
    base = f"{venue.rest}/0"
    async with session(tls_context(), USER_AGENT) as client, aiohttp.ClientSession() as peer:
        rest_client = _rest_client(dialect, client, base)

        async def ask() -> None:
            timed = (await rest_client.ask(check, None))[0]
            assert isinstance(timed, RequestTimed)
            assert timed.refusal is None, timed

        ours = await _per_s(ask)
        bare = await _per_s(lambda: _bare(peer, f"{base}/fapi/v1/time"))
    return Figure(
        name=f"probes, {CONCURRENCY} at once", value=ours, unit="probes/s", least=500, peer=PEER, peer_value=bare,
        simulated=SIMULATED, note="the venue's own process shares the machine",
    )  # fmt: skip


async def _per_s(act: Callable[[], Awaitable[None]]) -> float:
    done = 0

    async def again() -> None:
        nonlocal done
        while perf_counter() < until:
            await act()
            done += 1

    until = perf_counter() + 0.5
    await asyncio.gather(*(again() for _ in range(CONCURRENCY)))
    done, began = 0, perf_counter()
    until = began + RATE_S
    await asyncio.gather(*(again() for _ in range(CONCURRENCY)))
    return done / (perf_counter() - began)
