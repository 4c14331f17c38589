"""Checks switches that are no Paused: successors, price feeds, trading, single actions, closed targets; by log and by getter."""

from __future__ import annotations

import pytest

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.events import Address, ControlChange, ControlSeen
from tests.chain.builders import address, log, topic, words
from tests.chain.control.test_silent_control import ONE, TOKEN, TWO, answers, seen, watching

MANAGER, MARKET = address(0xE << 80), address(0xF << 80)


def text(name: str) -> bytes:
    return words(len(name)) + name.encode().ljust(32, b"\0")


def logged(signature: str, *topics: str, body: bytes = b"", at: Address = TOKEN) -> Log:
    return log(at, topic_of(signature), *topics, body=body, index=3)


@pytest.mark.parametrize(("signature", "topics", "body", "change", "old", "new", "account"), [
    ("Deprecate(address)", (), words(int(TWO, 16)), ControlChange.DEPRECATED, None, TWO, None),
    ("AggregatorProposed(address,address)", (topic(int(ONE, 16)), topic(int(TWO, 16))), b"",
     ControlChange.AGGREGATOR_PENDING, ONE, TWO, None),
    ("AggregatorConfirmed(address,address)", (topic(int(ONE, 16)), topic(int(TWO, 16))), b"",
     ControlChange.AGGREGATOR, ONE, TWO, None),
    ("ActionPaused(string,bool)", (), words(64, 1) + text("Transfer"), ControlChange.ACTION_PAUSED, None, "Transfer", None),
    ("ActionPaused(string,bool)", (), words(64, 0) + text("Seize"), ControlChange.ACTION_RESUMED, None, "Seize", None),
    ("ActionPaused(address,string,bool)", (), words(int(MARKET, 16), 96, 1) + text("Borrow"),
     ControlChange.ACTION_PAUSED, None, "Borrow", MARKET),
])  # fmt: skip
def test_each_log_is_a_change_of_its_own_contract(
    signature: str, topics: tuple[str, ...], body: bytes, change: ControlChange, old: str | None, new: str | None,
    account: str | None,
) -> None:  # fmt: skip
    [event] = seen(watching(), 1, {}, logged(signature, *topics, body=body))
    assert (event.change, event.old, event.new, event.account) == (change, old, new, account)
    assert (event.contract, event.seen_by) == (TOKEN, ControlSeen.LOG)


def test_a_name_longer_than_the_log_or_than_32_letters_is_cut() -> None:
    body = words(64, 1, 2**255) + b"B" * 100
    [event] = seen(watching(), 1, {}, logged("ActionPaused(string,bool)", body=body))
    assert event.new == "B" * 32


@pytest.mark.parametrize(("key", "before", "signature", "body", "after"), [
    ("deprecated", 0, "Deprecate(address)", words(int(TWO, 16)), 1),
    ("aggregator", int(ONE, 16), "AggregatorConfirmed(address,address)", words(int(ONE, 16), int(TWO, 16)), int(TWO, 16)),
    ("transfer_paused", 0, "ActionPaused(string,bool)", words(64, 1) + text("Transfer"), 1),
])  # fmt: skip
def test_a_log_explains_its_getter(key: str, before: int, signature: str, body: bytes, after: int) -> None:
    detector = watching()
    seen(detector, 1, answers(TOKEN, **{key: before}))
    [event] = seen(detector, 2, answers(TOKEN, **{key: after}), logged(signature, body=body))
    assert event.seen_by is ControlSeen.LOG


def test_a_paused_action_without_a_log_is_named_by_its_getter() -> None:
    detector = watching()
    seen(detector, 1, answers(TOKEN, seize_paused=0))
    [event] = seen(detector, 2, answers(TOKEN, seize_paused=1))
    assert (event.change, event.new, event.seen_by) == (ControlChange.ACTION_PAUSED, "Seize", ControlSeen.STATE)


def test_the_authority_of_a_contract_is_followed_and_closes_only_the_contract_that_it_names() -> None:
    other = address(0xAA << 80)
    detector = watching(TOKEN, other)
    held = answers(TOKEN, authority=int(MANAGER, 16)) | answers(other, authority=int(MANAGER, 16))
    assert seen(detector, 1, held) == []
    assert MANAGER in detector.reads().addresses
    closed = logged("TargetClosed(address,bool)", topic(int(TOKEN, 16)), body=words(1), at=MANAGER)
    [event] = seen(detector, 2, held, closed)
    assert (event.change, event.contract, event.emitter) == (ControlChange.TARGET_CLOSED, TOKEN, MANAGER)
    opened = logged("TargetClosed(address,bool)", topic(int(other, 16)), body=words(0), at=MANAGER)
    [event] = seen(detector, 3, held, opened)
    assert (event.change, event.contract) == (ControlChange.TARGET_OPENED, other)
    unknown = logged("TargetClosed(address,bool)", topic(9), body=words(1), at=MANAGER)
    assert seen(detector, 4, held, unknown) == []
