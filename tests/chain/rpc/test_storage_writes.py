from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.block import Log, Write
from chain.blocks.order import in_order
from chain.blocks.reads import SlotWord, StateRead
from chain.events import Address
from chain.rpc.errors import Refusal
from chain.rpc.storage_writes import (
    MAX_FLIPS,
    MAX_MISSES,
    NOT_ASKED,
    NOTICES,
    RETRY_BLOCKS,
    TraceMethod,
    Tracing,
    contradicts,
    is_unsupported,
    tracer,
    writes_asks,
    writes_of,
)
from tests.chain.builders import address, header, log, topic

P, Q = address(0xABC), address(0xDEF)
PLACES = frozenset({SlotWord(P, 1), SlotWord(P, 0xABC), SlotWord(Q, 2)})
HEAD = header(7)
RAW_HEADER = {"number": "0x7", "hash": HEAD.hash, "parentHash": HEAD.parent_hash, "timestamp": "0x5"}


def wrote(slot: int, value: int, transaction: int = 1, at: Address = P) -> Write:
    return Write(topic(transaction), at, slot, value)


def read(method: TraceMethod, *answers: Any) -> tuple[Write, ...] | None:
    return writes_of(method, PLACES, HEAD, answers)


def test_a_tracer_answer_gives_the_writes_to_watched_places_in_order() -> None:
    answer = [
        {"txHash": topic(1), "result": [[P, "1", "a"], [P, "9", "a"], [P, "abc", "b"]]},
        {"txHash": topic(2), "result": [[Q, "2", "0"]]},
    ]
    assert read(TraceMethod.TRACER, answer) == (wrote(1, 10), wrote(0xABC, 11), wrote(2, 0, 2, Q))
    assert read(TraceMethod.TRACER, []) == ()


def test_diffs_show_what_each_transaction_left_and_a_cleared_place_is_zero() -> None:
    result = {
        "pre": {
            P: {"storage": {topic(1): topic(5)}},
            Q: {"balance": "0x0"},
            address(1): {"storage": {topic(2): topic(1)}},
        },
        "post": {P: {"storage": {topic(0xABC): topic(6)}}, Q: {"storage": {topic(2): topic(7)}}},
    }
    found = read(TraceMethod.DIFFS, [{"txHash": topic(1), "result": result}])
    assert found == (wrote(1, 0), wrote(0xABC, 6), wrote(2, 7, at=Q))


def test_a_replay_counts_only_for_its_own_block() -> None:
    changed = {topic(1): {"*": {"from": topic(0), "to": topic(5)}}, topic(0xABC): {"+": topic(6)}, topic(3): "="}
    answer = [
        {
            "transactionHash": topic(1),
            "stateDiff": {P: {"storage": changed}, Q: {"storage": {topic(2): {"-": topic(9)}}}},
        },
        {"transactionHash": topic(2), "stateDiff": None},
    ]
    assert read(TraceMethod.REPLAY, answer, RAW_HEADER) == (wrote(1, 5), wrote(0xABC, 6), wrote(2, 0, at=Q))
    assert read(TraceMethod.REPLAY, answer, {**RAW_HEADER, "hash": topic(8)}) is None
    assert read(TraceMethod.REPLAY, answer, None) is None


@pytest.mark.parametrize(
    "answer",
    [
        None,
        7,
        Refusal(-32000, "execution timeout"),
        [{"txHash": topic(1), "error": "execution timeout"}],
        [{"txHash": "0x1", "result": []}],
        [{"txHash": "0x" + "zz" * 32, "result": []}],
        [{"txHash": topic(1), "result": [[P, "1"]]}],
        [{"txHash": topic(1), "result": [[P, "-1", "2"]]}],
        [{"txHash": topic(1), "result": [[P, "1" * 70, "2"]]}],
        [{"txHash": topic(1), "result": [[None, "1", "2"]]}],
    ],
)
def test_a_trace_that_does_not_cover_every_transaction_is_rejected(answer: Any) -> None:
    assert read(TraceMethod.TRACER, answer) is None


def test_of_many_writes_to_one_place_the_first_and_the_last_are_recorded() -> None:
    values = [[P, "1", f"{at % 2 + 1:x}"] for at in range(5 * MAX_FLIPS)]
    found = read(TraceMethod.TRACER, [{"txHash": topic(1), "result": [*values, [P, "1", "63"], [P, "1", "63"]]}])
    assert found is not None
    assert len(found) == MAX_FLIPS
    assert found[-1] == wrote(1, 0x63)


