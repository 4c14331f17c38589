"""Checks the meaning of refused and malformed answers, at the bounds: a value that was not read is never zero."""

from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.reads import (
    MAX_ANSWER,
    AccountDelegate,
    AnyRead,
    CallBytes,
    CallWord,
    CodeHash,
    CoinBalance,
    Reads,
    RunsAs,
    SlotWord,
)
from chain.blocks.standards import NOBODY
from chain.events.network import NodeFaultKind
from chain.rpc.errors import NodeFailure, Refusal, is_halted, is_pruned, kind_of, max_blocks, stated_wait_s
from chain.rpc.messages import logs_ask, logs_of, read_ask, read_of
from tests.chain.builders import address, header, log, topic, words
from tests.retry_after import CASES, NOW

HERE, TARGET = address(0xA), address(0xB)
SLOT, CODE, CALL, ANSWER = SlotWord(HERE, 1), CodeHash(HERE), CallWord(HERE, "0x01"), CallBytes(HERE, "0x01")
DELEGATE, BALANCE, REACH = AccountDelegate(HERE), CoinBalance(HERE), RunsAs(HERE, TARGET)
PRUNED, REVERTED = Refusal(-32000, "missing trie node 12"), Refusal(3, "execution reverted")
THROTTLED = Refusal(-32005, "limit exceeded")


def plain(**words: Any) -> dict[str, Any]:
    return {
        "address": HERE, "topics": [topic(9)], "data": "0x", "transactionHash": topic(3), "logIndex": "0x0",
        "blockHash": header(1).hash, "removed": False,
    } | words  # fmt: skip


@pytest.mark.parametrize("read", [SLOT, CODE, DELEGATE, BALANCE])
def test_state_that_the_node_has_pruned_is_unknown_and_any_other_refusal_is_a_failure(read: AnyRead) -> None:
    assert read_of(read, PRUNED) is None
    for refusal in (REVERTED, Refusal(-32601, "no such method")):
        with pytest.raises(NodeFailure) as failed:
            read_of(read, refusal)
        assert failed.value.fault is NodeFaultKind.REFUSED


@pytest.mark.parametrize("read", [CALL, ANSWER])
def test_a_refused_call_has_no_answer(read: AnyRead) -> None:
    assert [read_of(read, one) for one in (PRUNED, REVERTED, Refusal(-32000, "whatever"))] == [None] * 3


@pytest.mark.parametrize("read", [SLOT, CODE, CALL, ANSWER, DELEGATE, BALANCE, REACH])
def test_a_node_that_only_asks_to_wait_has_not_answered_about_the_state(read: AnyRead) -> None:
    with pytest.raises(NodeFailure) as failed:
        read_of(read, THROTTLED)
    assert failed.value.fault is NodeFaultKind.THROTTLED


@pytest.mark.parametrize("read", [SLOT, CODE, CALL, ANSWER, DELEGATE, BALANCE, REACH])
@pytest.mark.parametrize("answer", [None, 7, {"a": 1}, "0xzz", ["0x"]])
def test_an_answer_that_is_not_hexadecimal_is_malformed(read: AnyRead, answer: Any) -> None:
    with pytest.raises(NodeFailure) as failed:
        read_of(read, answer)
    assert failed.value.fault is NodeFaultKind.MALFORMED


@pytest.mark.parametrize(
    ("size", "there"), [(0, False), (1, True), (32, True), (MAX_ANSWER, True), (MAX_ANSWER + 1, False)]
)
def test_a_whole_answer_is_one_to_256_kibibytes_byte_for_byte(size: int, there: bool) -> None:
    assert there is (0 < size <= 256 * 1024)
    assert read_of(ANSWER, "0x" + "05" * size) == (b"\x05" * size if there else None)


def test_the_answer_of_a_call_is_its_first_whole_word() -> None:
    assert read_of(CALL, "0x" + (bytes(31)).hex()) is None
    assert read_of(CALL, "0x" + words(4).hex()) == 4
    assert read_of(CALL, "0x" + words(4, 5).hex()) == 4


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("ef0100" + HERE[2:], int(HERE, 16)), ("", 0), ("6001", 0), ("ef0101" + HERE[2:], 0),
        ("ef0100" + HERE[2:] + "00", 0), ("ef0100" + HERE[4:], 0),
    ],
)  # fmt: skip
def test_an_account_delegates_if_its_code_is_ef0100_and_an_address(code: str, target: int) -> None:
    assert read_of(DELEGATE, "0x" + code) == target


def test_a_balance_is_a_number_without_leading_zeros() -> None:
    assert read_of(BALANCE, "0x0") == 0
    assert read_of(BALANCE, hex(10**18)) == 10**18


