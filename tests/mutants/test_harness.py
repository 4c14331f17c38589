"""Tests of the mutation harness: the spread of the sample, the selection of tests, accepted survivors, the feature table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import features_of
from tests.mutants.feature import Feature
from tests.mutants.features import without
from tests.mutants.forks import Done, Job
from tests.mutants.judging import Fate, Judged, fate_of
from tests.mutants.operators import difference, edits
from tests.mutants.report import Accepted, accepted
from tests.mutants.sampling import Mutant, all_within, sample, spread
from tests.mutants.selection import Selection
from tests.mutants.targets import dotted, modules

JOB = Job(name="1", files=("tests/test_a.py",))


def test_the_sample_is_spread_by_size_and_has_the_requested_total() -> None:
    assert spread({"a": 10, "b": 30, "c": 60}, 10) == {"a": 1, "b": 3, "c": 6}
    assert spread({"a": 1, "b": 1, "c": 1}, 10) == {"a": 4, "b": 3, "c": 3}


def test_the_same_seed_gives_the_same_mutants_and_another_seed_gives_others() -> None:
    first, again, other = (sample(seed, 12, ("monitor/detect/*",)) for seed in (1, 1, 2))
    assert len(first) == 12
    assert first == again
    assert first != other


def test_a_glob_that_names_no_target_is_an_error() -> None:
    with pytest.raises(SystemExit, match="no module"):
        sample(1, 10, ("monitor/cli/*",))


def test_the_tests_that_run_a_line_judge_it_and_those_that_failed_do_not() -> None:
    selection = Selection()
    lines = {
        "": {"m.py": [1]},
        "tests/test_a.py::one": {"m.py": [3, 4]},
        "tests/test_a.py::two": {"m.py": [4]},
        "tests/test_a.py::bad": {"m.py": [4]},
    }
    seconds = {"tests/test_a.py::one": 2.0, "tests/test_a.py::two": 1.0, "tests/test_a.py::bad": 0.1}
    failed = ("tests/test_a.py::bad",)
    selection.add("tests/test_a.py", Done(job=JOB, code=1, failed=failed, seconds=seconds, lines=lines))
    assert selection.of("m.py", (3, 3)) == ["tests/test_a.py::one"]
    assert selection.of("m.py", (4, 4)) == ["tests/test_a.py::two", "tests/test_a.py::one"]
    assert selection.of("m.py", (4, 4), max_s=1.5) == ["tests/test_a.py::two"]
    assert selection.of("m.py", (1, 1)) == ["tests/test_a.py::two", "tests/test_a.py::one"]
    assert selection.of("m.py", (9, 9)) == []


def test_a_time_out_a_failure_and_a_module_that_cannot_be_imported_count_as_killed() -> None:
    assert fate_of(Done(job=JOB, code=None, timed_out=True)) is Fate.TIMED_OUT
    assert fate_of(Done(job=JOB, code=1, failed=("tests/test_a.py::one",))) is Fate.KILLED
    assert fate_of(Done(job=JOB, code=2)) is Fate.BROKEN
    assert fate_of(Done(job=JOB, code=0)) is Fate.SURVIVED


def _judged(source: str) -> Judged:
    edit = edits(source)[0]
    after = edit.applied(source)
    assert after is not None
    mutant = Mutant(path="probes/book.py", room="feeds", edit=edit, source=after, difference=difference(source, after))
    return Judged(mutant=mutant, fate=Fate.SURVIVED)


def test_an_accepted_survivor_is_recognised_by_its_text_on_any_line() -> None:
    entry = Accepted("probes.book", "f", "return a <= b", "both mean the same here")
    source = "def f(a, b):\n    return a < b\n"
    assert edits(source)[0].operator == "return none"
    judged = Judged(mutant=_compared(source), fate=Fate.SURVIVED)
    moved = Judged(mutant=_compared("\n\n" + source), fate=Fate.SURVIVED)
    assert entry.is_for(judged)
    assert entry.is_for(moved)
    assert not entry.is_for(_judged(source))


def _compared(source: str) -> Mutant:
    edit = next(one for one in edits(source) if one.text == "a <= b")
    after = edit.applied(source)
    assert after is not None
    return Mutant(path="probes/book.py", room="feeds", edit=edit, source=after, difference=difference(source, after))


def test_an_accepted_survivor_needs_a_reason(tmp_path: Path) -> None:
    place = tmp_path / "accepted.toml"
    place.write_text('[[accepted]]\nmodule = "a"\nfunction = "f"\nmutated = "x"\nreason = "same"\n')
    with pytest.raises(SystemExit, match="a reason is a sentence"):
        accepted(place)


def test_every_accepted_survivor_can_still_be_made() -> None:
    paths = {dotted(path): path for path in modules()}
    entries = accepted()
    for module in {entry.module for entry in entries}:
        mine = [one for one in entries if one.module == module]
        functions = {one.function for one in mine}
        of_them = all_within(paths[module], functions)
        made = {(one.module, one.edit.function, one.mutated()) for one in of_them}
        for entry in mine:
            assert (entry.module, entry.function, entry.mutated) in made, entry


@pytest.mark.parametrize("feature", features_of.every(), ids=lambda one: one.name)
def test_every_feature_is_where_the_table_says(feature: Feature) -> None:
    assert without(feature).source


def test_a_feature_that_moved_is_an_error() -> None:
    with pytest.raises(LookupError, match="has no nothing"):
        without(Feature("gone", "probes.rest.budget", "nothing", "pass"))
    with pytest.raises(LookupError, match="0 times, not once"):
        without(Feature("gone", "probes.rest.budget", "Budgets.allows", swaps=(("not there", "x"),)))
