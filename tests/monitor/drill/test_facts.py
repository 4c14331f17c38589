"""Facts of a replay: each has a grade and a source, what nobody published is not played, and compressed time is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.drill.facts import Grade
from monitor.drill.scenario import load, names
from monitor.errors import OperatorError

REPLAY = """
name = "x"
title = "{title}"
length_s = "80s"
seed = 1
asset = "RIFT"
price = 2.5
compressed = {compressed}
[expect]
level = "watch"
[[stages]]
at_s = 0
title = "begin"
[[facts]]
{fact}
"""
FACT = 'when = "2025-04-13 18:00"\nsaid = "it fell"\ngrade = "B"\nsources = ["a page"]\nat_s = 20\n'


def written(folder: Path, fact: str = FACT, title: str = "x, compressed", compressed: str = "60") -> Path:
    path = folder / "scenario.toml"
    path.write_text(REPLAY.format(fact=fact, title=title, compressed=compressed), encoding="utf-8")
    return path


def test_a_fact_is_read_with_its_grade_sources_and_the_second_that_plays_it(tmp_path: Path) -> None:
    (fact,) = load(written(tmp_path)).facts
    assert (fact.when, fact.said, fact.grade) == ("2025-04-13 18:00", "it fell", Grade.B)
    assert (fact.sources, fact.at_s) == (("a page",), 20)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("2025-04-13 18:00", "on Sunday", "facts[0].when", "UTC"),
        ("it fell", " ", "facts[0].said", "sentence"),
        ('grade = "B"', 'grade = "D"', "facts[0].grade", "A, B, C, K"),
        ('sources = ["a page"]', "", "facts[0].sources", "page"),
        ('sources = ["a page"]', 'sources = [" "]', "facts[0].sources", "page"),
        ("at_s = 20", "at_s = 81", "facts[0].at_s", "from 0 to 80"),
        ('grade = "B"', 'grade = "K"', "facts[0].at_s", "not played"),
        ("said", "sayed", "facts[0].sayed", "said"),
    ],
)
def test_a_mistake_in_a_fact_names_its_key_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, key: str, words: str
) -> None:
    with pytest.raises(OperatorError) as caught:
        load(written(tmp_path, FACT.replace(old, new)))
    told = [caught.value, *getattr(caught.value, "others", ())]
    assert any(one.key == key and words in f"{one.allowed} {one.remedy}" for one in told), caught.value


def test_general_knowledge_may_stand_among_the_facts_without_a_source(tmp_path: Path) -> None:
    (fact,) = load(written(tmp_path, 'when = "2025-04-13"\nsaid = "a Sunday"\ngrade = "K"\n')).facts
    assert (fact.grade, fact.sources, fact.at_s) == (Grade.K, (), None)


def test_a_replay_in_compressed_time_says_so_in_its_title(tmp_path: Path) -> None:
    assert load(written(tmp_path)).compressed == 60
    assert load(written(tmp_path, title="x", compressed="1")).compressed == 1
    with pytest.raises(OperatorError, match="compressed"):
        load(written(tmp_path, title="x"))
    with pytest.raises(OperatorError, match="1 or more"):
        load(written(tmp_path, compressed="0.5"))


def test_every_shipped_replay_has_a_played_fact_for_each_thing_that_begins_or_says_what_it_assumed() -> None:
    for name in names():
        scenario = load(name)
        if not scenario.facts:
            continue
        begun = {stage.at_s for stage in scenario.stages if stage.at_s > 0 and stage.until_s is not None}
        played = {fact.at_s for fact in scenario.facts}
        assert begun <= played or scenario.assumed, name
        assert any(fact.at_s is not None for fact in scenario.facts), name
