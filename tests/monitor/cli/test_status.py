"""`stormwatch status`: a daemon that runs or not, is ready or not, with and without its web server, and its readers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from monitor.alerting.memory import Memory, Owed, encode_memory, reader_name
from monitor.cli.app import app
from monitor.cli.commands.status import _print
from monitor.cli.schemas import schema
from monitor.cli.status import DATABASE, DaemonStatus, status_of
from monitor.errors import OperatorError
from monitor.log import Holding, Place
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.settings.tree import Settings
from monitor.store.reader import READER
from monitor.store.settings import StoreSettings
from monitor.web.server import Web
from monitor.web.settings import WebSettings
from tests.monitor.alerting.sinks.changes import START, change, signal
from tests.monitor.web.answers import answered

DESK = reader_name("desk")
READERS = {READER: Holding.UNTIL_LIMIT, DESK: Holding.FOR_A_TIME}


def settings_of(folder: Path, **web: object) -> Settings:
    return Settings(
        store=StoreSettings(folder=str(folder)), sinks={"desk": {}},
        web=WebSettings(**{"enabled": False, **web}),  # type: ignore[arg-type]
    )  # fmt: skip


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@asynccontextmanager
async def written(folder: Path, **places: Place) -> AsyncIterator[None]:
    """A log with two entries, signals and a change, appended at the start; no reader has read them but to these places."""
    log = SqliteLog(folder / "log", LogSettings(), READERS, lambda: START)
    await log.open()
    for name, place in places.items():
        log.acknowledge({"desk": DESK}.get(name, name), place)
    try:
        log.signals([signal(1)])
        log.changes([change()])
        await log.flush()
        yield
    finally:
        await log.close()


def validate(status: DaemonStatus) -> None:
    import msgspec

    Draft202012Validator(schema("daemon-status")).validate(json.loads(msgspec.json.encode(status)))


def test_the_database_has_one_name() -> None:
    assert DATABASE == READER


def test_without_daemon_and_log_it_says_so(tmp_path: Path) -> None:
    status = status_of(settings_of(tmp_path), START)
    assert (status.running, status.ready, status.reasons, status.log) == (False, False, ("no daemon runs",), None)
    assert {name: one.entries for name, one in status.readers.items()} == {DATABASE: None, DESK: None}
    validate(status)


async def test_a_dead_daemons_log_still_shows_what_each_reader_lacks(tmp_path: Path) -> None:
    async with written(tmp_path):
        pass
    status = status_of(settings_of(tmp_path), later(90))
    assert (status.running, status.ready, status.reasons) == (False, False, ("no daemon runs",))
    assert status.log is not None
    assert (status.log.end, status.log.newest_age_s, status.log.newest_at) == (2, 90.0, START)
    database, desk = status.readers[DATABASE], status.readers[DESK]
    assert (database.position, database.entries, database.behind_s) == (0, 2, 90.0)
    assert (desk.position, desk.entries, desk.behind_s) == (0, 1, 90.0)
    validate(status)


async def test_a_daemon_without_web_server_is_judged_by_its_log(tmp_path: Path) -> None:
    async with written(tmp_path, database=Place(2)):
        fresh = status_of(settings_of(tmp_path), later(5))
        assert (fresh.running, fresh.ready, fresh.reasons, fresh.judged_by) == (True, True, (), "log")
        assert (fresh.process, fresh.host) == (os.getpid(), socket.gethostname())
        late = status_of(settings_of(tmp_path), later(61))
    assert late.reasons == (
        "nothing was written to the log for 61 s",
        "sink desk is 1 entries behind, the oldest by 61 s",
    )


async def test_an_empty_log_does_not_make_a_daemon_ready(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log", LogSettings(), READERS, lambda: START)
    await log.open()
    status = status_of(settings_of(tmp_path), START)
    await log.close()
    assert (status.ready, status.reasons) == (False, ("the log has no entry yet",))


async def test_a_sink_without_place_is_unknown_and_one_that_is_gone_does_not_count(tmp_path: Path) -> None:
    async with written(tmp_path, database=Place(2)):
        settings = replace(settings_of(tmp_path), sinks={"other": {}, "off": {"enabled": False}})
        status = status_of(settings, later(5))
    assert status.reasons == ("sink other has no place in the log",)
    assert {name: one.configured for name, one in status.readers.items()} == {
        DATABASE: True, DESK: False, "sink other": True,
    }  # fmt: skip


async def test_what_a_sink_owes_counts_from_the_first_note_that_was_not_accepted(tmp_path: Path) -> None:
    owed = Owed(incident_id="i", position=2, revision=1, since=later(-30))
    async with written(tmp_path, desk=Place(1, encode_memory(Memory(owed=(owed,), reached=2)))):
        desk = status_of(settings_of(tmp_path), later(5)).readers[DESK]
    assert (desk.position, desk.entries, desk.owed, desk.behind_s) == (2, 0, 1, 35.0)


@pytest.mark.parametrize("reasons", [(), ("the clock does not tick", "x\x1b[2J")])
async def test_the_web_servers_word_counts_where_it_answers(
    tmp_path: Path, reasons: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    web = Web(WebSettings(port=0), lambda: answered(*reasons), lambda: (b"", ""))
    await web.start()
    async with written(tmp_path):
        settings = settings_of(tmp_path, enabled=True, port=web.port)
        status = await asyncio.to_thread(status_of, settings, later(9999))
    await web.stop()
    assert (status.ready, status.judged_by) == (not reasons, "readyz")
    assert status.reasons == tuple(one.replace("\x1b", " ") for one in reasons)
    assert (status.readers[DATABASE].state, status.readers[DATABASE].why) == ("away", "it is not there")
    assert status.unseen == {
        "dropped okx BookMeasured": 4, "passed over kraken volume_spot": 90, "late": 2, "refused book value": 3,
    }  # fmt: skip
    _print(status)
    assert "passed over kraken volume_spot" in capsys.readouterr().out
    validate(status)


async def test_a_web_server_that_does_not_answer_makes_it_not_ready(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with written(tmp_path):
        status = status_of(settings_of(tmp_path, enabled=True, port=port), later(1))
    assert status.ready is False
    assert status.reasons == (
        f"a daemon runs, and its web server does not answer: 127.0.0.1:{port}: Connection refused",
    )


@pytest.mark.parametrize("body", [b"hello", b"[1]", b'{"reasons": 1}'])
async def test_something_else_on_the_port_is_not_believed(tmp_path: Path, body: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, written(tmp_path):
        status = await asyncio.to_thread(status_of, settings_of(tmp_path, enabled=True, port=port), later(1))
    assert (status.ready, status.judged_by, len(status.reasons)) == (False, "log", 1)


def test_a_folder_that_cannot_be_read_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(OperatorError, match=r"store\.folder"):
        status_of(settings_of(tmp_path), START)


async def test_the_command_prints_a_table_or_json_and_ends_with_1_when_not_running(tmp_path: Path) -> None:
    async with written(tmp_path):
        pass
    (tmp_path / "set.toml").write_text(f'[store]\nfolder = "{tmp_path}"\n[sinks.desk]\ntype = "console"\n')
    arguments = ["status", "-c", str(tmp_path / "set.toml")]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 1
    assert "the daemon is not running" in shown.stdout
    assert all(word in shown.stdout for word in ("readers of the log", "database", "sink desk"))
    answered_json = CliRunner().invoke(app, [*arguments, "--json"])
    assert answered_json.exit_code == 1
    assert json.loads(answered_json.stdout)["readers"]["database"]["entries"] == 2


async def test_the_command_ends_with_0_when_ready_and_says_by_what(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log", LogSettings(), READERS, lambda: datetime.now(START.tzinfo))
    await log.open()
    log.signals([signal(1)])
    await log.flush()
    (tmp_path / "set.toml").write_text(
        f'[store]\nfolder = "{tmp_path}"\n[web]\nenabled = false\n[sinks.desk]\ntype = "console"\n'
    )
    shown = CliRunner().invoke(app, ["status", "-c", str(tmp_path / "set.toml")])
    await log.close()
    assert shown.exit_code == 0, shown.stdout
    assert f"runs: process {os.getpid()} on" in shown.stdout
    assert "as far as its log shows" in shown.stdout
