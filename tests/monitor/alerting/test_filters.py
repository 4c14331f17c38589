"""Filters of a route: by leg, asset, venue and drill; what was told is followed to its end, and mistakes are plain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.concern import Drills, Filters, outline
from monitor.alerting.routing import Router, Rule
from monitor.alerting.sinks import made
from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentChange, Leg, LegState, Level
from monitor.settings.load import load_settings
from monitor.signals import Subject
from tests.monitor.alerting.logged import SetClock, append, delivered_once, desk, opened
from tests.monitor.alerting.sinks.changes import START, Answering, change, evidence, leg, verdict

ONLY_VENUE = replace(
    verdict(), legs=(leg(Leg.LIQUIDATION, LegState.UNKNOWN, None), leg(Leg.VENUE, LegState.TRUE, 5)), level=Level.WATCH
)
WATCH = {"level": Level.WATCH, "pages": False, "verdict": ONLY_VENUE}
OF_VENUE = {"scope": "venue:okx", "verdict": None, "level": Level.WATCH}
OKX = evidence(leg=Leg.VENUE, subject=Subject(asset="ETH", venue="okx"))
WHOLE = evidence(leg=Leg.VENUE, subject=Subject(network="ethereum"))


@pytest.mark.parametrize(
    ("filters", "changed", "goes"),
    [
        ({"legs": {Leg.VENUE}}, {**WATCH}, True),
        ({"legs": {Leg.MIGRATION}}, {**WATCH}, False),
        ({"legs": {Leg.LIQUIDATION}}, {**WATCH}, False),
        ({"legs": {Leg.LIQUIDATION}}, {"level": Level.STORM_SUSPECTED}, True),
        ({"legs": {Leg.VENUE}}, {**OF_VENUE, "evidence": ()}, True),
        ({"legs": {Leg.MIGRATION}}, {**OF_VENUE, "evidence": (OKX,)}, False),
        ({"assets": {"BTC", "ETH"}}, {}, True),
        ({"assets": {"ETH"}}, {}, False),
        ({"assets": {"ETH"}}, {**OF_VENUE, "evidence": (OKX,)}, True),
        ({"assets": {"ETH"}}, {**OF_VENUE, "evidence": (WHOLE,)}, False),
        ({"venues": {"bybit"}}, {}, True),
        ({"venues": {"okx"}}, {}, False),
        ({"venues": {"okx"}}, {**OF_VENUE, "evidence": ()}, True),
        ({"venues": {"okx"}}, {"evidence": (WHOLE,)}, False),
        ({"venues": {"target:api"}}, {**OF_VENUE, "scope": "target:api"}, True),
        ({"venues": {"okx"}}, {**OF_VENUE, "scope": "target:api"}, False),
        ({"assets": {"BTC"}, "venues": {"okx"}}, {}, False),
        ({"legs": {Leg.VENUE}, "assets": {"BTC"}, "venues": {"bybit"}}, {}, True),
        ({"assets": {"ETH"}, "venues": {"okx"}}, {"scope": "vantage:tokyo", "verdict": None, "evidence": ()}, True),
        ({"drill": Drills.NEVER}, {"drill": True}, False),
        ({"drill": Drills.NEVER}, {"drill": False}, True),
        ({"drill": Drills.ONLY}, {"drill": True}, True),
        ({"drill": Drills.ONLY}, {"drill": False}, False),
        ({"drill": Drills.ONLY}, {"drill": False, "scope": "vantage:tokyo", "verdict": None}, False),
        ({}, {"drill": True}, True),
    ],
)
def test_a_change_passes_every_filter_or_is_not_sent(filters: Any, changed: Any, goes: bool) -> None:
    given = change(**changed)
    sets = {name: frozenset(one) for name, one in filters.items() if name != "drill"}
    rule = Rule(filters=Filters(**sets, drill=filters.get("drill", Drills.ANY)))
    decision = Router(rule).decide(given)
    assert decision.goes is goes
    assert Router(rule).decide(outline(given)) == decision, "a look ahead judges as the turn does"


def test_a_refusal_names_what_the_change_concerns_and_what_the_route_wants() -> None:
    rule = Rule(filters=Filters(assets=frozenset({"ETH", "SOL"})))
    assert Router(rule).decide(change()).reason == "it concerns asset BTC, not ETH, SOL"


def test_an_outline_holds_no_words_of_others() -> None:
    many = change(evidence=tuple(evidence(id=f"e{number}", said="x" * 1000) for number in range(50)))
    left = outline(many)
    assert len(left.evidence) == 1
    assert "x" * 1000 not in repr(left)


def story() -> list[IncidentChange]:
    """A storm that begins at one venue, becomes a migration, is a venue's alone again, and ends."""
    return [
        change(1, **WATCH),
        change(2, kind=ChangeKind.RAISED),
        change(3, kind=ChangeKind.LOWERED, **WATCH),
        change(4, kind=ChangeKind.ENDED, level=Level.CALM, pages=False, verdict=replace(ONLY_VENUE, legs=())),
    ]


