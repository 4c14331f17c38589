from __future__ import annotations

from datetime import timedelta

import pytest

from chain.block import Log, Needs
from chain.detector import Watch, WatchedContract
from chain.detectors import timelock
from chain.detectors.timelock import CANCELLED, EXECUTED, SCHEDULED, Timelocks, Upgrade, decode
from chain.events import ContractUpgraded, OperationEnded, Seen, UpgradeQueued
from tests.chain.made import START, address, block, log, topic, words

GUARD, PROXY, ADMIN = address(0x71), address(0xA), address(0xAD)
UPGRADE_TO = bytes.fromhex("3659cfe6") + words(2)
UPGRADE = bytes.fromhex("99a88ec4") + words(0xA, 2)
OPERATION = topic(0x0B)


def watching(*, guarded: bool = True) -> Timelocks:
    contract = WatchedContract(address=PROXY, timelock=GUARD if guarded else None)
    return timelock.make(Watch(contracts=(contract,), timelocks=(GUARD,)))


def scheduled(call: bytes, index: int = 0, delay_s: int = 60, operation: str = OPERATION) -> Log:
    body = words(0xA, 0, 160, 0, delay_s, len(call)) + call
    return log(GUARD, SCHEDULED, operation, topic(index), body=body, index=index)


def executed(call: bytes, index: int = 0, transaction: int = 1, target: int = 0xA, operation: str = OPERATION) -> Log:
    body = words(target, 0, 96, len(call)) + call
    return log(GUARD, EXECUTED, operation, topic(index), body=body, index=index, transaction=transaction)


def upgraded(transaction: int | None = 1, role: str = "implementation", new: int = 2) -> ContractUpgraded:
    place = block(2).place(log(PROXY, transaction=transaction) if transaction is not None else None)
    return ContractUpgraded(
        place=place,
        seen_at=START,
        event_id="e",
        contract=PROXY,
        proxy_kind="eip1967",
        role=role,
        old=None,
        new=address(new),
        seen_by=Seen.LOG,
    )


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (UPGRADE_TO, Upgrade(PROXY, address(2))),
        (bytes.fromhex("4f1ef286") + words(2, 64, 0), Upgrade(PROXY, address(2))),
        (bytes.fromhex("99a88ec4") + words(7, 2), Upgrade(address(7), address(2))),
        (bytes.fromhex("9623609d") + words(7, 2, 96, 0), Upgrade(address(7), address(2))),
        (bytes.fromhex("a9059cbb") + words(7, 2), None),
        (UPGRADE_TO[:20], None),
        (UPGRADE[:40], None),
        (b"", None),
    ],
)
def test_calls_are_opened(call: bytes, found: Upgrade | None) -> None:
    assert decode(PROXY, call) == found


def test_an_operation_is_queued_with_its_eta_and_ends_once() -> None:
    detector = watching()
    [queued] = detector.on_block(block(1, scheduled(UPGRADE_TO), scheduled(b"", 1, operation=topic(9))), ())
    assert isinstance(queued, UpgradeQueued)
    assert queued.eta == queued.place.block_time + timedelta(seconds=60)
    found = detector.on_block(
        block(2, executed(UPGRADE_TO), executed(UPGRADE_TO, 1), executed(b"", 2, operation=topic(9))), ()
    )
    [ended] = found
    assert isinstance(ended, OperationEnded)
    assert (ended.executed, ended.queued_event_id) == (True, queued.event_id)


def test_a_cancelled_operation_ends_and_an_unknown_one_says_nothing() -> None:
    detector = watching()
    [queued] = detector.on_block(block(1, scheduled(UPGRADE_TO)), ())
    memory = detector.memory()
    cancel = log(GUARD, CANCELLED, OPERATION)
    [ended] = detector.on_block(block(2, cancel), ())
    assert isinstance(ended, OperationEnded)
    assert (ended.executed, ended.queued_event_id) == (False, queued.event_id)
    assert detector.on_block(block(3, cancel), ()) == []
    detector.recall(memory)
    assert len(detector.on_block(block(2, cancel), ())) == 1


def test_stray_logs_say_nothing() -> None:
    stray = [log(PROXY, SCHEDULED, OPERATION), log(GUARD, SCHEDULED), log(GUARD, topic(5), topic(6))]
    assert watching().on_block(block(1, *stray, log(GUARD, SCHEDULED, OPERATION)), ()) == []


@pytest.mark.parametrize(
    ("event", "call", "queued"),
    [
        (upgraded(), executed(UPGRADE_TO), True),
        (upgraded(transaction=None), executed(UPGRADE_TO), True),
        (upgraded(transaction=None), executed(b""), False),
        (upgraded(transaction=9), executed(UPGRADE_TO), False),
        (upgraded(new=3), executed(UPGRADE_TO), False),
        (upgraded(role="admin", new=3), executed(b""), True),
        (upgraded(), executed(b""), False),
        (upgraded(role="code", transaction=None), executed(b""), False),
    ],
)
def test_an_upgrade_gets_the_operation_that_carried_it(event: ContractUpgraded, call: Log, queued: bool) -> None:
    joined = watching().on_block(block(2, call), [event])[0]
    assert isinstance(joined, ContractUpgraded)
    assert (joined.event_id, joined.queued, joined.operation) == ("e", queued, OPERATION if queued else None)


def test_a_contract_without_a_known_timelock_is_neither_queued_nor_unqueued() -> None:
    [joined] = watching(guarded=False).on_block(block(2), [upgraded()])
    assert isinstance(joined, ContractUpgraded)
    assert joined.queued is None


def test_open_operations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelock, "MOST_OPERATIONS", 2)
    detector = watching()
    for number in range(5):
        detector.on_block(block(number + 1, scheduled(UPGRADE_TO, operation=topic(number))), ())
    assert detector.memory().count(b"queued") == 2


def test_without_timelocks_nothing_is_needed() -> None:
    assert timelock.make(Watch()).needs() == Needs()
    assert watching().needs().addresses == {GUARD}
