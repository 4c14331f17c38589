"""Changes and restores values within one block on a real node: with traces, with diffs, with neither; and the cost of traces."""

from __future__ import annotations

import asyncio
from typing import Any

from chain.events import Address, ChainEvent
from chain.events.network import NodeFault, NodeFaultKind
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.nodes import fetch
from chain.sync.settings import Traces, WatcherSettings
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedContract
from tests.chain.following import LOCAL, MemoryCheckpoints, head_at, until
from tests.evm.anvil import Anvil, running
from tests.evm.rpc_relay import rpc_relay

SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
WRITER = "0x5f5b803611156017578060200135813555604001600156" + "5b00"
"""Code that writes each pair of words in its call data: slot, value."""
P, REVERTING, CALLER = (Address("0x" + byte * 20) for byte in ("c1", "c2", "c3"))
A, B = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)


def calling(target: Address, after: str) -> str:
    """Code that forwards its call data and then runs other code."""
    return f"0x365f5f375f5f365f5f73{target[2:]}5af1{after}"


def pairs(*values: Address) -> str:
    return "0x" + "".join(f"{SLOT:064x}{int(value, 16):064x}" for value in values)


async def stage(anvil: Anvil) -> None:
    await anvil.call("anvil_setCode", P, WRITER)
    await anvil.call("anvil_setCode", REVERTING, calling(P, "5f5ffd"))
    await anvil.call("anvil_setCode", CALLER, calling(REVERTING, "00"))
    await anvil.call("anvil_setStorageAt", P, f"{SLOT:#066x}", f"0x{int(A, 16):064x}")
    await anvil.mine()


async def block(anvil: Anvil, *sent: tuple[Address, str]) -> tuple[int, list[str]]:
    """Mines one block with these transactions in order; returns its number and their hashes."""
    await anvil.call("evm_setAutomine", False)
    hashes = [
        await anvil.call(
            "eth_sendTransaction", {"from": anvil.accounts[0], "to": to, "data": body, "gas": hex(400_000)}
        )
        for to, body in sent
    ]
    await anvil.call("evm_mine")
    await anvil.call("evm_setAutomine", True)
    return await anvil.height(), hashes


def watched(url: str, start: int, traces: Traces = Traces.AUTO) -> Watcher:
    watch = Watch(contracts=(WatchedContract(address=P),))
    settings = WatcherSettings(
        network=LOCAL, nodes=(url,), watch=watch, poll_s=0.05, start_block=start, timeout_s=5, traces=traces
    )
    return Watcher(settings, MemoryCheckpoints())


async def events_of(url: str, start: int, last: int, traces: Traces = Traces.AUTO) -> list[ChainEvent]:
    return await until(watched(url, start, traces), head_at(last))


def upgrades(events: list[ChainEvent]) -> list[tuple[Any, ...]]:
    return [
        (one.place.block_number, one.place.transaction, one.old, one.new, one.seen_by)
        for one in events
        if isinstance(one, ContractUpgraded)
    ]


def fault_details(events: list[ChainEvent]) -> list[str]:
    return [one.detail for one in events if isinstance(one, NodeFault) and one.fault is NodeFaultKind.NO_TRACES]


async def test_a_flip_inside_one_transaction_is_two_upgrades_and_a_reverted_flip_is_none() -> None:
    async with running() as anvil:
        await stage(anvil)
        start = await anvil.height() + 1
        number, [flip, _, _] = await block(anvil, (P, pairs(B, A)), (CALLER, pairs(B, A)), (REVERTING, pairs(B)))
        silent, [once] = await block(anvil, (P, pairs(B)))
        events = await events_of(anvil.url, start, silent)
        assert upgrades(events) == [
            (number, flip, A, B, SeenBy.TRACE),
            (number, flip, B, A, SeenBy.TRACE),
            (silent, once, A, B, SeenBy.TRACE),
        ]
        assert len({one.event_id for one in events if isinstance(one, ContractUpgraded)}) == 3
        assert fault_details(events) == []