async def test_a_route_hears_of_an_incident_once_its_filter_passes_and_then_to_the_end(tmp_path: Path) -> None:
    migration, eth = Answering(), Answering()
    clock = SetClock(START)
    async with opened(tmp_path, clock, "desk", "other") as log:
        await append(log, *story())
        first = desk(migration, filters=Filters(legs=frozenset({Leg.MIGRATION})))
        second = replace(desk(eth, filters=Filters(assets=frozenset({"ETH"}))), name="other")
        await delivered_once(log, clock, first, second)
    assert migration.revisions == [2, 3, 4]
    assert eth.revisions == []


async def test_a_note_about_missed_changes_counts_by_the_filters_too(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock(START)
    async with opened(tmp_path, clock) as log:
        await append(log, *story())
        clock.now = START.replace(hour=20)
        await delivered_once(log, clock, desk(sink, filters=Filters(legs=frozenset({Leg.MIGRATION}))))
    missed = sink.notes[0].missed
    assert missed is not None
    assert (sink.revisions, missed.changes) == ([4], 3)


SETTINGS = """
[assets.BTC]
[targets.api]
url = "https://api.example/ok"
[sinks.console]
{keys}
"""


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ('legs = ["migrations"]', "legs[0]: 'migrations' is not usable; allowed: liquidation, venue, migration; did you mean"),
        ('legs = ["fragility"]', "sinks.console.legs[0]: 'fragility' is not usable; allowed: liquidation, venue, migration;"),
        ("legs = []", "sinks.console.legs: '[]' is not usable; allowed: at least one name"),
        ('assets = "BTC"', "sinks.console.assets: "),
        ('assets = ["BCT"]', "sinks.console.assets[0]: 'BCT' is not usable; allowed: BTC; did you mean 'BTC'?"),
        ('venues = ["okx", "bibyt"]', "did you mean 'bybit'?"),
        ('venues = ["target:apis"]', "did you mean 'target:api'?"),
        ('drill = "no"', "sinks.console.drill: 'no' is not usable; allowed: any, only, never"),
        ("drill = true", "allowed: any, only, never"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_filter_says_the_key_the_value_and_what_is_allowed(
    tmp_path: Path, keys: str, error: str
) -> None:
    file = tmp_path / "stormwatch.toml"
    file.write_text(SETTINGS.format(keys=keys))
    with pytest.raises(OperatorError) as caught:
        made(load_settings(file, {}).sinks, {})
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_mistakes_in_filters_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "stormwatch.toml"
    file.write_text(SETTINGS.format(keys='assets = ["A", "B"]\nvenues = ["C"]'))
    with pytest.raises(OperatorError) as caught:
        load_settings(file, {})
    assert str(caught.value).count("sinks.console.") == 3


def test_filters_as_an_operator_writes_them_reach_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "stormwatch.toml"
    keys = 'legs = ["venue"]\nassets = ["BTC"]\nvenues = ["okx", "target:api"]\ndrill = "never"'
    file.write_text(SETTINGS.format(keys=keys))
    (route,) = made(load_settings(file, {}).sinks, {})
    assert route.rule.filters == Filters(
        legs=frozenset({Leg.VENUE}),
        assets=frozenset({"BTC"}),
        venues=frozenset({"okx", "target:api"}),
        drill=Drills.NEVER,
    )
