"""Any series row by row: figures by hand, what counts as an alarm, when it ends, and that nothing looks ahead."""

from __future__ import annotations

import random
from math import exp, inf

import pytest

from monitor.detect.level_series import LevelSeries
from monitor.detect.past import Past
from monitor.detect.series import KINDS, Judged, SeriesJudge

T0 = 1_700_000_000.0


def past_of(*figures: float, capacity: int = 4096) -> Past:
    past = Past(capacity)
    for figure in figures:
        past.learn(figure)
    return past


def test_a_figure_within_the_past_is_as_rare_as_its_place() -> None:
    past = past_of(*range(1, 101))
    assert past.chance(50) == pytest.approx(52 / 101)  # 51 of 100 are as high
    assert past.chance(0) == 1.0


def test_beyond_the_upper_twentieth_the_tail_is_a_power_law_with_a_prior() -> None:
    past = past_of(*[1.0] * 95, *[2.0] * 5)  # five in the tail, no excess above the least of them
    # mean excess (0 + 5 x 0.25) / 10 = 1 / 8, so that twice 2 is (6 / 101) x 2^-8
    assert past.chance(4.0) == pytest.approx(6 / 101 / 2**8)


def test_without_a_past_nothing_is_rare_and_the_oldest_figures_are_forgotten() -> None:
    assert Past().chance(1e9) == 1.0
    past = past_of(9.0, 1.0, 1.0, capacity=2)
    assert past.chance(9.0) < past_of(9.0, 1.0, 1.0).chance(9.0)


def run(kind: str, values: list[float], every_s: float = 60.0, judge: SeriesJudge | None = None) -> list[Judged]:
    judge = judge or SeriesJudge(kind)
    return [judge.add(value, T0 + place * every_s) for place, value in enumerate(values)]


def begun(rows: list[Judged]) -> list[int]:
    return [place for place, row in enumerate(rows) if row.begins]


