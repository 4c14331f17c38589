"""Tests of the marks of one case: what is found, how late, and what is a false alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.drill.score.marks import flaps, judge
from monitor.drill.score.truth import LegTruth, Spell, Truth, VenueTruth
from monitor.incidents import Fault, Leg, Level
from tests.monitor.drill.score.said import ASSET, told, trial
from tests.monitor.drill.score.test_truth import STORM


def test_a_storm_is_found_from_the_first_change_of_its_level() -> None:
    said = trial(
        told(105, "opened", Level.WATCH), told(204, "raised", Level.SQUALL), told(312, "raised", Level.PERFECT_STORM)
    )

    marks = judge(said, STORM, ASSET)

    assert (marks.storms, marks.storm_delay_s) == (1, 12)
    assert (marks.right_storms, marks.wrong_storms) == (1, 0)
    assert not any(marks.false.values())
    assert marks.level_reached == "perfect-storm"


def test_a_storm_that_is_told_before_its_last_leg_is_wrong() -> None:
    marks = judge(trial(told(150, "opened", Level.PERFECT_STORM)), STORM, ASSET)

    assert marks.storm_delay_s is None
    assert (marks.right_storms, marks.wrong_storms) == (0, 1)
    assert marks.false == {"watch": 0, "squall": 0, "storm-suspected": 0, "perfect-storm": 1}
    assert marks.false_pages == 1


def test_a_storm_that_is_told_long_after_its_end_is_not_found() -> None:
    marks = judge(trial(told(100, "opened", Level.WATCH), told(970, "raised", Level.PERFECT_STORM)), STORM, ASSET)

    assert marks.storm_delay_s is None


def test_a_storm_is_held_while_its_incident_stands_at_the_right_level() -> None:
    said = trial(
        told(290, "opened", Level.PERFECT_STORM),
        told(350, "lowered", Level.SQUALL),
        told(800, "raised", Level.PERFECT_STORM),
    )

    marks = judge(said, STORM, ASSET)

    assert (marks.storm_s, marks.storm_held_s) == (600, 150), "from 300 to 350, and from 800 to 900"
    assert judge(said, Truth(), ASSET).storm_held_s == 0


def test_a_suspicion_that_comes_before_the_last_leg_is_found_at_once() -> None:
    legs = (*STORM.legs[:2], LegTruth(leg=Leg.MIGRATION, onset_s=300, end_s=5000, blind=True))
    blind = Truth(level=Level.STORM_SUSPECTED, legs=legs)

    marks = judge(trial(told(220, "opened", Level.STORM_SUSPECTED)), blind, ASSET)

    assert marks.storm_delay_s == 0
    assert [leg for leg, _ in marks.leg_delays] == ["liquidation", "venue"], "nobody can find a blind leg"


def test_a_false_alarm_counts_once_at_its_highest_wrong_level() -> None:
    said = trial(
        told(10, "opened", Level.WATCH),
        told(20, "raised", Level.SQUALL),
        told(30, "lowered", Level.WATCH),
        told(50, "opened", Level.WATCH, incident="two"),
    )

    marks = judge(said, Truth(), ASSET)

    assert marks.false == {"watch": 1, "squall": 1, "storm-suspected": 0, "perfect-storm": 0}
    assert marks.incidents == 2


def test_what_is_lowered_is_no_new_alarm() -> None:
    leg = Truth(level=Level.WATCH, legs=(LegTruth(leg=Leg.VENUE, onset_s=0, end_s=50),))
    said = trial(told(10, "opened", Level.WATCH), told(5000, "lowered", Level.WATCH))

    assert not any(judge(said, leg, ASSET).false.values())


def test_the_delay_of_a_leg_counts_from_its_own_onset_to_when_it_was_said() -> None:
    said = trial(seconds=range(400), true={Leg.VENUE: range(210, 400), Leg.LIQUIDATION: range(50, 300)})

    delays = dict(judge(said, STORM, ASSET).leg_delays)

    assert delays == {"liquidation": 0.5, "venue": 10.5, "migration": None}


def test_a_leg_is_not_found_by_what_was_said_before_it() -> None:
    said = trial(seconds=range(400), true={Leg.VENUE: range(100, 150)})

    assert dict(judge(said, STORM, ASSET).leg_delays)["venue"] is None


def test_venues_are_found_by_their_own_incidents_and_others_are_false() -> None:
    truth = Truth(
        level=Level.WATCH,
        venues=(VenueTruth(venue="okx", onset_s=10, end_s=90), VenueTruth(venue="gate", onset_s=10, end_s=90)),
    )
    said = trial(
        told(20, "opened", Level.WATCH, incident="v1", scope="venue:okx"),
        told(30, "opened", Level.WATCH, incident="v2", scope="venue:bybit"),
        told(5000, "opened", Level.WATCH, incident="v3", scope="venue:gate"),
    )

    marks = judge(said, truth, ASSET)

    assert (marks.venue_faults, marks.venue_faults_found, marks.false_venues) == (2, 1, 2)


def test_a_venue_is_also_found_by_a_finding_in_the_assets_incident() -> None:
    truth = Truth(level=Level.WATCH, venues=(VenueTruth(venue="okx", onset_s=10, end_s=90),))
    blames = replace(told(20, "opened", Level.WATCH), venues=frozenset({"okx", "gate"}))

    marks = judge(trial(blames), truth, ASSET)

    assert (marks.venue_faults_found, marks.false_venues) == (1, 0)


def test_seconds_without_sight_are_calibrated_apart() -> None:
    truth = Truth(blind=(Spell(onset_s=10, end_s=90),))

    marks = judge(trial(seconds=range(100), p=0.4), truth, ASSET)

    assert (marks.calibration.seconds, marks.calibration_seen.seconds) == (100, 20)


@pytest.mark.parametrize(("fault", "right"), [(Fault.LOCAL, True), (Fault.VENUE, False)])
def test_the_fault_is_right_if_a_change_names_one_of_those_allowed(fault: Fault, right: bool) -> None:
    truth = Truth(faults=("local",))

    assert judge(trial(told(5, "opened", Level.WATCH, fault=fault)), truth, ASSET).fault_right is right


def test_where_nobody_is_at_fault_no_name_is_judged() -> None:
    assert judge(trial(), Truth(), ASSET).fault_right is None


def test_an_end_while_blind_is_counted_and_an_unknown_end_is_not() -> None:
    truth = Truth(blind=(Spell(onset_s=100, end_s=200),))
    said = trial(
        told(10, "opened", Level.WATCH), told(150, "ended", Level.CALM), told(160, "opened", Level.WATCH, incident="b"),
        told(170, "ended_unknown", Level.CALM, incident="b"), told(250, "ended", Level.CALM, incident="c"),
    )  # fmt: skip

    assert judge(said, truth, ASSET).resolved_blind == 1


def test_what_was_said_of_the_warm_past_does_not_count() -> None:
    said = trial(told(10, "opened", Level.WATCH), seconds=range(100))

    marks = judge(said, Truth(), ASSET, since_s=50)

    assert (marks.incidents, marks.seconds) == (0, 50)


def test_each_second_is_calibrated_but_for_those_right_after_a_storm() -> None:
    marks = judge(trial(seconds=range(1000), p=0.4), STORM, ASSET)

    assert marks.calibration.seconds == 900, "the storm ends at 900, and 300 s behind it are not counted"
    assert marks.calibration.bins[4].true == 600


def test_one_rise_and_one_fall_are_no_flap() -> None:
    assert (
        flaps([told(0, "opened", Level.WATCH), told(1, "raised", Level.SQUALL), told(2, "lowered", Level.WATCH)]) == 0
    )


def test_each_further_turn_is_a_flap() -> None:
    kinds = ("opened", "raised", "updated", "raised", "lowered", "raised", "lowered", "lowered", "raised")

    assert flaps([told(at, kind, Level.WATCH) for at, kind in enumerate(kinds)]) == 3
