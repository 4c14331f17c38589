"""Chooses the account that runs the embedded server: our own, or an unprivileged one if we are root.

PostgreSQL refuses to run as root. No account is created and no folder of others is changed: what the account cannot reach
is an error with its remedy.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import OperatorError

ACCOUNTS = ("stormwatch", "pgserver", "postgres", "nobody")
"""The accounts that root uses, the first that exists."""
_OURS = {
    "postgres",
    "postgres.new",
    "postgres.lock",
    "postgres.users",
    "postgres.alive",
    "postgres.socket",
    "log",
    "refused",
    "spool",
}
"""What we keep in the store's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of this machine."""

    uid: int
    gid: int
    name: str

    @property
    def other(self) -> bool:
        """Whether it is not the account of this process."""
        return self.uid != os.geteuid()

    def own(self, path: Path) -> None:
        """Make it the owner of a file or folder that we have just made. Raises OSError."""
        if self.other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose(folder: Path, data: Path) -> Account:
    """The account that runs the server of a data folder, which is its owner if it exists. Raises OperatorError."""
    uid = os.geteuid()
    owner = data.lstat().st_uid if data.exists() else None
    if uid:
        if owner not in (None, uid):
            raise OperatorError(
                "store.folder",
                str(folder),
                "a folder of your own",
                f"it belongs to {name_of(owner)}: run as that user, or choose another folder",
            )
        return _account(uid, folder)
    if owner:
        return _account(owner, folder)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name)
    raise OperatorError(
        "store.folder",
        str(folder),
        "an account that is not root, because PostgreSQL refuses to run as root",
        f"create one of {', '.join(ACCOUNTS)}, run as another user, or set store.dsn",
    )


def _account(uid: int, folder: Path) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise OperatorError(
            "store.folder",
            str(folder),
            "a folder of a user that has a name on this machine: PostgreSQL needs one",
            f"give user {uid} an entry in /etc/passwd, run as another user, or set store.dsn",
        ) from None
    return Account(uid=uid, gid=entry.pw_gid, name=entry.pw_name)


def name_of(uid: int | None) -> str:
    """The name of a user, or its number."""
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"user {uid}"


def check_reach(account: Account, folder: Path, programs: Path) -> None:
    """Make sure that another account can enter the store's folder and run the programs. Raises OperatorError, OSError.

    A folder that holds nothing but the store's files is opened for passing through (not for listing) if it is ours.
    """
    if not account.other:
        return
    status = folder.stat()
    if (
        status.st_uid == os.geteuid()
        and not _may_search(account, status)
        and {one.name for one in folder.iterdir()} <= _OURS
    ):
        folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
    if closed := closed_to(account, folder):
        raise OperatorError(
            "store.folder",
            str(folder),
            f"a folder that user {account.name} can reach, who runs the server because PostgreSQL refuses to run as root",
            f"allow it to pass through {closed} (chmod o+x), choose another folder, run as another user, or set store.dsn",
        )
    if closed := closed_to(account, programs / "postgres"):
        raise OperatorError(
            "store.dsn",
            "",
            f"a DSN: user {account.name}, who would run the embedded PostgreSQL, cannot reach {closed}",
            "install the program where every user can read it, such as /opt, run as another user, or give a DSN",
        )


def closed_to(account: Account, path: Path) -> Path | None:
    """The first folder on the way to `path`, or `path` itself, that an account cannot pass or run. Raises OSError."""
    resolved = path.resolve()
    return next((one for one in [*reversed(resolved.parents), resolved] if not _may_search(account, one.stat())), None)


def _may_search(account: Account, status: os.stat_result) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:  # the server runs without its other groups
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