def test_the_account_that_runs_the_code_is_the_complement_of_an_address_word() -> None:
    everything = (1 << 256) - 1
    assert read_of(REACH, f"0x{everything - ((1 << 160) - 1):064x}") == address((1 << 160) - 1)
    assert read_of(REACH, f"0x{everything - (1 << 160):064x}") == NOBODY, "more than an address"
    assert read_of(REACH, f"0x{everything - 5:064x}00") == NOBODY, "more than a word"
    assert read_of(REACH, REVERTED) == NOBODY
    assert read_of(REACH, PRUNED) is None


def test_each_read_is_its_own_request_for_this_block() -> None:
    at = {"blockHash": header(1).hash}
    assert read_ask(DELEGATE, at) == ("eth_getCode", [HERE, at])
    assert read_ask(BALANCE, at) == ("eth_getBalance", [HERE, at])
    assert read_ask(ANSWER, at) == ("eth_call", [{"to": HERE, "data": "0x01"}, at])
    assert read_ask(REACH, at)[1][0]["gas"] == hex(500_000)


def test_logs_of_one_block_are_requested_by_hash_and_of_several_by_number() -> None:
    reads = Reads(addresses=frozenset({TARGET, HERE}), topics=frozenset({topic(2), topic(1)}))
    of = {"address": [HERE, TARGET], "topics": [[topic(1), topic(2)]]}
    assert logs_ask(reads, [header(5)]) == ("eth_getLogs", [of | {"blockHash": header(5).hash}])
    three = [header(at) for at in (5, 6, 7)]
    assert logs_ask(reads, three) == ("eth_getLogs", [of | {"fromBlock": "0x5", "toBlock": "0x7"}])


def test_logs_are_grouped_by_block_in_order_and_every_block_has_an_entry() -> None:
    second = plain(blockHash=header(2).hash.upper().replace("X", "x"), logIndex="0x5", data="0x0a")
    found = logs_of([plain(logIndex="0x2"), second, plain(logIndex="0x1")], [header(1), header(2), header(3)])
    assert found == {
        header(1).hash: (
            log(HERE, topic(9), transaction=3, index=1), log(HERE, topic(9), transaction=3, index=2),
        ),
        header(2).hash: (log(HERE, topic(9), body=b"\x0a", transaction=3, index=5),),
        header(3).hash: (),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"removed": True}, NodeFaultKind.BEHIND), ({"blockHash": header(9).hash}, NodeFaultKind.BEHIND),
        ({"transactionHash": "0x12"}, NodeFaultKind.MALFORMED), ({"logIndex": None}, NodeFaultKind.MALFORMED),
        ({"data": "0xz"}, NodeFaultKind.MALFORMED), ({"topics": None}, NodeFaultKind.MALFORMED),
    ],
)  # fmt: skip
def test_one_wrong_log_makes_the_whole_answer_invalid(wrong: dict[str, Any], fault: NodeFaultKind) -> None:
    with pytest.raises(NodeFailure) as failed:
        logs_of([plain(), plain(**wrong)], [header(1)])
    assert failed.value.fault is fault


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        ("query exceeds max results 20000, retry with the range 5-5", 1),
        ("query exceeds max results 20000, retry with the range 5-14", 10),
        ("try with this block range [0x10, 0x1f].", 16),
        ("range is too large, max is 1k blocks", 1000),
        ("limited to a 10,000 blocks range", 10_000),
        ("exceed maximum block range: 5000", 5000),
        ("exceed maximum block range: 0", 1),
        ("the range 9-5 is wrong", 1),
        ("too wide", None),
    ],
)
def test_the_block_limit_of_a_node_is_read_from_its_error_text(message: str, blocks: int | None) -> None:
    assert max_blocks(message) == blocks


def test_only_the_first_500_characters_of_a_refusal_count() -> None:
    assert kind_of(-32000, "x" * 490 + "rate limit") is NodeFaultKind.THROTTLED
    assert kind_of(-32000, "x" * 491 + "rate limit") is NodeFaultKind.REFUSED
    assert is_pruned("x" * 494 + "pruned")
    assert not is_pruned("x" * 495 + "pruned")
    assert is_halted("x" * 494 + "REVERT")
    assert is_halted("EVM error InvalidOperandOOG")
    assert is_halted("EVM error InvalidFEOpcode")
    assert is_halted("gas uint64 overflow")
    assert not is_halted("x" * 495 + "revert")


def test_the_first_matching_error_kind_counts_and_the_code_only_if_no_text_matches() -> None:
    assert kind_of(-32005, "batch limit exceeded") is NodeFaultKind.BATCH_LIMIT
    assert kind_of(-32005, "Block Range exceeded, rate limit") is NodeFaultKind.RANGE_LIMIT
    assert kind_of(-32005, "limit exceeded") is NodeFaultKind.THROTTLED
    assert kind_of(-32004, "limit exceeded") is NodeFaultKind.REFUSED


@pytest.mark.parametrize(("text", "seconds"), CASES)
def test_a_stated_wait_is_read_as_everywhere(text: str, seconds: float | None) -> None:
    assert stated_wait_s(text, NOW) == seconds
