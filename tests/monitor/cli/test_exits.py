"""`stormwatch exits`: what the running daemon says of the ways out, for people and as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.errors import OperatorError
from monitor.incidents import ExitAmount, ExitCapacity, ExitWay, WayState
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.web.answers import ready


def capacity(usd: float | None = 1.25e6, share: float | None = 0.4) -> ExitCapacity:
    """A way that is open, one that is shut and one that nobody sees."""
    return ExitCapacity(
        asset="BTC",
        at=datetime(2026, 11, 1, tzinfo=UTC),
        amounts=tuple(
            ExitAmount(percent=percent, minutes=minutes, usd=usd) for percent in (1, 5) for minutes in (1, 10, 60)
        ),
        ways=(
            ExitWay(name="bybit", state=WayState.OPEN, usd_1=1.25e6, usd_5=3e6),
            ExitWay(name="gate", state=WayState.CLOSED, usd_1=4e5, usd_5=9e5, why="withdrawals are closed"),
            ExitWay(name="okx", state=WayState.UNKNOWN, usd_1=None, usd_5=None, why="no fresh book"),
        ),
        normal_share=share,
        countdown_s=None if share is None else 420.0,
    )


@asynccontextmanager
async def told(folder: Path, exits: Mapping[str, ExitCapacity]) -> AsyncIterator[list[str]]:
    """A daemon's web server with these exits; the options that lead there."""
    web = Web(WebSettings(port=0), ready, lambda: (b"", ""), by_asset={"/exits": lambda: exits})
    await web.start()
    (folder / "set.toml").write_text(f"[web]\nport = {web.port}\n[assets.BTC]\n[assets.ETH]\n")
    try:
        yield ["exits", "-c", str(folder / "set.toml")]
    finally:
        await web.stop()


async def shown(*words: str) -> tuple[int, str]:
    """The exit code, and everything on the screen."""
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    if isinstance(result.exception, OperatorError):
        raise result.exception
    return result.exit_code, result.output


async def test_all_assets_are_shown_in_one_table(tmp_path: Path) -> None:
    async with told(tmp_path, {"BTC": capacity()}) as words:
        code, screen = await shown(*words)
    assert code == 0
    line = next(one for one in screen.splitlines() if "BTC" in one)
    assert line.split()[:3] == ["BTC", "1.2", "M"]
    assert "40%" in line


async def test_one_asset_is_shown_with_each_way_and_why_it_is_not_open(tmp_path: Path) -> None:
    async with told(tmp_path, {"BTC": capacity()}) as words:
        code, screen = await shown(*words, "BTC")
    assert code == 0
    assert screen.startswith(
        "1.2 M USD of BTC can leave within 1 % in a minute, 1.2 M USD in an hour, 40% of the usual, a tenth of the usual in 7 min"
        " if it goes on so; closed: gate; unknown: okx"
    )
    assert "withdrawals are closed" in screen
    assert "no fresh book" in screen


async def test_json_is_what_the_daemon_says(tmp_path: Path) -> None:
    async with told(tmp_path, {"BTC": capacity(None, None)}) as words:
        _, screen = await shown(*words, "--json")
    said = json.loads(screen)["BTC"]
    assert said["amounts"][0] == {"percent": 1, "minutes": 1, "usd": None}
    assert said["ways"][1]["state"] == "closed"


async def test_an_amount_that_nobody_knows_is_unknown_and_not_zero(tmp_path: Path) -> None:
    async with told(tmp_path, {"BTC": capacity(None, None)}) as words:
        _, screen = await shown(*words)
        _, one = await shown(*words, "BTC")
    assert "unknown" in screen
    assert one.startswith("nobody can see whether BTC can leave")


async def test_an_asset_that_is_not_watched_is_a_mistake_and_one_not_seen_yet_is_said(tmp_path: Path) -> None:
    async with told(tmp_path, {"BTC": capacity()}) as words:
        with pytest.raises(OperatorError, match="BTC"):
            await shown(*words, "BCT")
        code, screen = await shown(*words, "ETH")
    assert (code, screen) == (1, "nothing is known yet of the ways out of ETH\n")


async def test_without_a_daemon_the_reason_is_one_line(tmp_path: Path) -> None:
    async with told(tmp_path, {}) as words:
        pass
    code, screen = await shown(*words)
    assert code == 1
    assert screen.startswith("no daemon says how much can leave: 127.0.0.1:")
    (tmp_path / "set.toml").write_text("[web]\nenabled = false\n")
    assert await shown(*words) == (1, "no daemon says how much can leave: web.enabled is false\n")


async def test_something_else_on_the_port_is_not_believed(tmp_path: Path) -> None:
    async with told(tmp_path, {"BTC": "much"}) as words:  # type: ignore[dict-item]
        code, screen = await shown(*words)
    assert code == 1
    assert "is something else, or another version" in screen
