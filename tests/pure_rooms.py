"""Runs the tests with branch coverage and requires full coverage of the pure rooms.

`python -m tests.pure_rooms` is what `make coverage` calls. Pure rooms hold no I/O, so there is no excuse for a branch
that no test takes: a line that cannot be reached is a line that should not be there. Which rooms are pure stands in one
place, the import contract of pyproject.toml.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTRACT = "Pure rooms know no I/O and no clock"

OUTSIDE = (
    "tests/**/*real_node*",
    "tests/chain/sync/test_kill.py",
    "tests/chain/inspection/test_inspecting_through_a_poor_node.py",
    "tests/monitor/cli/*",
    "tests/monitor/drill/test_short_drill.py",
    "tests/monitor/store/*",
    "tests/monitor/telemetry/*",
)
"""Tests of other rooms: they run with all others (`make test`), and need a node, a database or a process."""
QUICK = "not acceptance and not thorough and not slow"
"""Marks of the tests that are traced: tracing makes them three times slower."""


def pure_modules() -> tuple[str, ...]:
    """The packages and modules under the contract of purity, as pyproject.toml names them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return tuple(next(one["source_modules"] for one in contracts if one["name"] == CONTRACT))


def pure_files() -> tuple[str, ...]:
    """Their files, as patterns from the repository's root."""
    found = []
    for module in pure_modules():
        path = module.replace(".", "/")
        found.append(f"{path}/*" if (ROOT / path).is_dir() else f"{path}.py")
    return tuple(found)


def _run(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", *words], check=False).returncode


def main() -> int:
    """Run the quick tests that need nothing external, then check the pure rooms; return the exit code."""
    _run("coverage", "erase")
    without = [f"--ignore-glob={one}" for one in OUTSIDE]
    workers = ("-n", "2", "--dist", "loadfile")
    tests = _run("coverage", "run", "-m", "pytest", "-m", QUICK, "-q", *workers, *without)
    _run("coverage", "combine", "-q")
    if tests:
        return tests
    _run("coverage", "report", "--skip-covered", "--sort=cover")
    return _run("coverage", "report", "--include", ",".join(pure_files()), "--fail-under=100", "--show-missing")


if __name__ == "__main__":
    sys.exit(main())
