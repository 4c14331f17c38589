"""A hundred thousand made messages, over all venues: none raises, and nothing that cannot be true is admitted.

`python -m tests.fuzz` runs as many as there is time for; here the fixtures alone are changed, by seeds that stay the same.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from probes import venues
from probes.dialect import decode
from probes.readings import ServiceState, ServiceStatus
from probes.venue import Context
from tests.fuzz.making import Maker
from tests.fuzz.minimal import as_test, fails, minimised, read_back, stored
from tests.fuzz.search import search
from tests.fuzz.seeds import Seeds, seeds_of
from tests.fuzz.surfaces import Case

LONG_TITLE = "ServiceStatus.title: a text of more than # characters"
COUNT = 100_000 // len(venues.NAMES) + 1


@pytest.mark.thorough
@pytest.mark.parametrize("name", venues.NAMES)
def test_no_made_message_of_a_venue_raises_or_is_admitted_as_nonsense(name: str) -> None:
    outcome = search(seeds_of(name, recordings=False), COUNT, 1, arcs=False)
    assert [why for _, why in outcome.faults.values()] == []
    assert outcome.cases == COUNT
    assert outcome.admitting > COUNT / 10, "a search whose messages are all refused at once proves nothing"


def test_a_search_counts_each_answer_and_frame_that_it_sends() -> None:
    seeds = seeds_of("coinbase", recordings=False)
    sent = [one for _, one in zip(range(60), Maker(seeds, Random("coinbase 7")).cases(), strict=False)]
    outcome = search(seeds, 20, 7, arcs=False)
    assert (outcome.cases, outcome.bodies > 20) == (20, True)
    assert outcome.bodies <= 20 * max(len(one.parts) for one in sent)


def planted(read: Any) -> Seeds:
    """Gate's messages, of which those of funding are read by this reader."""
    seeds = seeds_of("gate", recordings=False)
    answers = [
        replace(one, check=replace(one.check, read=read))
        for one in seeds.answers
        if one.check is not None and one.subject == "funding"
    ]
    assert answers
    return replace(seeds, answers=tuple(answers), frames={})


def raises_for_a_null(body: bytes, context: Context) -> list[Any]:
    rows = decode.Decoder(Any).decode(body)
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and None in rows[0].values():
        raise KeyError("null")
    return []


def says_all_that_it_hears(body: bytes, context: Context) -> list[Any]:
    title = body.decode(errors="replace") * 100
    return [
        ServiceStatus(venue=context.venue, received_at=context.received_at, state=ServiceState.DEGRADED, title=title)
    ]


def first_fault(seeds: Seeds) -> tuple[str, Case]:
    outcome = search(seeds, 5_000, 1)
    assert outcome.faults, "the planted fault is not found"
    kind, (case, _) = next(iter(outcome.faults.items()))
    return kind, case


def test_a_reader_that_raises_for_one_field_is_found_and_its_message_made_small(tmp_path: Path) -> None:
    seeds = planted(raises_for_a_null)
    kind, case = first_fault(seeds)
    assert kind.startswith("KeyError in ")
    small = minimised(case, seeds)
    (part,) = small.parts
    assert len(part.body) <= min(30, len(case.parts[0].body))
    assert read_back(stored(small, tmp_path).read_bytes()) == small
    assert fails(small, seeds) == kind
    assert fails(small, seeds_of("gate", recordings=False)) is None
    compile(as_test(small, kind), "printed", "exec")


def test_a_reading_that_passes_the_gate_against_the_bounds_is_found() -> None:
    kind, _ = first_fault(planted(says_all_that_it_hears))
    assert kind == LONG_TITLE


def test_a_seed_gives_the_same_messages_again_and_another_seed_gives_others() -> None:
    seeds = seeds_of("deribit", recordings=False)
    first, again, other = (search(seeds, 300, seed, arcs=False) for seed in (1, 1, 2))
    assert (first.words, first.readings) == (again.words, again.readings)
    assert first.words != other.words


def test_messages_that_reach_something_new_are_changed_further() -> None:
    maker = Maker(seeds_of("deribit", recordings=False), Random(1))
    kept = next(one for one in maker.cases() if one.surface == "answer" and one.parts[0].body)
    maker.keep(kept)
    assert kept.parts[0].body in maker._kept[f"answer {kept.subject}"]
