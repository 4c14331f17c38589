"""Prepares the data folder of the embedded server: creates it, and states at each start who may connect and what is kept.

Only the owner of the data and root may connect, over the Unix socket, and the kernel says who they are (peer). A folder of an
older version, which trusted every local user, gets the same rules and keeps its data.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from monitor.errors import OperatorError
from monitor.store.embedded_account import Account, name_of
from monitor.store.embedded_socket import PORT

INITDB_S = 300.0
STOP_S = 90.0
"""How long a server may take to stop, its last checkpoint included."""
PAUSE_S = 0.02
LOG = "log"
ENV = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
"""The environment of PostgreSQL's programs: the operator's PG variables and secrets are not passed on."""

HBA = "# Stormwatch writes this file at each start.\nlocal all all peer map=stormwatch\n"
CONFIG = """\
# Stormwatch writes this file at each start. Your own settings: ALTER SYSTEM.
shared_buffers = 32MB
max_connections = 40
max_locks_per_transaction = 160    # as many locks as with the defaults: a day of signals is a partition
max_wal_size = 256MB               # so that recovery takes seconds
min_wal_size = 32MB
max_wal_senders = 0
wal_level = minimal
fsync = on
max_parallel_workers = 2
jit = off
io_method = sync                   # no processes for reading ahead
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off            # the watchdog keeps the log, and keeps it short
log_min_messages = warning
log_min_error_statement = panic    # statements hold readings: none is logged
log_error_verbosity = terse
log_statement = 'none'
log_checkpoints = off
log_autovacuum_min_duration = -1
"""
_SINCE_18 = ("io_method",)


def initialise(data: Path, programs: Path, account: Account, alive: int) -> None:
    """Create the data folder unless it exists; one that was cut short is begun again. Raises OSError, OperatorError.

    The lock `alive` is held as long as `initdb` runs, also if this process is killed.
    """
    if (data / "PG_VERSION").exists():
        return
    if data.exists() and any(data.iterdir()):
        raise OperatorError(
            "store.folder",
            str(data.parent),
            "a folder where an embedded PostgreSQL can keep its files and run",
            f"{data} holds no database: remove it, or choose another folder",
        )
    fresh = data.with_name(data.name + ".new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    account.own(fresh)
    options = ["--username=postgres", "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--no-locale"]
    run = subprocess.run(  # noqa: S603  # the wheel's own program
        [programs / "initdb", *options, "--no-instructions", "-D", fresh],
        pass_fds=(alive,),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=INITDB_S,
        check=False,
        env=ENV,
        cwd="/",
        umask=0o077,
        user=account.uid if account.other else None,
        group=account.gid if account.other else None,
        extra_groups=[] if account.other else None,
    )
    if run.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise OSError(reason(run.stderr) or f"initdb ended with {run.returncode}")
    fresh.rename(data)


def write_rules(data: Path, account: Account) -> None:
    """Write who may connect, and the server's settings. No server may run. Raises OSError."""
    data.chmod(0o700)
    allowed = dict.fromkeys((account.name, name_of(0)))  # root could become the owner anyway
    ident = "".join(f'stormwatch "{one}" all\n' for one in allowed)
    version = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    config = "".join(
        line
        for line in CONFIG.splitlines(keepends=True)
        if int(version) >= 18 or line.partition(" ")[0] not in _SINCE_18
    )
    texts = {"pg_hba.conf": HBA, "pg_ident.conf": "# Stormwatch writes this file at each start.\n" + ident}
    for name, text in {**texts, "postgresql.conf": config}.items():
        fresh = data / (name + ".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        account.own(fresh)
        fresh.replace(data / name)
    (data / ".handle_pids.json").unlink(missing_ok=True)  # of an older version


def command(data: Path, programs: Path, socket: Path) -> list[str]:
    """The command line of the server. What keeps strangers out stands here, so that ALTER SYSTEM cannot change it."""
    quoted = '"' + str(socket).replace('"', '""') + '"'  # the setting is a list of folders
    fixed = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": quoted,
        "unix_socket_permissions": "0700",
        "hba_file": str(data / "pg_hba.conf"),
        "ident_file": str(data / "pg_ident.conf"),
    }
    options = [word for name, value in fixed.items() for word in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(data), *options]


def is_ready(data: Path) -> bool:
    """Whether the server's pid file says that it takes connections, and its process lives."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready" and _alive(_number(lines[0]))


def clear_pid_file(data: Path) -> None:
    """Stop a server that runs without a watchdog of ours, and remove a pid file that names another program's process.

    A pid file of no process stays, and any where there is no /proc: PostgreSQL itself judges it. Raises OSError.
    """
    file = data / "postmaster.pid"
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    pid = _number(lines[0] if lines else "")
    if pid is None:
        file.unlink(missing_ok=True)
        return
    if not _alive(pid) or not Path("/proc/self/cwd").exists():
        return
    if not _serves(pid, data):
        file.unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGINT)  # of an older version, which trusted every local user
    deadline = time.monotonic() + STOP_S
    while _serves(pid, data):
        if time.monotonic() > deadline:
            raise OSError(f"the server with process id {pid} did not stop in {STOP_S:g} s")
        time.sleep(PAUSE_S)


def _serves(pid: int, data: Path) -> bool:
    """Whether a process is the server of this data folder: PostgreSQL's working folder is its data folder."""
    try:
        return Path("/proc", str(pid), "cwd").readlink() == data.resolve() and _alive(pid)
    except OSError:
        return False


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _alive(pid: int | None) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        state = Path("/proc", str(pid), "stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return True  # no /proc here, or it ended just now: the lock of its processes says the rest
    return state != b"Z"  # killed, and its parent has not looked yet


def reason(text: str) -> str:
    """The line of a program's output that says why it failed: the last fatal error, or else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:"))]
    return (fatal or lines or [""])[-1]


def last_reason(data: Path, since: int) -> str:
    """The reason in what was written to the server's log after its first `since` bytes."""
    try:
        text = (data / LOG).read_bytes()
    except OSError:
        return ""
    return reason(text[since if since <= len(text) else 0 :].decode(errors="replace"))


def log_size(data: Path) -> int:
    """Bytes in the server's log; 0 if there is none."""
    try:
        return (data / LOG).stat().st_size
    except FileNotFoundError:
        return 0
