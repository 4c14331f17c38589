"""What is known of the new code weighs: none there, none verified, storage read otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.signals import SignalKind
from tests.monitor.correlator.test_evidence import CHAIN, Bench


def upgraded(**compared: Any) -> Bench:
    """An upgrade, and what it changed, if anything is said of it."""
    bench = Bench("upgrades")
    bench.say(SignalKind.UPGRADE, 10, subject=CHAIN, event_id="u", new="0x0b", seen_by="log")
    assert bench.grades == {"upgrade": 3}
    if compared:
        bench.say(SignalKind.CODE_COMPARED, 12, subject=CHAIN, event_id="u/compared", upgrade="u", **compared)
    return bench


def test_an_upgrade_to_an_address_without_code_has_the_highest_grade() -> None:
    bench = upgraded(new_size=0)
    assert bench.grades == {"upgrade": 4}
    assert bench.said.endswith("NO CODE stands there")


def test_an_upgrade_without_code_keeps_the_highest_grade_whatever_an_explorer_says() -> None:
    bench = upgraded(new_size=0)
    bench.say(SignalKind.SOURCE_CHECKED, 13, 1, CHAIN, upgrade="u", by="etherscan", name="Vault")
    assert bench.grades == {"upgrade": 4}
    assert bench.said.endswith("NO CODE stands there; source of Vault verified at etherscan")


def test_the_text_of_an_upgrade_names_a_few_gained_and_lost_functions() -> None:
    bench = upgraded(new_size=9, gained="0x11111111(address,uint256), 0x2, 0x3, 0x4 and 9 more", lost="0x5")
    assert bench.grades == {"upgrade": 3}
    assert bench.said.endswith("(by event); gains 0x11111111(address,uint256), 0x2, 0x3 …; loses 0x5")


def test_an_unknown_code_comparison_adds_no_text() -> None:
    bench = upgraded(role="implementation")
    assert bench.grades == {"upgrade": 3}
    assert bench.said.endswith("(by event)")


def test_a_source_check_before_the_code_comparison_is_remembered() -> None:
    bench = upgraded()
    bench.say(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade="u", by="etherscan")
    bench.say(SignalKind.CODE_COMPARED, 12, subject=CHAIN, event_id="u/compared", upgrade="u", lost="0x5")
    assert bench.grades == {"upgrade": 4}
    assert bench.said.endswith("loses 0x5; source NOT verified at etherscan")


def test_a_storage_layout_that_may_differ_is_reported_and_does_not_change_the_grade() -> None:
    bench = upgraded(new_size=9, layout="slot 1 held uint256, is read as bool | slot 2 …")
    assert bench.grades == {"upgrade": 3}
    assert bench.said.endswith("storage may be read otherwise: slot 1 held uint256, is read as bool")


def test_code_that_is_not_verified_weighs_more_until_it_is() -> None:
    bench = upgraded(new_size=9)
    bench.say(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade="u", by="etherscan")
    assert bench.grades == {"upgrade": 4}
    assert bench.said.endswith("source NOT verified at etherscan")
    bench.say(SignalKind.SOURCE_CHECKED, 900, 1, CHAIN, upgrade="u", by="etherscan", name="Vault")
    assert bench.grades == {"upgrade": 3}
    assert bench.said.endswith("source of Vault verified at etherscan")
    bench.say(SignalKind.RETRACTION, 901, subject=CHAIN, retracts="u")
    assert not bench.grades


@pytest.mark.parametrize("upgrade", ["another", ""])
def test_a_source_check_of_another_upgrade_changes_nothing(upgrade: str) -> None:
    bench = upgraded(new_size=9)
    bench.say(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade=upgrade, by="etherscan")
    assert bench.grades == {"upgrade": 3}


def test_a_source_check_does_not_restore_a_retracted_upgrade() -> None:
    bench = upgraded(new_size=9)
    [one] = bench.board.everything()
    bench.board.withdraw(one.id)
    bench.say(SignalKind.SOURCE_CHECKED, 11, 0, CHAIN, upgrade="u", by="etherscan")
    assert not bench.grades
