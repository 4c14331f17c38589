"""The settings are read again while the daemon runs: sinks come, go and change; anything else is refused, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal as system_signals
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from monitor.daemon.daemon import Daemon
from monitor.daemon.reload import Reloader
from monitor.incidents import ChangeKind
from monitor.log import Stream
from monitor.log.sight import look
from monitor.settings import load_settings
from monitor.settings.tree import LogLevel
from probes.venues import declared
from tests.monitor.alerting.sinks.changes import change

ENV = {"RELOAD_SECRET": "x" * 32}
LONG_S = 60.0
BASE = """
vantage = "reload"
{more}
[store]
folder = "{folder}"
dsn = "postgresql://nobody@127.0.0.1:1/nowhere"
connect_timeout_s = "200ms"
[web]
enabled = false
[log]
group_s = "1ms"
[assets.BTC]
[venues.bybit]
hosts = {{ {hosts} }}
"""
HOSTS = ", ".join(
    f'{name} = "{url.partition("://")[0]}://127.0.0.1:1"' for name, url in declared("bybit").hosts.items()
)
"""A venue that is away: a daemon without any does not start."""


def base(folder: Path, more: str = "") -> str:
    """The settings without sinks."""
    return BASE.format(folder=folder, more=more, hosts=HOSTS)


class Receiver:
    """A webhook's receiver: the revisions that reached each path, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.got: dict[str, list[int]] = {}
        self.refusing = False
        self._arrived = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        async with self._arrived:
            if not self.refusing:
                self.got.setdefault(request.path, []).append(body["revision"])
            self.asked = True
            self._arrived.notify_all()
        return web.Response(status=503 if self.refusing else 200)

    async def until(self, path: str, *revisions: int) -> None:
        """Return when exactly these have reached a path, in this order; more or others are an error at once."""
        async with asyncio.timeout(LONG_S), self._arrived:
            await self._arrived.wait_for(lambda: len(self.got.get(path, [])) >= len(revisions))
        assert self.got[path] == list(revisions)

    async def refused_once(self) -> None:
        """Return when something was refused from now on."""
        self.asked = False
        async with asyncio.timeout(LONG_S), self._arrived:
            await self._arrived.wait_for(lambda: self.asked)

    def table(self, name: str, path: str = "", **more: object) -> str:
        """The table of a webhook named so."""
        url = f"http://127.0.0.1:{self.port}/{path or name}"
        lines = [f"{key} = {json.dumps(value)}" for key, value in more.items()]
        return "\n".join(
            [
                f"[sinks.{name}]",
                'type = "webhook"',
                f'url = "{url}"',
                'secret_env = "RELOAD_SECRET"',
                "repeat_s = 0",
                *lines,
            ]
        )


class Running:
    """A daemon that runs, its settings file, and the means to write and reload it."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.path = folder / "set.toml"
        self.folder = folder
        self.receiver = receiver
        self.levels: list[LogLevel] = []
        self._revision = 0

    def write(self, *tables: str, more: str = "") -> None:
        """Write the file with these tables of sinks."""
        self.path.write_text("\n".join([base(self.folder, more), *tables]))

    def start(self) -> None:
        """Make the daemon of the file."""
        self.daemon = Daemon(load_settings(self.path, ENV), env=ENV)
        self.reloader = Reloader(self.daemon, lambda: load_settings(self.path, ENV), self.levels.append)

    async def reload(self, *tables: str, more: str = "") -> bool:
        """Write the file and reload it."""
        self.write(*tables, more=more)
        return await self.reloader.once()

    async def tell(self) -> int:
        """Append the incident's next change; return its revision when it is durable."""
        self._revision += 1
        self.daemon.log.changes([change(revision=self._revision)])
        await self.daemon.log.flush()
        return self._revision


@asynccontextmanager
async def running(folder: Path, *tables: Callable[[Receiver], str]) -> AsyncIterator[Running]:
    app = web.Application()
    runner = web.AppRunner(app)
    receiver = Receiver(0)
    app.router.add_post("/{name}", receiver.take)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    ours = Running(folder, receiver)
    ours.write(*(one(receiver) for one in tables))
    ours.start()
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(ours.daemon.run(stop, ready.set))
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, timeout=LONG_S, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield ours
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)
        await runner.cleanup()
    task.result()