def noise(count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(100, 5) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_lies_between_0_and_1_and_depends_on_the_past_alone(kind: str) -> None:
    values = [*noise(300), *[400.0] * 20, -5.0, 0.0, 1e300, *noise(50, 2)]
    whole = run(kind, values)
    assert all(0 <= row.score <= 1 for row in whole)
    assert run(kind, values[:310]) == whole[:310]


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_that_never_changes_has_no_alarm_and_a_change_of_it_has_one(kind: str) -> None:
    rows = run(kind, [50.0] * 500 + [500.0] * 10)
    assert [place for place in begun(rows) if place < 500] == []
    first = begun(rows)[0]
    assert first <= 505
    assert rows[first].onset_s == T0 + 500 * 60
    assert rows[499].normal == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize("values", [[400.0], [100.0 + step for step in range(120)], [5.0] * 10])
def test_a_spike_a_ramp_and_a_fall_of_a_level_are_told(values: list[float]) -> None:
    rows = run("level", noise(1000) + values)
    assert any(place >= 1000 for place in begun(rows))
    assert max(row.score for row in rows[1000:]) > 0.5


def test_unrest_and_stillness_are_unusual_too() -> None:
    chance = random.Random(3)
    wild = [chance.gauss(100, 30) for _ in range(30)]
    assert any(row.score > 0.5 for row in run("level", noise(1000) + wild)[1000:])
    assert any(row.score > 0.5 for row in run("level", noise(1000) + [100.0] * 60)[1000:])


def test_a_day_without_its_usual_peak_is_unusual() -> None:
    def day(peak: float) -> list[float]:
        return [peak if 18 <= slot < 34 else 20.0 for slot in range(48)]

    chance = random.Random(4)
    values = [value + chance.gauss(0, 1) for _ in range(14) for value in day(80.0)] + [20.0] * 48
    series = LevelSeries()
    seen = [(series.add(value, T0 - T0 % 86400 + place * 1800.0), series.reason) for place, value in enumerate(values)]
    usual = min(rarity for rarity, _ in seen[7 * 48 : 14 * 48])
    missing = seen[14 * 48 + 18 : 14 * 48 + 34]
    assert min(missing) < (usual, "")
    assert "rhythm" in {reason for _, reason in missing}


def test_a_rhythm_of_the_week_counts_once_it_explains_more_than_that_of_the_day() -> None:
    chance = random.Random(5)
    values = [(20.0 if day % 7 in (5, 6) else 80.0) + chance.gauss(0, 1) for day in range(8 * 7) for _ in range(48)]
    series = LevelSeries()
    for place, value in enumerate(values):
        series.add(value, T0 - T0 % 86400 + place * 1800.0)
    assert series._rhythm.expects(T0 - T0 % 86400 + 56 * 86400.0) == pytest.approx(80, abs=2)
    assert series._rhythm.expects(T0 - T0 % 86400 + 61 * 86400.0) == pytest.approx(20, abs=2)


def test_a_surge_of_counts_is_told_with_its_onset_and_ends_with_it() -> None:
    chance = random.Random(6)

    def poisson(mean: float) -> float:
        limit, product, count = exp(-mean), chance.random(), 0
        while product > limit:
            product *= chance.random()
            count += 1
        return float(count)

    values = [poisson(2) for _ in range(1000)] + [poisson(20) for _ in range(20)] + [poisson(2) for _ in range(60)]
    rows = run("count", values)
    assert begun(rows) in ([1000], [1001], [1002])
    first = rows[begun(rows)[0]]
    assert abs(first.onset_s - (T0 + 1000 * 60)) <= 120
    assert first.normal == pytest.approx(2, rel=0.3)
    assert not rows[-1].alarm


def test_a_surge_of_counts_that_lasts_becomes_the_usual_rate() -> None:
    rows = run("count", [2.0] * 200 + [40.0] * 1500)
    assert begun(rows)
    assert rows[-1].normal == pytest.approx(40, rel=0.05)
    assert not rows[-1].alarm


def test_clusters_of_counts_are_learned() -> None:
    chance = random.Random(7)
    values: list[float] = []
    while len(values) < 6000:
        values += [chance.choice([5.0, 8.0])] * 4 if chance.random() < 0.02 else [float(chance.random() < 0.3)]
    rows = run("count", values)
    assert len([place for place in begun(rows) if place > 3000]) <= 3


def test_what_was_told_is_not_told_again_at_once_but_something_greater_is() -> None:
    rows = run("level", [*noise(1000), 122.0, *noise(5, 2), 122.0, *noise(5, 3), 5000.0])
    assert rows[1000].score > 0
    assert rows[1006].score == 0
    assert rows[1012].score > rows[1000].score + 0.25


def test_an_alarm_follows_the_asked_rate() -> None:
    values = noise(2000)
    assert len(begun(run("level", values, judge=SeriesJudge("level", 100.0)))) > len(begun(run("level", values)))


def test_holes_and_times_that_stand_still_hide_nothing() -> None:
    judge = SeriesJudge("latency")
    places = [*range(500), *range(100_000, 100_500)]
    rows = [judge.add(0.04, T0 + place * 10.0) for place in places]
    rows += [judge.add(0.4, T0 + 1_005_000.0) for _ in range(10)]
    assert begun(rows)
    assert begun(rows)[0] >= 1000
    assert [SeriesJudge("level").add(1.0, T0).score for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_absurd_values_and_times_give_finite_scores(kind: str) -> None:
    for seed in range(10):
        chance = random.Random(seed)
        judge, at_s = SeriesJudge(kind), T0
        absurd = [1e308, -1e308, 1e-308, 0.0, -1.0, 5.0, 5.0]
        for _ in range(400):
            at_s += chance.choice([60, 60, 60, 0, 86400, -3600, 1e7])
            row = judge.add(chance.choice(absurd), at_s)
            assert 0 <= row.score <= 1
            assert 0 <= row.chance <= 1
            assert 0 <= row.per_day < inf
            assert -inf < row.normal < inf
