"""Tests of runs over seeds: what a seed chooses, that it gives the same marks alone, what a part left out changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

from monitor.correlator import CorrelatorSettings
from monitor.correlator.parts import Part
from monitor.drill.score.campaign import (
    FIRST_JUDGED,
    FIRST_TRAINING,
    MAX_SEEDS,
    Order,
    Result,
    case_of,
    chosen,
    parameters,
    results,
    saved,
    trial_of,
    truth_text,
    warm_past,
)
from monitor.drill.score.case import KINDS
from monitor.drill.score.marks import judge
from monitor.drill.score.recordings import judged, marked, read_truth
from monitor.drill.score.worlds import ASSET
from monitor.incidents import LEVEL_NAMES, Level

SHORT = Order(venues=(1,), warm_s=400.0)


def seed_of(kind: str, number: int = 0) -> int:
    return FIRST_JUDGED - FIRST_JUDGED % 16 + 16 * (1 + number) + KINDS.names().index(kind)


@cache
def result_of(kind: str, *without: Part) -> Result:
    """The result of one seed of a kind, made once for all tests."""
    return trial_of(seed_of(kind), replace(SHORT, without=frozenset(without)))


def test_training_and_judged_seeds_never_meet() -> None:
    assert FIRST_TRAINING + MAX_SEEDS - 1 < FIRST_JUDGED


def test_any_run_of_seeds_has_each_kind_and_size_alike() -> None:
    kinds, sizes = KINDS.names(), (1, 4, 14)
    runs = [chosen(seed, kinds, sizes) for seed in range(FIRST_JUDGED, FIRST_JUDGED + 3 * len(kinds))]

    counts = Counter((kind, len(world.venues)) for kind, world in runs)

    assert set(counts.values()) == {1}


def test_a_throttled_kind_gets_a_world_with_throttled_feeds() -> None:
    worlds = [chosen(seed_of("throttled_cascade", number), KINDS.names(), (4,))[1] for number in range(8)]

    assert all(one.throttled for one in worlds)


def test_one_seed_gives_the_same_marks_on_another_core() -> None:
    seed = seed_of("upgrade")

    alone = result_of("upgrade")
    (other,) = results([seed], replace(SHORT, jobs=2))

    assert (alone.event, alone.quiet) == (other.event, other.quiet)


def test_an_upgrade_is_always_found_and_mostly_as_a_watch_with_a_calm_twin() -> None:
    found = [trial_of(seed_of("upgrade", number), SHORT) for number in range(5)]

    assert all(dict(one.event.leg_delays)["migration"] is not None for one in found)
    right = [one.event.level_reached == LEVEL_NAMES[Level.WATCH] for one in found]
    calm = [one.quiet.level_reached == LEVEL_NAMES[Level.CALM] for one in found]
    assert (right.count(True) >= 4, calm.count(True) >= 4) == (True, True)


def test_without_attribution_our_own_network_is_not_named() -> None:
    whole, without = result_of("own_network_down"), result_of("own_network_down", Part.ATTRIBUTION)

    assert whole.event.fault_right is True
    assert without.event.fault_right is False


def test_without_coverage_an_outage_is_stated_with_another_confidence() -> None:
    whole, without = result_of("outage"), result_of("outage", Part.COVERAGE)

    assert whole.event.calibration != without.event.calibration


def test_other_settings_have_another_hash() -> None:
    assert parameters(CorrelatorSettings()) == parameters(CorrelatorSettings())
    assert parameters(CorrelatorSettings()) != parameters(CorrelatorSettings(prior=0.002))


def test_a_seed_that_is_saved_is_judged_the_same_from_its_recording(tmp_path: Path) -> None:
    seed = seed_of("upgrade")
    path = tmp_path / "case.jsonl.gz"

    beside = saved(seed, SHORT, path)
    truths = read_truth(beside)
    _, world = chosen(seed, KINDS.names(), SHORT.venues)
    trial = judged(path)
    marks = judge(trial, truths[ASSET], ASSET, warm_past(world, SHORT).end_s)
    live = result_of("upgrade").event

    assert marks.level_reached == live.level_reached
    assert marks.false == live.false
    assert marked(trial, truths)[ASSET].leg_delays[0][1] is not None


def test_a_truth_is_written_as_it_is_read(tmp_path: Path) -> None:
    _, world = chosen(seed_of("blind_leg_storm"), KINDS.names(), (4,))
    truth = case_of(seed_of("blind_leg_storm"), "blind_leg_storm", world).truth.moved(world.start_s)
    path = tmp_path / "truth.toml"
    path.write_text(truth_text(ASSET, truth))

    read = read_truth(path)[ASSET]

    assert read.level is truth.level
    assert [(one.leg, one.blind) for one in read.legs] == [(one.leg, one.blind) for one in truth.legs]
    assert all(abs(one.onset_s - other.onset_s) < 1e-3 for one, other in zip(read.legs, truth.legs, strict=True))
    assert len(read.venues) == len(truth.venues)
    assert len(read.blind) == 1