def test_the_request_matches_the_tracing_method_and_uses_the_block_hash_if_possible() -> None:
    [(method, params)] = writes_asks(TraceMethod.TRACER, PLACES, HEAD)
    assert (method, params[0], params[1]["tracer"]) == ("debug_traceBlockByHash", HEAD.hash, tracer(PLACES))
    assert writes_asks(TraceMethod.DIFFS, PLACES, HEAD)[0][1][1]["tracer"] == "prestateTracer"
    assert [ask[0] for ask in writes_asks(TraceMethod.REPLAY, PLACES, HEAD)] == [
        "trace_replayBlockTransactions", "eth_getBlockByNumber",
    ]  # fmt: skip
    assert writes_asks(TraceMethod.NONE, PLACES, HEAD) == []


def test_one_tracer_covers_a_thousand_contracts() -> None:
    many = frozenset(SlotWord(address(0xC0DE00 + at), slot) for at in range(1000) for slot in (1, 2, 0xC0DE00 + at))
    assert len(tracer(many)) < 50_000


def test_writes_that_do_not_end_at_the_state_of_the_block_are_rejected() -> None:
    flip = (wrote(1, 5), wrote(1, 6), wrote(2, 7, at=Q))
    assert not contradicts(flip, StateRead({}))
    assert not contradicts(flip, StateRead({SlotWord(P, 1): 6, SlotWord(P, 3): 9}))
    assert contradicts(flip, StateRead({SlotWord(P, 1): 5}))


def test_only_an_unknown_method_is_not_requested_again() -> None:
    assert is_unsupported(TraceMethod.TRACER, Refusal(-32601, "gone"))
    assert is_unsupported(TraceMethod.DIFFS, Refusal(-32000, "tracer not found"))
    assert not is_unsupported(TraceMethod.TRACER, Refusal(-32000, "busy"))
    assert is_unsupported(TraceMethod.TRACER, [{"txHash": topic(1), "error": "failed to evaluate JS code"}])
    assert not is_unsupported(TraceMethod.TRACER, [{"txHash": topic(1), "error": "execution timeout"}])
    assert not is_unsupported(TraceMethod.DIFFS, [{"txHash": topic(1), "error": "failed"}])
    assert not is_unsupported(TraceMethod.TRACER, [])


def test_a_node_that_fails_repeatedly_gets_simpler_requests_and_is_retried_much_later() -> None:
    tracing = Tracing()
    assert tracing.asks(1)
    assert tracing.notice() is None
    for _ in range(MAX_MISSES - 1):
        tracing.record(understood=False)
    tracing.record(understood=True)
    for method in (TraceMethod.TRACER, TraceMethod.DIFFS):
        assert tracing.method == method
        for _ in range(MAX_MISSES if method is TraceMethod.TRACER else 0):
            tracing.record(understood=False)
    assert tracing.notice() is None  # it may have no diffs either
    tracing.record(understood=True)
    assert tracing.notice() == NOTICES[TraceMethod.DIFFS]
    assert tracing.notice() is None
    tracing.downgrade()
    tracing.downgrade()
    assert tracing.notice() == NOTICES[TraceMethod.NONE]
    assert not tracing.asks(RETRY_BLOCKS - 1)
    assert tracing.asks(1)
    tracing.record(understood=True)
    assert tracing.notice() is None  # it has every method again
    assert tracing.lost == 2 * MAX_MISSES - 1


def test_a_node_with_traces_off_is_never_tried_and_this_is_reported_once() -> None:
    tracing = Tracing()
    tracing.off()
    assert not tracing.asks(10 * RETRY_BLOCKS)
    assert (tracing.notice(), tracing.notice()) == (NOT_ASKED, None)


def _named(one: Log) -> list[Address]:
    return [one.address_at(0)]


def test_a_log_comes_before_the_write_it_reports_and_the_others_keep_their_order() -> None:
    first, lone = log(P, "t", topic(9), transaction=1, index=0), log(P, "t", topic(8), transaction=2, index=1)
    reporting, later = log(P, "t", topic(5), transaction=3, index=3), log(P, "t", topic(4), transaction=4, index=4)
    other = log(Q, "t", topic(6), transaction=3, index=2)
    silent, reported, again = wrote(1, 6, 3), wrote(1, 5, 3), wrote(1, 7, 3)
    found = list(in_order([first, lone, other, reporting, later], [silent, reported, again], _named))
    assert found == [first, lone, silent, other, reporting, reported, again, later]
    assert list(in_order([later], [silent], _named)) == [silent, later]
    assert list(in_order([other], [silent], _named)) == [silent, other]
