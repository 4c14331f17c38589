"""The embedded server: shared between users, restarted after its death, and reported if it cannot run."""

from __future__ import annotations

import os
import signal as signals
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.store.embedded import EmbeddedServer
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.rows import signal
from tests.monitor.store.written import write


def _pid(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


async def test_two_stores_share_one_server_that_stops_with_the_last_store(place: Path) -> None:
    settings = StoreSettings(folder=str(place))
    first, second = PostgresStore(settings, {}), PostgresStore(settings, {})
    await first.open()
    await second.open()
    await first.close()
    assert await write(second, signal(1))
    await second.close()
    assert not (place / "postgres" / "postmaster.pid").exists()


async def test_a_server_that_was_killed_is_started_again(place: Path) -> None:
    store = PostgresStore(StoreSettings(folder=str(place)), {})
    await store.open()
    assert await write(store, signal(1))
    os.kill(_pid(place), signals.SIGINT)  # fast shutdown, without our code
    while (place / "postgres" / "postmaster.pid").exists():
        pass
    assert await store.ping()
    assert await write(store, signal(1))
    await store.close()


def test_a_pid_file_of_a_dead_server_does_not_block_the_start(place: Path) -> None:
    server = EmbeddedServer(place)
    server.start()
    pid_file = place / "postgres" / "postmaster.pid"
    left = pid_file.read_text()
    server.stop()
    lines = left.splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # its process id is now ours
    again = EmbeddedServer(place)
    assert again.start().startswith("postgresql://")
    again.stop()
    assert not pid_file.exists()


def test_an_unusable_folder_is_reported(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(OperatorError, match=r"store\.folder"):
        EmbeddedServer(place / "file" / "under").start()


def test_stopping_a_server_that_never_started_is_harmless(place: Path) -> None:
    EmbeddedServer(place).stop()
