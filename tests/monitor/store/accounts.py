"""Ordinary accounts of this machine for tests that run as root, and programs that run as one of them."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.store import embedded_account

ROOT = Path(__file__).parents[3]


def ordinary(name: str) -> pwd.struct_passwd:
    """An account other than root that can run this interpreter; skips the test where that is not possible."""
    if os.geteuid():
        pytest.skip("only root can act as another user")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        pytest.skip(f"this machine has no user {name}")
    account = embedded_account.Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name)
    if closed := embedded_account.closed_to(account, Path(sys.executable)):
        pytest.skip(f"user {name} cannot reach {closed}")
    return entry


def run_as(entry: pwd.struct_passwd, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code as that user, without root's groups."""
    return subprocess.run(
        [sys.executable, "-c", code, *(str(one) for one in arguments)],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
