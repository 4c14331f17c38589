"""Checks limits of nodes: ranges, batches, rates; and packed reads on a real EVM."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from chain.blocks.reads import NO_CODE, AnyRead, CallBytes, CallWord, CodeHash, Reads, SlotWord
from chain.events.network import NodeFaultKind
from chain.nodes import log_ranges
from chain.nodes.node import MAX_BLOCKS, NodeLimits
from chain.nodes.web3_node import Web3Node
from chain.rate_limit import RateLimit
from chain.rpc import multicall
from chain.rpc.errors import NodeFailure, Refusal, is_pruned, kind_of, max_blocks
from chain.rpc.messages import header_ask, header_of, read_ask, read_of
from chain.watch import Watch, WatchedContract
from tests.chain.builders import address, header, topic
from tests.chain.following import low
from tests.chain.nodes.test_nodes import answering
from tests.chain.simulated import PROXY, UPGRADED, Chain, SimulatedNode
from tests.chain.sync.test_reorgs import followed, valid_events, watcher_of
from tests.evm.anvil import running

READS = Reads(addresses=frozenset({PROXY, address(1), address(2)}), topics=frozenset({UPGRADED}))


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        (
            "Log response size exceeded. With your parameters, this block range should work: [0x10, 0x1f]",
            16,
        ),
        ("Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.", 10),
        ("query returned more than 10000 results. Try with this block range [0x1, 0x2].", 2),
        ("query exceeds max results 20000, retry with the range 3600741-3620740", 20_000),
        ("eth_getLogs is limited to a 10,000 range", 10_000),
        ("exceed maximum block range: 5000", 5000),
        ("block range is too wide", None),
        ("range is too large, max is 1k blocks", 1000),
        ("requested too many blocks from 1 to 5000, maximum is set to 2048", 2048),
        ("Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800", 800),
        ("Requested range exceeds maximum range limit", None),
        ("exceed max addresses or topics per search position", None),
        ("Query timeout exceeded. Consider reducing your block range.", None),
    ],
)
def test_range_limit_errors_are_recognised_with_the_range_they_allow(message: str, blocks: int | None) -> None:
    assert kind_of(-32000, message) is NodeFaultKind.RANGE_LIMIT
    assert max_blocks(message) == blocks


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        (-32600, "batch too large", NodeFaultKind.BATCH_LIMIT),
        (-32014, "maximum 10 calls in 1 batch", NodeFaultKind.BATCH_LIMIT),
        (-32000, "Batch of more than 3 requests are not allowed on free plan", NodeFaultKind.BATCH_LIMIT),
        (-32007, "50/second request limit reached - reduce calls per second", NodeFaultKind.THROTTLED),
        (-32005, "daily request count exceeded, request rate limited", NodeFaultKind.THROTTLED),
        (-32000, "header not found", NodeFaultKind.BEHIND),
        (-32000, "x" * 600 + "rate limit", NodeFaultKind.REFUSED),
    ],
)
def test_other_refusals_have_their_own_kinds(code: int, message: str, fault: NodeFaultKind) -> None:
    assert kind_of(code, message) is fault
    assert is_pruned("missing trie node abc") is not is_pruned(message)


class Narrow(SimulatedNode):
    """Refuses long ranges and many addresses."""

    most = 3
    addresses = 1000

    def _answer(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getLogs":
            wanted = params[0]
            span = int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1 if "toBlock" in wanted else 1
            if span > self.most:
                return Refusal(-32000, "block range is too wide")
            if len(wanted["address"]) > self.addresses:
                return Refusal(-32000, "exceed max addresses or topics per search position")
        return SimulatedNode._answer(self, method, params)


async def _read(node: SimulatedNode, chain: Chain) -> log_ranges.Logs:
    run = [header_of(made.header()) for made in chain.blocks]
    asked = log_ranges.pieces(READS, run, node.limits)
    return await log_ranges.settle(node, asked, await node.ask([piece.ask() for piece in asked]))


async def test_a_refused_range_is_split_until_it_is_accepted_and_no_log_is_lost() -> None:
    chain = Chain(1, silent=0)
    chain.grow(40)
    node = Narrow("narrow", chain)
    found = await _read(node, chain)
    assert found == await _read(SimulatedNode("wide", chain), chain)
    assert sum(len(some) for some in found.values()) > 5
    assert node.limits.max_blocks <= 3
    before = node.requests
    await _read(node, chain)
    assert node.requests == before + 1, "what was learned is not asked again"


async def test_too_many_addresses_are_split_and_an_indivisible_request_is_a_failure() -> None:
    chain = Chain(2, silent=0)
    chain.grow(10)
    node = Narrow("narrow", chain)
    node.addresses = 1
    assert await _read(node, chain) == await _read(SimulatedNode("wide", chain), chain)
    assert node.limits.max_addresses == 1
    node.addresses = 0
    with pytest.raises(NodeFailure) as failed:
        await _read(node, chain)
    assert failed.value.fault is NodeFaultKind.RANGE_LIMIT


def test_a_node_that_accepts_a_range_many_times_gets_larger_ranges() -> None:
    limits = NodeLimits()
    limits.fewer_blocks(100, allowed=10)
    assert limits.max_blocks == 10
    limits.fewer_blocks(10, allowed=5000)
    assert limits.max_blocks == 5
    for _ in range(64 * 20):
        limits.succeeded()
    assert limits.max_blocks == MAX_BLOCKS


def test_an_overdrawn_rate_limit_is_repaid_before_the_next_request() -> None:
    rate = RateLimit(10)
    assert rate.wait_s(10, now_s=0) == 0
    assert rate.wait_s(5, now_s=0) == pytest.approx(0.5)
    assert rate.wait_s(5, now_s=1) == 0
    assert rate.wait_s(10, now_s=100) == 0, "no more than a second's worth is saved up"
    assert rate.wait_s(1, now_s=100) == pytest.approx(0.1)


async def test_a_node_is_asked_no_faster_than_its_rate_limit_allows() -> None:
    async with running() as anvil:
        node = Web3Node(anvil.url, chain_id=31337, calls_per_s=40)
        began = asyncio.get_running_loop().time()
        for _ in range(6):
            await node.ask([header_ask(0)] * 10)
        took_s = asyncio.get_running_loop().time() - began
        await node.close()
    assert 0.45 < took_s < 2


async def test_a_node_states_its_pause_and_a_body_too_large_is_a_batch_too_large() -> None:
    async with answering(lambda _: web.Response(status=429, headers={"Retry-After": "17"})) as url:
        node = Web3Node(url, chain_id=31337)
        with pytest.raises(NodeFailure) as failed:
            await node.ask([header_ask(None)])
        await node.close()
        assert failed.value.rest_s == 17
    async with answering(lambda _: web.Response(status=413)) as url:
        node = Web3Node(url, chain_id=31337)
        node._check = lambda answer: None  # type: ignore[method-assign]
        with pytest.raises(NodeFailure) as failed:
            await node.ask([header_ask(None)])
        await node.close()
        assert failed.value.fault is NodeFaultKind.REFUSED, "one question cannot be made fewer"


async def test_packed_reads_and_single_reads_agree_on_a_real_node() -> None:
    async with running() as anvil:
        weth = low(await anvil.deploy("WETH9"))
        hungry, loud, dead = address(0xA1), address(0xA2), address(0xA3)
        await anvil.call("anvil_setCode", hungry, "0x5b600056")  # burns all gas
        await anvil.call("anvil_setCode", loud, "0x620186a06000f3")  # returns 100,000 zero bytes
        for slot in range(30):
            await anvil.call("anvil_setStorageAt", weth, topic(slot + 100), topic(slot * 7))
        await anvil.mine()
        head = header_of(await anvil.call("eth_getBlockByNumber", "latest", False))
        reads: list[AnyRead] = [
            *(SlotWord(weth, slot + 100) for slot in range(30)),
            *(CodeHash(one) for one in (weth, hungry, dead, low(anvil.accounts[0]))),
            *(CallWord(one, "0x18160ddd") for one in (weth, hungry, loud, dead)),
            *(CallBytes(one, "0x06fdde03") for one in (weth, hungry, loud, dead)),
        ]
        node = Web3Node(anvil.url, chain_id=31337)
        single = {
            read: word
            for read, answer in zip(
                reads, await node.ask([read_ask(read, {"blockHash": head.hash}) for read in reads]), strict=True
            )
            if (word := read_of(read, answer)) is not None
        }
        calls, plain = multicall.plan(frozenset(reads))
        assert plain == ()
        found: dict[AnyRead, object] = {}
        for call, answer in zip(calls, await node.ask([call.ask(head) for call in calls]), strict=True):
            unpacked = multicall.unpack(call, answer)
            assert unpacked is not None
            found |= unpacked
        await node.close()
    assert found[CodeHash(dead)] == NO_CODE
    assert found[SlotWord(weth, 129)] == 29 * 7
    missing = {read for read in single if read not in found}
    assert missing == {CallBytes(loud, "0x06fdde03")}, "a long answer is asked for by itself"
    assert found == {read: word for read, word in single.items() if read in found}


def test_few_reads_are_not_packed_and_an_answer_of_another_length_is_rejected() -> None:
    few = frozenset[AnyRead]({SlotWord(PROXY, 1), CodeHash(PROXY)})
    assert multicall.plan(few) == ((), tuple(sorted(few, key=repr)))
    calls, _ = multicall.plan(frozenset(SlotWord(PROXY, slot) for slot in range(30)))
    assert calls[0].ask(header(1))[1][1] == {"blockHash": header(1).hash}
    for answer in (None, "0x", "0xzz", "0x" + "00" * 32, "0x" + f"{960:064x}" + "00" * 961, Refusal(-1, "no")):
        assert multicall.unpack(calls[0], answer) is None


async def test_a_node_without_packed_reads_gets_single_reads() -> None:
    chain = Chain(3)
    chain.grow(30)
    watch = Watch(contracts=tuple(WatchedContract(address=one) for one in (PROXY, *map(address, range(50, 70)))))
    node = SimulatedNode("plain", chain)
    watcher = watcher_of(node)
    watcher._settings = replace(watcher._settings, watch=watch)
    reported = await followed(chain, watcher)
    assert not node.limits.packs
    assert valid_events(reported) == valid_events(await followed(chain))