def desk(receiver: Receiver) -> str:
    return receiver.table("desk")


def other(receiver: Receiver) -> str:
    return receiver.table("other")


async def test_a_new_sink_begins_at_the_end_of_the_log_and_the_one_that_stays_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, desk) as ours:
        to = ours.receiver
        await ours.tell()
        await to.until("/desk", 1)
        assert await ours.reload(desk(to), other(to))
        await ours.tell()
        await to.until("/desk", 1, 2)
        await to.until("/other", 2)
        assert set(ours.daemon.readiness.answer().readers) == {"database", "sink desk", "sink other"}


async def test_a_sink_with_another_url_keeps_its_place_and_its_memory(tmp_path: Path) -> None:
    async with running(tmp_path, desk) as ours:
        to = ours.receiver
        await ours.tell()
        await to.until("/desk", 1)
        to.refusing = True
        await ours.tell()
        await to.refused_once()
        to.refusing = False
        assert await ours.reload(to.table("desk", "moved"))
        await to.until("/moved", 2)
        await ours.tell()
        await to.until("/moved", 2, 3)
        assert to.got["/desk"] == [1]


async def test_a_sink_whose_rule_is_stricter_still_tells_the_end_of_what_it_told(tmp_path: Path) -> None:
    async with running(tmp_path, desk) as ours:
        to = ours.receiver
        await ours.tell()
        await to.until("/desk", 1)
        assert await ours.reload(to.table("desk", changed_level_only=True))
        await ours.tell()
        ours.daemon.log.changes([change(revision=3, kind=ChangeKind.ENDED)])
        await to.until("/desk", 1, 3)


async def test_a_sink_that_is_gone_gets_nothing_more_and_one_that_comes_back_begins_at_the_end(tmp_path: Path) -> None:
    async with running(tmp_path, desk, other) as ours:
        to = ours.receiver
        await ours.tell()
        await to.until("/desk", 1)
        await to.until("/other", 1)
        assert await ours.reload(desk(to))
        await ours.tell()
        await to.until("/desk", 1, 2)
        sight = look(tmp_path / "log")
        assert sight is not None
        assert "sink other" not in sight.places
        assert "sink desk" in sight.places
        assert await ours.reload(desk(to), other(to))
        await ours.tell()
        await to.until("/other", 1, 3)


async def test_every_sink_may_go_and_the_daemon_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, desk) as ours:
        assert await ours.reload("[sinks]")
        assert ours.daemon.deliveries.names == ()
        await ours.tell()
        assert ours.receiver.got == {}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("this is not TOML", "valid TOML"),
        ('[venues.gate]\nenabled = false', "a restart is needed for venues.gate"),
        ('[correlator]\nvantages = 1', "keys "),
        ('[sinks.third]\ntype = "pigeon"', "sinks.third.type"),
    ],
)  # fmt: skip
async def test_what_cannot_be_reloaded_is_refused_with_its_reason_and_nothing_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, more: str, reason: str
) -> None:
    async with running(tmp_path, desk) as ours:
        to, before = ours.receiver, ours.daemon.settings
        caplog.clear()
        assert not await ours.reload(other(to), more)
        [line] = [one for one in caplog.records if one.name == "stormwatch.reload"]
        assert line.levelno == logging.ERROR
        assert "everything goes on as before" in line.getMessage()
        assert reason in line.getMessage()
        assert ours.daemon.settings is before
        await ours.tell()
        await to.until("/desk", 1)
        assert "/other" not in to.got
        assert ours.levels == []


