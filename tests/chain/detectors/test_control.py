"""Checks control of watched contracts with logs of the documented signatures; the real-node tests use real contracts."""

from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, Reads, SlotWord
from chain.blocks.standards import ADMIN_SLOT, BEACON_SLOT
from chain.control.logs import READERS
from chain.detectors import control
from chain.detectors.control import Control
from chain.events import Address, ControlChange, ControlChanged
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, block, log, topic, words

TOKEN, OTHER, LOCK, ALONE, ADMIN = address(0xA), address(0xB), address(0x71), address(0x72), address(0xAD)
ONE, TWO = address(1), address(2)


def watching() -> Control:
    contracts = (WatchedContract(address=TOKEN, timelock=LOCK), WatchedContract(address=OTHER))
    return control.make(Watch(contracts=contracts, timelocks=(LOCK, ALONE)))


def event_log(at: Address, signature: str, *values: int, indexed: int = 0, index: int = 0) -> Log:
    topics = (topic(value) for value in values[:indexed])
    return log(at, topic_of(signature), *topics, body=words(*values[indexed:]), index=index)


def changes_of(*logs: Log, detector: Control | None = None) -> list[ControlChanged]:
    found = (detector or watching()).on_block(block(2, *logs), ())
    changes = [event for event in found if isinstance(event, ControlChanged)]
    assert len(changes) == len(found)
    return changes


@pytest.mark.parametrize("indexed", [0, 2])
@pytest.mark.parametrize(
    ("signature", "values", "expected"),
    [
        ("OwnershipTransferred(address,address)", (1, 2), {"change": "owner", "old": ONE, "new": TWO}),
        ("OwnershipTransferStarted(address,address)", (1, 2), {"change": "owner_pending", "old": ONE, "new": TWO}),
        ("NewAdmin(address)", (2,), {"change": "admin", "new": TWO}),
        ("NewPendingAdmin(address,address)", (1, 2), {"change": "admin_pending", "old": ONE, "new": TWO}),
        ("DefaultAdminTransferScheduled(address,uint48)", (2, 9), {"change": "admin_pending", "new": TWO}),
        (
            "RoleGranted(bytes32,address,address)",
            (7, 2, 3),
            {"change": "role_granted", "role": topic(7), "account": TWO},
        ),
        ("RoleRevoked(uint64,address)", (7, 2), {"change": "role_revoked", "role": topic(7), "account": TWO}),
        (
            "RoleAdminChanged(bytes32,bytes32,bytes32)",
            (7, 1, 2),
            {"change": "role_admin", "role": topic(7), "old": topic(1), "new": topic(2)},
        ),
        ("MinDelayChange(uint256,uint256)", (86400, 0), {"change": "delay", "old": "86400", "new": "0"}),
        ("NewDelay(uint256)", (60,), {"change": "delay", "new": "60"}),
        ("EnabledModule(address)", (2,), {"change": "module_enabled", "account": TWO}),
        ("ChangedGuard(address)", (2,), {"change": "guard", "new": TWO}),
        ("Paused(address)", (2,), {"change": "paused", "account": TWO}),
        ("Unpause()", (), {"change": "unpaused"}),
        ("Initialized(uint64)", (2,), {"change": "initialized", "new": "2"}),
    ],
)
def test_each_log_is_read_whichever_arguments_are_indexed(
    signature: str, values: tuple[int, ...], expected: dict[str, Any], indexed: int
) -> None:
    [event] = changes_of(event_log(OTHER, signature, *values, indexed=min(indexed, len(values))))
    nothing = {"old": None, "new": None, "role": None, "account": None, "escaped": False}
    assert (event.contract, event.emitter) == (OTHER, OTHER)
    for name, value in (nothing | expected).items():
        assert getattr(event, name) == value, name


def test_every_kind_of_change_has_a_log_that_reports_it() -> None:
    bodies = (b"", words(1, 1, 1))
    logs = [Log(address=TOKEN, topics=(), body=body, transaction="", index=0) for body in bodies]
    unlogged = {ControlChange.TRADING_OPENED, ControlChange.TRADING_CLOSED}  # tokens' trading switches have no log
    assert {reader(one).change for reader in READERS.values() for one in logs} == set(ControlChange) - unlogged


def test_a_change_of_a_shared_controller_counts_for_each_contract_it_controls() -> None:
    detector = watching()
    state: dict[AnyRead, object] = {
        SlotWord(TOKEN, ADMIN_SLOT): int(ADMIN, 16),
        SlotWord(OTHER, ADMIN_SLOT): int(ADMIN, 16),
        SlotWord(OTHER, BEACON_SLOT): int(TWO, 16),
    }
    assert detector.on_block(block(1, state=state), ()) == []
    assert {ADMIN, TWO, LOCK, ALONE, TOKEN, OTHER} == detector.reads().addresses
    shared = changes_of(event_log(ADMIN, "OwnershipTransferred(address,address)", 1, 2), detector=detector)
    assert [(event.contract, event.emitter) for event in shared] == [(TOKEN, ADMIN), (OTHER, ADMIN)]
    assert len({event.event_id for event in shared}) == 2
    assert [event.contract for event in changes_of(event_log(TWO, "Paused(address)", 1), detector=detector)] == [OTHER]
    assert [event.contract for event in changes_of(event_log(LOCK, "NewDelay(uint256)", 1), detector=detector)] == [
        TOKEN
    ]
    assert [event.contract for event in changes_of(event_log(ALONE, "NewDelay(uint256)", 1), detector=detector)] == [
        ALONE
    ]
    again = watching()
    again.recall(detector.memory())
    assert again.reads() == detector.reads()
    detector.on_block(block(3, state={SlotWord(OTHER, BEACON_SLOT): 0}), ())
    assert TWO not in detector.reads().addresses


@pytest.mark.parametrize(
    ("old", "new", "escaped"), [(0x71, 2, True), (0x71, 0, True), (0x71, 0x71, False), (2, 0x71, False), (2, 3, False)]
)
def test_control_that_leaves_the_timelock_has_escaped(old: int, new: int, escaped: bool) -> None:
    [event] = changes_of(event_log(TOKEN, "OwnershipTransferred(address,address)", old, new))
    assert event.escaped is escaped


def test_unwatched_contracts_and_malformed_logs_cause_no_events() -> None:
    assert changes_of(event_log(address(9), "Paused(address)", 1), log(TOKEN), log(TOKEN, topic(5))) == []


def test_with_nothing_watched_nothing_is_read() -> None:
    assert control.make(Watch()).reads() == Reads()
