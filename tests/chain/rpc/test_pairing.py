"""Pairs the answers of a batch with its requests by id (JSON-RPC 2.0 §5, §6)."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from chain.events.network import NodeFaultKind
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.pairing import paired, size_of, written


def result(at: Any, found: Any = "0x1") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": at, "result": found}


def test_a_batch_is_written_with_ids_that_count_up() -> None:
    body = msgspec.json.decode(written([("eth_chainId", []), ("eth_getCode", ["0xa", "latest"])], 7))
    assert body == [
        {"jsonrpc": "2.0", "method": "eth_chainId", "params": [], "id": 7},
        {"jsonrpc": "2.0", "method": "eth_getCode", "params": ["0xa", "latest"], "id": 8},
    ]


def test_answers_in_another_order_are_matched() -> None:
    dice = random.Random(1)
    for count in (1, 2, 10, 50):
        answers = [result(100 + at, hex(at)) for at in range(count)]
        dice.shuffle(answers)
        assert paired(answers, 100, count) == [hex(at) for at in range(count)]


def test_an_error_is_a_refusal_and_a_null_result_is_an_answer() -> None:
    refused = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "header not found"}}
    assert paired([refused, result(0, None)], 0, 2) == [None, Refusal(-32000, "header not found")]


@pytest.mark.parametrize(
    "answers",
    [
        [result("0"), result("1")],
        [result(0), result("1")],
        [result(0), result(1.0)],
        [result(False), result(True)],
        [result(0), result(None)],
        [result(0), {"jsonrpc": "2.0", "result": "0x1"}],
        [result(0)],
        [],
        [result(0), result(0)],
        [result(0), result(1), result(1)],
        [result(0), result(1), result(2)],
        [result(0), result(-1)],
        [result(0), "text"],
        [result(0), {"jsonrpc": "2.0", "id": 1}],
        [result(0), {"jsonrpc": "2.0", "id": 1, "error": "text"}],
        [result(0), {"jsonrpc": "2.0", "id": 1, "error": {"code": True, "message": ""}}],
        {"jsonrpc": "2.0", "id": 0, "result": "0x1"},
        "text",
        None,
    ],
)
def test_answers_of_another_type_or_to_another_request_make_the_batch_malformed(answers: Any) -> None:
    with pytest.raises(NodeFailure) as failed:
        paired(answers, 0, 2)
    assert failed.value.fault is NodeFaultKind.MALFORMED


@pytest.mark.parametrize("listed", [False, True])
def test_an_error_without_an_id_refuses_the_whole_batch(listed: bool) -> None:
    one = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch of more than 3 requests"}}
    with pytest.raises(NodeFailure) as failed:
        paired([one] if listed else one, 0, 5)
    assert (failed.value.fault, failed.value.allowed) == (NodeFaultKind.BATCH_LIMIT, 3)


def test_the_size_of_a_request_counts_its_packed_calls_and_addresses() -> None:
    assert size_of(("eth_chainId", [])) == 200
    assert size_of(("eth_call", [{"to": "0x00", "data": "0x" + "00" * 500}, "latest"])) == 200 + 4 + 1002
    assert size_of(("eth_getLogs", [{"address": ["0xa", "0xb"]}])) == 200 + 240
