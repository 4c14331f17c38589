"""Checks the delegation probes: requests, and answers of honest, limited and hostile nodes."""

from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.delegates import MAX_FRAMES, MAX_TARGETS, Delegate, delegates_of
from chain.blocks.reads import SENTINEL_MAGIC, AnyRead, RunsOneOf, SlotWord, TouchedState, TracedDelegates
from chain.blocks.standards import NOBODY
from chain.rpc.errors import Refusal
from chain.rpc.messages import read_ask, read_of
from chain.rpc.probe_batches import MAX_TOGETHER, ProbeBatch, SeparateProbes
from tests.chain.builders import address, header, words

P, A, B, BEACON = address(0xABC), address(0xAAAAA), address(0xBBBBB), address(0xBEAC0)
HEAD = header(3)


def frame(kind: str, to: str, *calls: Any, output: str = "0x") -> dict[str, Any]:
    return {"type": kind, "from": P, "to": to, "output": output, "calls": list(calls)}


def test_only_delegations_by_the_contracts_own_code_count() -> None:
    top = frame("CALL", P, frame("DELEGATECALL", A.upper().replace("0X", "0x"), frame("DELEGATECALL", B)))
    assert delegates_of(top, P) == (Delegate(A),)


def test_the_contract_that_named_the_target_just_before_is_recorded() -> None:
    named = "0x" + words(int(A, 16)).hex()
    top = frame("CALL", P, frame("STATICCALL", BEACON, output=named), frame("DELEGATECALL", A), frame("CALLCODE", B))
    assert delegates_of(top, P) == (Delegate(A, BEACON), Delegate(B))


def test_self_calls_run_the_contracts_own_code_and_precompiles_are_not_targets() -> None:
    inner = frame("STATICCALL", P, frame("DELEGATECALL", A))
    batch = frame("DELEGATECALL", P, frame("DELEGATECALL", B))
    assert delegates_of(frame("CALL", P, frame("DELEGATECALL", address(4)), inner, batch), P) == (
        Delegate(A),
        Delegate(B),
    )
    assert delegates_of(frame("CALL", B, frame("DELEGATECALL", A)), P) == ()


def test_an_endless_trace_is_read_only_to_a_bound() -> None:
    wide = frame("CALL", P, *(frame("DELEGATECALL", address(0x10000 + at)) for at in range(MAX_FRAMES + 5)))
    assert len(delegates_of(wide, P)) == MAX_TARGETS
    assert delegates_of(frame("CALL", B, *(frame("CALL", B) for _ in range(MAX_FRAMES)), frame("CALL", P)), P) == ()


@pytest.mark.parametrize(
    ("read", "method"),
    [
        (RunsOneOf(P, "0x12345678", (A, B)), "eth_call"),
        (TracedDelegates(P, "0x12345678"), "debug_traceCall"),
        (TouchedState(P, "0x12345678", traced=True), "debug_traceCall"),
        (TouchedState(P, "0x12345678"), "eth_createAccessList"),
    ],
)
def test_every_probe_is_one_request_for_this_block_and_a_refusal_is_not_a_failure(read: AnyRead, method: str) -> None:
    asked, params = read_ask(read, {"blockHash": HEAD.hash})
    assert (asked, params[0]["to"], params[1]) == (method, P, {"blockHash": HEAD.hash})
    assert int(params[0]["gas"], 16) <= 3_000_000
    answers: tuple[Any, ...] = (Refusal(-32601, "not found"), None, 7, [], {}, "0x", "zz")
    assert {read_of(read, answer) for answer in answers} <= {None, NOBODY, ()}


def test_a_sentinel_shows_which_code_ran_in_which_storage() -> None:
    read = RunsOneOf(P, "0x12345678", (A,))
    answered = words(SENTINEL_MAGIC, int(P, 16), int(A, 16))
    assert read_of(read, "0x" + answered.hex()) == A
    for other in (
        words(SENTINEL_MAGIC, int(B, 16), int(A, 16)),
        words(SENTINEL_MAGIC, int(P, 16), int(B, 16)),
        words(1, 2, 3),
        b"",
    ):
        assert read_of(read, "0x" + other.hex()) == NOBODY