async def test_a_flip_over_two_transactions_is_seen_by_diffs_and_the_node_is_reported_without_tracers() -> None:
    async with running() as anvil:
        await stage(anvil)
        start = await anvil.height() + 1
        number, [there, back] = await block(anvil, (P, pairs(B)), (P, pairs(A)))
        wanted = [(number, there, A, B, SeenBy.TRACE), (number, back, B, A, SeenBy.TRACE)]
        assert upgrades(await events_of(anvil.url, start, number)) == wanted

        def no_javascript(ask: dict[str, Any], answer: Any) -> Any:
            if ask["method"].startswith("debug_traceBlock") and ask["params"][1]["tracer"].startswith("{"):
                return {"jsonrpc": "2.0", "id": ask["id"], "error": {"code": -32000, "message": "tracer not found"}}
            return answer

        for how in ({"twist": no_javascript}, {"refuses": {"debug_traceBlockByHash"}}):
            async with rpc_relay(anvil.url, **how) as poor:
                events = await events_of(poor.url, start, number)
                assert upgrades(events) == wanted, how
                [detail] = fault_details(events)
                assert "diffs only" in detail


async def test_a_node_without_traces_is_reported_once_and_its_blocks_are_still_followed() -> None:
    async with running() as anvil:
        await stage(anvil)
        start = await anvil.height() + 1
        await block(anvil, (P, pairs(B, A)))
        last, _ = await block(anvil, (P, pairs(B)))
        async with rpc_relay(anvil.url, refuses={"debug_traceBlockByHash", "trace_replayBlockTransactions"}) as poor:
            events = await events_of(poor.url, start, last)
            assert upgrades(events) == [(last, None, A, B, SeenBy.SLOT)]
            assert fault_details(events) == ["no traces: a change set back within one block would not be seen"]


async def test_traces_that_are_turned_off_are_not_requested() -> None:
    async with running() as anvil:
        await stage(anvil)
        start = await anvil.height() + 1
        last, _ = await block(anvil, (P, pairs(B, A)))
        async with rpc_relay(anvil.url) as counted:
            events = await events_of(counted.url, start, last, Traces.OFF)
            assert upgrades(events) == []
            assert fault_details(events) == [], "who turned them off knows"
            assert not any("traceBlock" in method for method in counted.asked)


async def test_invented_writes_of_a_node_are_rejected() -> None:
    def forge(ask: dict[str, Any], answer: Any) -> Any:
        if ask["method"] != "debug_traceBlockByHash":
            return answer
        return {**answer, "result": [{"txHash": "0x" + "11" * 32, "result": [[P, f"{SLOT:x}", B[2:]]]}]}

    async with running() as anvil, rpc_relay(anvil.url, twist=forge) as lying_node:
        await stage(anvil)
        start = await anvil.height() + 1
        await anvil.mine(2)
        assert upgrades(await events_of(lying_node.url, start, await anvil.height())) == []


async def test_a_trace_that_hangs_or_never_ends_loses_no_block_and_costs_little_time(monkeypatch: Any) -> None:
    monkeypatch.setattr(fetch, "TRACE_TIMEOUT_S", 0.2)
    async with running() as anvil:
        await stage(anvil)
        start = await anvil.height() + 1
        last, _ = await block(anvil, (P, pairs(B)))

        def endless_answer(ask: dict[str, Any], answer: Any) -> Any:
            if "trace" not in ask["method"]:
                return answer
            return {"jsonrpc": "2.0", "id": ask["id"], "result": [{"txHash": "0x", "result": {"a": [None]}}, 7]}

        hanging = {"debug_traceBlockByHash": 3.0, "trace_replayBlockTransactions": 3.0}
        for how in ({"twist": endless_answer}, {"slow": hanging}):
            async with rpc_relay(anvil.url, **how) as poor:
                async with asyncio.timeout(8):
                    events = await events_of(poor.url, start, last)
                assert [one[3] for one in upgrades(events)] == [B]
                assert not [one for one in events if isinstance(one, NodeFault)]
                assert poor.requests < 30


async def test_traces_add_one_call_and_no_request_on_the_same_node() -> None:
    async with running() as anvil:
        await stage(anvil)
        costs = {}
        for traces in (Traces.OFF, Traces.ON):
            start = await anvil.height()
            async with rpc_relay(anvil.url) as counted:
                watcher = watched(counted.url, start + 1, traces)
                async with asyncio.timeout(20):
                    events = watcher.events()
                    reached = start
                    counted.forget()
                    while reached < start + 6:
                        if reached == await anvil.height():
                            await block(anvil, (P, pairs(B, A)))
                        event = await anext(events)
                        reached = getattr(event, "block_number", reached)
                    await events.aclose()  # type: ignore[attr-defined]
                costs[traces] = [method for method in counted.asked if "traceBlock" in method]
        assert costs[Traces.OFF] == []
        assert 5 <= len(costs[Traces.ON]) <= 7
