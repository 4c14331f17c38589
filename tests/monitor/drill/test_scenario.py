"""Scenarios: the shipped ones load, and a mistake is reported with its key, value, the allowed values and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.drill.scenario import (
    DIALECTS,
    VENUES,
    ChainKind,
    Liquidated,
    Mute,
    checked,
    load,
    named,
    names,
    played_by,
    quiet_twin,
)
from monitor.drill.world.weather import CALM, at
from monitor.errors import OperatorError

GOOD = """
name = "x"
title = "x"
length_s = "80s"
seed = 1
asset = "RIFT"
price = 2.5
[expect]
level = "watch"
[[stages]]
at_s = 0
title = "begin"
"""


def _mistake(tmp_path: Path, text: str) -> OperatorError:
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError) as caught:
        load(path)
    return caught.value


def test_every_shipped_scenario_loads_and_is_named_like_its_file() -> None:
    assert {"exchange-outage-only", "own-network-down", "perfect-storm", "quiet"} <= set(names())
    for name in names():
        scenario = load(name)
        assert scenario.name == name
        assert all(stage.title for stage in scenario.stages)


def test_the_perfect_storm_has_its_three_legs_and_a_feed_that_goes_blind() -> None:
    storm = load("perfect-storm")
    assert [step.kind for step in storm.chain()] == [
        ChainKind.QUEUE,
        ChainKind.UPGRADE,
        ChainKind.REMOVE_LIQUIDITY,
        ChainKind.ADD_LIQUIDITY,
    ]
    at_58 = at(storm, "binance_usdm", 58.0)
    assert at_58.liquidations_per_s == 12
    assert at_58.liquidated_side is Liquidated.LONG
    assert at_58.throttle == 0.7
    assert at_58.mute == {Mute.LIQUIDATION}
    assert at(storm, "gate", 58.0).withdrawals_closed
    assert storm.expect.level == "perfect-storm"


def test_the_storms_third_leg_is_the_last_of_the_three_to_begin() -> None:
    storm = load("perfect-storm")
    migration = storm.chain()[0].at_s
    venue = min(stage.at_s for stage in storm.stages if stage.throttle is not None)
    liquidations = min(stage.at_s for stage in storm.stages if stage.liquidations_per_s is not None)
    assert storm.expect.third_leg_at_s == max(migration, venue, liquidations) == 40


def test_everything_is_quiet_before_the_start_and_after_the_recovery() -> None:
    storm = load("perfect-storm")
    assert at(storm, "okx", None) == CALM
    assert at(storm, "okx", 10.0) == CALM
    assert at(storm, "binance_usdm", 70.0) == CALM


def test_a_later_stage_wins_where_stages_overlap() -> None:
    storm = load("perfect-storm")
    assert at(storm, "gate", 38.0).open_interest_factor == 1.3
    assert at(storm, "gate", 42.0).open_interest_factor == 0.7
    assert at(storm, "gate", 42.0).funding_rate == 0.0015


def test_a_network_failure_affects_every_venue_and_an_outage_only_one() -> None:
    assert at(load("own-network-down"), "", 35.0).network_down
    outage = load("exchange-outage-only")
    assert at(outage, "bybit", 35.0).outage
    assert not at(outage, "okx", 35.0).outage
    assert not at(outage, "bybit", 60.0).outage


@pytest.mark.parametrize(
    ("wrong", "key", "words"),
    [
        ('throttel = 0.5\n', "stages[0].throttel", "throttle"),
        ("throttle = 1.5\n", "stages[0].throttle", "from 0 to 1"),
        ('venues = ["binance"]\n', "stages[0].venues[0]", "binance_usdm"),
        ('mute = ["everything"]\n', "stages[0].mute[0]", "liquidation"),
        ('liquidated_side = "up"\n', "stages[0].liquidated_side", "long, short"),
        ('rest_latency_s = "fast"\n', "stages[0].rest_latency_s", "length of time"),
        ("until_s = 90\n", "stages[0].until_s", "from 0 to 80"),
        ('chain = [{ at_s = 1, kind = "fork" }]\n', "stages[0].chain[0].kind", "upgrade"),
        ('chain = [{ at_s = 1, kind = "upgrade", share = 7 }]\n', "stages[0].chain[0].share", "from 0 to 1"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_stage_names_its_key_and_what_is_allowed(
    tmp_path: Path, wrong: str, key: str, words: str
) -> None:
    error = _mistake(tmp_path, GOOD + wrong)
    assert error.key == key
    assert words in f"{error.allowed} {error.remedy}"
    assert error.remedy


def test_an_unknown_level_names_the_levels(tmp_path: Path) -> None:
    error = _mistake(tmp_path, GOOD.replace('level = "watch"', 'level = "hurricane"'))
    assert (error.key, error.value) == ("expect.level", "hurricane")
    assert "perfect-storm" in error.allowed


@pytest.mark.parametrize("key", ["third_leg_at_s", "open_until_s", "flagged_by_s"])
def test_an_expected_second_after_the_end_is_refused(tmp_path: Path, key: str) -> None:
    error = _mistake(tmp_path, GOOD.replace('level = "watch"', f'level = "watch"\n{key} = 81'))
    assert error.key == f"expect.{key}"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    error = _mistake(tmp_path, GOOD.replace('asset = "RIFT"\n', ""))
    assert error.key == "asset"


def test_a_scenario_with_two_upgrades_is_refused(tmp_path: Path) -> None:
    steps = 'chain = [{ at_s = 1, kind = "upgrade" }, { at_s = 2, kind = "upgrade" }]\n'
    error = _mistake(tmp_path, GOOD + steps)
    assert error.key == "stages.chain.kind"


def test_an_unknown_name_suggests_the_nearest_and_an_invalid_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="perfect-storm"):
        load("perfekt-storm")
    with pytest.raises(OperatorError, match="a file that can be read"):
        load(tmp_path / "none.toml")
    assert "TOML" in _mistake(tmp_path, "name = ").allowed


@pytest.mark.parametrize(
    ("venues", "key", "words"),
    [
        ('["bybit", "bitgett"]', "venues[1]", "bitget"),
        ('["bybit", "bybit"]', "venues[1]", "each venue once"),
        ("[]", "venues", "bitget"),
    ],
)
def test_a_world_of_venues_that_it_cannot_speak_is_refused_with_those_it_can(
    tmp_path: Path, venues: str, key: str, words: str
) -> None:
    error = _mistake(tmp_path, GOOD.replace("seed = 1\n", f"seed = 1\nvenues = {venues}\n"))
    assert error.key == key
    assert words in f"{error.allowed} {error.remedy}"


def test_a_stage_at_a_venue_that_the_world_does_not_have_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("seed = 1\n", 'seed = 1\nvenues = ["bitget"]\n') + 'venues = ["bybit"]\n'
    assert _mistake(tmp_path, text).key == "stages[0].venues[0]"


def test_other_venues_play_the_parts_of_the_scenarios_own() -> None:
    storm = load("perfect-storm")
    assert played_by(storm, VENUES) == storm
    everyone = played_by(storm, DIALECTS.names())
    slow, closed = everyone.stages[3].venues, everyone.stages[5].venues
    assert {"binance_usdm", "bybit", "okx"} <= set(slow)
    assert "gate" in closed
    assert sorted(slow + closed) == sorted(everyone.venues)


@pytest.mark.parametrize("name", names())
def test_the_quiet_twin_has_the_same_world_and_nothing_happens_in_it(name: str) -> None:
    scenario = load(name)
    twin = checked(quiet_twin(scenario))
    assert (twin.venues, twin.asset, twin.price, twin.providers) == (
        scenario.venues, scenario.asset, scenario.price, scenario.providers
    )  # fmt: skip
    assert {at(twin, venue, second) for venue in twin.venues for second in range(0, 100, 5)} == {CALM}
    assert not twin.chain()
    assert twin.expect.words() == "at most watch"


def test_a_provider_carries_those_who_play_its_venues_parts() -> None:
    tokyo = load("aws-tokyo-2025-04-15")
    assert played_by(tokyo, tokyo.venues) == tokyo
    assert played_by(tokyo, ["okx", "gate"]).providers["aws-tokyo"] == ("okx", "gate")


def test_a_provider_of_a_venue_that_the_world_does_not_have_and_an_unknown_fault_are_refused(tmp_path: Path) -> None:
    providers = GOOD.replace("[[stages]]", '[providers]\ncloud = ["okx", "kraken"]\n[[stages]]')
    assert _mistake(tmp_path, providers).key == "providers.cloud[1]"
    faults = GOOD.replace('level = "watch"', 'level = "watch"\nnever_fault = ["weather"]')
    assert _mistake(tmp_path, faults).key == "expect.never_fault[0]"


def test_a_part_without_a_player_is_played_by_one_that_has_another() -> None:
    alone = played_by(load("perfect-storm"), ["bitget"])
    assert alone.venues == ("bitget",)
    assert {stage.venues for stage in alone.stages if stage.venues} == {("bitget",)}


def test_a_world_cannot_be_played_by_a_venue_without_a_dialect() -> None:
    with pytest.raises(OperatorError, match=r"venues\[1\]"):
        played_by(load("quiet"), ["okx", "bitmex"])


def test_venues_are_named_in_one_text_or_are_all() -> None:
    assert named("okx, bitget") == ("okx", "bitget")
    assert named("all") == DIALECTS.names()
    assert set(VENUES) < set(named("all"))
