"""Tests of the kinds of case: each makes cases whose truth fits what happens in them, for one venue and for many."""

from __future__ import annotations

from random import Random

import pytest

from monitor.drill.score.campaign import VENUES
from monitor.drill.score.case import KINDS, Case
from monitor.drill.score.simulation import Simulation
from monitor.drill.score.truth import SETTLE_S
from monitor.drill.score.worlds import VARIANTS, world_of
from monitor.incidents import LEGS, Level

STORMS = ("blind_leg_storm", "feeds_die_at_peak", "full_storm", "slow_storm")


def cases(kind: str) -> list[Case]:
    return [
        KINDS.get(kind).make(world_of(venues, variant), Random(f"{kind}/{venues}/{variant}"))
        for venues in VENUES
        for variant in range(VARIANTS)
    ]


def test_there_are_sixteen_kinds_or_more() -> None:
    assert len(KINDS.names()) >= 16


@pytest.mark.parametrize("kind", KINDS.names())
def test_what_is_true_happens_within_the_case_and_leaves_time_to_find_it(kind: str) -> None:
    for case in cases(kind):
        for leg in case.truth.legs:
            assert 0 < leg.onset_s < case.length_s
        assert all(stage.from_s < case.length_s for stage in case.stages)
        assert all(fact.at_s < case.length_s for fact in case.chain)
        assert case.stages or case.chain


@pytest.mark.parametrize("kind", KINDS.names())
def test_a_storm_is_true_where_all_three_legs_meet_and_nowhere_else(kind: str) -> None:
    for case in cases(kind):
        storm = case.truth.storm
        assert (storm is not None) is (kind in STORMS)
        if storm is not None:
            assert {one.leg for one in case.truth.legs} == set(LEGS)
            assert storm.end_s - storm.onset_s >= 200
            assert storm.end_s + SETTLE_S <= case.length_s + SETTLE_S


@pytest.mark.parametrize("kind", KINDS.names())
def test_the_venues_at_fault_are_venues_of_the_world(kind: str) -> None:
    for venues in VENUES:
        world = world_of(venues, 1)
        case = KINDS.get(kind).make(world, Random("venues"))
        assert {one.venue for one in case.truth.venues} <= set(world.names)


@pytest.mark.parametrize("kind", KINDS.names())
def test_a_kind_makes_the_same_case_of_the_same_numbers_and_its_twin_is_calm(kind: str) -> None:
    world = world_of(4, 2)
    case = KINDS.get(kind).make(world, Random("same"))

    assert KINDS.get(kind).make(world, Random("same")) == case
    twin = case.twin()
    assert (twin.length_s, twin.truth.level, twin.stages, twin.chain) == (case.length_s, Level.CALM, (), ())


@pytest.mark.parametrize("kind", KINDS.names())
def test_each_kind_can_be_simulated_from_its_begin_past_its_onset(kind: str) -> None:
    world = world_of(1, 1)
    case = KINDS.get(kind).make(world, Random("short"))
    quiet = case.twin()

    def first(some: Case) -> list[tuple[object, ...]]:
        steps = Simulation(world, some, "1").steps()
        taken = (next(steps) for _ in range(4 * 700))
        return [(one.kind, one.received_at, one.value) for _, signals in taken for one in signals]

    assert first(case) != first(quiet)


def test_one_venue_of_many_that_is_down_is_no_leg_of_the_asset() -> None:
    make = KINDS.get("outage").make

    assert not make(world_of(14, 0), Random("a")).truth.legs
    assert not make(world_of(4, 0), Random("a")).truth.legs
    assert [one.leg.value for one in make(world_of(1, 0), Random("a")).truth.legs] == ["venue"]
