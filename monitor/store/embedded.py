"""Runs our own PostgreSQL server, with a wheel's programs, on a Unix socket in a private folder: no root, no Docker, no set-up.

Several processes may share one folder; the server stops with the last of them, however that one ended: each user holds a
shared lock on a file, and a watchdog (`embedded_watchdog.py`) waits for the exclusive one. As root the server runs as an
unprivileged account that exists (`embedded_account.py`).
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from urllib.parse import quote

from monitor.errors import OperatorError
from monitor.store import embedded_data, embedded_socket, embedded_watchdog, embedded_wheel
from monitor.store.embedded_account import Account, check_reach, choose, name_of
from monitor.store.embedded_data import PAUSE_S, STOP_S

START_S = 300.0
"""How long a server may take to start: after a crash it first replays its log, of at most about 256 MB."""


class EmbeddedServer:
    """The server of one folder. Every call blocks (a second or less; the first, a few seconds): call it from a thread."""

    def __init__(self, folder: Path) -> None:
        self._given = folder
        self._users: int | None = None

    def start(self) -> str:
        """Start it unless it runs, and return its DSN; may be called again after it died. Raises OperatorError."""
        used = self._users is not None
        try:
            return self._start()
        except OperatorError:
            if not used:
                self._leave()
            raise
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            if not used:
                self._leave()
            raise _explained(self._folder(), error) from error

    def stop(self) -> None:
        """Stop using it; the server stops with its last user. Does nothing if it never started."""
        if self._users is None:
            return
        self._leave()
        folder = self._folder()
        try:
            users, alive = _open(folder / "postgres.users"), _open(folder / "postgres.alive")
        except OSError:  # the folder has been removed: the watchdog stops the server
            return
        deadline = time.monotonic() + STOP_S
        try:
            while time.monotonic() < deadline and not _free(alive):  # a server runs
                if not _free(users, exclusive=True) and _free(users):  # others use it; the watchdog would hold it alone
                    return
                time.sleep(PAUSE_S)
        finally:
            os.close(users)
            os.close(alive)

    def _folder(self) -> Path:
        return self._given.expanduser().resolve()

    def _leave(self) -> None:
        if self._users is not None:
            os.close(self._users)  # which drops our lock
            self._users = None

    def _start(self) -> str:
        folder = self._folder()
        data = folder / "postgres"
        root = os.geteuid() == 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o711 if root else 0o700)
        account = choose(folder, data)
        programs = embedded_wheel.programs(data)
        check_reach(account, folder, programs)
        deadline = time.monotonic() + START_S
        with _exclusive(folder / "postgres.lock"):
            if self._users is None:
                self._users = _open(folder / "postgres.users")
                while not _locked(self._users, fcntl.LOCK_SH):  # the watchdog stops the last server
                    _wait(deadline, "the last server does not stop")
            return _run(folder, data, account, programs, deadline)


def _run(folder: Path, data: Path, account: Account, programs: Path, deadline: float) -> str:
    """Start a server unless one lives, and wait until it takes connections. Raises OSError, OperatorError."""
    alive = _open(folder / "postgres.alive")
    logged = None
    try:
        while True:
            if _locked(alive, fcntl.LOCK_EX):  # no process of a server lives
                if logged is not None:
                    raise RuntimeError(embedded_data.last_reason(data, logged) or "it ended at once and said nothing")
                embedded_data.initialise(data, programs, account, alive)
                embedded_data.clear_pid_file(data)
                embedded_data.write_rules(data, account)
                socket = embedded_socket.prepare(folder, data, account)
                logged = embedded_data.log_size(data)
                _launch(folder, alive, account, socket, embedded_data.command(data, programs, socket))
                os.close(alive)  # the server holds the lock now
                alive = _open(folder / "postgres.alive")
            elif embedded_data.is_ready(data):
                return _dsn(folder, data, account)
            _wait(deadline, f"it does not take connections after {START_S:g} s")
    finally:
        os.close(alive)


def _launch(folder: Path, alive: int, account: Account, socket: Path, command: list[str]) -> None:
    data = folder / "postgres"
    users = _open(folder / "postgres.users")  # with a lock of its own
    words = [users, alive, account.uid, account.gid, data / embedded_data.LOG, "-" if socket == data else socket]
    try:
        subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-I", "-S", embedded_watchdog.__file__, *(str(one) for one in words), *command],
            pass_fds=(users, alive),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=START_S,
            env=embedded_data.ENV,
        )
    finally:
        os.close(users)


def _dsn(folder: Path, data: Path, account: Account) -> str:
    socket = embedded_socket.known(folder, data, account)
    if socket is None:
        raise OperatorError(
            "store.folder",
            str(folder),
            "a folder whose server's socket can be reached",
            "the private folder of its socket was removed, is not private, or belongs to a service with a /tmp of its own: stop "
            "all that use the store and start again, or choose a folder with a shorter path",
        )
    return f"postgresql://postgres:@/postgres?host={quote(str(socket))}&port={embedded_socket.PORT}"


def _explained(folder: Path, error: Exception) -> OperatorError:
    allowed = "a folder where an embedded PostgreSQL can keep its files and run"
    first = next(iter(str(error).splitlines()), "") or type(error).__name__
    if (isinstance(error, OSError) and error.errno == ENOSPC) or "No space left on device" in str(error):
        remedy = f"its disk is full: free about 100 MB, or choose another ({first})"
    elif isinstance(error, PermissionError):
        owner = next((one for one in (folder, *folder.parents) if os.access(one, os.F_OK)), folder)
        remedy = f"{name_of(os.geteuid())} may not write there, {owner} belongs to {name_of(owner.stat().st_uid)}: "
        remedy += f"allow it, choose another, or set store.dsn ({first})"
    else:
        remedy = f"see postgres/log in it, choose another, or set store.dsn ({first})"
    return OperatorError("store.folder", str(folder), allowed, remedy)


def _open(path: Path) -> int:
    """Open a file for locking; root gives one it makes to the folder's owner. Raises OSError."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.fchown(number, owner.st_uid, owner.st_gid)
    return number


def _locked(number: int, kind: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(number, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(number: int, *, exclusive: bool = False) -> bool:
    """Whether the lock can be had now; it is not kept."""
    free = _locked(number, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    if free:
        fcntl.flock(number, fcntl.LOCK_UN)
    return free


def _wait(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError(what)
    time.sleep(PAUSE_S)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a file's lock, which other processes and threads respect too."""
    number = _open(path)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
