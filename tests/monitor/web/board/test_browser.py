"""The board in a real browser (npm's Chromium): skipped where it cannot be had, and then counted."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.web.board.boards import large, storm
from tests.monitor.web.board.test_board import Served, served

FOLDER = Path(__file__).parents[3] / "browser"
NODE = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules" / ".ready").exists(),
    reason="no browser: make tests/browser/node_modules/.ready",
)


async def visited(ours: Served) -> list[dict[str, Any]]:
    """What the browser met; in the middle the incidents end."""
    assert NODE is not None
    browser = await asyncio.create_subprocess_exec(
        NODE, str(FOLDER / "board.mjs"), ours.url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert browser.stdin is not None
    assert browser.stdout is not None
    met = []
    async for line in browser.stdout:
        met.append(json.loads(line))
        if "ready" in met[-1]:
            ours.board = replace(ours.board, incidents=())
            browser.stdin.write(b"changed\n")
    assert await browser.wait() == 0
    return met


@pytest.mark.timeout(100)
async def test_the_board_is_live_and_accessible_in_a_real_browser() -> None:
    async with served(storm()) as ours:
        check(await visited(ours))


@pytest.mark.acceptance
async def test_two_hundred_assets_at_fourteen_venues_are_painted_and_renewed_within_a_second() -> None:
    async with served(large(200, 14)) as ours:
        met = await visited(ours)

    check(met)
    assert max(one["paintMs"] for one in met[:4]) <= 1000
    assert met[-2]["liveMs"] <= 1000


def check(met: list[dict[str, Any]]) -> None:
    """What must hold for each board."""
    *visits, _ready, live, plain = met

    assert len(visits) == 4
    for one in visits:
        assert one["errors"] == []
        assert not [found for found in one["found"] if found.startswith(("serious", "critical"))]
        assert one["overflow"] <= 0
    assert live["errors"] == []
    assert live["focus"] == "assets"
    assert plain["headings"] == [
        "Now", "Assets and legs", "Incidents", "What is blind", "Venues and capabilities", "Deliveries",
    ]  # fmt: skip
