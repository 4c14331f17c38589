"""How fragile an asset is: points of each part, one index, and nothing made up where nobody sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.correlator.evidence import exit_capacity, fragility, fragmentation, interest_surge
from monitor.correlator.fragility_index import PARTS, Fragility, PartKind, fragility_of, ranked

NOW = 1_000_000.0
BOUNDS = {one.name: one.bound for one in PARTS}


def of(asset: str = "BTC", /, **values: float) -> Fragility:
    """The index of values that were noted just now."""
    return fragility_of(asset, {name: (NOW, value) for name, value in values.items()}, NOW)


@pytest.mark.parametrize(("value", "points"), [(0.0, 0), (1.0, 0), (10.0, 50), (100.0, 100), (1e9, 100)])
def test_a_part_has_no_points_when_calm_fifty_at_its_bound_and_a_hundred_as_far_beyond(
    value: float, points: float
) -> None:
    assert PartKind("x", "x", 1.0, 10.0).points(value) == pytest.approx(points)


def test_the_bounds_are_those_from_which_a_ratio_is_evidence() -> None:
    assert {
        "perp_over_spot": fragility.PERP_OVER_SPOT,
        "interest_over_depth": fragility.INTEREST_OVER_DEPTH,
        "funding": fragility.FUNDING,
        "one_sided": fragility.ONE_SIDED,
        "interest_growth": interest_surge.RISE,
        "concentration": pytest.approx(1 / fragmentation.FALL),
        "exit": pytest.approx(2.0),
    } == BOUNDS
    assert exit_capacity.FALLS[0] == pytest.approx(0.693, abs=0.001)  # ln 2: half of the usual


def test_an_asset_of_which_nothing_is_known_has_no_index_and_may_be_as_fragile_as_can_be() -> None:
    nothing = of()
    assert (nothing.index, nothing.known, len(nothing.unknown)) == (None, (), 7)
    assert nothing.at_most == 99.2  # 100 (1 - 0.5^7)
    assert {(one.value, one.points, one.adds) for one in nothing.parts} == {(None, None, None)}
    assert nothing.at == datetime.fromtimestamp(NOW, UTC)


def test_two_parts_at_their_bounds_join_as_independent_chances() -> None:
    two = of(funding=0.0005, one_sided=2.5)
    assert two.index == 43.8  # 100 (1 - 0.75²)
    assert [(one.name, one.points, one.adds) for one in two.known] == [
        ("funding", 50.0, 18.8),
        ("one_sided", 50.0, 18.8),
    ]


def test_a_part_of_a_minute_ago_is_known_and_an_older_one_is_not() -> None:
    noted = {"funding": (NOW - 60, 0.0005), "one_sided": (NOW - 60.1, 9.0), "exit": (NOW + 5, 4.0)}
    assert [one.name for one in fragility_of("BTC", noted, NOW).known] == ["funding"]


def test_the_ranking_is_by_the_index_and_ends_with_whom_nobody_sees() -> None:
    calm, worse, unseen = of("CALM", funding=0.0), of("WORSE", exit=4.0), of("UNSEEN")
    tied = replace(calm, asset="ALSO")
    assert [one.asset for one in ranked([unseen, calm, worse, tied])] == ["WORSE", "ALSO", "CALM", "UNSEEN"]


values = st.dictionaries(st.sampled_from([one.name for one in PARTS]), st.floats(0, 1e6))


@given(values, st.sampled_from([one.name for one in PARTS]))
def test_losing_sight_of_a_part_never_raises_the_index_nor_lowers_what_it_may_be(
    known: dict[str, float], lost: str
) -> None:
    seen, blind = of(**known), of(**{name: value for name, value in known.items() if name != lost})
    assert 0 <= (blind.index or 0) <= (seen.index or 0) <= seen.at_most <= blind.at_most <= 100
    assert (seen.index is None) is (not known)
    assert set(blind.unknown) >= set(seen.unknown)
