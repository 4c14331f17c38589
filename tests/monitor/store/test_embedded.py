"""The embedded server: shared between users, started again when it died, and told when it cannot run."""

from __future__ import annotations

import os
import signal as signals
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.store.embedded import EmbeddedServer
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.rows import batch, signal


def _pid(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


async def test_two_stores_share_one_server_which_stops_with_the_last(place: Path) -> None:
    settings = StoreSettings(folder=str(place))
    first, second = PostgresStore(settings, {}), PostgresStore(settings, {})
    await first.open()
    await second.open()
    await first.close()
    assert await second.save(batch(1, signal(1)))
    await second.close()
    assert not (place / "postgres" / "postmaster.pid").exists()


async def test_a_server_that_was_killed_is_started_again(place: Path) -> None:
    store = PostgresStore(StoreSettings(folder=str(place)), {})
    await store.open()
    assert await store.save(batch(1, signal(1)))
    os.kill(_pid(place), signals.SIGINT)  # fast shutdown, behind our back
    while (place / "postgres" / "postmaster.pid").exists():
        pass
    assert await store.ping()
    assert not await store.save(batch(1, signal(1)))
    await store.close()


def test_a_pid_file_of_a_server_long_dead_is_no_obstacle(place: Path) -> None:
    server = EmbeddedServer(place)
    server.start()
    pid_file = place / "postgres" / "postmaster.pid"
    left = pid_file.read_text()
    server.stop()
    lines = left.splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # its number is ours now
    (place / "postgres" / ".handle_pids.json").write_text("[999999999]")
    again = EmbeddedServer(place)
    assert again.start().startswith("postgresql://")
    again.stop()
    assert not pid_file.exists()


def test_a_folder_that_cannot_be_used_is_told(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(OperatorError, match=r"store\.folder"):
        EmbeddedServer(place / "file" / "under").start()


def test_stopping_what_never_started_is_harmless(place: Path) -> None:
    EmbeddedServer(place).stop()
