"""Lists the modules to mutate and the tests that judge them, by globs. A glob that finds no module is an error."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".mutants"
"""The folder for measured lines and results. Git ignores it."""

TARGETS = {
    "correlator": ("monitor/correlator/**/*.py",),
    "detect": ("monitor/detect/**/*.py",),
    "store": ("monitor/store/*.py",),
    "log": ("monitor/log/*.py",),
    "daemon": ("monitor/daemon/resume.py",),
    "alerting": ("monitor/alerting/**/*.py",),
    "pipeline": ("monitor/pipeline.py", "monitor/telemetry/redact.py"),
    "feeds": ("probes/feeds/*.py", "probes/book.py"),
    "probes": ("probes/rest/budget.py", "probes/rest/floors.py", "probes/rest/refusals.py", "probes/clock_offset.py"),
    "chain": ("chain/rpc/multicall.py", "chain/sync/canonical.py", "chain/sync/checkpoint.py"),
}
PROGRAMS = ("monitor/store/embedded_watchdog.py",)
"""Modules that run only as a program of their own: the changed copy in a fork's memory would judge nothing."""
FLOORS = ("monitor", "probes", "chain")
TESTS = ("tests/**/test_*.py",)
OUTSIDE = (
    "tests/acceptance/*",
    "tests/bench/*",
    "tests/*real_node*",
    "tests/chain/sync/test_kill.py",
    "tests/chain/inspection/test_inspecting_through_a_poor_node.py",
    "tests/monitor/cli/*",
    "tests/monitor/drill/*",
    "tests/monitor/telemetry/test_real_collector.py",
    "tests/mutants/*",
)
"""Tests that judge no mutant, because they need a node, a process or minutes."""


def modules() -> dict[str, str]:
    """Every module to mutate, as a path from the root, with its room. A module named twice belongs to the first room."""
    found: dict[str, str] = {}
    for room, globs in TARGETS.items():
        for glob in globs:
            paths = sorted(ROOT.glob(glob))
            if not paths:
                raise SystemExit(f"tests/mutants/targets.py: {glob} finds no module; where did it move?")
            for path in paths:
                name = path.relative_to(ROOT).as_posix()
                if name not in PROGRAMS and _statements(path):
                    found.setdefault(name, room)
    return found


def test_files() -> list[str]:
    """Every file of tests that may judge a mutant."""
    paths = {
        path.relative_to(ROOT).as_posix()
        for glob in TESTS
        for path in ROOT.glob(glob)
        if "node_modules" not in path.parts
    }
    return sorted(path for path in paths if not any(fnmatch(path, glob) for glob in OUTSIDE))


def dotted(path: str) -> str:
    """The name by which a module is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def statements(path: str) -> int:
    """The number of statements of a module."""
    return _statements(ROOT / path)


def _statements(path: Path) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
