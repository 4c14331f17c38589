"""Tests of what was true: which level is right at which time, and which seconds are a storm's."""

from __future__ import annotations

import pytest

from monitor.drill.score.truth import SETTLE_S, LegTruth, Spell, Truth, VenueTruth, overlap
from monitor.incidents import Leg, Level

STORM = Truth(
    level=Level.PERFECT_STORM,
    legs=(
        LegTruth(leg=Leg.LIQUIDATION, onset_s=100, end_s=1000),
        LegTruth(leg=Leg.VENUE, onset_s=200, end_s=900),
        LegTruth(leg=Leg.MIGRATION, onset_s=300, end_s=5000),
    ),
)


def test_a_span_holds_its_onset_and_not_its_end() -> None:
    spell = Spell(onset_s=10, end_s=20)

    assert [spell.covers(at) for at in (9.9, 10, 19.9, 20)] == [False, True, True, False]
    assert spell.covers(24, settle_s=5)


def test_a_span_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="at or after"):
        Spell(onset_s=2, end_s=1)


def test_a_storm_lasts_from_the_last_onset_to_the_first_end() -> None:
    assert STORM.storm == Spell(onset_s=300, end_s=900)


def test_spans_that_do_not_meet_have_nothing_in_common() -> None:
    assert overlap((Spell(onset_s=0, end_s=1), Spell(onset_s=2, end_s=3))) is None
    assert overlap(()) is None


def test_each_leg_that_is_on_allows_one_level_more() -> None:
    allowed = [STORM.allowed(at) for at in (50, 150, 250, 350)]

    assert allowed == [Level.CALM, Level.WATCH, Level.STORM_SUSPECTED, Level.PERFECT_STORM]


def test_two_legs_without_a_storm_are_a_squall() -> None:
    two = Truth(level=Level.SQUALL, legs=STORM.legs[:2])

    assert two.allowed(250) is Level.SQUALL


def test_a_level_stays_right_for_a_while_after_its_leg_has_ended() -> None:
    assert STORM.allowed(900 + SETTLE_S - 1) is Level.PERFECT_STORM
    assert STORM.allowed(900 + SETTLE_S + 1) is Level.STORM_SUSPECTED


def test_a_storm_with_a_blind_leg_can_only_be_suspected() -> None:
    legs = (*STORM.legs[:2], LegTruth(leg=Leg.MIGRATION, onset_s=300, end_s=5000, blind=True))
    blind = Truth(level=Level.STORM_SUSPECTED, legs=legs)

    assert blind.allowed(350) is Level.STORM_SUSPECTED
    assert blind.storm == Spell(onset_s=300, end_s=900)


def test_a_venue_at_fault_allows_a_watch_of_the_asset() -> None:
    truth = Truth(level=Level.WATCH, venues=(VenueTruth(venue="okx", onset_s=10, end_s=20),))

    assert truth.allowed(15) is Level.WATCH
    assert Truth(venues=truth.venues).allowed(15) is Level.CALM, "the highest right level is calm"


def test_the_seconds_right_after_a_storm_are_not_counted() -> None:
    assert [STORM.is_storm(at) for at in (250, 300, 899, 900, 900 + SETTLE_S)] == [False, True, True, None, False]


def test_a_calm_truth_has_no_storm() -> None:
    assert Truth().is_storm(1) is False
    assert Truth().storm is None


def test_a_truth_is_moved_with_all_its_times() -> None:
    truth = Truth(
        level=Level.WATCH,
        legs=(LegTruth(leg=Leg.VENUE, onset_s=1, end_s=2, blind=True),),
        venues=(VenueTruth(venue="okx", onset_s=3, end_s=4),),
        blind=(Spell(onset_s=5, end_s=6),),
    )

    moved = truth.moved(100)

    assert moved.legs == (LegTruth(leg=Leg.VENUE, onset_s=101, end_s=102, blind=True),)
    assert moved.venues == (VenueTruth(venue="okx", onset_s=103, end_s=104),)
    assert moved.blind == (Spell(onset_s=105, end_s=106),)


def test_a_leg_that_grows_is_not_wrong_before_its_onset_and_those_seconds_are_not_counted() -> None:
    growing = Truth(
        level=Level.PERFECT_STORM,
        legs=(*STORM.legs[:2], LegTruth(leg=Leg.MIGRATION, onset_s=600, end_s=5000, first_s=300)),
    )

    assert growing.allowed(310) is Level.PERFECT_STORM
    assert growing.storm == Spell(onset_s=600, end_s=900)
    assert [growing.is_storm(at) for at in (299, 310, 600)] == [False, None, True]
    assert growing.moved(100).legs[2].first_s == 400


def test_a_storm_whose_legs_never_meet_is_none() -> None:
    apart = Truth(
        level=Level.PERFECT_STORM,
        legs=(
            LegTruth(leg=Leg.VENUE, onset_s=0, end_s=10),
            LegTruth(leg=Leg.MIGRATION, onset_s=20, end_s=30, first_s=15),
        ),
    )

    assert apart.storm is None
    assert apart.is_storm(5) is False


def test_a_time_is_blind_while_sources_are_away() -> None:
    truth = Truth(blind=(Spell(onset_s=10, end_s=20),))

    assert [truth.is_blind(at) for at in (9, 10, 20)] == [False, True, False]
