"""Removes whole features, one at a time: at least two tests must fail for each, or the promise is not tested.

A feature is removed in one function: by another body, or by other text in place of text that occurs there once.
"""

from __future__ import annotations

import ast
import textwrap
import time
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatch

from tests.mutants import features_of
from tests.mutants.feature import Feature
from tests.mutants.forks import Done, Job, run
from tests.mutants.judging import limit_s
from tests.mutants.selection import Selection
from tests.mutants.targets import ROOT

LEAST_FAILING = 2
MOST_S = 90.0


@dataclass(frozen=True, slots=True)
class Removal:
    """A module without one feature: path, source, and the lines of the function that was changed."""

    path: str
    source: str
    lines: tuple[int, int]


def without(feature: Feature) -> Removal:
    """The module without the feature. Raises LookupError if the function or the text is not there."""
    path = feature.module.replace(".", "/")
    file = ROOT / f"{path}.py"
    if not file.exists():
        file = ROOT / path / "__init__.py"
    if not file.exists():
        raise LookupError(f"{feature.name}: there is no module {feature.module}")
    source = file.read_text(encoding="utf-8")
    node = _function(ast.parse(source), feature)
    lines = source.splitlines(keepends=True)
    first, last = node.body[0].lineno, node.end_lineno or node.lineno
    if feature.body is not None:
        replaced = textwrap.indent(textwrap.dedent(feature.body).strip() + "\n", " " * node.body[0].col_offset)
    else:
        replaced = _swapped("".join(lines[first - 1 : last]), feature)
    changed = "".join([*lines[: first - 1], replaced, *lines[last:]])
    compile(changed, str(file), "exec")
    return Removal(file.relative_to(ROOT).as_posix(), changed, (node.body[0].lineno, last))


def _function(tree: ast.Module, feature: Feature) -> ast.FunctionDef | ast.AsyncFunctionDef:
    within: ast.AST = tree
    for name in feature.function.split("."):
        found = [one for one in ast.iter_child_nodes(within) if getattr(one, "name", None) == name]
        if not found:
            raise LookupError(f"{feature.name}: {feature.module} has no {feature.function}")
        within = found[-1]  # of a property and its setter, the last
    if not isinstance(within, ast.FunctionDef | ast.AsyncFunctionDef):
        message = f"{feature.name}: {feature.function} is no function"
        raise LookupError(message)  # noqa: TRY004  (the table is wrong, not a type)
    return within


def _swapped(text: str, feature: Feature) -> str:
    for old, new in feature.swaps:
        if text.count(old) != 1:
            raise LookupError(f"{feature.name}: {feature.function} has {old!r} {text.count(old)} times, not once")
        text = text.replace(old, new)
    return text


def run_all(selection: Selection, at_once: int, only: tuple[str, ...] = ()) -> int:
    """Remove every feature in turn and print the failed tests; return 1 if a feature fails fewer than two tests."""
    since = time.monotonic()
    jobs: deque[Job] = deque()
    failing: dict[str, tuple[str, ...]] = {}
    timed_out: set[str] = set()
    for feature in features_of.every():
        removal = without(feature)
        if only and not any(fnmatch(removal.path, glob) for glob in only):
            continue
        failing[feature.name] = ()
        for files, tests in selection.rounds(selection.of(removal.path, removal.lines, MOST_S)):
            jobs.append(
                Job(
                    name=feature.name,
                    files=files,
                    tests=tests,
                    replaced=(removal.path, removal.source),
                    max_failures=LEAST_FAILING,
                    limit_s=limit_s(selection, tests),
                )
            )

    def take(done: Done) -> None:
        name = done.job.name
        failing[name] += done.failed
        print(f"{name}: {len(done.failed)} fail, {done.took_s:.0f} s, {len(jobs)} to come", flush=True)
        if done.timed_out:
            timed_out.add(name)
        if not done.failed and done.code not in (0, None):
            print(f"{name}: pytest ended with {done.code}\n{done.printed}")
        if len(failing[name]) >= LEAST_FAILING:  # the second round is not needed
            for job in [one for one in jobs if one.name == name]:
                jobs.remove(job)

    run(jobs, at_once, take)
    for name, tests in failing.items():
        over = " (and a time-out)" if name in timed_out else ""
        print(f"{'ok  ' if len(tests) >= LEAST_FAILING else 'HOLE'} {name}: {len(tests)} tests fail{over}")
        for test in tests:
            print(f"       {test}")
    holes = [name for name, tests in failing.items() if len(tests) < LEAST_FAILING]
    print(
        f"{len(failing) - len(holes)} of {len(failing)} features are held by two tests, in {time.monotonic() - since:.0f} s"
    )
    return 1 if holes else 0
