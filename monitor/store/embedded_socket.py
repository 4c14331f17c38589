"""Chooses the private folder of the server's Unix socket: the data folder, or a short one if that path is too long.

A short folder is made with a random name and mode 0700, and its path is kept beside the data folder, so that every process of
the operator finds it. Nobody trusts it before its owner and mode were checked.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from monitor.errors import OperatorError
from monitor.store.embedded_account import Account, closed_to

PORT = 5432
MAX_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""The longest path of a socket: `sun_path` of unix(7) has 108 bytes on Linux and 104 elsewhere, the last one zero."""
_RECORD = "postgres.socket"


def known(folder: Path, data: Path, account: Account) -> Path | None:
    """The socket's folder that the running server uses; None if it is not there or cannot be trusted. Raises OSError."""
    place = data if _fits(data) else _recorded(folder)
    return place if place is not None and _is_private(place, account) else None


def prepare(folder: Path, data: Path, account: Account) -> Path:
    """The socket's folder for a new server: that of the last one if it can be trusted. Raises OSError, OperatorError."""
    if _fits(data):
        return data
    recorded = _recorded(folder)
    if recorded is not None:
        if not recorded.exists() and not recorded.is_symlink() and _is_safe(recorded.parent, account):
            recorded.mkdir(mode=0o700)  # the old users expect it there
            account.own(recorded)
        if _is_private(recorded, account) and _is_safe(recorded.parent, account):
            return recorded
    place = _new(folder, account)
    account.own(place)
    record = folder / (_RECORD + ".new")
    record.unlink(missing_ok=True)
    with os.fdopen(os.open(record, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(os.fsencode(place))
    account_of_folder = folder.stat()
    if os.geteuid() == 0:
        os.chown(record, account_of_folder.st_uid, account_of_folder.st_gid)
    record.replace(folder / _RECORD)
    return place


def _new(folder: Path, account: Account) -> Path:
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    bases = [Path(named)] if named.startswith("/") else []
    for base in [*bases, Path(tempfile.gettempdir()), Path("/tmp")]:  # noqa: S108  # the name is random, the mode 0700
        if not base.is_dir() or not _is_safe(base, account) or not os.access(base, os.W_OK):
            continue
        if not _fits(base / "stormwatch-12345678") or (account.other and closed_to(account, base)):
            continue
        return Path(tempfile.mkdtemp(prefix="stormwatch-", dir=base))
    raise OperatorError(
        "store.folder",
        str(folder),
        "a folder with a shorter path: a Unix socket's has at most 107 bytes",
        "choose another, or name a short private folder in XDG_RUNTIME_DIR",
    )


def _fits(place: Path) -> bool:
    text = str(place)
    length = len(os.fsencode(place / f".s.PGSQL.{PORT}"))
    return length <= MAX_PATH_BYTES and "," not in text and text.isprintable()  # a comma begins the next host of a DSN


def _recorded(folder: Path) -> Path | None:
    try:
        text = os.fsdecode((folder / _RECORD).read_bytes())
    except FileNotFoundError:
        return None
    place = Path(text)
    return place if text.startswith("/") and "\0" not in text and _fits(place) else None


def _is_private(place: Path, account: Account) -> bool:
    """Whether it is a folder (no link) of the server's account that nobody else can open."""
    try:
        status = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077


def _is_safe(base: Path, account: Account) -> bool:
    """Whether no other user can rename what we make in it."""
    try:
        status = base.stat()
    except OSError:
        return False
    mine = status.st_uid in (0, os.geteuid(), account.uid)
    return mine and (not status.st_mode & 0o022 or bool(status.st_mode & stat.S_ISVTX))
