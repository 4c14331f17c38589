"""The bounds that an operator sets: their defaults, their least values, and the size of the spool to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monitor.store.settings import StoreSettings
from monitor.store.writer import Writer
from tests.monitor.store.memory_store import MemoryStore, Ticking
from tests.monitor.store.rows import signal

POSITIVE = ("batch_rows", "batch_s", "queue_rows", "spool_mb", "retention_days", "connect_timeout_s")


def test_the_defaults_are_the_documented_ones() -> None:
    settings = StoreSettings()

    assert (settings.dsn, settings.dsn_env, settings.folder) == ("", "", "~/.local/share/stormwatch")
    assert (settings.batch_rows, settings.batch_s, settings.queue_rows) == (5000, 1.0, 200_000)
    assert (settings.spool_mb, settings.resume_s, settings.retention_days) == (1024, 3600.0, 30)
    assert settings.connect_timeout_s == 5.0


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1])
def test_a_bound_is_above_zero(name: str, value: int) -> None:
    bounds: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name} above 0$"):
        StoreSettings(**bounds)


@pytest.mark.parametrize("name", POSITIVE)
def test_a_bound_may_be_one(name: str) -> None:
    bounds: dict[str, Any] = {name: 1}

    assert getattr(StoreSettings(**bounds), name) == 1


def test_nothing_may_be_correlated_again_at_the_start_but_no_negative_time() -> None:
    assert StoreSettings(resume_s=0.0).resume_s == 0.0
    with pytest.raises(ValueError, match="resume_s of at least 0"):
        StoreSettings(resume_s=-0.5)


def test_a_dsn_is_given_or_named_and_not_both() -> None:
    assert StoreSettings(dsn="postgresql://h/d").dsn == "postgresql://h/d"
    assert StoreSettings(dsn_env="DESK_DSN").dsn_env == "DESK_DSN"
    with pytest.raises(ValueError, match="either dsn or dsn_env, not both"):
        StoreSettings(dsn="postgresql://h/d", dsn_env="DESK_DSN")


async def spooled(folder: Path, title: str) -> tuple[int, int]:
    """Two batches of one signal while the server is away: how many are on disk, and the bytes of the first."""
    store = MemoryStore()
    store.away = True
    writer = Writer(store, StoreSettings(folder=str(folder), batch_rows=1, spool_mb=1), Ticking(), run_id="run")
    writer.on_signals([signal(1, attributes={"title": title}), signal(2)])
    await writer.write_now()
    on_disk = writer.spooled
    assert writer.waiting == 2 - on_disk
    await writer.flush()
    first_file = min((folder / "spool" / "run").glob("*.jsonl"))
    return on_disk, len(first_file.read_bytes().partition(b"\n")[0]) + 1


@pytest.mark.parametrize(("size", "on_disk"), [(999_999, 2), (1_000_000, 1)])
async def test_a_spool_of_one_megabyte_is_full_at_its_millionth_byte(tmp_path: Path, size: int, on_disk: int) -> None:
    _on_disk, without_title = await spooled(tmp_path / "short", "")

    assert await spooled(tmp_path / "exact", "x" * (size - without_title)) == (on_disk, size)
