"""Withdrawals that are declared open while a hot wallet is silent, and what else of them contradicts what is measured."""

from __future__ import annotations

import pytest

from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.test_contradictions import ALPHA, ETH, World


@pytest.mark.parametrize(
    ("level", "network"),
    [(0.0, "ERC20"), (0.5, "ETH"), (0.0, "unheard-of")],
    ids=["closed", "delayed", "any is closed"],
)
def test_withdrawals_that_are_declared_closed_while_nothing_leaves_agree(level: float, network: str) -> None:
    world = World()
    world.wallet(0, level, network)
    world.silent(60)

    assert world.names(120) == []


def test_another_network_that_is_closed_says_nothing_of_this_one() -> None:
    world = World()
    world.wallet(0, 1.0, "ERC-20")
    world.wallet(0, 0.0, "TRC20")
    world.silent(60)

    assert world.names(120) == ["declared_open"]


def test_a_network_that_the_venue_names_in_its_own_way_is_open_only_if_all_are() -> None:
    world = World()
    world.wallet(0, 1.0, "mainnet one")
    world.silent(60)
    assert world.names(120) == ["declared_open"]

    world = World()
    world.wallet(0, 1.0, "mainnet one")
    world.wallet(0, 0.0, "mainnet two")
    world.silent(60)
    assert world.names(120) == []


def test_open_withdrawals_without_a_silence_are_quiet() -> None:
    world = World()
    world.wallet(0, 1.0)

    assert world.names(120) == []


@pytest.mark.parametrize("per_day", [2.0, None])
def test_a_silence_that_chance_often_makes_or_whose_rhythm_is_unknown_is_no_measurement(per_day: float | None) -> None:
    world = World()
    world.wallet(0, 1.0)
    world.silent(60, per_day=per_day)

    assert world.names(120) == []


def test_a_silence_without_a_declaration_is_unknown() -> None:
    world = World()
    world.silent(60)

    assert world.names(120) == []


def test_a_declaration_that_is_too_old_is_unknown() -> None:
    world = World()
    world.wallet(0, 1.0)
    world.silent(1100)

    assert world.names(1210) == []


def test_what_was_said_too_long_ago_of_another_network_is_forgotten() -> None:
    world = World()
    world.wallet(0, 0.0, "old name")
    world.wallet(1300, 1.0, "new name")
    world.silent(1300)

    assert world.names(1310) == ["declared_open"]


def test_outflows_that_return_end_it_and_a_reorg_undoes_it() -> None:
    world = World()
    world.wallet(0, 1.0)
    world.silent(60)
    world.complete(120)
    first = world.only().at
    world.send(SignalKind.WALLET_RESUMED, 125, 1.0, ETH)
    world.complete(130)
    assert world.only().at == first

    world.silent(140, event_id="e2")
    world.silent(145, event_id="e3")
    world.complete(150)
    world.send(SignalKind.RETRACTION, 155, 1.0, ETH, {"retracts": "e3"})
    assert len(world.evidence) == 1
    world.send(SignalKind.RETRACTION, 156, 1.0, ETH, {"retracts": "e2"})
    assert world.evidence == []
    world.send(SignalKind.RETRACTION, 157, 1.0, ETH, {"retracts": "e2"})
    assert world.names(160) == []


def test_a_wallet_that_stays_silent_for_a_day_is_no_evidence_any_more() -> None:
    world = World()
    world.silent(0)
    world.complete(86_410)
    world.wallet(86_410, 1.0)

    assert world.names(86_420) == []


def test_signals_without_a_venue_or_an_asset_are_left_alone() -> None:
    world = World()
    world.send(SignalKind.REQUEST, 0, 1.0, Subject(), {"outcome": "timeout"})
    world.send(SignalKind.WALLET, 0, 1.0, ALPHA)

    assert world.names(10) == []


def test_what_is_remembered_has_a_bound() -> None:
    world = World()
    for number in range(4100):
        world.send(SignalKind.WALLET, 0, 1.0, Subject(asset=f"A{number}", venue="alpha", network="ethereum"))
    for number in range(300):
        subject = Subject(asset=f"A{number}", venue="alpha", network="ethereum")
        world.send(SignalKind.WALLET_SILENT, 1, 3600.0, subject, {"event_id": "e", "per_day": 0.1, "usual_s": 1.0})
    for second in range(1000):
        world.request(second / 10, "timeout")
    world.complete(10)

    assert {str(one.subject.asset) for one in world.evidence} == {f"A{number}" for number in range(44, 300)}


def test_nothing_is_compared_between_whole_ten_seconds() -> None:
    world = World()
    world.status(900, 2.0, ends=600)

    assert world.names(905) == []
