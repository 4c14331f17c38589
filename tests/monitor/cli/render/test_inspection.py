"""The text of an inspection: who can change the contract and how long that takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chain.behaviour.declared import Finding
from chain.blocks.abi import checksummed
from chain.events import Address, NetworkId
from chain.inspection.controllers import Controller
from chain.inspection.delegation import Delegated
from chain.inspection.inspect import Inspection
from monitor.cli.commands.chain import _address
from monitor.cli.render.inspection import control_lines, controller_words, delay_words, kind_words
from monitor.errors import OperatorError

AT = Address("0x" + "0a" * 20)


def found(**more: object) -> Inspection:
    nothing = Inspection(
        network=NetworkId("local"), address=AT, block_number=1, block_time=datetime(2026, 1, 1, tzinfo=UTC),
        code_size=9, kind="eip1967", source="https://eip", fixed=False, roles={}, controllers=(), delay_s=None,
        functions=0, facets={}, since=None, last_change=None, delegated=Delegated(verdict=Finding.UNKNOWN),
    )  # fmt: skip
    return replace(nothing, **more)  # type: ignore[arg-type]


def test_the_type_of_an_address_is_shown_even_for_an_empty_one() -> None:
    assert kind_words(found()) == "eip1967 (https://eip)"
    assert kind_words(found(fixed=True)) == "eip1967 (https://eip), cannot change"
    assert kind_words(found(kind=None)) == "no known proxy"
    assert kind_words(found(kind=None, code_size=0)) == "no contract: an account, or nothing at all"


def test_who_can_change_a_contract_is_shown_with_the_required_steps() -> None:
    assert controller_words(Controller(address=AT, what="safe", threshold=2)) == f"{AT} (a Safe, 2 signatures suffice)"
    assert controller_words(Controller(address=AT, what="safe", threshold=1)) == f"{AT} (a Safe, 1 signature suffices)"
    timelock = Controller(address=AT, what="timelock", delay_s=172_800)
    assert controller_words(timelock) == f"{AT} (a timelock, waits 172800 s (2 days))"
    assert control_lines(found(controllers=(timelock,), delay_s=172_800))[-1] == ("delay", "172800 s (2 days)")
    assert control_lines(found(delay_s=0))[-1] == ("delay", "none: a change takes effect at once")
    assert control_lines(found()) == [
        ("changed by", "not known: it names no admin and no owner"),
        ("delay", "not known"),
    ]
    assert control_lines(found(kind=None)) == control_lines(found(fixed=True)) == []


@pytest.mark.parametrize(
    ("delay_s", "words"),
    [(59, "59 s"), (60, "60 s (1 minute)"), (5400, "5400 s (1.5 hours)"), (86_400, "86400 s (1 day)")],
)
def test_a_delay_is_shown_in_the_largest_fitting_unit(delay_s: int, words: str) -> None:
    assert delay_words(delay_s) == words


def test_an_address_with_a_wrong_checksum_is_reported_as_mistyped() -> None:
    right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55's own example
    assert checksummed(right.lower()) == right
    for text in (right, right.lower(), "0x" + right[2:].upper()):
        assert _address("ADDRESS", text) == right.lower()
    with pytest.raises(OperatorError, match="mistyped"):
        _address("ADDRESS", right.swapcase().replace("0X", "0x"))
