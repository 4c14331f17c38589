"""Runs the embedded server as its child, keeps its log short, and stops it when no process uses it any more.

A program of its own, with the standard library alone: `embedded.py` starts it in a session of its own, so that it outlives
the daemon. Each user of the server holds a shared lock on one file. The kernel drops a lock with the process that held it,
however that ended, so the exclusive lock means that nobody is left.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

LOG_BYTES = 1_000_000
"""The log is replaced when it has this size; the one before it is kept."""
SHUTDOWN_S = 60.0
"""How long the server may take for its last checkpoint before it is stopped without one."""
AGAIN_S = 0.5
"""How often the server is asked to stop."""
_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(arguments: list[str]) -> None:
    """Run `USERS_FD ALIVE_FD UID GID LOG SOCKET_FOLDER|- PROGRAM...`, and return at once in the process that was started.

    `USERS_FD` is not locked yet; `ALIVE_FD` is, and stays so as long as a process of the server lives.
    """
    users, alive, uid, gid = (int(one) for one in arguments[:4])
    log, folder, program = Path(arguments[4]), arguments[5], arguments[6:]
    if os.fork():
        return
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # it ends with the server, and only then
        signal.signal(number, lambda *_: None)  # a handler, because the server would inherit that a signal is ignored
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    _serve((users, alive), log, folder, program)


def _serve(locks: tuple[int, int], log: Path, folder: str, program: list[str]) -> None:
    users, alive = locks
    reads, writes = os.pipe()
    ours = os.getpid()
    child = os.fork()
    if not child:
        os.dup2(writes, 1)
        os.dup2(writes, 2)
        os.set_inheritable(users, False)
        os.set_inheritable(alive, True)  # its lock holds as long as a process of the server lives
        _die_with(ours)
        try:
            os.execve(program[0], program, {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath})  # noqa: S606
        finally:
            os._exit(127)
    os.close(writes)
    unused, guard = threading.Event(), threading.Lock()
    threading.Thread(target=_stop_when_unused, args=(users, child, unused, guard), daemon=True).start()
    _copy(reads, log)  # until every process of the server has gone
    guard.acquire()  # for ever: from here on its process id may be a stranger's
    os.waitpid(child, 0)
    if unused.is_set() and folder != "-":  # otherwise a user is left, who expects the socket where it was
        with suppress(OSError):
            Path(folder).rmdir()
    os._exit(0)


def _die_with(parent: int) -> None:
    """Let the kernel stop this process (fast shutdown) if the watchdog dies first. Linux has this, other systems do not."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)


def _stop_when_unused(users: int, child: int, unused: threading.Event, guard: threading.Lock) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)  # a new user waits for it from now on, until this process ends
    unused.set()
    deadline = time.monotonic() + SHUTDOWN_S
    while time.monotonic() < deadline:  # asked again and again: a signal that comes before the program runs is lost
        with guard:
            os.kill(child, signal.SIGINT)  # fast shutdown; the server ignores a second request
        time.sleep(AGAIN_S)
    with guard:
        os.kill(child, signal.SIGQUIT)  # immediate shutdown


def _copy(reads: int, log: Path) -> None:
    """Write what the server says to the log, until it has gone; a disk that is full loses lines, never the server."""
    while block := os.read(reads, 65536):
        try:
            with log.open("ab") as file:
                file.write(block)
            if log.stat().st_size > LOG_BYTES:
                log.replace(log.with_name(log.name + ".1"))
        except OSError:
            continue


if __name__ == "__main__":
    main(sys.argv[1:])
