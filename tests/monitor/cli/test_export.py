"""`stormwatch export` writes what the store holds, and refuses what cannot be written before it opens the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.errors import OperatorError
from monitor.signals import Signal
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.conftest import dsn, server, settings
from tests.monitor.store.rows import NOON, change, delivery, signal
from tests.monitor.store.written import write

__all__ = ["dsn", "server", "settings"]
HOUR = timedelta(hours=1)


def stored(settings: StoreSettings, signals: Sequence[Signal], folder: Path) -> str:
    """Fill the store, and write the settings of a command that reads it."""

    async def fill() -> None:
        store = PostgresStore(settings, {})
        await store.open()
        assert await write(store, *signals, changes=[change()], deliveries=[delivery()])
        await store.close()

    asyncio.run(fill())
    path = folder / "stormwatch.toml"
    path.write_text(f'''[store]\ndsn = "{settings.dsn}"\n[assets.BTC]\n[venues.bybit]\n''')
    return str(path)


def test_each_kind_of_history_is_written(settings: StoreSettings, tmp_path: Path) -> None:
    given = [signal(1), signal(2, at=NOON + HOUR), signal(3, at=NOON + 30 * HOUR, asset="ETH")]
    config = stored(settings, given, tmp_path)

    def exported(*words: str) -> pd.DataFrame:
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        result = CliRunner().invoke(app, ["export", *words, "-o", str(out), "--config", config])
        assert result.exit_code == 0, result.output
        assert result.stdout == f"{out}\n"
        return pd.read_parquet(out)

    assert list(exported("signals")["seq"]) == [1, 2, 3]
    span = ("--since", "2026-03-01T21:00:00.002+09:00", "--until", "2026-03-02T22:00Z")
    assert list(exported("signals", "--asset", "BTC", "--venue", "bybit", *span)["seq"]) == [2]
    assert list(exported("incidents", "--venue", "bybit")["incident_id"]) == ["i-1"]

    result = CliRunner().invoke(app, ["export", "deliveries", "-o", "-", "--config", config])
    assert result.stdout.splitlines()[0] == "at,sink,incident_id,revision,outcome,why"
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["signal", "-o", "a.csv"], "WHAT"),
        (["signals", "-o", "a.xlsx"], "--out"),
        (["signals", "-o", "a.csv", "--format", "excel"], "--format"),
        (["signals", "-o", "-", "--format", "parquet"], "--out"),
        (["signals", "-o", "-", "--json"], "--out"),
        (["signals", "-o", "a.csv", "--since", "2026-03-01T12:00"], "--since"),
        (["signals", "-o", "a.csv", "--since", "2026-03-01T12:00Z", "--until", "2026-03-01T12:00Z"], "--until"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_left_behind(
    words: list[str], key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["export", *words])

    assert isinstance(result.exception, OperatorError)
    assert result.exception.key == key
    assert list(tmp_path.iterdir()) == []
