"""A drill of seconds through the whole program: world, daemon, database, webhook, recording, replay."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.daemon.daemon import Daemon
from monitor.drill.rehearsal import SECRET_ENV, rehearsal
from monitor.drill.runner import DrillOrder, run_drill
from monitor.drill.scenario import load
from monitor.drill.world_link import Ready, WorldLink
from monitor.errors import OperatorError
from monitor.recordings.log_copy import LogCopy
from monitor.recordings.replay import replay_file
from monitor.recordings.signals import Recording, header_of
from monitor.settings.tree import Settings
from monitor.signals import SignalKind
from monitor.web.settings import WebSettings
from probes.rest.http import utc_now

SHORT = """
name = "short"
title = "twelve seconds of calm"
length_s = "12s"
seed = 5
asset = "RIFT"
price = 2.5
regions = ["eu", "us"]

[expect]
level = "calm"
at_most = true

[[stages]]
at_s = 0
title = "calm"

[[stages]]
at_s = 4
title = "an upgrade"
chain = [{ at_s = 4, kind = "queue" }]
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


async def test_a_short_drill_is_seen_from_two_vantages_by_the_whole_program(scenario: Path, tmp_path: Path) -> None:
    own = {"desk": {"type": "console", "assets": ["BTC"], "min_level": "perfect-storm"}}
    verdict = await run_drill(
        DrillOrder(scenario=load(scenario), file=scenario, out=tmp_path, sinks=own, must_deliver=True)
    )

    assert [(one.sink, one.type, one.works, one.delivered) for one in verdict.routes] == [("desk", "console", None, 0)]
    signals = Recording(Path(verdict.recording))
    recorded = list(signals)
    kinds = {one.kind for one in recorded}
    assert verdict.digest == verdict.replay_digest
    assert verdict.signals == len(recorded)
    assert verdict.store_rows >= len(recorded)
    assert {SignalKind.BOOK, SignalKind.REQUEST, SignalKind.LIQUIDATION, SignalKind.HEAD, SignalKind.WALLET} <= kinds
    assert {SignalKind.CLOCK_OFFSET, SignalKind.UPGRADE_QUEUED, SignalKind.CONTROL, SignalKind.FEED_PULSE} <= kinds
    assert not kinds & {SignalKind.FEED_GAP, SignalKind.MALFORMED, SignalKind.NODE_FAULT, SignalKind.REORG}
    assert {(one.subject.venue, one.subject.vantage) for one in recorded if one.kind is SignalKind.BOOK} == {
        (venue, vantage) for venue in ("binance_usdm", "bybit", "okx", "gate") for vantage in ("eu", "us")
    }
    assert {one.subject.vantage for one in recorded if one.kind is SignalKind.TICK} == {"eu", "us"}


async def test_an_occupied_port_ends_the_daemon_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, TemporaryDirectory() as folder:
        port = taken.getsockname()[1]
        ready = Ready(
            hosts={}, node="http://127.0.0.1:9", controls={"a": "http://127.0.0.1:9"}, webhook="http://127.0.0.1:9",
            contract="0x" + "1" * 40, pools=(), timelock="0x" + "2" * 40, asset="RIFT",
        )  # fmt: skip
        settings = replace(rehearsal(ready, Path(folder)), web=WebSettings(port=port))
        daemon = Daemon(settings, env={SECRET_ENV: "x"})
        with pytest.raises(OperatorError, match=r"web\.port"):
            await daemon.run(asyncio.Event())


async def test_a_restarted_daemon_continues_from_its_last_state_and_hears_nothing_twice(
    scenario: Path, tmp_path: Path
) -> None:
    world = WorldLink(scenario, "x")
    ready = await world.start()
    with TemporaryDirectory() as folder:
        settings = rehearsal(ready, Path(folder))
        try:
            first = await _watched(settings, tmp_path / "first.jsonl")
            second = await _watched(settings, tmp_path / "second.jsonl")
        finally:
            await world.end()

    before = list(Recording(tmp_path / "first.jsonl"))
    after = list(Recording(tmp_path / "second.jsonl"))
    assert (first.judged_again, second.judged_again) == (0, 0)
    assert (len(before), len(after)) == (first.pipeline.heard, second.pipeline.heard)
    assert second.correlator.verdicts().keys() >= first.correlator.verdicts().keys()
    again = replay_file(tmp_path / "first.jsonl")
    list(again.changes())
    assert again.correlator.digest() == first.correlator.digest()


async def _watched(settings: Settings, recording: Path) -> Daemon:
    header = header_of(settings.correlator, settings.vantage, "test", utc_now())
    daemon = Daemon(settings, env={SECRET_ENV: "x"}, copies=(LogCopy(recording, header),))
    stop = asyncio.Event()

    def ready() -> None:
        asyncio.get_running_loop().call_later(4.0, stop.set)

    await daemon.run(stop, ready)
    return daemon


async def test_a_world_that_cannot_read_its_scenario_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = 3")
    world = WorldLink(path, "x")
    with pytest.raises(OperatorError, match=r"broken\.toml"):
        await world.start()
