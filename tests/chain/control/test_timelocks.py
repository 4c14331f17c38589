"""Checks timelocks of every kind with logs that an independent encoder builds from the documented signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from chain.blocks.abi import selector_of, topic_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallWord, CodeHash, Reads, SlotWord, StateRead
from chain.blocks.standards import BEACON_SLOT
from chain.control.timelocks import kinds as timelock_kinds
from chain.control.timelocks import marks
from chain.control.timelocks.zodiac_delay import NEXT
from chain.detectors import timelocks
from chain.events import PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued
from chain.watch import Watch
from tests.chain.builders import START, address, block, log, topic, words
from tests.chain.control.timelock_families import (
    ADMIN,
    BEACON,
    CREATED,
    CREATED_TYPES,
    ETA,
    FAMILIES,
    GUARD,
    IN_TWO_DAYS,
    OPERATION,
    PAYLOAD,
    PROXY,
    UPGRADE_TO,
    ZERO,
    Family,
    executed,
    log_of,
    noted,
    scheduled,
    upgraded,
    watching,
)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_an_announced_upgrade_is_reported_with_its_eta_and_joined_to_its_execution(family: Family) -> None:
    detector = watching()
    [queued] = detector.on_block(block(1, *family.announced), ())
    assert isinstance(queued, UpgradeQueued)
    assert (queued.target, queued.new, queued.eta) == (PROXY, family.new, family.eta)
    joined, ended = detector.on_block(block(2, family.executed), [upgraded()])
    assert isinstance(joined, ContractUpgraded)
    assert isinstance(ended, OperationEnded)
    assert (joined.queued, joined.operation) == (True, queued.operation)
    assert (ended.executed, ended.queued_event_id, ended.operation) == (True, queued.event_id, queued.operation)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_cancelled_upgrade_ends_once_and_comes_back_with_a_reorg(family: Family) -> None:
    detector = watching()
    [queued] = detector.on_block(block(1, *family.announced), ())
    memory = detector.memory()
    [ended] = detector.on_block(block(2, family.cancelled), ())
    assert isinstance(ended, OperationEnded)
    assert (ended.executed, ended.queued_event_id) == (False, queued.event_id)
    assert detector.on_block(block(3, family.cancelled), ()) == []
    detector.recall(memory)
    assert detector.on_block(block(2, family.cancelled), ()) == [ended]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_an_upgrade_in_another_transaction_than_the_execution_was_not_announced(family: Family) -> None:
    joined = watching().on_block(block(2, family.executed), [upgraded(transaction=9)])[0]
    assert isinstance(joined, ContractUpgraded)
    assert (joined.queued, joined.operation) == (False, None)


def test_the_end_of_a_vote_is_estimated_from_the_block_time_of_the_network() -> None:
    created = log_of(CREATED, CREATED_TYPES, 11, ADMIN, [PROXY], [0], [""], [UPGRADE_TO], 1, 1100, "why")
    detector = watching()
    detector.on_block(block(0), ())
    [queued] = detector.on_block(block(100, created, after_s=300), ())
    assert isinstance(queued, UpgradeQueued)
    assert queued.eta == START + timedelta(seconds=300 + 3 * 1000)
    [first] = watching().on_block(block(100, created), ())
    assert isinstance(first, UpgradeQueued)
    assert first.eta == START + timedelta(seconds=100 + 12 * 1000)


def test_a_proposal_is_reported_again_with_the_eta_of_its_queue() -> None:
    created = log_of(CREATED, CREATED_TYPES, 11, ADMIN, [PROXY], [0], [""], [UPGRADE_TO], 1, ETA - 90_000, "why")
    detector = watching()
    [first] = detector.on_block(block(1, created), ())
    [again] = detector.on_block(block(2, log_of("ProposalQueued(uint256,uint256)", "uint256 uint256", 11, ETA)), ())
    assert isinstance(first, UpgradeQueued)
    assert isinstance(again, UpgradeQueued)
    assert (again.operation, again.target, again.eta) == (first.operation, first.target, IN_TWO_DAYS)
    assert again.event_id != first.event_id
    [ended] = detector.on_block(block(3, log_of("ProposalExecuted(uint256)", "uint256", 11)), ())
    assert isinstance(ended, OperationEnded)
    assert ended.queued_event_id == first.event_id
    unknown = log_of("ProposalQueued(uint256,uint256)", "uint256 uint256", 12, ETA)
    assert detector.on_block(block(4, unknown), ()) == []


def test_an_upgrade_approved_on_a_safe_is_joined_by_its_hash() -> None:
    approval = log_of("ApproveHash(bytes32,address)", "", topics=(0x0B, 7))
    success = log_of("ExecutionSuccess(bytes32,uint256)", "bytes32 uint256", b"\0" * 31 + b"\x0b", 0)
    detector = watching()
    assert detector.on_block(block(1, approval), ()) == []
    joined, ended = detector.on_block(block(2, success), [upgraded()])
    assert isinstance(joined, ContractUpgraded)
    assert (joined.queued, joined.operation) == (True, OPERATION)
    assert isinstance(ended, OperationEnded)
    assert (ended.executed, ended.queued_event_id) == (True, None)
    joined, _ = detector.on_block(block(3, success), [upgraded()])
    assert isinstance(joined, ContractUpgraded)
    assert (joined.queued, joined.operation) == (None, OPERATION)  # signed off chain: neither announced nor hidden
    failure = log_of("ExecutionFailure(bytes32,uint256)", "uint256", 0, topics=(0x0B,))
    assert detector.on_block(block(4, failure, success), ()) == []


def test_a_payload_with_its_own_code_explains_every_change_in_its_transaction() -> None:
    actions = [(PROXY, True, 1, 0, "execute()", b"")]
    created = log_of(f"PayloadCreated(uint40,address,{PAYLOAD},uint8,bytes32)", f"{PAYLOAD} bytes32", actions, ZERO,
                   topics=(0x0B, 7, 1))  # fmt: skip
    detector = watching()
    queued = log_of("PayloadQueued(uint40)", "uint40", 11)
    assert detector.on_block(block(1, created, queued), ()) == []
    joined, ended = detector.on_block(block(2, log_of("PayloadExecuted(uint40)", "uint40", 11)), [upgraded(new=77)])
    assert isinstance(joined, ContractUpgraded)
    assert joined.queued is True
    assert isinstance(ended, OperationEnded)


def test_a_lido_proposal_is_reported_again_when_scheduled() -> None:
    detector = watching()
    detector.on_block(block(1, *FAMILIES["lido"].announced), ())
    [again] = detector.on_block(block(9, log_of("ProposalScheduled(uint256)", "", topics=(0x0B,))), ())
    assert isinstance(again, UpgradeQueued)
    assert again.eta == START + timedelta(seconds=9)


@pytest.mark.parametrize(
    ("event", "ran", "queued"),
    [
        (upgraded(), executed(UPGRADE_TO), True),
        (upgraded(transaction=None), executed(UPGRADE_TO), True),
        (upgraded(transaction=None), executed(b""), None),
        (upgraded(transaction=9), executed(UPGRADE_TO), False),
        (upgraded(new=3), executed(UPGRADE_TO), True),
        (upgraded(role=Role.ADMIN, new=3), executed(b""), True),
        (upgraded(), executed(b""), True),
        (upgraded(new=9), executed(selector_of("_acceptImplementation()")), True),
        (upgraded(role=Role.CODE, transaction=None), executed(b""), None),
    ],
)
def test_an_upgrade_names_the_operation_that_executed_it(
    event: ContractUpgraded, ran: Log, queued: bool | None
) -> None:
    joined = watching().on_block(block(2, ran), [event])[0]
    assert isinstance(joined, ContractUpgraded)
    assert (joined.event_id, joined.queued, joined.operation) == ("e", queued, OPERATION if queued else None)


@pytest.mark.parametrize("value_first", [True, False])
def test_a_spell_explains_every_change_in_its_transaction_and_a_dropped_one_nothing(value_first: bool) -> None:
    detector = watching()
    assert detector.on_block(block(1, noted("plot", value_first=value_first)), ()) == []
    joined, ended = detector.on_block(block(2, noted("exec", value_first=value_first)), [upgraded(new=77)])
    assert isinstance(joined, ContractUpgraded)
    assert isinstance(ended, OperationEnded)
    assert (joined.queued, joined.operation) == (True, ended.operation)
    [alone] = detector.on_block(block(3, noted("drop", value_first=value_first)), [upgraded(new=78)])
    assert isinstance(alone, ContractUpgraded)
    assert (alone.queued, alone.operation) == (False, None)


AVATAR = address(0xA7A7A7)
ADDED = "TransactionAdded(uint256,bytes32,address,uint256,bytes,uint8)"
RAN = topic_of("ExecutionFromModuleSuccess(address)")


def delay_modifier() -> timelocks.Timelocks:
    """A detector that has recognised GUARD as a Zodiac Delay in front of AVATAR."""
    detector = watching()
    answers = {body: int(AVATAR, 16) for body in marks()["zodiac_delay"]}
    state: dict[AnyRead, object] = {CallWord(GUARD, body): word for body, word in answers.items()}
    detector.on_block(block(0, state={CodeHash(GUARD): 5, **state}), ())
    return detector


def test_the_safe_behind_a_delay_modifier_tells_of_its_execution() -> None:
    detector = delay_modifier()
    assert AVATAR in detector.reads().addresses
    types = "address uint256 bytes uint8"
    first = log_of(ADDED, types, PROXY, 0, b"", 0, topics=(0, 1))
    second = log_of(ADDED, types, PROXY, 0, UPGRADE_TO, 0, topics=(1, 2), index=1)
    third = log_of(ADDED, types, PROXY, 0, UPGRADE_TO, 1, topics=(2, 3), index=2)
    [queued] = detector.on_block(block(1, first, second, third), ())
    assert isinstance(queued, UpgradeQueued)
    assert (queued.timelock, queued.target, queued.new) == (GUARD, PROXY, address(2))
    assert detector.on_block(block(2, log(AVATAR, RAN, topic(int(GUARD, 16)))), ()) == []
    joined, ended = detector.on_block(block(3, log(AVATAR, RAN, topic(int(GUARD, 16)))), [upgraded()])
    assert isinstance(joined, ContractUpgraded)
    assert (joined.queued, joined.operation) == (True, queued.operation)
    assert isinstance(ended, OperationEnded)
    assert (ended.timelock, ended.queued_event_id) == (GUARD, queued.event_id)
    another = log(AVATAR, RAN, topic(0x99))
    [bypassed] = detector.on_block(block(4, another), [upgraded()])
    assert isinstance(bypassed, ContractUpgraded)
    assert bypassed.queued is False


def ran(index: int = 0) -> Log:
    return log(AVATAR, RAN, topic(int(GUARD, 16)), index=index)


def counted(number: int, after: int, *logs: Log) -> Block:
    """A block after which this many transactions of the queue ran or were skipped."""
    return replace(block(number, *logs), checked=StateRead({CallWord(GUARD, NEXT): after}))


def test_the_counter_of_a_delay_modifier_tells_which_transactions_ran_and_which_were_skipped_without_a_log() -> None:
    detector = delay_modifier()
    added = [
        log_of(ADDED, "address uint256 bytes uint8", PROXY, 0, UPGRADE_TO, 0, topics=(number, 1), index=number)
        for number in range(4)
    ]
    queued = [one.event_id for one in detector.on_block(block(1, *added), ())]
    assert len(queued) == 4
    assert detector.checks(block(2, ran())).state == {CallWord(GUARD, NEXT)}
    assert detector.checks(counted(2, 2, ran())) == detector.checks(block(2, added[0])) == Reads()
    skipped = [(False, queued[0]), (True, queued[1])]
    assert ends(detector.on_block(counted(2, 2, ran()), ())) == skipped
    both = [(True, queued[2]), (True, queued[3])]
    assert ends(detector.on_block(counted(3, 4, ran(0), ran(1)), ())) == both


def ends(events: Sequence[PlacedEvent]) -> list[tuple[bool, str | None]]:
    return [(one.executed, one.queued_event_id) for one in events if isinstance(one, OperationEnded)]


def test_one_log_of_lido_cancels_every_proposal_up_to_its_number_and_no_other() -> None:
    detector = watching()
    submitted = [
        log_of(
            "ProposalSubmitted(uint256,address,(address,uint96,bytes)[])", "(address,uint96,bytes)[]",
            [(PROXY, 0, UPGRADE_TO)], topics=(number, 7), index=number,
        )
        for number in (1, 2, 3)
    ]  # fmt: skip
    queued = [one.event_id for one in detector.on_block(block(1, *submitted), ())]
    cancelled = log_of("ProposalsCancelledTill(uint256)", "uint256", 2)
    assert ends(detector.on_block(block(2, cancelled), ())) == [(False, queued[0]), (False, queued[1])]
    assert ends(detector.on_block(block(3, cancelled), ())) == []
    assert ends(detector.on_block(block(4, log_of("ProposalExecuted(uint256)", "uint256", 3)), ())) == [
        (True, queued[2])
    ]


def test_an_execution_of_a_delay_modifier_that_was_queued_before_we_watched_is_announced() -> None:
    joined, _ = delay_modifier().on_block(block(3, log(AVATAR, RAN, topic(int(GUARD, 16)))), [upgraded()])
    assert isinstance(joined, ContractUpgraded)
    assert (joined.queued, joined.operation) == (True, topic(1))


@pytest.mark.parametrize("kind", timelock_kinds())
def test_a_timelock_is_recognised_by_its_getters_and_only_then_bypassed(kind: str) -> None:
    detector = watching()
    answers: dict[AnyRead, object] = {CallWord(GUARD, body): 5 for body in marks()[kind]}
    assert answers.keys() <= detector.reads().state
    [unknown] = detector.on_block(block(1, state={CodeHash(GUARD): 5}), [upgraded()])
    [unread] = watching().on_block(block(1), [upgraded()])
    assert isinstance(unknown, ContractUpgraded)
    assert isinstance(unread, ContractUpgraded)
    assert unknown.queued is unread.queued is None
    detector = watching()
    [bypassed] = detector.on_block(block(1, state={CodeHash(GUARD): 5, **answers}), [upgraded()])
    assert isinstance(bypassed, ContractUpgraded)
    assert bypassed.queued is False
    again = watching()
    again.recall(detector.memory())
    assert not any(isinstance(read, CallWord) for read in again.reads().state)


def test_a_batch_ends_once_and_any_of_its_calls_may_explain_the_upgrade() -> None:
    detector = watching()
    [queued] = detector.on_block(block(1, scheduled(b"", 0), scheduled(UPGRADE_TO, 1)), ())
    found = detector.on_block(block(2, executed(b"", 0), executed(UPGRADE_TO, 1)), [upgraded()])
    [ended] = [event for event in found if isinstance(event, OperationEnded)]
    assert ended.queued_event_id == queued.event_id
    late = watching().on_block(block(2, executed(b"", 0), executed(UPGRADE_TO, 1)), ())
    assert [type(event) for event in late] == [OperationEnded]


def test_an_upgrade_of_a_beacon_is_announced_for_each_contract_behind_it() -> None:
    detector = watching()
    assert SlotWord(PROXY, BEACON_SLOT) in detector.reads().state
    found = detector.on_block(with_beacon(1, 0xBE, scheduled(UPGRADE_TO, target=BEACON)), ())
    assert [event.target for event in found if isinstance(event, UpgradeQueued)] == [BEACON, PROXY]
    assert len({event.event_id for event in found}) == 2
    unread = block(2, scheduled(UPGRADE_TO, operation=13, target=BEACON), state={SlotWord(PROXY, 1): 5})
    still_queued = detector.on_block(unread, ())
    assert [event.target for event in still_queued if isinstance(event, UpgradeQueued)] == [BEACON, PROXY], (
        "not read is not gone"
    )
    moved = detector.on_block(with_beacon(3, 0, scheduled(UPGRADE_TO, operation=12, target=BEACON)), ())
    assert [event.target for event in moved if isinstance(event, UpgradeQueued)] == [BEACON]


def with_beacon(number: int, beacon: int, *logs: Log) -> Block:
    return block(number, *logs, state={SlotWord(PROXY, BEACON_SLOT): beacon})


def test_a_change_of_admin_alone_is_not_an_announced_upgrade() -> None:
    assert watching().on_block(block(1, scheduled(selector_of("changeAdmin(address)") + words(2))), ()) == []


def test_unrelated_logs_cause_no_events() -> None:
    kind = topic_of("CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)")
    cancel = topic_of("Cancelled(bytes32)")
    stray = [log(PROXY, kind, OPERATION), log(GUARD, kind), log(GUARD, topic(5), topic(6)), log(GUARD, kind, OPERATION)]
    assert watching().on_block(block(1, *stray, log(GUARD), log(GUARD, cancel)), ()) == []


def test_a_contract_without_a_known_timelock_is_neither_queued_nor_unqueued() -> None:
    found: list[PlacedEvent] = watching(guarded=False).on_block(block(2), [upgraded()])
    assert found == [upgraded()]


def test_open_operations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelocks, "MAX_OPERATIONS", 2)
    detector = watching()
    for number in range(5):
        detector.on_block(block(number + 1, scheduled(UPGRADE_TO, operation=number)), ())
    assert detector.memory().count(b"queued") == 2


def test_absurd_delays_are_reported_as_the_longest_accepted_delay() -> None:
    [queued] = watching().on_block(block(1, scheduled(UPGRADE_TO, delay_s=2**255)), ())
    assert isinstance(queued, UpgradeQueued)
    assert queued.eta == START + timedelta(seconds=1 + timelocks.MAX_DELAY_S)


def test_without_timelocks_nothing_is_read() -> None:
    assert timelocks.make(Watch()).reads() == Reads()
    assert watching().reads().addresses == {GUARD}


def test_each_timelock_family_has_a_file_and_no_two_read_the_same_log() -> None:
    assert set(timelock_kinds()) >= {"openzeppelin", "compound", "governor", "safe", "maple", "aave_payloads"}
    assert len(watching().reads().topics) >= 25
