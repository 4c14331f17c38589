"""The embedded server ends with its last user, however that one ended, and never before."""

from __future__ import annotations

import fcntl
import os
import signal as signals
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from monitor.store import embedded_watchdog
from monitor.store.embedded import EmbeddedServer
from tests.monitor.store.accounts import ROOT

USE = """
import sys
from pathlib import Path
from monitor.store.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


class User:
    """A process that uses the server until its input ends, in a session of its own."""

    def __init__(self, place: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.dsn = self.process.stdout.readline().strip()
        assert self.dsn.startswith("postgresql://")

    def end(self, number: signals.Signals) -> None:
        os.killpg(self.process.pid, number)
        self.process.communicate()

    def leave(self) -> None:
        self.process.communicate("")
        assert self.process.returncode == 0


def wait_until_ended(place: Path) -> None:
    """Wait until no process of the server and its watchdog lives: they hold this lock."""
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)"
    subprocess.run([sys.executable, "-c", code, str(place / "postgres.alive")], check=True, timeout=20)
    assert not (place / "postgres" / "postmaster.pid").exists()


def postmaster(place: Path) -> int:
    return int((place / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def parent(pid: int) -> int:
    return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def user(place: Path) -> Iterator[User]:
    made = User(place)
    yield made
    if made.process.poll() is None:
        made.end(signals.SIGKILL)
    wait_until_ended(place)


@pytest.mark.parametrize("number", [signals.SIGKILL, signals.SIGHUP, signals.SIGTERM, signals.SIGINT])
def test_a_server_ends_by_itself_after_its_only_user_was_killed(
    user: User, place: Path, number: signals.Signals
) -> None:
    user.end(number)
    wait_until_ended(place)


async def test_a_server_outlives_a_killed_user_while_another_uses_it(user: User, place: Path) -> None:
    other = User(place)
    user.end(signals.SIGKILL)
    connection = await asyncpg.connect(other.dsn)
    assert await connection.fetchval("select 42") == 42
    await connection.close()
    other.leave()
    assert not (place / "postgres" / "postmaster.pid").exists()


def test_the_watchdog_ignores_signals_of_the_terminal_and_of_a_service(user: User, place: Path) -> None:
    watchdog = parent(postmaster(place))
    for number in (signals.SIGHUP, signals.SIGINT, signals.SIGTERM):
        os.kill(watchdog, number)
    other = User(place)
    assert parent(postmaster(place)) == watchdog
    assert os.getsid(watchdog) == watchdog
    other.leave()


def test_a_server_whose_watchdog_was_killed_ends_too_and_can_be_started_again(place: Path) -> None:
    server = EmbeddedServer(place)
    dsn = server.start()
    os.kill(parent(postmaster(place)), signals.SIGKILL)
    wait_until_ended(place)

    assert server.start() == dsn
    server.stop()
    wait_until_ended(place)


async def test_a_killed_postmaster_is_replaced_and_its_committed_rows_are_kept(place: Path) -> None:
    server = EmbeddedServer(place)
    dsn = server.start()
    connection = await asyncpg.connect(dsn)
    await connection.execute("create table kept as select 42 as answer")
    os.kill(postmaster(place), signals.SIGKILL)

    assert server.start() == dsn
    again = await asyncpg.connect(dsn)
    assert await again.fetchval("select answer from kept") == 42
    await again.close()
    connection.terminate()
    server.stop()


def test_a_user_that_comes_while_the_server_stops_gets_a_new_one(place: Path) -> None:
    for _ in range(3):
        first = User(place)
        os.killpg(first.process.pid, signals.SIGKILL)
        second = User(place)
        second.leave()
        first.process.communicate()
    wait_until_ended(place)


def test_the_log_never_grows_beyond_two_files_of_its_bound(tmp_path: Path) -> None:
    users, alive = (os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("users", "alive"))
    own = os.open(tmp_path / "users", os.O_RDWR)
    fcntl.flock(own, fcntl.LOCK_SH)
    fcntl.flock(alive, fcntl.LOCK_EX)
    log = tmp_path / "log"
    noise = [sys.executable, "-c", "import os\nfor _ in range(500): os.write(2, b'x' * 9999 + b'\\n')"]
    words = [users, alive, os.geteuid(), os.getegid(), log, "-", *noise]
    subprocess.run(
        [sys.executable, embedded_watchdog.__file__, *map(str, words)], pass_fds=(users, alive), check=True, timeout=60
    )
    os.close(alive)
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "alive")], check=True, timeout=60)

    sizes = [one.stat().st_size for one in (log, tmp_path / "log.1") if one.exists()]
    assert 0 < sum(sizes) <= 2 * 1_100_000
    for number in (users, own):
        os.close(number)
