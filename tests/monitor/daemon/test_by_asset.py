"""The figures by asset that the daemon's own web server gives: what its correlator has judged, for every watched asset."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from monitor.cli.status import asked
from monitor.daemon.daemon import Daemon
from monitor.settings.load import load_settings
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import Story, at


async def test_the_daemon_tells_exits_and_fragility_of_each_watched_asset(tmp_path: Path) -> None:
    (tmp_path / "set.toml").write_text(f'[store]\nfolder = "{tmp_path}"\n[web]\nport = 0\n[assets.BTC]\n[assets.ETH]\n')
    settings = load_settings(tmp_path / "set.toml", {})
    daemon = Daemon(settings, env={})
    web = daemon._web
    await web.start()
    try:
        assert web.port is not None
        here = replace(settings.web, port=web.port)
        assert await asyncio.to_thread(asked, here, "/fragile") == ({}, "")
        story = Story(40)
        subject = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
        story.extra += [Signal(SignalKind.FUNDING, subject, at(5), at(5), "alpha/funding", 1, 0.0001)]
        for signal in story.signals():
            daemon.correlator.on_signal(signal)
        exits, _ = await asyncio.to_thread(asked, here, "/exits")
        fragility, _ = await asyncio.to_thread(asked, here, "/fragile")
    finally:
        await web.stop()
    assert set(exits) == {"BTC"}
    assert set(fragility) == {"BTC", "ETH"}
    assert fragility["ETH"]["index"] is None
    assert {one["name"]: one["value"] for one in fragility["BTC"]["parts"] if one["value"] is not None} == {
        "funding": 0.0001
    }
