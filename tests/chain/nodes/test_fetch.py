"""Reads blocks from nodes with different abilities: missing packed reads are sent again, and logs need a quorum."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chain.blocks.block import Block, Header, Log
from chain.blocks.reads import AnyRead, CallBytes, CallWord, Reads, SlotWord
from chain.events import ChainEvent, NetworkId
from chain.events.network import HeadStalled, NodeFault, NodeFaultKind
from chain.nodes import fetch
from chain.nodes.group import NodeGroup
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask, header_of
from tests.chain.builders import address, topic, words
from tests.chain.following import LOCAL
from tests.chain.nodes.test_nodes_disagreeing import left_out, made_up
from tests.chain.rpc.small_evm import Account, SmallEvm
from tests.chain.simulated import PROXY, UPGRADED, Chain, SimulatedNode, Ticking
from tests.chain.sync.test_reorgs import followed, valid_events, watcher_of

BODY = "0x18160ddd"
INPUT = bytes.fromhex(BODY[2:])
LOUD, THIRSTY, DEAD = address(0x101), address(0x102), address(0x103)
NETWORK = NetworkId("local")


@dataclass(slots=True)
class EvmNode(SimulatedNode):
    """A node that also has these contracts. `overrides`: whether it supports state overrides."""

    accounts: dict[Any, Account] = field(default_factory=dict)
    overrides: bool = True

    def _answer(self, method: str, params: list[Any]) -> Any:
        evm = SmallEvm(self.accounts)
        if method == "eth_call" and len(params) == 3:
            if not self.overrides:
                return Refusal(-32602, "too many arguments, want at most 2")
            return evm.eth_call(params[0], params[2]) or Refusal(3, "execution reverted")
        if method == "eth_call":
            return evm.eth_call(params[0], {}) or Refusal(3, "execution reverted")
        if method == "eth_getStorageAt" and params[0] in self.accounts:
            return topic(self.accounts[params[0]].storage.get(int(params[1], 16), 0))
        return SimulatedNode._answer(self, method, params)


def contracts() -> dict[Any, Account]:
    """Returns thirty contracts that answer one word, and three that fail in a packed call."""
    found: dict[Any, Account] = {
        address(at): Account(storage={7: at * 3}, answers={INPUT: words(at)}) for at in range(1, 31)
    }
    found[LOUD] = Account(answers={INPUT: b"\x05" * 9000})
    found[THIRSTY] = Account(answers={INPUT: words(99)}, wants=5_000_000)
    found[DEAD] = Account(answers={INPUT: None})
    return found


READS: frozenset[AnyRead] = frozenset(
    [*(SlotWord(address(at), 7) for at in range(1, 31)), *(CallBytes(address(at), BODY) for at in range(1, 31))]
)
HARD: frozenset[AnyRead] = frozenset({CallBytes(LOUD, BODY), CallWord(THIRSTY, BODY), CallWord(DEAD, BODY)})
WANTED: dict[AnyRead, object] = {
    **{SlotWord(address(at), 7): at * 3 for at in range(1, 31)},
    **{CallBytes(address(at), BODY): words(at) for at in range(1, 31)},
}


async def read(node: EvmNode, reads: frozenset[AnyRead]) -> Block:
    """Returns the head block with these reads."""
    clock = Ticking()
    head = header_of(node.chain.head.header())
    nodes = NodeGroup(NETWORK, [node], clock)
    wanted = fetch.BlocksWanted(run=[head], reads=Reads(state=reads), state_of=[head])
    return (await fetch.blocks(nodes, NETWORK, wanted, clock))[0]


async def test_many_reads_cost_a_node_with_state_overrides_a_few_requests() -> None:
    node = EvmNode("able", Chain(1), accounts=contracts())
    assert dict((await read(node, READS)).state.items()) == WANTED
    assert [method for method, _ in node.asked] == ["eth_call", "eth_call"]
    assert node.limits.packs


async def test_only_reads_with_too_long_answers_or_too_little_gas_are_sent_again_alone() -> None:
    node = EvmNode("able", Chain(1), accounts=contracts())
    found = await read(node, READS | HARD)
    assert dict(found.state.items()) == {**WANTED, CallBytes(LOUD, BODY): b"\x05" * 9000, CallWord(THIRSTY, BODY): 99}
    assert node.requests == 2, "all that is left open in one request"
    assert len(node.asked) == 2 + len(HARD)


async def test_a_read_sent_again_alone_has_much_gas_and_a_bounded_answer() -> None:
    """A call without overrides has no bound: untrusted code may answer with megabytes."""
    node = EvmNode("able", Chain(1), accounts=contracts())
    await read(node, READS | HARD)
    again = [params for method, params in node.asked if method == "eth_call"][-len(HARD) :]
    assert [len(params) for params in again] == [3] * len(HARD)
    assert {params[0]["data"][42 + 16 : 42 + 24] for params in again} == {f"{8_000_000:08x}"}


async def test_a_node_that_refuses_overrides_gets_single_reads_and_gives_the_same_values() -> None:
    node = EvmNode("plain", Chain(1), accounts=contracts(), overrides=False)
    assert dict((await read(node, READS)).state.items()) == WANTED
    assert len(node.asked) == 2 + len(READS)


async def test_after_three_refusals_in_a_row_packed_reads_are_not_tried_again() -> None:
    node = EvmNode("plain", Chain(1), accounts=contracts(), overrides=False)
    packed = []
    for _ in range(5):
        node.asked.clear()
        assert dict((await read(node, READS)).state.items()) == WANTED
        packed.append(len(node.asked) - len(READS))
    assert packed == [2, 2, 2, 0, 0]
    node.limits.unpacked = 2
    node.overrides = True
    await read(node, READS)
    assert node.limits.unpacked == 0, "one that was answered makes up for those that were not"


async def test_a_truncated_packed_answer_is_rejected_and_each_word_is_requested() -> None:
    def cut(ask: Ask, answer: Any) -> Any:
        return answer[:-64] if ask[0] == "eth_call" and len(ask[1]) == 3 else answer

    node = EvmNode("cutting", Chain(1), accounts=contracts(), twist=cut)
    assert dict((await read(node, READS)).state.items()) == WANTED


# --- logs and the quorum, without a usable log filter


def logged() -> tuple[Chain, Header]:
    """Returns a chain whose head holds a log."""
    chain = Chain(7, silent=0)
    while not chain.head.logs:
        chain.grow(1)
    return chain, header_of(chain.head.header())


async def logs_from(nodes: NodeGroup, head: Header) -> tuple[Log, ...]:
    reads = Reads(addresses=frozenset({PROXY}), topics=frozenset({UPGRADED}))
    wanted = fetch.BlocksWanted(run=[replace(head, bloom=None)], reads=reads, state_of=[])
    return (await fetch.blocks(nodes, NETWORK, wanted, Ticking()))[0].logs


def several(*nodes: SimulatedNode, quorum: int = 2) -> NodeGroup:
    return NodeGroup(NETWORK, nodes, Ticking(0), quorum=quorum, blooms=False)


def named(nodes: NodeGroup) -> list[tuple[str, NodeFaultKind]]:
    return [(fault.node, fault.fault) for fault in nodes.take_faults()]


async def test_logs_omitted_by_the_first_node_come_from_the_second_and_the_first_is_reported() -> None:
    chain, head = logged()
    nodes = several(SimulatedNode("liar", chain, twist=left_out), SimulatedNode("honest", chain))
    [one] = await logs_from(nodes, head)
    assert one.topics == (UPGRADED, topic(chain.head.slot))
    assert named(nodes) == [("liar", NodeFaultKind.TRUNCATED)]


async def test_if_two_nodes_differ_a_third_is_asked_and_a_log_from_one_node_alone_is_rejected() -> None:
    chain, head = logged()
    liar, *honest = (SimulatedNode("liar", chain, twist=made_up), SimulatedNode("b", chain), SimulatedNode("c", chain))
    nodes = several(liar, *honest)
    assert [one.topics[1] for one in await logs_from(nodes, head)] == [topic(chain.head.slot)]
    assert named(nodes) == [("liar", NodeFaultKind.FORGED)]
    assert [node.requests for node in (liar, *honest)] == [1, 1, 1]


async def test_if_two_nodes_agree_one_quick_node_of_each_other_provider_is_asked_too_and_no_further_endpoint() -> None:
    chain, head = logged()
    some = [SimulatedNode(name, chain, party=party) for name, party in zip("abcd", "xxyz", strict=True)]
    slow = SimulatedNode("slow", chain)
    nodes = several(*some, slow)
    nodes._states[-1].latency_s = 0.8
    assert len(await logs_from(nodes, head)) == 1
    assert [node.requests for node in (*some, slow)] == [1, 0, 1, 1, 0]


@pytest.mark.parametrize(("quorum", "asked"), [(1, [1, 0, 0, 0]), (2, [1, 1, 0, 0]), (3, [1, 1, 1, 0]), (9, [1] * 4)])
async def test_the_quorum_sets_the_number_of_endpoints_of_one_provider_that_are_asked_for_logs(
    quorum: int, asked: list[int]
) -> None:
    chain, head = logged()
    some = [SimulatedNode(name, chain, party="one") for name in "abcd"]
    nodes = several(*some, quorum=quorum)
    assert len(await logs_from(nodes, head)) == 1
    assert [node.requests for node in some] == asked
    assert named(nodes) == []


async def test_a_failing_second_node_does_not_affect_the_answer_of_the_first() -> None:
    chain, head = logged()
    broken = SimulatedNode("broken", chain, fail=NodeFailure(NodeFaultKind.TIMEOUT, ""))
    nodes = several(SimulatedNode("one", chain), broken)
    assert len(await logs_from(nodes, head)) == 1
    assert named(nodes) == [("broken", NodeFaultKind.TIMEOUT)]


async def test_a_node_with_a_rejected_answer_is_asked_after_the_others() -> None:
    chain, head = logged()
    nodes = several(SimulatedNode("liar", chain, twist=left_out), SimulatedNode("honest", chain))
    assert [one.node for one in nodes.health()] == ["liar", "honest"]
    await logs_from(nodes, head)
    assert [one.node for one in nodes.health()] == ["honest", "liar"]
    assert nodes.health()[1].errors > 0.2


async def test_only_the_named_node_is_accused_and_an_unsupported_method_is_not_a_failure() -> None:
    chain = Chain(1)
    nodes = several(SimulatedNode("a", chain), SimulatedNode("b", chain))
    nodes.mention("b", NodeFaultKind.NO_TRACES, "no traces")
    assert [one.errors for one in nodes.health()] == [0.0, 0.0]
    nodes.accuse("b", NodeFaultKind.FORGED, "logs of block 7")
    assert [(one.node, one.errors) for one in nodes.health()] == [("a", 0.0), ("b", 0.5)]
    [mentioned, accused] = nodes.take_faults()
    assert (mentioned.node, mentioned.fault, mentioned.detail) == ("b", NodeFaultKind.NO_TRACES, "no traces")
    assert (accused.node, accused.fault, accused.detail) == ("b", NodeFaultKind.FORGED, "logs of block 7")
    assert nodes.take_faults() == []


# --- the votes of nodes on one block


@pytest.mark.parametrize(
    ("with_us", "against", "silent", "agreed"),
    [
        (1, 0, 0, True),
        (0, 1, 0, False),
        (2, 1, 0, True),
        (1, 2, 0, False),
        (1, 1, 0, None),
        (0, 0, 2, None),
        (1, 1, 1, None),
    ],
)
async def test_the_canonical_chain_is_the_one_that_most_nodes_report(
    with_us: int, against: int, silent: int, agreed: bool | None
) -> None:
    chain = Chain(1)
    chain.grow(5)
    other = chain.copy()
    other.reorg(3, 3)
    short = Chain(1)
    nodes = several(
        *(SimulatedNode(f"us{at}", chain) for at in range(with_us)),
        *(SimulatedNode(f"them{at}", other) for at in range(against)),
        *(SimulatedNode(f"short{at}", short) for at in range(silent)),
    )
    assert await nodes.agreed(header_of(chain.head.header())) is agreed
    outvoted = {True: "them", False: "us"}
    distrusted = {one.node for one in nodes.health() if one.errors > 0.2}
    assert distrusted == {one.node for one in nodes.health() if agreed is not None and outvoted[agreed] in one.node}
    assert named(nodes) == [], "near its head an honest node may be on another fork for a moment"


async def test_a_node_that_gives_another_block_far_below_its_head_is_reported() -> None:
    chain = Chain(1)
    chain.grow(10)
    other = chain.copy()
    other.reorg(8, 8)
    nodes = several(SimulatedNode("a", chain), SimulatedNode("b", chain), SimulatedNode("them", other))
    await nodes.head(lambda _: False)
    assert await nodes.agreed(header_of(chain.blocks[5].header()), past=True) is True
    assert named(nodes) == [], "it is on another chain, and so not even asked"
    for state in nodes._states:
        state.forked = 0
    assert await nodes.agreed(header_of(chain.blocks[5].header()), past=True) is True
    assert named(nodes) == [("them", NodeFaultKind.FORKED)]


# --- stalls, and batches that are too large


async def events_of(node: SimulatedNode, enough: int) -> list[ChainEvent]:
    reported: list[ChainEvent] = []
    async with asyncio.timeout(20), aclosing(watcher_of(node).events()) as events:  # type: ignore[type-var]
        async for event in events:
            reported.append(event)
            if sum(isinstance(one, HeadStalled) for one in reported) == enough:
                return reported
    return reported


async def test_a_chain_whose_head_does_not_move_is_reported_as_stalled_repeatedly() -> None:
    chain = Chain(1)
    chain.grow(5)
    stalls = [one for one in await events_of(SimulatedNode("one", chain), 3) if isinstance(one, HeadStalled)]
    assert {one.block_number for one in stalls} == {chain.head.number}
    assert [one.stalled_s >= LOCAL.stall_s * (at + 1) for at, one in enumerate(stalls)] == [True] * 3


async def test_if_no_node_answers_from_the_start_a_stall_is_reported_with_the_faults() -> None:
    node = SimulatedNode("none", Chain(1), fail=NodeFailure(NodeFaultKind.UNREACHABLE, ""))
    reported = await events_of(node, 1)
    assert [one.block_number for one in reported if isinstance(one, HeadStalled)] == [-1]
    assert {one.fault for one in reported if isinstance(one, NodeFault)} == {NodeFaultKind.UNREACHABLE}


@dataclass(slots=True)
class Small(SimulatedNode):
    """Refuses batches of more than ten, like a real node with a batch limit."""

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        if min(self.limits.max_asks, len(asks)) > 10:
            raise NodeFailure(NodeFaultKind.BATCH_LIMIT, "")
        return await SimulatedNode.ask(self, asks)


async def test_a_node_that_accepts_small_batches_gets_smaller_ones_without_a_pause() -> None:
    chain = Chain(10)
    chain.grow(80)
    node = Small("small", chain)
    reported = await followed(chain, watcher_of(node))
    assert node.limits.max_asks == 6, "100, 50, 25, 12, 6"
    assert [one.fault for one in reported if isinstance(one, NodeFault)] == [NodeFaultKind.BATCH_LIMIT] * 4
    assert valid_events(reported) == valid_events(await followed(chain))