async def test_all_mistakes_of_sinks_and_all_keys_that_need_a_restart_are_named_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, desk) as ours:
        caplog.clear()
        assert not await ours.reload(
            '[sinks.one]\ntype = "pigeon"', '[sinks.two]\ntype = "webhook"\nurl = "http://127.0.0.1/hunter2"',
            "[controls]\nevery_s = 7",
            "[venues.okx]\ntimeout_s = 3",
        )  # fmt: skip
        text = caplog.messages[-1]
    for word in ("sinks.one.type", "sinks.two.secret_env", "a restart is needed for venues.okx, controls.every_s"):
        assert word in text
    assert "hunter2" not in text


async def test_the_log_level_is_reloaded_and_what_changed_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stormwatch")
    async with running(tmp_path, desk) as ours:
        to = ours.receiver
        assert await ours.reload(to.table("desk", "moved"), other(to), more='log_level = "warning"')
        assert caplog.messages[-1] == (
            "the settings were read again; new: sink other; changed: sink desk; log_level is warning"
        )
        assert await ours.reloader.once()
        assert caplog.messages[-1] == "the settings were read again; nothing has changed"
        assert ours.levels[0] is LogLevel.WARNING


async def test_a_window_of_maintenance_comes_into_force_and_ends_with_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stormwatch")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    window = f'[[maintenance]]\nstart = {(now - hour).isoformat()}\nend = {(now + hour).isoformat()}\nreason = "work"'
    async with running(tmp_path, desk) as ours:
        to, log = ours.receiver, ours.daemon.log
        assert await ours.reload(desk(to), window)
        assert caplog.messages[-1] == "the settings were read again; windows of maintenance: 1"
        await ours.tell()
        async with asyncio.timeout(LONG_S):
            while not (chunk := await log.read(0, (Stream.DELIVERY,))).entries:
                await log.wait(chunk.reached)
        assert to.got == {}
        assert await ours.reload(desk(to))
        await ours.tell()
        await to.until("/desk", 2)


async def test_deliveries_that_ended_before_a_reload_are_not_made_again(tmp_path: Path) -> None:
    async with running(tmp_path, desk) as ours:
        to = ours.receiver
        for _ in range(5):
            await ours.tell()
        await to.until("/desk", 1, 2, 3, 4, 5)
        assert await ours.reload(to.table("desk", "moved"))
        await ours.tell()
        await to.until("/moved", 6)
        chunk = await ours.daemon.log.read(0, (Stream.DELIVERY,))
        assert len({one.id for one in chunk.entries}) == len(chunk.entries)


async def lines_until(stream: asyncio.StreamReader, pattern: str) -> str:
    """The next line of a daemon's log that matches."""
    seen: list[str] = []
    async with asyncio.timeout(LONG_S):
        while line := (await stream.readline()).decode():
            seen.append(line)
            if re.search(pattern, line):
                return line
    raise AssertionError("".join(seen))


@pytest.mark.slow
async def test_a_real_daemon_reloads_at_sighup_and_still_ends_cleanly_at_sigterm(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    text = base(tmp_path) + "[sinks]\n"
    path.write_text(text)
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from monitor.cli import main; main()", "run", "-c", str(path), stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert daemon.stderr is not None
    try:
        await lines_until(daemon.stderr, "is watching")

        async def hang_up(settings: str, pattern: str) -> str:
            path.write_text(settings)
            daemon.send_signal(system_signals.SIGHUP)
            assert daemon.stderr is not None
            return await lines_until(daemon.stderr, pattern)

        await hang_up(text + "[sinks.console]\n", "read again; new: sink console")
        await hang_up(text + "[sinks.", "not reloaded.*valid TOML")
        await hang_up(text + "[venues.gate]\nenabled = false\n", "not reloaded.*a restart is needed for venues.gate")
        await hang_up(base(tmp_path, 'log_level = "debug"'), "log_level is debug")
        shown = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from monitor.cli import main; main()", "status", "--json", "-c", str(path),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )  # fmt: skip
        out, _ = await shown.communicate()
        status: dict[str, Any] = json.loads(out)
        assert (status["running"], status["process"]) == (True, daemon.pid)
    finally:
        daemon.terminate()
        await lines_until(daemon.stderr, "stopped; ")
        assert await daemon.wait() == 0