def test_access_lists_and_prestates_show_accounts_and_slots() -> None:
    listed = {"accessList": [{"address": P, "storageKeys": ["0x5"]}, {"address": A, "storageKeys": None}]}
    assert read_of(TouchedState(P, "0x"), listed) == ((P, (5,)), (A, ()))
    prestate = {P: {"storage": {"0x5": "0x9"}}, A: {"balance": "0x0"}}
    assert read_of(TouchedState(P, "0x", traced=True), prestate) == ((P, (5,)), (A, ()))


SENTINELS = [RunsOneOf(address(at), "0x12345678", (A,)) for at in range(0x100000, 0x100005)]
TRACES = [TracedDelegates(address(at), "0x12345678") for at in range(0x100000, 0x100003)]


def probing(*reads: AnyRead, separate_probes: SeparateProbes | None = None) -> ProbeBatch:
    return ProbeBatch.of(HEAD, frozenset(reads), separate_probes or SeparateProbes())


def packed(*answers: bytes | None) -> str:
    body = b"".join((b"\xff" * 32) if one is None else len(one).to_bytes(32, "big") + one[:96] for one in answers)
    return "0x" + body.hex()


def test_probes_of_many_contracts_are_one_request() -> None:
    made = probing(*SENTINELS, *TRACES, TouchedState(P, "0x"))
    assert [ask[0] for ask in made.asks] == ["eth_call", "debug_traceCall", "eth_createAccessList"]
    assert A in made.asks[0][1][2]
    assert NOBODY in made.asks[1][1][2]["stateOverrides"]
    traced = frame("CALL", NOBODY, *(frame("STATICCALL", read.address, frame("DELEGATECALL", B)) for read in TRACES))
    hit = words(SENTINEL_MAGIC, int(SENTINELS[0].address, 16), int(A, 16))
    separate_probes = SeparateProbes()
    answered = made.read(
        [packed(hit, None, b"", b"\x00" * 32, b"\x01" * 4000), traced, Refusal(1, "no")], separate_probes
    )
    assert [answered[read] for read in SENTINELS] == [A, NOBODY, NOBODY, NOBODY, NOBODY]
    assert all(answered[read] == (Delegate(B),) for read in TRACES)
    assert len(answered) == 8
    assert not separate_probes.kinds


@pytest.mark.parametrize(
    ("sentinels", "traces"),
    [
        (Refusal(-32602, "too many arguments"), Refusal(-32602, "unknown field")),
        ("0x", {"calls": []}),
        (packed(b"", b"", b"", b"", b"", b""), {"calls": [{"type": "STATICCALL", "to": A}]}),
        (packed(b"")[:-4], {"calls": [{"to": A}]}),
        (7, None),
        (packed(b"", b"", b"", b"") + f"{5:064x}", 7),
    ],
)
def test_probes_that_fail_together_are_sent_one_by_one_from_then_on(sentinels: Any, traces: Any) -> None:
    separate_probes = SeparateProbes()
    assert probing(*SENTINELS, *TRACES).read([sentinels, traces], separate_probes) == {}
    assert separate_probes.kinds == {RunsOneOf, TracedDelegates}
    assert len(probing(*SENTINELS, *TRACES, separate_probes=separate_probes).asks) == len(SENTINELS) + len(TRACES)


def test_a_contract_that_is_the_target_of_another_is_called_separately() -> None:
    target = address(0x900000)
    before = [RunsOneOf(read.address, read.body, (target,)) for read in SENTINELS]
    behind = RunsOneOf(target, "0x12345678", (B,))
    assert probing(*before, behind).alone == (behind,)
    assert probing(SENTINELS[0]).together == ()
    many = [TracedDelegates(address(0x200000 + at), "0x") for at in range(MAX_TOGETHER + 2)]
    assert [len(some) for some in probing(*many).together] == [MAX_TOGETHER, 2]


def test_a_single_probe_with_a_malformed_answer_is_missing() -> None:
    made = probing(SlotWord(P, 1), SlotWord(P, 2), TouchedState(P, "0x"))
    found = made.read(["0x" + words(5).hex(), "0xzz", {"accessList": []}], SeparateProbes())
    assert found == {SlotWord(P, 1): 5, TouchedState(P, "0x"): ()}
