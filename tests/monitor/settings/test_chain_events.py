"""The operator's own events: read, checked with all mistakes at once, and passed to the watcher, the intake and coverage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chain.events import Address, CustomEventSeen, NetworkId, Place
from chain.watch import EventCondition, WatchedEvent
from monitor.daemon.assembly import intake_of, network_expectations, watcher_settings
from monitor.errors import OperatorError, SeveralMistakes
from monitor.settings.load import load_settings

POOL, TOKEN = "0x" + "Aa" * 20, "0x" + "Cc" * 20
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TABLE = f"""
[assets.BTC]
[assets.ETH]
contracts = [{{ network = "ethereum", address = "{TOKEN}" }}]
[networks.ethereum]
nodes = [{{ url = "http://127.0.0.1:8545" }}]
[[networks.ethereum.events]]
name = "large-move"
signature = "Transfer(address indexed from, address indexed to, uint256 value)"
addresses = ["{TOKEN}"]
leg = "migration"
grade = 2
where = [{{ argument = "value", above = "1e18" }}, {{ argument = "2", equals = "{POOL}" }}]
[[networks.ethereum.events]]
name = "stopped"
signature = "Stopped(bool)"
addresses = ["{POOL}"]
leg = "venue"
where = [{{ argument = "1", equals = "true" }}]
"""


def written(folder: Path, table: str) -> Path:
    path = folder / "stormwatch.toml"
    path.write_text(table)
    return path


def seen(rule: str, contract: str = TOKEN) -> CustomEventSeen:
    place = Place(network=NetworkId("ethereum"), block_number=7, block_hash="0x07", block_time=NOW)
    return CustomEventSeen(
        place=place, seen_at=NOW, event_id="c", rule=rule, signature="S()", contract=Address(contract.lower()),
        arguments=(("a", "1"), ("b", "")),
    )  # fmt: skip


def test_events_reach_the_watcher_with_their_conditions_as_values(tmp_path: Path) -> None:
    first, second = watcher_settings(load_settings(written(tmp_path, TABLE), {}), "ethereum", {}).watch.events
    assert first == WatchedEvent(
        name="large-move",
        signature="Transfer(address indexed from, address indexed to, uint256 value)",
        addresses=(Address(TOKEN.lower()),),
        conditions=(EventCondition(argument=2, above=10**18), EventCondition(argument=1, equals=POOL.lower())),
    )
    assert second.conditions == (EventCondition(argument=0, equals=1),)


def test_an_event_is_evidence_of_its_leg_with_its_grade_for_the_assets_of_its_contract_else_for_all(
    tmp_path: Path,
) -> None:
    intake = intake_of(load_settings(written(tmp_path, TABLE), {}))
    [signal] = intake.event(seen("large-move"))
    assert (signal.subject.asset, signal.attributes["leg"], signal.attributes["grade"]) == ("ETH", "migration", 2)
    assert signal.attributes["arguments"] == "a=1, b="
    assert [one.subject.asset for one in intake.event(seen("stopped", POOL))] == ["BTC", "ETH"]
    named = TABLE.replace('leg = "venue"', 'leg = "venue"\nassets = ["BTC"]')
    intake = intake_of(load_settings(written(tmp_path, named), {}))
    assert [one.subject.asset for one in intake.event(seen("stopped", POOL))] == ["BTC"]
    assert intake.event(seen("unknown")) == []


def test_its_leg_is_covered_by_the_heads_of_its_network_where_nothing_else_of_it_covers_it(tmp_path: Path) -> None:
    found = list(network_expectations(load_settings(written(tmp_path, TABLE), {}), "ethereum"))
    told = [(one.subject.asset, one.attributes["leg"], one.attributes["weight"]) for one in found]
    assert told == [("BTC", "venue", 0.25), ("ETH", "migration", 1.0), ("ETH", "venue", 0.25)]
    assert {one.source for one in found} == {"ethereum/chain"}


@pytest.mark.parametrize(
    ("right", "wrong", "key"),
    [
        ("Stopped(bool)", "Stopped(boool)", r"events\[1\]\.signature.*types address, bool.*as in the contract"),
        (
            'leg = "venue"',
            'leg = "venues"',
            r"events\[1\]\.leg.*liquidation, venue, migration, fragility.*did you mean",
        ),
        ("grade = 2", "grade = 5", r"events\[0\]\.grade.*1 to 4"),
        ('name = "stopped"', 'name = "large-move"', r"events\[1\]\.name.*of its own"),
        ('name = "stopped"', 'name = "Stopped"', r"events\[1\]\.name"),
        (f'addresses = ["{POOL}"]', "addresses = []", r"events\[1\]\.addresses.*1 to 64"),
        (f'addresses = ["{POOL}"]', 'addresses = ["0x1"]', r"events\[1\]\.addresses\[0\]"),
        ('leg = "venue"', 'leg = "venue"\nassets = ["DOGE"]', r"events\[1\]\.assets.*BTC, ETH"),
        ('argument = "value"', 'argument = "values"', r"where\[0\]\.argument.*from, to, value.*did you mean"),
        ('above = "1e18"', 'above = "much"', r"where\[0\]\.above.*whole number"),
        ('above = "1e18"', 'above = "0.5"', r"where\[0\]\.above"),
        ('above = "1e18"', 'above = "1e999999"', r"where\[0\]\.above"),
        ('above = "1e18"', 'above = "0xzz"', r"where\[0\]\.above"),
        ('above = "1e18"', 'equals = "x"', r"where\[0\]\.equals"),
        (', above = "1e18"', "", r"where\[0\].*at least one of equals, above and below"),
        (f'equals = "{POOL}"', 'equals = "0x12"', r"where\[1\]\.equals.*40 hexadecimal"),
        (f'equals = "{POOL}"', 'above = "1"', r"where\[1\]\.above.*equals, for address"),
        ('equals = "true"', 'equals = "yes"', r"where\[0\]\.equals.*true or false"),
        ("Stopped(bool)", "Stopped(string)", r"where\[0\]\.argument.*one word"),
        ("Stopped(bool)", "Stopped()", r"where\[0\]\.argument.*no arguments"),
    ],
)
def test_a_mistake_names_its_key_and_what_is_allowed(tmp_path: Path, right: str, wrong: str, key: str) -> None:
    assert right in TABLE
    with pytest.raises(OperatorError, match=key):
        load_settings(written(tmp_path, TABLE.replace(right, wrong)), {})


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = TABLE.replace("Stopped(bool)", "Stopped").replace('"venue"', '"venues"').replace('"1e18"', '"much"')
    with pytest.raises(SeveralMistakes) as caught:
        load_settings(written(tmp_path, wrong.replace('equals = "0x', 'equals = "')), {})
    assert [one.key.partition("events")[2] for one in caught.value.mistakes] == [
        "[0].where[0].above",
        "[0].where[1].equals",
        "[1].leg",
        "[1].signature",
    ]


def test_numbers_may_be_hexadecimal_or_below_zero_and_events_and_conditions_are_bounded(tmp_path: Path) -> None:
    number = TABLE.replace('"1e18"', '"0x10"').replace("uint256 value", "int256 value")
    watch = watcher_settings(load_settings(written(tmp_path, number), {}), "ethereum", {}).watch
    assert watch.events[0].conditions[0].above == 16
    number = number.replace('"0x10"', '"-5"').replace("above", "below")
    watch = watcher_settings(load_settings(written(tmp_path, number), {}), "ethereum", {}).watch
    assert watch.events[0].conditions[0] == EventCondition(argument=2, below=-5)
    many = ", ".join(['{ argument = "1", equals = "true" }'] * 9)
    with pytest.raises(OperatorError, match="at most 8 conditions"):
        load_settings(written(tmp_path, TABLE.replace('{ argument = "1", equals = "true" }', many)), {})
    bare = f'[[networks.ethereum.events]]\nsignature = "A()"\naddresses = ["{POOL}"]\nleg = "venue"\n'
    more = "".join(f'{bare}name = "e{at}"\n' for at in range(63))
    with pytest.raises(OperatorError, match="at most 64 events"):
        load_settings(written(tmp_path, TABLE + more), {})
