"""CoinGlass is asked with the operator's key for each asset; each interval is told once; what becomes of it is a claim."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from time import time
from typing import Any

import pytest
from aiohttp import web

from probes.readings import ClaimChanged, ClaimState, MarketLiquidations, Refusal, RequestTimed
from probes.rest.market_totals import CoinGlassAccess, MarketTotals
from tests.probes.loopback import Answer, in_turn, say, serving

PATH = "/api/futures/liquidation/aggregated-history"
PATIENCE_S = 20.0


async def totals(request: web.Request) -> web.StreamResponse:
    """Three minutes, of which the newest is under way."""
    now_ms = int(time()) // 60 * 60_000
    rows = [
        {"time": now_ms - 60_000 * ago, "aggregated_long_liquidation_usd": 2.0, "aggregated_short_liquidation_usd": 1.0}
        for ago in (3, 2, 0)
    ]
    return web.Response(body=json.dumps({"code": "0", "msg": "success", "data": rows}).encode())


async def read(answer: Answer, enough: Callable[[list[Any]], bool], *assets: str) -> tuple[list[Any], Any]:
    found: list[Any] = []
    async with serving({PATH: answer}) as served:
        access = CoinGlassAccess(
            key="s3cret", url=served.url, interval="1m", exchanges=("Binance", "OKX"), every_s=0.05, timeout_s=5.0
        )
        assert "s3cret" not in repr(access)
        async with (
            asyncio.timeout(PATIENCE_S),
            aclosing(MarketTotals(assets or ("BTC",), access).readings()) as readings,
        ):
            async for one in readings:
                found.append(one)
                if enough(found):
                    return found, served
    raise AssertionError


def requests(found: list[Any]) -> list[RequestTimed]:
    return [one for one in found if isinstance(one, RequestTimed)]


def told(found: list[Any]) -> list[MarketLiquidations]:
    return [one for one in found if isinstance(one, MarketLiquidations)]


async def test_each_interval_of_each_asset_is_told_once_and_the_key_is_in_the_header() -> None:
    found, served = await read(totals, lambda all_: len(requests(all_)) >= 6 and len(told(all_)) >= 2, "BTC", "ETH")

    newest = {one.asset: one for one in told(found)}
    assert set(newest) == {"BTC", "ETH"}
    assert len(told(found)) == len({(one.asset, one.begins_at) for one in told(found)})
    assert (newest["BTC"].long_usd, newest["BTC"].short_usd, newest["BTC"].interval_s) == (2.0, 1.0, 60.0)
    assert {one["CG-API-KEY"] for one in served.headers} == {"s3cret"}
    assert f"{PATH}?exchange_list=Binance,OKX&symbol=BTC&interval=1m&limit=3" in served.asked
    assert {(one.venue, one.check, one.refusal) for one in requests(found)} == {
        ("coinglass", "market_liquidations", None)
    }
    claims = [one.state for one in found if isinstance(one, ClaimChanged)]
    assert claims == [ClaimState.ASKED, ClaimState.SPEAKING]


@pytest.mark.parametrize(
    ("answer", "refusal", "state"),
    [
        (say('{"code":"401","msg":"API key missing."}'), Refusal.UNAUTHORIZED, ClaimState.REFUSED),
        (say("", 403), Refusal.UNAUTHORIZED, ClaimState.REFUSED),
        (say("", 500), Refusal.VENUE_ERROR, ClaimState.REFUSED),
        (say('{"code":"0","data":[{}]}'), Refusal.MALFORMED, ClaimState.REFUSED),
        (say("nonsense"), Refusal.MALFORMED, ClaimState.REFUSED),
        (say("", 302, {"Location": "/elsewhere"}), Refusal.REDIRECTED, ClaimState.REFUSED),
        (say("x" * 1_000_001), Refusal.OVERSIZED, ClaimState.REFUSED),
    ],
)
async def test_what_is_no_total_is_refused_with_its_reason(answer: Answer, refusal: Refusal, state: ClaimState) -> None:
    found, served = await read(answer, lambda all_: len([one for one in all_ if isinstance(one, ClaimChanged)]) == 2)

    claim = [one for one in found if isinstance(one, ClaimChanged)][-1]
    assert requests(found)[0].refusal is refusal
    assert (claim.state, claim.covers) == (state, False)
    assert claim.reason
    assert "s3cret" not in repr(found)
    assert told(found) == []
    assert all(one.startswith(PATH) for one in served.asked)


async def test_a_throttling_is_waited_out() -> None:
    answer = in_turn(say("", 429, {"Retry-After": "1"}), totals)
    found, _ = await read(answer, lambda all_: len(told(all_)) == 1)

    throttled, good = requests(found)[:2]
    assert (throttled.refusal, good.refusal) == (Refusal.THROTTLED, None)
    assert (good.scheduled_at - throttled.received_at).total_seconds() >= 1.0
