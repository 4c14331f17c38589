"""What a venue declares without code stands in the TOML file beside its own, and is as good as if it were written there."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes import dialect as d
from probes import venues
from probes.dialect.beside import facts_beside
from probes.readings import Refusal
from probes.venue import Budget, Feed
from tests.probes.cases import files_of

FOLDER = Path(venues.__file__).parent
FACTS = """
title = "One"
docs = "https://one.example/docs"

[hosts]
rest = "https://one.example"

[[budgets]]
name = "ip"
limit = 10
window_s = 1
each = true

[[budgets]]
name = "data"
limit = 5
window_s = 60
hosts = ["rest", "data"]
within = "ip"
ban_s = 600

[none]
"nobody is liquidated" = ["liquidation"]

[codes]
throttled = "429 10..20"
bad_request = ["INVALID_*", "Json Parse Error"]
"""


def written(folder: Path, text: str) -> str:
    (folder / "one.toml").write_text(text)
    return str(folder / "one.py")


def test_a_venue_is_made_of_its_functions_and_the_facts_beside_it(tmp_path: Path) -> None:
    check = d.check("server_time", "/time", d.Rows(says=(d.ServerTimes(at=d.Stamp("t")),)), 5)
    feed = Feed(name="book_ws", host="ws", read=lambda _raw, _context: (), subscribe=lambda _i, _n: (), docs="its own")
    made = d.venue(written(tmp_path, FACTS), [check], [feed], symbols=lambda asset: {})
    assert (made.id, made.title, made.hosts) == ("one", "One", {"rest": "https://one.example"})
    assert made.budgets == (
        Budget(name="ip", limit=10, window_s=1, each=True),
        Budget(name="data", limit=5, window_s=60, hosts=("rest", "data"), within="ip", ban_s=600),
    )
    assert (made.none, made.not_yet) == ({"nobody is liquidated": ("liquidation",)}, {})
    assert [one.docs for one in made.checks] == ["https://one.example/docs"]
    assert [one.docs for one in made.feeds] == ["its own"]


def test_the_codes_are_those_of_the_table_by_the_words_of_the_kinds(tmp_path: Path) -> None:
    assert d.codes_beside(written(tmp_path, FACTS)) == {
        "429": Refusal.THROTTLED,
        "10..20": Refusal.THROTTLED,
        "INVALID_*": Refusal.BAD_REQUEST,
        "Json Parse Error": Refusal.BAD_REQUEST,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        'titel = "One"\n' + FACTS,
        FACTS.replace("throttled", "throtled"),
        FACTS.replace("limit = 10", 'limit = "10"'),
        FACTS.replace('title = "One"', ""),
        "title = ",
    ],
)
def test_a_file_that_says_anything_else_stops_the_venue_and_is_no_silent_gap(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        facts_beside(written(tmp_path, wrong))


def test_every_file_of_facts_is_beside_a_venue_that_reads_it() -> None:
    beside = {one.stem for one in FOLDER.glob("*.toml")}
    reading = {name for name in venues.NAMES if any("__file__" in one.read_text() for one in files_of(name))}
    assert beside == reading
