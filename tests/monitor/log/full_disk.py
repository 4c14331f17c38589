"""A small disk for tests that fill it: a tmpfs, which only root may mount. What a machine lacks is a reason to skip."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

DISK_MB = 24


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of `DISK_MB` at `folder`."""
    folder.mkdir()
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small disk to fill cannot be mounted here: only root may")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Take all room of a disk, as a program beside us would."""
    with (disk / "filler").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def make_room(disk: Path) -> None:
    """Give back what `fill` took."""
    (disk / "filler").unlink()
