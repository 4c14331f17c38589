"""The text of an inspection: who can change the contract and how long that takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chain.behaviour.declared import Finding
from chain.blocks.abi import checksummed
from chain.control.queue import Pending, PendingCall
from chain.events import Address, NetworkId, ProbedBy, Role
from chain.inspection.authority import Authority, Decider
from chain.inspection.delegation import Delegated
from chain.inspection.inspect import Inspection, Since
from monitor.cli.commands.chain import _address
from monitor.cli.render.inspection import (
    authority_words,
    control_lines,
    decider_words,
    delay_words,
    kind_words,
    pending_lines,
    report,
    risk,
)
from monitor.errors import OperatorError

AT, OVER = Address("0x" + "0a" * 20), Address("0x" + "0b" * 20)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def found(**more: object) -> Inspection:
    nothing = Inspection(
        network=NetworkId("local"), address=AT, block_number=1, block_time=datetime(2026, 1, 1, tzinfo=UTC),
        code_size=9, kind="eip1967", source="https://eip", fixed=False, roles={}, controllers=(), delay_s=None,
        functions=0, facets={}, since=None, last_change=None, delegated=Delegated(verdict=Finding.UNKNOWN),
    )  # fmt: skip
    return replace(nothing, **more)  # type: ignore[arg-type]


def test_the_type_of_an_address_is_shown_even_for_an_empty_one() -> None:
    assert kind_words(found()) == "a proxy of kind eip1967"
    assert kind_words(found(fixed=True)) == "a proxy of kind eip1967, its target cannot change"
    assert kind_words(found(kind=None)) == "a contract, no known proxy"
    assert kind_words(found(kind=None, what="beacon")) == "a beacon, no known proxy"
    assert kind_words(found(kind=None, code_size=0)) == "no contract: an account, or nothing at all"


def authority(**more: object) -> Authority:
    plain = Authority(address=AT, over=OVER, by="owner", depth=0, what="account")
    return replace(plain, **more)  # type: ignore[arg-type]


def test_each_holder_of_power_is_shown_whole_with_what_it_is_and_by_what() -> None:
    assert authority_words(authority()) == f"{AT} an account: one key (owner)"
    lock = authority(what="timelock", delay_s=172_800, by="admin")
    assert authority_words(lock) == f"{AT} a timelock, waits 2 days (admin)"
    safe = authority(what="safe", threshold=2, signers=(OVER, AT))
    assert authority_words(safe) == f"{AT} a Safe, 2 of 2 must sign: {OVER} {AT} (owner)"
    assert authority_words(authority(what="safe", threshold=1)) == f"{AT} a Safe, 1 must sign (owner)"
    again = authority(what="timelock", again=True, decides=False)
    assert authority_words(again) == f"{AT} a timelock, as above (owner; cannot change the code)"
    assert authority_words(replace(again, over=AT), proxy=False) == f"{AT} a timelock, itself (owner; does not rule it)"


@pytest.mark.parametrize(
    ("one", "grade", "words"),
    [
        (None, 0, "not known: it names no admin, no owner and no role"),
        (Decider(address=AT, what="account", keys=1, delay_s=0), 3, f"one key, {AT}, at once"),
        (Decider(address=AT, what="account", keys=1, delay_s=3600), 2, f"one key, {AT}, after 1 hour"),
        (Decider(address=AT, what="account", keys=1, delay_s=172_800), 1, f"one key, {AT}, after 2 days"),
        (Decider(address=AT, what="account", keys=1, delay_s=None), 1, f"one key, {AT}, not known after which delay"),
        (Decider(address=AT, what="safe", keys=2, delay_s=0), 2, f"2 keys of the Safe {AT}, at once"),
        (Decider(address=AT, what="safe", keys=2, delay_s=60), 1, f"2 keys of the Safe {AT}, after 1 minute"),
        (Decider(address=AT, what="safe", keys=1, delay_s=0), 3, f"1 key of the Safe {AT}, at once"),
        (Decider(address=AT, what="anyone", keys=0, delay_s=0), 4, "ANYONE, at once"),
        (Decider(address=AT, what="nobody", keys=0, delay_s=0), 0, "nobody: control was given up"),
        (
            Decider(address=AT, what="contract", keys=None, delay_s=None),
            0,
            f"not known: the last holder found is a contract, {AT}",
        ),
    ],
)
def test_who_needs_least_to_change_it_is_shown_with_how_grave_that_is(
    one: Decider | None, grade: int, words: str
) -> None:
    assert decider_words(one) == words
    assert risk(found(decided_by=one)) == grade
    [line] = control_lines(found(decided_by=one))
    assert line == (0, "changed by", f"L{grade}: {words}" if grade else words)
    assert control_lines(found(kind=None)) == control_lines(found(fixed=True)) == []
    assert risk(found(kind=None, decided_by=one)) == 0


def test_what_waits_in_a_timelock_is_shown_with_when_it_may_run_and_what_it_calls() -> None:
    call = PendingCall(target=AT, selector="0x99a88ec4", function="upgrade(address,address)", new=OVER)
    waits = Pending(
        timelock=OVER, operation="0x07", since_block=5, eta=NOW + timedelta(hours=2),
        calls=(call, PendingCall(target=AT, selector="0x12345678")), more_calls=3,
    )  # fmt: skip
    assert list(pending_lines(waits, found())) == [
        (0, "waiting", f"from 2026-01-01 02:00:00 UTC on (in 2 hours), in {OVER} since block 5"),
        (2, "operation", "0x07"),
        (2, "calls", f"upgrade(address,address) of {AT}, to run {OVER}"),
        (2, "calls", f"0x12345678 of {AT}"),
        (2, "calls", "and 3 more"),
    ]
    ripe, open_ = (next(iter(pending_lines(replace(waits, eta=eta), found()))) for eta in (NOW, None))
    assert "ripe: may run now" in ripe[2]
    assert "at a time that is not known" in open_[2]


def test_a_report_says_since_when_and_what_the_node_refused() -> None:
    since = Since(block_number=5, block_time=NOW, transaction="0xabc", changes=2)
    lines = list(
        report(
            found(since=since, roles={Role.IMPLEMENTATION: OVER}, facets={AT: 1}, what="token", switches=("pause()",))
        )
    )
    assert (0, "what", "a token, a proxy of kind eip1967") in lines
    assert (0, "runs", OVER) in lines
    assert (0, "facet", f"{AT} (1 function)") in lines
    assert (0, "switches", "pause()") in lines
    assert (0, "since", "block 5, 2026-01-01 00:00:00 UTC") in lines
    assert (2, "changes", "2 in its logs") in lines
    poor = replace(since, found_by="state", block_time=None, transaction="")
    refused = list(report(found(since=poor, not_read=("logs", "roles"), functions=None)))
    assert (0, "since", "block 5 (found by old state)") in refused
    assert (0, "not read", "the history of its target, the holders of roles: the node refuses those logs") in refused
    assert (0, "code", "9 bytes, functions not read") in refused
    unchanged = list(report(found(unchanged_since=7, code_size=0)))
    assert (0, "since", "not known, not after block 7: the node refuses older logs and state") in unchanged


def test_another_target_than_the_declared_one_is_shown_as_a_warning() -> None:
    really = Delegated(verdict=Finding.BROKEN, target=OVER, slot_of=AT, slot=3, probed_by=ProbedBy.TRACE, probes=4)
    words = f"{OVER} (seen in 4 calls, by trace), held in slot 0x3"
    assert (0, "L4 WARNING", f"its calls really run {words}") in list(report(found(delegated=really)))
    plain = replace(really, verdict=Finding.UNKNOWN, slot_of=OVER)
    assert (0, "custom proxy of", f"{words} of {OVER}") in list(report(found(kind=None, delegated=plain)))


@pytest.mark.parametrize(
    ("delay_s", "words"),
    [(59, "59 s"), (60, "1 minute"), (5400, "1.5 hours"), (86_400, "1 day")],
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
