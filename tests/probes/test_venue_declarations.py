"""What the declarations of every venue must say, found by the folder: no list of venues is kept here."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.venue_skeleton import MARK
from probes import venues
from probes.dialect.capabilities import CAPABILITIES, Reach, Source, reach, sample_of, sources
from probes.readings import Market
from probes.venue import Venue
from tests.probes.cases import ROOT, Case, files_of, found, listed

FOLDER = Path(venues.__file__).parent
CASES = found()
MAX_LINES = 200


@pytest.mark.parametrize("name", venues.NAMES)
def test_nothing_of_a_new_venue_is_left_to_fill_in(name: str) -> None:
    files = [*files_of(name), *sorted(one for one in (ROOT / name).rglob("*") if one.is_file())]
    left = [
        f"{file.relative_to(ROOT if file.is_relative_to(ROOT) else FOLDER)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if MARK in line
    ]
    assert left == []


@pytest.mark.parametrize("name", venues.NAMES)
def test_a_venue_file_has_at_most_two_hundred_lines_and_a_venue_has_two_only_if_one_were_longer(name: str) -> None:
    lines = {one.name: len(one.read_text().splitlines()) for one in files_of(name)}
    assert {file: count for file, count in lines.items() if count > MAX_LINES} == {}
    assert len(lines) == 1 or (len(lines) == 2 and sum(lines.values()) > MAX_LINES)


def test_no_file_among_the_venues_belongs_to_none() -> None:
    assert {one for name in venues.NAMES for one in files_of(name)} == {
        one for one in FOLDER.rglob("*.py") if one != FOLDER / "__init__.py"
    }


@pytest.mark.parametrize("name", venues.NAMES)
def test_each_capability_of_a_venue_is_read_or_declared_as_not_offered_or_not_read_yet(name: str) -> None:
    far = reach(venues.declared(name))
    assert [one for one, how in far.items() if how is Reach.MISSING] == []


@pytest.mark.parametrize("name", venues.NAMES)
def test_what_is_declared_as_absent_is_a_capability_that_is_not_read_declared_once_with_a_reason(name: str) -> None:
    venue = venues.declared(name)
    absent = [one for declared in (venue.none, venue.not_yet) for names in declared.values() for one in names]
    assert set(absent) <= CAPABILITIES.keys() - sources(venue).keys()
    assert len(absent) == len(set(absent))
    for reason in (*venue.none, *venue.not_yet):
        assert 2 <= len(reason.split()) <= 12, reason


def claiming(venue: Venue, source: Source) -> bool:
    """Whether a source is a check, or a feed that names its channels: others have one reader for all that a socket sends."""
    feeds = [one for one in venue.feeds if one.name == source.name]
    return not feeds or any(one.topics([sample_of(venue, one.market)]) for one in feeds)


GIVEN = [
    (name, capability, one.name)
    for name in venues.NAMES
    for capability, giving in sources(venues.declared(name)).items()
    for one in giving
    if claiming(venues.declared(name), one)
]


@pytest.mark.parametrize(("name", "capability", "source"), GIVEN, ids=["/".join(one) for one in GIVEN])
def test_each_capability_that_a_check_or_feed_gives_has_a_documented_case_there(
    name: str, capability: str, source: str
) -> None:
    assert shown(name, capability, {source}), f"no documented case of tests/probes/venues/{name}/{source} has it"


@pytest.mark.parametrize("name", venues.NAMES)
def test_each_capability_that_is_read_has_a_documented_case(name: str) -> None:
    for capability, giving in sources(venues.declared(name)).items():
        assert shown(name, capability, {one.name for one in giving}), capability


def shown(name: str, capability: str, subjects: set[str]) -> bool:
    """Whether a documented case of these checks and feeds reads as what the capability is."""
    kinds = {one.__name__ for one in CAPABILITIES[capability].means}
    return any(
        isinstance(word, dict) and word["is"] in kinds and of_the_market(capability, one, word)
        for one in CASES
        if one.venue == name and one.subject in subjects and one.source["grade"] == "documented"
        for word in one.expected
    )


def of_the_market(capability: str, case: Case, word: dict[str, str]) -> bool:
    """Whether a book or volume is of the market that the capability is about; others may be of any."""
    wanted = {"book_ws": False, "book_ws_spot": True, "volume": False, "volume_spot": True}.get(capability)
    markets = {one.symbol: one.market for one in listed(case.venue)}
    market = markets.get(word.get("instrument", ""))
    return wanted is None or market is None or (market is Market.SPOT) == wanted
