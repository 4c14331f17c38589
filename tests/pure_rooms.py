"""Runs the tests with branch coverage and demands that the pure rooms are covered whole.

`python -m tests.pure_rooms` is what `make coverage` calls. Pure rooms hold no I/O, so there is no excuse for a branch
that no test takes: a line that cannot be reached is a line that should not be there.
"""

from __future__ import annotations

import subprocess
import sys

PURE = (
    "probes/answer_ear.py",
    "probes/back_off.py",
    "probes/book.py",
    "probes/budget.py",
    "probes/choosing.py",
    "probes/classify.py",
    "probes/feed_books.py",
    "probes/feed_ear.py",
    "probes/feed_lag.py",
    "probes/clock_offset.py",
    "probes/read.py",
    "probes/venue_ear.py",
    "probes/venues/*",
    "probes/wire/*",
    "chain/abi.py",
    "chain/behaving.py",
    "chain/calls.py",
    "chain/canonical.py",
    "chain/changes.py",
    "chain/code.py",
    "chain/accounts.py",
    "chain/concentrated.py",
    "chain/control_logs.py",
    "chain/delegation.py",
    "chain/depth.py",
    "chain/detectors/*",
    "chain/facets.py",
    "chain/held.py",
    "chain/layout.py",
    "chain/inside.py",
    "chain/looking.py",
    "chain/matching.py",
    "chain/outflows.py",
    "chain/parting.py",
    "chain/pool.py",
    "chain/pools/*",
    "chain/probing.py",
    "chain/proving.py",
    "chain/proxies/*",
    "chain/proxy.py",
    "chain/queue.py",
    "chain/selectors.py",
    "chain/sides.py",
    "chain/sketch.py",
    "chain/standing.py",
    "chain/ticks.py",
    "chain/upgraded.py",
    "chain/vaults.py",
    "chain/verified.py",
    "chain/writes.py",
    "monitor/correlator/*",
    "monitor/detect/*",
    "monitor/intake.py",
    "monitor/venue_signals.py",
    "monitor/routing.py",
    "monitor/upgrade_signals.py",
)


def _run(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", *words], check=False).returncode


OUTSIDE = (
    "tests/**/*real_node*",
    "tests/chain/test_kill.py",
    "tests/chain/proxies/test_inspecting_through_a_poor_node.py",
    "tests/monitor/cli/*",
    "tests/monitor/drill/*",
    "tests/monitor/store/*",
    "tests/monitor/telemetry/*",
)
"""Tests of what is no pure room: they have run with all others (`make test`), and need a node, a database or a process."""


def main() -> int:
    """Run the tests that need nothing outside and take no thousand cases, then judge the pure rooms. Gives the exit code."""
    _run("coverage", "erase")
    without = [f"--ignore-glob={one}" for one in OUTSIDE]
    workers = ("-n", "2", "--dist", "loadfile")
    tests = _run("coverage", "run", "-m", "pytest", "-m", "not acceptance and not thorough", "-q", *workers, *without)
    _run("coverage", "combine", "-q")
    if tests:
        return tests
    _run("coverage", "report", "--skip-covered", "--sort=cover")
    return _run("coverage", "report", "--include", ",".join(PURE), "--fail-under=100", "--show-missing")


if __name__ == "__main__":
    sys.exit(main())
