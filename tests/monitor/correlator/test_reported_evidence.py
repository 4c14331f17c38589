"""A change reports evidence of every leg, however much of one leg there is."""

from __future__ import annotations

from collections import Counter

from monitor.correlator.change_writer import MAX_REPORTED, OF_EACH_LEG
from monitor.incidents import Leg
from tests.monitor.correlator.assessors import Assessors


def reported(counts: dict[Leg, int]) -> Counter[Leg]:
    made = Assessors("ab")
    for leg, count in counts.items():
        for number in range(count):
            made.own(leg, weight=2.0, name=f"n{number:02}")
    return Counter(one.leg for one in made.change_writer._evidence_of("BTC", made.now_s))


def test_sixty_findings_of_one_leg_cut_away_none_of_another() -> None:
    found = reported({Leg.LIQUIDATION: 60, Leg.VENUE: 2, Leg.MIGRATION: 1, Leg.FRAGILITY: 9})
    assert (found[Leg.VENUE], found[Leg.MIGRATION]) == (2, 1)
    assert found[Leg.FRAGILITY] >= OF_EACH_LEG
    assert found.total() == MAX_REPORTED


def test_what_one_leg_does_not_need_goes_to_the_others() -> None:
    assert reported({Leg.LIQUIDATION: 60, Leg.MIGRATION: 1}) == {Leg.LIQUIDATION: MAX_REPORTED - 1, Leg.MIGRATION: 1}
