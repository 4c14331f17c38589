"""Tests of how the new code changes an upgrade's grade: no code, unverified source, another storage layout."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.signals import SignalKind
from tests.monitor.correlator.test_evidence import CHAIN, ProducerHarness


def upgraded(**compared: Any) -> ProducerHarness:
    """An upgrade, followed by a code comparison if attributes are given."""
    harness = ProducerHarness("upgrades")
    harness.send(SignalKind.UPGRADE, 10, subject=CHAIN, event_id="u", new="0x0b", seen_by="log")
    assert harness.grades == {"upgrade": 3}
    if compared:
        harness.send(SignalKind.CODE_COMPARED, 12, subject=CHAIN, event_id="u/compared", upgrade="u", **compared)
    return harness


def test_an_upgrade_to_an_address_without_code_has_the_highest_grade() -> None:
    harness = upgraded(new_size=0)
    assert harness.grades == {"upgrade": 4}
    assert harness.text.endswith("NO CODE stands there")


def test_an_upgrade_without_code_keeps_the_highest_grade_whatever_an_explorer_says() -> None:
    harness = upgraded(new_size=0)
    harness.send(SignalKind.SOURCE_CHECKED, 13, 1, CHAIN, upgrade="u", by="etherscan", name="Vault")
    assert harness.grades == {"upgrade": 4}
    assert harness.text.endswith("NO CODE stands there; source of Vault verified at etherscan")


def test_the_text_of_an_upgrade_names_a_few_gained_and_lost_functions() -> None:
    harness = upgraded(new_size=9, gained="0x11111111(address,uint256), 0x2, 0x3, 0x4 and 9 more", lost="0x5")
    assert harness.grades == {"upgrade": 3}
    assert harness.text.endswith("(by event); gains 0x11111111(address,uint256), 0x2, 0x3 …; loses 0x5")


def test_an_unknown_code_comparison_adds_no_text() -> None:
    harness = upgraded(role="implementation")
    assert harness.grades == {"upgrade": 3}
    assert harness.text.endswith("(by event)")


def test_a_source_check_before_the_code_comparison_is_remembered() -> None:
    harness = upgraded()
    harness.send(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade="u", by="etherscan")
    harness.send(SignalKind.CODE_COMPARED, 12, subject=CHAIN, event_id="u/compared", upgrade="u", lost="0x5")
    assert harness.grades == {"upgrade": 4}
    assert harness.text.endswith("loses 0x5; source NOT verified at etherscan")


def test_a_storage_layout_that_may_differ_is_reported_and_does_not_change_the_grade() -> None:
    harness = upgraded(new_size=9, layout="slot 1 held uint256, is read as bool | slot 2 …")
    assert harness.grades == {"upgrade": 3}
    assert harness.text.endswith("storage may be read otherwise: slot 1 held uint256, is read as bool")


def test_code_that_is_not_verified_weighs_more_until_it_is() -> None:
    harness = upgraded(new_size=9)
    harness.send(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade="u", by="etherscan")
    assert harness.grades == {"upgrade": 4}
    assert harness.text.endswith("source NOT verified at etherscan")
    harness.send(SignalKind.SOURCE_CHECKED, 900, 1, CHAIN, upgrade="u", by="etherscan", name="Vault")
    assert harness.grades == {"upgrade": 3}
    assert harness.text.endswith("source of Vault verified at etherscan")
    harness.send(SignalKind.RETRACTION, 901, subject=CHAIN, retracts="u")
    assert not harness.grades


@pytest.mark.parametrize("upgrade", ["another", ""])
def test_a_source_check_of_another_upgrade_changes_nothing(upgrade: str) -> None:
    harness = upgraded(new_size=9)
    harness.send(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade=upgrade, by="etherscan")
    assert harness.grades == {"upgrade": 3}


def test_a_source_check_does_not_restore_a_retracted_upgrade() -> None:
    harness = upgraded(new_size=9)
    [one] = harness.board.everything()
    harness.board.withdraw(one.id)
    harness.send(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade="u", by="etherscan")
    assert not harness.grades


def test_an_upgrade_that_providers_of_nodes_dispute_says_so_and_weighs_less() -> None:
    harness = ProducerHarness("upgrades")
    harness.send(SignalKind.UPGRADE, 10, subject=CHAIN, event_id="u", new="0x0b", seen_by="slot", disputed=True)
    assert harness.grades == {"upgrade": 2}
    assert harness.text.endswith("(silently, no event; disputed: providers of nodes disagree)")
