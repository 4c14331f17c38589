"""Whatever a node answers, a reader gives a value that can be true, None, or the documented NodeFailure. Seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from chain.blocks.block import Header, Log
from chain.blocks.reads import (
    AccountDelegate,
    AnyRead,
    CallBytes,
    CallWord,
    CodeHash,
    CoinBalance,
    Reads,
    RunsAs,
    RunsOneOf,
    SlotWord,
    TouchedState,
    TracedDelegates,
)
from chain.control.call_data import foreseen, opened
from chain.events import Address
from chain.rpc import multicall
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import header_of, logs_of, read_of, receipts_of
from chain.rpc.pairing import paired
from tests.fuzz.mutators import encoded, mutated_tree

COUNT = 4_000
A, B = Address("0x" + "a" * 40), Address("0x" + "b" * 40)
HASH, PARENT, TOPIC = "0x" + "1" * 64, "0x" + "2" * 64, "0x" + "3" * 64
WORD = "0x" + "0" * 24 + "b" * 40
HEADER = {
    "number": "0x10", "hash": HASH, "parentHash": PARENT, "timestamp": "0x6724e000", "baseFeePerGas": "0x7",
    "logsBloom": "0x" + "0" * 512,
}  # fmt: skip
LOG = {
    "address": A, "topics": [TOPIC], "data": WORD, "transactionHash": HASH, "logIndex": "0x1", "blockHash": HASH,
    "removed": False,
}  # fmt: skip
TRACE = {
    "type": "CALL", "to": A, "input": "0x5c60da1b", "output": WORD,
    "calls": [{"type": "STATICCALL", "from": A, "to": B, "output": WORD},
        {"type": "DELEGATECALL", "from": A, "to": B, "calls": []}],
}  # fmt: skip
READS: tuple[tuple[AnyRead, Any], ...] = (
    (SlotWord(A, 1), WORD),
    (CodeHash(A), "0x6000"),
    (CallWord(A, "0x5c60da1b"), WORD),
    (CallBytes(A, "0x5c60da1b"), WORD * 1),
    (AccountDelegate(A), "0xef0100" + "b" * 40),
    (CoinBalance(A), "0xde0b6b3a7640000"),
    (RunsOneOf(A, "0x5c60da1b", (B,)), "0x" + "0" * 192),
    (TracedDelegates(A, "0x5c60da1b"), TRACE),
    (TouchedState(A, "0x5c60da1b"), {"accessList": [{"address": A, "storageKeys": [TOPIC]}], "gasUsed": "0x1"}),
    (TouchedState(A, "0x5c60da1b", traced=True), {A: {"balance": "0x0", "storage": {TOPIC: WORD}}}),
    (RunsAs(A, B), WORD),
)
ODD_HEX = (
    "0x", "0", "", "-0x1", "-1", "0x-1", "0x_1", "0x1_0", " 0x1", "0X1", "0xg", "0x" + "f" * 63, "0x" + "f" * 64, "0x" + "f" * 66,
    "0x" + "f" * 100_000, "0x" + "0" * 5000, "0x0x1", "é" * 66, "0x" + "٣" * 64, "\x00" * 66, "-0x" + "1" * 63, "+0x" + "1" * 63,
    A, B, HASH, TOPIC, WORD,
)  # fmt: skip
HEADERS = [Header(number=16, hash=HASH, parent_hash=PARENT, time=header_of(HEADER).time, base_fee=7, bloom=0)]
WANTED = Reads(addresses=frozenset({A}), topics=frozenset({TOPIC}))


def answers(whole: Any, seed: str, count: int = COUNT) -> Iterator[Any]:
    """The answer changed, as a node's JSON would be decoded."""
    draw = Random(seed)
    for _ in range(count):
        try:
            yield msgspec.json.decode(encoded(mutated_tree(whole, draw, ODD_HEX)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # as the node does: malformed
            continue


def given(read: Callable[[Any], Any], answer: Any) -> Any:
    """What is read; None for a documented failure."""
    try:
        return read(answer)
    except NodeFailure:
        return None


def test_a_header_is_read_with_figures_that_can_be_or_not_at_all() -> None:
    for answer in answers(HEADER, "header"):
        header = given(header_of, answer)
        if header is not None:
            assert 0 <= header.number < 2**64
            assert header.time.year >= 1970
            assert header.base_fee is None or 0 <= header.base_fee < 2**256
            assert header.bloom is None or 0 <= header.bloom < 2**2048
            assert all(is_hex(one, 64) for one in (header.hash, header.parent_hash))


def test_logs_are_read_with_figures_that_can_be_or_not_at_all() -> None:
    readers: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
        ([LOG, LOG | {"logIndex": "0x2"}], lambda answer: logs_of(answer, HEADERS)[HASH]),
        ([{"logs": [LOG]}, {"logs": []}], lambda answer: receipts_of(answer, WANTED, HEADERS[0])),
    )
    for number, (whole, read) in enumerate(readers):
        for answer in answers(whole, f"logs {number}"):
            for log in given(read, answer) or ():
                assert_log(log)


def assert_log(log: Log) -> None:
    assert 0 <= log.index < 2**64
    assert is_hex(log.address, 40)
    assert is_hex(log.transaction, 64)
    assert all(is_hex(topic, 64) for topic in log.topics)


def is_hex(text: str, digits: int) -> bool:
    return len(text) == digits + 2 and text.startswith("0x") and set(text[2:]) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("read", "answer"), READS, ids=[f"{type(one).__name__}{at}" for at, (one, _) in enumerate(READS)]
)
def test_a_read_of_the_state_gives_a_word_that_can_be_or_nothing(read: AnyRead, answer: Any) -> None:
    assert read_of(read, answer) is not None
    wrapped = {"result": answer}
    for changed in answers(wrapped, type(read).__name__):
        found = given(lambda one: read_of(read, one), changed.get("result") if isinstance(changed, dict) else changed)
        if isinstance(found, int):
            assert 0 <= found < 2**256
        if isinstance(found, str):
            assert is_hex(found, 40)


