"""`stormwatch fragile`: the ranking that the running daemon gives, for people and as JSON, with unknown as unknown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.correlator.fragility_index import Fragility, fragility_of
from monitor.errors import OperatorError
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.cli.test_exits import shown
from tests.monitor.web.answers import ready

NOW = 1_793_000_000.0
FOUND = {
    "BTC": fragility_of("BTC", {"funding": (NOW, 0.0001), "one_sided": (NOW, 1.0)}, NOW),
    "ETH": fragility_of("ETH", {"funding": (NOW, 0.005), "one_sided": (NOW, 2.5)}, NOW),
    "SOL": fragility_of("SOL", {}, NOW),
}


@asynccontextmanager
async def reported(folder: Path, found: Mapping[str, Fragility]) -> AsyncIterator[list[str]]:
    """A daemon's web server that says this; the options that lead there."""
    web = Web(WebSettings(port=0), ready, lambda: (b"", ""), by_asset={"/fragile": lambda: found})
    await web.start()
    (folder / "set.toml").write_text(f"[web]\nport = {web.port}\n[assets.BTC]\n[assets.ETH]\n[assets.SOL]\n")
    try:
        yield ["fragile", "-c", str(folder / "set.toml")]
    finally:
        await web.stop()


async def test_the_most_fragile_asset_is_first_and_one_that_nobody_sees_is_unknown(tmp_path: Path) -> None:
    async with reported(tmp_path, FOUND) as words:
        code, screen = await shown(*words)
    assert code == 0
    rows = [line.split() for line in screen.splitlines() if any(name in line.split() for name in FOUND)]
    assert [one[:4] for one in rows] == [
        ["1", "ETH", "62", "99"],  # 100 (1 - 0.5 x 0.75), five unknown
        ["2", "BTC", "8", "97"],
        ["-", "SOL", "unknown", "99"],
    ]
    assert "funding" in screen


async def test_one_asset_is_shown_with_each_part_and_what_it_adds(tmp_path: Path) -> None:
    async with reported(tmp_path, FOUND) as words:
        _, screen = await shown(*words, "ETH")
    assert screen.startswith("fragility of ETH: 62 of 100, at most 99\n")
    funding = next(one for one in screen.splitlines() if "funding in eight hours" in one)
    assert funding.split()[-4:] == ["0.005", "0.0005", "100", "38"]
    assert next(one for one in screen.splitlines() if "spot volume" in one).split().count("unknown") == 3


async def test_json_is_the_ranking_with_null_for_what_is_unknown(tmp_path: Path) -> None:
    async with reported(tmp_path, FOUND) as words:
        _, screen = await shown(*words, "--json")
        _, one = await shown(*words, "SOL", "--json")
    assert [(of["asset"], of["index"]) for of in json.loads(screen)] == [("ETH", 62.5), ("BTC", 7.5), ("SOL", None)]
    assert {part["value"] for part in json.loads(one)[0]["parts"]} == {None}


async def test_without_a_daemon_or_for_an_asset_that_is_not_watched_the_reason_is_said(tmp_path: Path) -> None:
    async with reported(tmp_path, {}) as words:
        with pytest.raises(OperatorError, match="BTC"):
            await shown(*words, "BCT")
        assert await shown(*words, "ETH") == (1, "nothing is known yet of the fragility of ETH\n")
    code, screen = await shown(*words)
    assert code == 1
    assert screen.startswith("no daemon says how fragile the assets are: 127.0.0.1:")
