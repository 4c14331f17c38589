"""Selects the tests that judge an edit: those that run its lines, measured per test file and stored until the code changes."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.mutants.forks import Done, Job, run
from tests.mutants.targets import ROOT, WORK, test_files

LINES = WORK / "lines"
Round = tuple[tuple[str, ...], tuple[str, ...]]
"""Test files, and their tests in order."""
FIRST_FILES = 4
"""Test files of the first round: those that run the fewest other modules. Most edits need no second round."""


@dataclass(slots=True)
class Selection:
    """The measured tests: seconds of each test, tests by module and line, lines run while importing."""

    seconds: dict[str, float] = field(default_factory=dict)
    runs: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    imported: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    breadth: dict[str, int] = field(default_factory=dict)
    max_s: float = 20.0
    """The limit of measured seconds for the tests of one edit (tracing about doubles their time)."""

    def add(self, file: str, measured: Done) -> None:
        """Add one measured test file. Tests that failed judge nothing."""
        failed = set(measured.failed)
        self.seconds |= {test: s for test, s in measured.seconds.items() if test not in failed}
        touched: set[str] = set()
        for test, by_module in measured.lines.items():
            for module, lines in by_module.items():
                if not test:
                    for line in lines:
                        self.imported.setdefault(module, {}).setdefault(line, set()).add(file)
                elif test in self.seconds:
                    touched.add(module)
                    for line in lines:
                        self.runs.setdefault(module, {}).setdefault(line, []).append(test)
        self.breadth[file] = len(touched)

    def of(self, module: str, lines: tuple[int, int], max_s: float | None = None) -> list[str]:
        """The tests that run one of these lines of a module, fastest first, no more than `max_s` of them."""
        runs, imported = self.runs.get(module, {}), self.imported.get(module, {})
        found = {test for line in range(lines[0], lines[1] + 1) for test in runs.get(line, ())}
        importing = {file for line in range(lines[0], lines[1] + 1) for file in imported.get(line, ())}
        if importing:
            found |= {test for tests in runs.values() for test in tests}
            found = found or {test for test in self.seconds if _file(test) in importing}
        chosen: list[str] = []
        total_s = 0.0
        for test in sorted(found, key=lambda one: (self.seconds[one], one)):
            total_s += self.seconds[test]
            if chosen and total_s > (max_s or self.max_s):
                break
            chosen.append(test)
        return chosen

    def rounds(self, tests: list[str]) -> list[Round]:
        """Tests in one or two rounds of (files, tests): first the files that run the fewest other modules."""
        files = sorted({_file(test) for test in tests}, key=lambda file: (self.breadth[file], file))
        rank = {file: at for at, file in enumerate(files)}
        ordered = sorted(tests, key=lambda test: (rank[_file(test)], self.seconds[test], test))
        parts = (files[:FIRST_FILES], files[FIRST_FILES:])
        return [(tuple(part), tuple(test for test in ordered if _file(test) in part)) for part in parts if part]


def measured(at_once: int) -> Selection:
    """The selection; files without a valid stored measurement are measured again."""
    LINES.mkdir(parents=True, exist_ok=True)
    selection = Selection()
    jobs: deque[Job] = deque()
    for file in test_files():
        known = _known(file)
        if known is None:
            jobs.append(Job(name=file, files=(file,), max_failures=1000, limit_s=400, traces=True))
        else:
            selection.add(file, known)
    total = len(jobs)

    def take(done: Done) -> None:
        file = done.job.files[0]
        if done.code in (0, 1, 5):
            _store(file, done)
            selection.add(file, done)
        print(f"measured {file} ({done.took_s:.1f} s, exit {done.code}, {total - len(jobs)}/{total})", flush=True)
        for test in done.failed:
            print(f"  fails unmutated, so it judges nothing: {test}")
        if done.code not in (0, 5):
            print(done.printed[-1500:])

    run(jobs, at_once, take)
    return selection


def _file(test: str) -> str:
    return test.partition("::")[0]


def _place(file: str) -> Path:
    return LINES / (file.replace("/", ".") + ".json")


def _known(file: str) -> Done | None:
    try:
        stored = json.loads(_place(file).read_text(encoding="utf-8"))
    except OSError:
        return None
    if any(_hash(path) != was for path, was in stored["hashes"].items()):
        return None
    job = Job(name=file, files=(file,))
    return Done(job=job, code=0, failed=tuple(stored["failed"]), seconds=stored["seconds"], lines=stored["lines"])


def _store(file: str, done: Done) -> None:
    touched = {path for by_module in done.lines.values() for path in by_module}
    stored = {
        "hashes": {path: _hash(path) for path in sorted({file, *touched})},
        "failed": done.failed,
        "seconds": done.seconds,
        "lines": done.lines,
    }
    _place(file).write_text(json.dumps(stored), encoding="utf-8")


@cache
def _hash(path: str) -> str:
    try:
        return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
    except OSError:
        return "gone"