def test_a_batchs_answer_is_a_result_a_refusal_or_malformed() -> None:
    whole = {"id": 1, "jsonrpc": "2.0", "error": {"code": -32005, "message": "limit exceeded", "data": {}}}
    for answer in answers(whole, "batch"):
        for found in given(lambda body: paired([body], 1, 1), answer) or ():
            if isinstance(found, Refusal):
                assert len(found.message) <= 500
                assert isinstance(found.failure(), NodeFailure)


def test_a_packed_answer_is_read_or_malformed() -> None:
    reads: frozenset[AnyRead] = frozenset({SlotWord(A, 1), SlotWord(B, 2), CodeHash(A), CallWord(A, "0x5c60da1b")})
    packed, _ = multicall.plan(reads)
    draw = Random("packed")
    for one in packed:
        for _ in range(COUNT):
            words = b"".join(
                draw.choice((draw.randbytes(32), draw.randrange(200).to_bytes(32), b"\xff" * 32)) for _ in range(4)
            )
            text = "0x" + words[: draw.randrange(129)].hex()
            answer = draw.choice((text, text, text, text[:-1], *ODD_HEX[:12], None, 7, [text], {"a": text}))
            found = multicall.unpack(one, answer)
            for value in (found or {}).values():
                assert not isinstance(value, int) or 0 <= value < 2**256


def test_call_data_of_any_bytes_is_opened_within_bounds() -> None:
    draw = Random("call data")
    selectors = (
        "a9059cbb",
        "8d80ff0a",
        "252dba42",
        "82ad56cb",
        "3a66f901",
        "c6427474",
        "01d5062a",
        "8f2a0bb0",
        "99a88ec4",
        "1f931c1c",
    )
    for _ in range(COUNT):
        words = [
            draw.choice(
                (
                    draw.randrange(0, 400, 32).to_bytes(32),
                    draw.randbytes(32),
                    b"\0" * 12 + draw.randbytes(20),
                    b"\xff" * 32,
                )
            )
            for _ in range(draw.randrange(14))
        ]
        body = bytes.fromhex(draw.choice(selectors)) + b"".join(words)
        body = body[: draw.randrange(len(body) + 1)] if draw.random() < 0.3 else body
        assert len(opened(A, body)) <= 1_000
        assert all(one.new is None or is_hex(one.new, 40) for one in foreseen(A, body))
