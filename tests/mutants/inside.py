"""Runs pytest in a fork with the chosen tests in the given order, and returns the results."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pytest

from tests.mutants.targets import FLOORS, ROOT

if TYPE_CHECKING:
    from coverage import Coverage

WITHOUT = "not acceptance and not thorough"
HANGS_AFTER_S = 60
"""A test that runs longer than this has failed."""


class TestRun(TypedDict):
    """pytest's exit code, the tests that failed, seconds of each, lines of each by module ("" stands for import time)."""

    code: int
    failed: list[str]
    seconds: dict[str, float]
    lines: dict[str, dict[str, list[int]]]


class Chosen:
    """A pytest plugin: runs only the chosen tests, in their order, and records their results."""

    def __init__(self, tests: tuple[str, ...] | None, coverage: Coverage | None) -> None:
        self._order = None if tests is None else {test: at for at, test in enumerate(tests)}
        self._coverage = coverage
        self.failed: list[str] = []
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        order = self._order
        if order is not None:
            items[:] = sorted((one for one in items if one.nodeid in order), key=lambda one: order[one.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if self._coverage is not None:
            self._coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = round(self.seconds.get(report.nodeid, 0.0) + report.duration, 4)
        if report.skipped:
            self.seconds.pop(report.nodeid)
        if report.failed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)


def run_tests(
    files: tuple[str, ...], tests: tuple[str, ...] | None, max_failures: int, *, folder: Path, traces: bool
) -> TestRun:
    """Run tests of some files and return the results; without `tests`, run all tests of those files.

    `folder` takes the files that tests make; the caller removes it.
    """
    coverage = _coverage() if traces else None
    plugin = Chosen(tests, coverage)
    words = ["-q", "-m", WITHOUT, f"--maxfail={max_failures}", "-p", "no:cacheprovider", "-p", "no:xdist"]
    words += [
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        "-o",
        "tmp_path_retention_policy=none",
        f"--basetemp={folder}",
    ]
    words += ["-o", f"timeout={HANGS_AFTER_S}"]
    words += ["--rootdir", str(ROOT), "--hypothesis-profile=mutants", "--tb=short", *files]
    if coverage is not None:
        coverage.start()
    try:
        code = int(pytest.main(words, plugins=[plugin]))
    except Exception:  # noqa: BLE001  (pytest's own shutdown fails if an edit leaves a connection open)
        traceback.print_exc()
        code = int(pytest.ExitCode.INTERNAL_ERROR)
    if coverage is not None:
        coverage.stop()
    return TestRun(code=code, failed=plugin.failed, seconds=plugin.seconds, lines=_lines(coverage))


def _coverage() -> Coverage:
    from coverage import Coverage

    return Coverage(
        data_file=None, config_file=False, source=[str(ROOT / floor) for floor in FLOORS], messages=False, branch=False
    )


def _lines(coverage: Coverage | None) -> dict[str, dict[str, list[int]]]:
    lines: dict[str, dict[str, list[int]]] = {}
    if coverage is None:
        return lines
    data = coverage.get_data()
    for file in data.measured_files():
        path = Path(file).relative_to(ROOT).as_posix()
        for line, contexts in data.contexts_by_lineno(file).items():
            for context in contexts:
                lines.setdefault(context, {}).setdefault(path, []).append(line)
    return lines
