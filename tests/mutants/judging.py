"""Judges mutants and features: the tests that run an edit's lines must fail with it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.mutants.forks import Done, Job, run
from tests.mutants.sampling import Mutant
from tests.mutants.selection import Round, Selection

SLOW_FOR_QUICK = 3
"""The factor by which the tests of a survivor may take longer in all."""
START_S = 20.0
"""Processor time that a fork may take besides its tests: imports and collection."""


class Fate(StrEnum):
    """The result of a mutant. All but the last two count as killed."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    BROKEN = "fails before its tests"
    SURVIVED = "survived"
    UNTESTED = "no test runs it"


ALIVE = frozenset({Fate.SURVIVED, Fate.UNTESTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A mutant with its fate, and the first test that failed."""

    mutant: Mutant
    fate: Fate
    by: str = ""


def limit_s(selection: Selection, tests: Iterable[str]) -> float:
    """The hard time limit of a fork that runs these tests."""
    return START_S + 4 * sum(selection.seconds[test] for test in tests)


def judge(mutants: list[Mutant], selection: Selection, at_once: int) -> list[Judged]:
    """The fate of every mutant."""
    jobs: deque[Job] = deque()
    later: dict[str, deque[Job]] = {}
    named: dict[str, Mutant] = {}
    judged: list[Judged] = []
    for number, mutant in enumerate(mutants):
        rounds = _rounds(mutant, selection)
        if not rounds:
            judged.append(Judged(mutant=mutant, fate=Fate.UNTESTED))
            continue
        named[str(number)] = mutant
        later[str(number)] = deque(_job(str(number), mutant, one, selection) for one in rounds)
        jobs.append(later[str(number)].popleft())

    def take(done: Done) -> None:
        name = done.job.name
        fate = fate_of(done)
        if done.job.replaced is None:  # the same tests without the edit: did they run at all?
            fate = Fate.BROKEN if fate is Fate.SURVIVED else Fate.SURVIVED
        elif fate is Fate.BROKEN:
            jobs.appendleft(replace(done.job, replaced=None))
            return
        if fate is Fate.SURVIVED and later[name]:
            jobs.appendleft(later[name].popleft())
            return
        judged.append(Judged(mutant=named[name], fate=fate, by=done.failed[0] if done.failed else ""))
        fates = Counter(one.fate for one in judged)
        mutant = named[name]
        print(
            f"{len(judged)}/{len(mutants)} {fate}: {mutant.place} {mutant.edit.operator} {done.took_s:.1f} s",
            flush=True,
        )
        if len(judged) % 25 == 0:
            print("  so far:", ", ".join(f"{count} {one}" for one, count in fates.items()), flush=True)

    run(jobs, at_once, take)
    return sorted(judged, key=lambda one: (one.mutant.path, one.mutant.edit.start))


def fate_of(done: Done) -> Fate:
    """The fate that follows from the end of a fork."""
    if done.timed_out:
        return Fate.TIMED_OUT
    if done.failed:
        return Fate.KILLED
    return Fate.SURVIVED if done.code == 0 else Fate.BROKEN


def _rounds(mutant: Mutant, selection: Selection) -> list[Round]:
    """The rounds of tests for a mutant. Most fail in the first; one that survives it is also judged by the slow tests."""
    quick = selection.of(mutant.path, mutant.edit.lines)
    slow = selection.of(mutant.path, mutant.edit.lines, SLOW_FOR_QUICK * selection.max_s)[len(quick) :]
    return selection.rounds(quick) + selection.rounds(slow)


def _job(name: str, mutant: Mutant, chosen: Round, selection: Selection) -> Job:
    files, tests = chosen
    return Job(
        name=name,
        files=files,
        tests=tests,
        replaced=(mutant.path, mutant.source),
        limit_s=limit_s(selection, tests),
    )
