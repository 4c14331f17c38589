"""Every fixture of tests/probes/venues decodes through its dialect to exactly the readings stored beside it."""

from __future__ import annotations

import pytest

from probes import venues
from tests.probes.cases import Case, decoded, found, title

CASES = found()


@pytest.mark.parametrize("case", CASES, ids=title)
def test_a_payload_gives_the_readings_stored_beside_it(case: Case) -> None:
    assert decoded(case) == case.expected


@pytest.mark.parametrize("case", CASES, ids=title)
def test_a_fixture_names_its_source(case: Case) -> None:
    assert case.source["page"].startswith("https://")
    assert case.source["grade"] in ("documented", "damaged")


@pytest.mark.parametrize("name", venues.NAMES)
def test_every_check_and_feed_of_a_venue_has_a_documented_and_a_damaged_fixture(name: str) -> None:
    venue = venues.declared(name)
    declared = {one.name for one in venue.checks} | {one.name for one in venue.feeds}
    for grade in ("documented", "damaged"):
        have = {one.subject for one in CASES if one.venue == name and one.source["grade"] == grade}
        assert declared - have == set(), grade


@pytest.mark.parametrize("name", venues.NAMES)
def test_every_requested_path_of_a_venue_has_a_fixture(name: str) -> None:
    venue = venues.declared(name)
    requested = {one.source.get("path") for one in CASES if one.venue == name}
    for check in venue.checks:
        instrument = next((one for one in CASES if one.venue == name and one.subject == check.name), None)
        assert instrument is not None, check.name
        assert check.call(instrument.instrument).subject in requested
