"""`stormwatch incidents` and `stormwatch snapshot` on a real database: what is stored, and what people said of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from monitor.alerting.quiet import Acknowledgement, Quiet, Silence
from monitor.alerting.quiet_file import QuietFile
from monitor.cli.app import app
from monitor.cli.schemas import schema
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.alerting.sinks.changes import INCIDENT, at, change
from tests.monitor.store.conftest import dsn, server  # noqa: F401  # fixtures
from tests.monitor.store.written import write

OTHER = INCIDENT.replace("abc123", "abc124")
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


async def _store(settings: StoreSettings) -> None:
    opened = PostgresStore(settings, {})
    await opened.open()
    await write(opened, changes=[change(1), replace(change(1), incident_id=OTHER, scope="asset:ETH", opened_at=at(-9))])
    await opened.close()


def output_of(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_incidents_and_their_snapshots_say_who_acknowledged_them_and_until_when_they_are_silenced(
    dsn: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORMWATCH_STORE__DSN", dsn)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("STORMWATCH_STORE__FOLDER", "store")
    asyncio.run(_store(StoreSettings(dsn=dsn, folder="store")))
    Path("stormwatch.toml").write_text(
        f"[assets.ETH]\n[[maintenance]]\nstart = {(UNTIL - timedelta(hours=2)).isoformat()}\nend = {UNTIL.isoformat()}\n"
        'reason = "a fork"\nassets = ["ETH"]\n'
    )
    silence = Silence(id="s1", since=at(0), until=UNTIL, author="Bo", asset="BTC")
    given = {INCIDENT: Acknowledgement(by="Ann", at=at(60))}
    QuietFile(Path("store")).change(lambda _: Quiet(silences=(silence,), acknowledged=given))

    first, second = map(json.loads, output_of("incidents", "list", "--json").splitlines())
    assert (first["maintenance_until"], second["maintenance_until"]) == (None, UNTIL.isoformat().replace("+00:00", "Z"))
    assert second["remarks"] == f"in maintenance until {UNTIL:%Y-%m-%d %H:%M:%S} UTC: a fork"
    for one in (first, second):
        Draft202012Validator(schema("incident")).validate(one)
    assert first["acknowledged_by"] == "Ann"
    assert datetime.fromisoformat(first["silenced_until"]) == UNTIL
    assert (second["incident_id"], second["acknowledged_by"], second["silenced_until"]) == (OTHER, None, None)
    remark = (
        f"acknowledged by Ann at {at(60):%Y-%m-%d %H:%M:%S} UTC, silenced until {UNTIL:%Y-%m-%d %H:%M:%S} UTC by Bo"
    )
    assert [INCIDENT in line for line in output_of("incidents").splitlines() if remark in line] == [True]
    assert remark.split(", ") == output_of("incidents", "show", INCIDENT).splitlines()[-3:-1]
    output_of("snapshot", INCIDENT, "--out", "out")
    page = Path("out", INCIDENT, "incident.md").read_text()
    assert "acknowledged by Ann" in page
    assert "silenced until" in page
