"""The daemon takes CoinGlass's counts only with the operator's key, as signals of their asset that are no source of our sight."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import time

import pytest
from aiohttp import web

from chain.events import ChainEvent
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.pipeline import Pipeline
from monitor.settings import AssetSettings, Settings, VenueSettings
from monitor.settings.coinglass import CoinGlassSettings
from monitor.signals import Signal, SignalKind, Subject
from probes.readings import MarketLiquidations, Reading
from probes.rest.http import utc_now
from probes.rest.liquidation_totals import CHECK, COINGLASS
from tests.monitor.daemon.test_sources import Nowhere
from tests.probes.loopback import serving

PATIENCE_S = 30.0
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def totals(request: web.Request) -> web.StreamResponse:
    begins_ms = (int(time()) // 60 - 3) * 60_000
    row = {"time": begins_ms, "aggregated_long_liquidation_usd": 2.0, "aggregated_short_liquidation_usd": 1.0}
    return web.Response(body=json.dumps({"code": "0", "data": [row]}).encode())


class Heard:
    """Takes signals until a count is there."""

    def __init__(self) -> None:
        self.found: list[Signal] = []
        self.counted = asyncio.Event()

    def record(self, reading: Reading) -> str | None:
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        return None

    def signals(self, signals: Sequence[Signal]) -> None:
        self.found += signals
        if any(one.kind is SignalKind.MARKET_LIQUIDATIONS for one in signals):
            self.counted.set()

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        return


def sources(coinglass: CoinGlassSettings, heard: Heard, env: dict[str, str]) -> Sources:
    settings = Settings(assets={"BTC": AssetSettings()}, venues={"okx": VenueSettings()}, coinglass=coinglass)
    pipeline = Pipeline(intake_of(settings), Correlator(settings.correlator), heard, heard)
    return Sources(settings, env, utc_now, pipeline=pipeline, checkpoints=Nowhere())


async def test_a_count_becomes_a_signal_of_its_asset_and_of_no_venue() -> None:
    heard = Heard()
    async with serving({"/api/futures/liquidation/aggregated-history": totals}) as served:
        chosen = CoinGlassSettings(key_env="KEY", url=served.url, interval="1m", every_s=0.1)
        task = asyncio.ensure_future(sources(chosen, heard, {"KEY": "s3cret"}).parts()["market totals"]())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await heard.counted.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    count = next(one for one in heard.found if one.kind is SignalKind.MARKET_LIQUIDATIONS)
    assert count.subject == Subject(asset="BTC", vantage="local")
    assert (count.value, count.source) == (3.0, "coinglass/market_liquidations")
    assert count.attributes["interval_s"] == 60.0
    assert {one.kind for one in heard.found} == {SignalKind.CLAIM, SignalKind.MARKET_LIQUIDATIONS}
    assert "s3cret" not in repr(heard.found)


def test_without_a_key_nothing_is_asked() -> None:
    assert "market totals" not in sources(CoinGlassSettings(), Heard(), {}).parts()


def test_a_key_that_is_named_and_missing_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="NO_SUCH_KEY"):
        sources(CoinGlassSettings(key_env="NO_SUCH_KEY"), Heard(), {}).parts()


def test_the_count_of_an_asset_that_is_not_watched_is_left_out() -> None:
    reading = MarketLiquidations(
        venue=COINGLASS,
        asset="XYZ",
        received_at=AT,
        begins_at=AT,
        interval_s=60.0,
        long_usd=1.0,
        short_usd=1.0,
        exchanges=1,
    )
    intake = intake_of(Settings(assets={"BTC": AssetSettings()}))

    assert CHECK == "market_liquidations"
    assert intake.reading(reading) == []
    assert intake.unwatched == 1
