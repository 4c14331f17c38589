"""What waits in a timelock, by its logs and its own getter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from eth_abi.abi import encode

from chain.blocks.abi import selector_of, topic_of
from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallWord, StateRead
from chain.control.functions import SIGNATURES, function_of, function_words
from chain.control.operation import number_of
from chain.control.queue import MAX_CALLS, MAX_PENDING, PendingCall, QueueLog, confirmed, pending, questions
from chain.control.timelocks.zodiac_delay import NEXT
from tests.chain.builders import address, log, topic

LOCK, PROXY, ADMIN, NEW = (address(number << 100) for number in (1, 2, 3, 4))
SCHEDULED = topic_of("CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)")
UPGRADE = selector_of("upgrade(address,address)") + encode(["address", "address"], [PROXY, NEW])
AT_S = 1_700_000_000


def scheduled(operation: int, index: int = 0, body: bytes = UPGRADE, delay_s: int = 60) -> Log:
    said = encode(["address", "uint256", "bytes", "bytes32", "uint256"], [ADMIN, 0, body, bytes(32), delay_s])
    return log(LOCK, SCHEDULED, topic(operation), topic(index), body=said)


def time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_queued_call_is_told_with_its_target_its_function_and_when_it_is_ripe() -> None:
    [found] = pending([(scheduled(7), 5, AT_S)])
    assert (found.timelock, found.operation, found.since_block, found.eta) == (LOCK, topic(7), 5, time(AT_S + 60))
    assert found.calls == (
        PendingCall(target=ADMIN, selector="0x99a88ec4", function="upgrade(address,address)", new=NEW),
    )
    assert pending([(scheduled(7), 5, None)])[0].eta is None, "the time of its block is not known"


def test_the_calls_of_a_batch_are_one_operation_and_are_cut_with_a_count() -> None:
    [found] = pending([(scheduled(7, index), 5, AT_S) for index in range(MAX_CALLS + 3)])
    assert (len(found.calls), found.more_calls) == (MAX_CALLS, 3)


def test_what_ran_or_was_cancelled_or_cannot_be_read_does_not_wait() -> None:
    ran = log(LOCK, topic_of("CallExecuted(bytes32,uint256,address,uint256,bytes)"), topic(7), topic(0),
              body=encode(["address", "uint256", "bytes"], [ADMIN, 0, UPGRADE]))  # fmt: skip
    gone = log(LOCK, topic_of("Cancelled(bytes32)"), topic(8))
    logs = [scheduled(7), scheduled(8), ran, gone, log(LOCK, SCHEDULED, topic(9)), log(LOCK), log(LOCK, topic(1))]
    assert pending((one, 5, AT_S) for one in logs) == ()


def test_a_proposal_waits_once_it_is_queued_and_keeps_its_calls() -> None:
    created = topic_of("ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)")
    said = encode(
        ["uint256", "address", "address[]", "uint256[]", "string[]", "bytes[]", "uint256", "uint256", "string"],
        [7, ADMIN, [PROXY], [0], ["pause()"], [b""], 1, 2, "why"],
    )
    queued = log(LOCK, topic_of("ProposalQueued(uint256,uint256)"), body=encode(["uint256", "uint256"], [7, AT_S]))
    proposal = (log(LOCK, created, body=said), 4, AT_S)
    assert pending([proposal]) == ()
    [found] = pending([proposal, (queued, 5, AT_S)])
    assert (found.calls, found.eta) == (
        (PendingCall(target=PROXY, selector="0x8456cb59", function="pause()"),),
        time(AT_S),
    )


def test_the_newest_operations_are_told_and_approvals_are_none() -> None:
    found = pending((scheduled(number), number, AT_S) for number in range(1, MAX_PENDING + 5))
    assert [one.since_block for one in found] == list(range(5, MAX_PENDING + 5))
    assert pending([(log(LOCK, topic_of("ApproveHash(bytes32,address)"), topic(7), topic(1)), 5, AT_S)]) == ()


def test_one_log_cancels_every_proposal_up_to_its_number() -> None:
    submitted = "ProposalSubmitted(uint256,address,(address,uint96,bytes)[])"
    calls = encode(["(address,uint96,bytes)[]"], [[(PROXY, 0, b"")]])
    logs: list[QueueLog] = []
    for number in (3, 4, 5):
        logs.append((log(LOCK, topic_of(submitted), topic(number), topic(9), body=calls), number, AT_S))
        logs.append((log(LOCK, topic_of("ProposalScheduled(uint256)"), topic(number)), number, AT_S))
    logs.append((log(ADMIN, topic_of("ProposalScheduled(uint256)"), topic(3)), 5, AT_S))
    logs.append((log(LOCK, topic_of("ProposalsCancelledTill(uint256)"), body=encode(["uint256"], [4])), 6, AT_S))
    assert [(one.timelock, one.operation) for one in pending(logs)] == [(LOCK, topic(5)), (ADMIN, topic(3))]


def test_the_timelock_itself_says_what_still_waits_and_since_when_it_may_run() -> None:
    found = pending([(scheduled(7), 5, AT_S)])
    reads = {read.body[:10]: read for read in questions(found) if isinstance(read, CallWord)}
    openzeppelin, manager, compound = reads["0xd45c4435"], reads["0x3adc277a"], reads["0xf2b06537"]
    states: list[tuple[dict[AnyRead, object], list[tuple[datetime | None, bool | None]]]] = [
        ({}, [(time(AT_S + 60), None)]),
        ({openzeppelin: AT_S + 90}, [(time(AT_S + 90), True)]),
        ({openzeppelin: 1}, []),
        ({openzeppelin: 0}, []),
        ({manager: 0}, []),
        ({manager: AT_S + 5}, [(time(AT_S + 5), True)]),
        ({compound: 1}, [(time(AT_S + 60), True)]),
        ({openzeppelin: 1 << 250}, [(time(AT_S + 60), True)]),
        ({CallWord(LOCK, NEXT): 7}, [(time(AT_S + 60), None)]),  # the counter of a queue in order: the seventh is next
        ({CallWord(LOCK, NEXT): 8}, []),
    ]
    for state, wanted in states:
        assert [(one.eta, one.confirmed) for one in confirmed(found, StateRead(state))] == wanted


def test_a_function_is_named_by_its_selector_and_an_unknown_one_stays_a_number() -> None:
    assert function_of("0x3659cfe6") == "upgradeTo(address)"  # ERC-1967 proxies, as every explorer shows it
    assert function_of("0xa9059cbb") == "transfer(address,uint256)"
    assert function_words("0x12345678", "(address)") == "0x12345678(address)"
    assert function_words("0x12345678") == "0x12345678"
    assert function_words("0x8456cb59", "()") == "pause()"
    assert len({selector_of(one) for one in SIGNATURES}) == len(set(SIGNATURES)) == len(SIGNATURES)


@pytest.mark.parametrize(
    ("operation", "number"),
    [("12", 18), ("0x0c", 12), ("0x" + "ff" * 32, 2**256 - 1), ("", None), ("0xproposal", None), ("a name", None)],
)
def test_an_operation_that_is_named_by_no_number_has_none(operation: str, number: int | None) -> None:
    assert number_of(operation) == number
