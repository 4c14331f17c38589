from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.reads import NO_CODE, CallWord, CodeHash, PathCode, Reads, RunsAs, SlotWord
from chain.blocks.standards import NOBODY
from chain.events import Address
from chain.events.network import NodeFaultKind
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import header_ask, header_of, logs_ask, logs_of, read_ask, read_of
from tests.chain.builders import START, address, header, topic

HERE = address(0xA)
SLOT, CODE, CALL = SlotWord(HERE, 1), CodeHash(HERE), CallWord(HERE, "0x5c60da1b")
HEAD: dict[str, Any] = {
    "number": "0x1",
    "hash": topic(1000),
    "parentHash": topic(0),
    "timestamp": hex(int(START.timestamp()) + 1),
}
LOG: dict[str, Any] = {
    "address": HERE.upper().replace("X", "x"),
    "topics": [topic(9)],
    "data": "0x00ff",
    "transactionHash": topic(3),
    "logIndex": "0x2",
    "blockHash": topic(1000),
    "removed": False,
}


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        (-32000, "Too Many Requests", NodeFaultKind.THROTTLED),
        (-32005, "limit exceeded", NodeFaultKind.THROTTLED),
        (-32005, "query returned more than 10000 results", NodeFaultKind.RANGE_LIMIT),
        (-32602, "block range is too wide", NodeFaultKind.RANGE_LIMIT),
        (-32000, "unknown block", NodeFaultKind.BEHIND),
        (-32601, "method not found", NodeFaultKind.REFUSED),
    ],
)
def test_an_error_has_a_kind_and_its_text_is_not_passed_on(code: int, message: str, fault: NodeFaultKind) -> None:
    failure = Refusal(code, message).failure()
    assert failure.fault is fault
    assert message not in failure.detail


def test_a_header_is_read() -> None:
    assert header_of(HEAD) == header(1)
    assert header_ask(17) == ("eth_getBlockByNumber", ["0x11", False])
    assert header_ask(None)[1][0] == "latest"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (None, NodeFaultKind.BEHIND),
        ("text", NodeFaultKind.MALFORMED),
        ({**HEAD, "hash": "0x12"}, NodeFaultKind.MALFORMED),
        ({**HEAD, "number": None}, NodeFaultKind.MALFORMED),
        (Refusal(-32601, "no"), NodeFaultKind.REFUSED),
    ],
)
def test_an_answer_that_is_not_a_header_is_a_failure(answer: object, fault: NodeFaultKind) -> None:
    with pytest.raises(NodeFailure) as failed:
        header_of(answer)
    assert failed.value.fault is fault


def test_logs_are_requested_by_hash_or_by_range_and_come_in_order() -> None:
    reads = Reads(addresses=frozenset({HERE}), topics=frozenset({topic(9)}))
    assert logs_ask(reads, [header(1)])[1][0]["blockHash"] == header(1).hash
    assert logs_ask(reads, [header(1), header(2)])[1][0]["toBlock"] == "0x2"
    found = logs_of([LOG, {**LOG, "logIndex": "0x1"}], [header(1), header(2)])
    assert [log.index for log in found[header(1).hash]] == [1, 2]
    assert found[header(2).hash] == ()
    assert found[header(1).hash][0].address == HERE


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ([{**LOG, "blockHash": topic(5)}], NodeFaultKind.BEHIND),
        ([{**LOG, "removed": True}], NodeFaultKind.BEHIND),
        ([{**LOG, "data": "0xzz"}], NodeFaultKind.MALFORMED),
        (None, NodeFaultKind.MALFORMED),
        (["text"], NodeFaultKind.MALFORMED),
        (Refusal(-32000, "block not found"), NodeFaultKind.BEHIND),
    ],
)
def test_logs_of_another_fork_or_no_logs_are_a_failure(answer: object, fault: NodeFaultKind) -> None:
    with pytest.raises(NodeFailure) as failed:
        logs_of(answer, [header(1)])
    assert failed.value.fault is fault


def test_reads_are_requested_for_the_exact_block() -> None:
    at = {"blockHash": header(1).hash}
    assert read_ask(SLOT, {"blockHash": header(1).hash}) == ("eth_getStorageAt", [HERE, topic(1), at])
    assert read_ask(CODE, {"blockHash": header(1).hash}) == ("eth_getCode", [HERE, at])
    assert read_ask(CALL, {"blockHash": header(1).hash})[1][1] == at


def test_reads_become_words_and_an_unreadable_value_is_none() -> None:
    assert read_of(SLOT, topic(7)) == 7
    assert read_of(CODE, "0x") == NO_CODE
    assert read_of(CODE, "0x00") == 0xBC36789E7A1E281436464229828F817D6612F7B477D66591FF96A9E064BCC98A
    assert read_of(CALL, topic(5) + "ff") == 5
    assert read_of(CALL, "0x") is None
    assert read_of(CALL, Refusal(3, "execution reverted")) is None
    assert read_of(SLOT, Refusal(-32000, "missing trie node 12")) is None


def test_the_account_that_runs_target_code_is_found_with_our_own_code_in_its_place() -> None:
    read = RunsAs(HERE, Address("0x" + "0b" * 20))
    method, (call, at, overrides) = read_ask(read, {"blockHash": header(1).hash})
    assert (method, call["to"], at) == ("eth_call", HERE, {"blockHash": header(1).hash})
    assert list(overrides) == [read.target]
    assert read_of(read, f"0x{~int(HERE, 16) & (1 << 256) - 1:064x}") == HERE
    for answer in ("0x", topic(5), "0x" + "ff" * 31, Refusal(3, "execution reverted"), Refusal(-32000, "out of gas")):
        assert read_of(read, answer) == NOBODY
    assert read_of(read, Refusal(-32602, "too many arguments, want at most 2")) is None


@pytest.mark.parametrize("answer", [None, "0xzz", Refusal(-32601, "no such method"), Refusal(-32005, "rate limit")])
def test_a_failed_read_is_not_an_empty_read(answer: object) -> None:
    with pytest.raises(NodeFailure):
        read_of(SLOT, answer)


def test_a_refused_code_of_a_path_is_unknown_and_a_throttle_is_not() -> None:
    path = PathCode(Address("0x" + "11" * 20))
    assert read_of(path, Refusal(-32000, "missing trie node")) is None
    with pytest.raises(NodeFailure):
        read_of(path, Refusal(429, "too many requests"))
