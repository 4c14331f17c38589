"""Whole features taken away, one at a time: each must fail at least two tests, or nothing stands behind what it promises.

A feature is edited away in one function: by another body, or by other words in place of words that stand there once.
"""

from __future__ import annotations

import ast
import textwrap
import time
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatch

from tests.mutants.feature_table import FEATURES, Feature
from tests.mutants.forks import Done, Job, run
from tests.mutants.judging import limit_s
from tests.mutants.selection import Selection
from tests.mutants.targets import ROOT

LEAST_FAILING = 2
MOST_S = 90.0


@dataclass(frozen=True, slots=True)
class Away:
    """A feature's module without it: path, source, and the lines of the function that was changed."""

    path: str
    source: str
    lines: tuple[int, int]


def without(feature: Feature) -> Away:
    """The module without the feature. Raises LookupError where the function or the words are not there."""
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
        made = textwrap.indent(textwrap.dedent(feature.body).strip() + "\n", " " * node.body[0].col_offset)
    else:
        made = _swapped("".join(lines[first - 1 : last]), feature)
    whole = "".join([*lines[: first - 1], made, *lines[last:]])
    compile(whole, str(file), "exec")
    return Away(file.relative_to(ROOT).as_posix(), whole, (node.body[0].lineno, last))


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
    for words, instead in feature.swaps:
        if text.count(words) != 1:
            raise LookupError(f"{feature.name}: {feature.function} says {words!r} {text.count(words)} times, not once")
        text = text.replace(words, instead)
    return text


def run_all(selection: Selection, at_once: int, only: tuple[str, ...] = ()) -> int:
    """Take away every feature in turn and print what failed; 1 where one fails fewer than two tests."""
    since = time.monotonic()
    jobs: deque[Job] = deque()
    failing: dict[str, tuple[str, ...]] = {}
    timed_out: set[str] = set()
    for feature in FEATURES:
        away = without(feature)
        if only and not any(fnmatch(away.path, glob) for glob in only):
            continue
        failing[feature.name] = ()
        for files, tests in selection.rounds(selection.of(away.path, away.lines, MOST_S)):
            jobs.append(
                Job(
                    name=feature.name,
                    files=files,
                    tests=tests,
                    replaced=(away.path, away.source),
                    most_failures=LEAST_FAILING,
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
