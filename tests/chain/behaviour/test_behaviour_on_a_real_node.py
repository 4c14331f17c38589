"""Finds the real delegation target of proxies on a real node: honest proxies of every kind, hiding ones, and unknown slots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from chain.detectors import behaviour
from chain.detectors.behaviour import Behaviour
from chain.events import Address, BehaviourMismatch, ChainEvent, ProbedBy, Retracted
from chain.events.network import HeadSeen, NodeFault
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.sync.settings import WatcherSettings
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedContract
from tests.chain.following import LOCAL, MemoryCheckpoints
from tests.chain.proxies.changing import CHANGING
from tests.chain.proxies.clones import CLONES
from tests.chain.proxies.making import Deployer
from tests.evm.anvil import Anvil, running
from tests.evm.rpc_relay import rpc_relay

SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
HIDDEN = 0x1234
FORWARDING = "0x5b365f5f375f5f365f611234545af43d5f5f3e5f3d91601a57fd5bf3"
"""Code that delegates every call to the address in slot 0x1234."""
ANSWERS = "0x00"
A, B, C = (Address("0x" + byte * 20) for byte in ("a1", "b2", "c3"))
P = Address("0x" + "0f" * 20)
Step = Callable[[], Awaitable[object]]


@pytest.fixture(autouse=True)
def every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes in every block, so that a test waits little."""
    monkeypatch.setattr(behaviour, "EVERY", 1)


def naming(address: Address) -> str:
    """Code that answers every call with this address, also a call of its implementation getter."""
    return f"0x73{address[2:]}5f5260205ff3"


async def put(anvil: Anvil, slot: int, value: str) -> None:
    await anvil.call("anvil_setStorageAt", P, f"{slot:#066x}", f"0x{int(value, 16):064x}")


async def stage(anvil: Anvil, claimed: Address | None, actual: Address) -> None:
    for at, code in ((A, ANSWERS), (B, naming(B)), (C, ANSWERS), (P, FORWARDING)):
        await anvil.call("anvil_setCode", at, code)
    if claimed:
        await put(anvil, SLOT, claimed)
    await put(anvil, HIDDEN, actual)
    await anvil.mine()


async def paced(
    anvil: Anvil, url: str, watched: list[Address], steps: dict[int, Step], blocks: int
) -> list[ChainEvent]:
    """Follows block by block and runs a step before the n-th block."""
    watch = Watch(contracts=tuple(WatchedContract(address=one) for one in watched))
    settings = WatcherSettings(network=LOCAL, nodes=(url,), watch=watch, poll_s=0.01, timeout_s=5)
    reported: list[ChainEvent] = []
    async with asyncio.timeout(90), aclosing(Watcher(settings, MemoryCheckpoints()).events()) as events:  # type: ignore[type-var]
        done = 0
        async for event in events:
            reported.append(event)
            if isinstance(event, HeadSeen):
                if done == blocks:
                    break
                if done in steps:
                    await steps[done]()
                done += 1
                await anvil.mine()
    return [event for event in reported if not isinstance(event, HeadSeen)]


def summary_of(events: list[ChainEvent]) -> list[tuple[Any, ...]]:
    return [
        (event.actual, event.ended) if isinstance(event, BehaviourMismatch) else (event.old, event.new, event.seen_by)
        for event in events
        if isinstance(event, BehaviourMismatch | ContractUpgraded)
    ]


async def hiding(anvil: Anvil, url: str) -> list[ChainEvent]:
    """A proxy whose slot names A; it runs B, then silently C, then A as declared."""
    await stage(anvil, A, B)
    steps: dict[int, Step] = {12: lambda: put(anvil, HIDDEN, C), 24: lambda: put(anvil, HIDDEN, A)}
    return await paced(anvil, url, [P], steps, 36)


async def test_a_proxy_that_names_one_target_and_runs_another_is_reported_until_it_ends() -> None:
    async with running() as anvil:
        events = await hiding(anvil, anvil.url)
        assert summary_of(events) == [(B, False), (B, C, SeenBy.SLOT), (C, False), (C, A, SeenBy.SLOT), (C, True)]
        mismatch = next(one for one in events if isinstance(one, BehaviourMismatch))
        assert (mismatch.contract, mismatch.claimed, mismatch.probed_by) == (P, (A,), ProbedBy.TRACE)
        assert mismatch.probes >= 3


async def test_without_traces_a_hiding_proxy_is_found_by_touched_state_and_sentinels() -> None:
    async with running() as anvil, rpc_relay(anvil.url, refuses={"debug_traceCall"}) as poor:
        events = await hiding(anvil, poor.url)
        reported = [one for one in events if isinstance(one, BehaviourMismatch)]
        assert [(one.actual, one.ended) for one in reported[:2]] == [(B, False), (C, False)]
        assert {one.probed_by for one in reported} == {ProbedBy.SENTINEL}
        assert (B, C, SeenBy.SLOT) in summary_of(events)


async def test_without_any_probe_method_nothing_is_known_and_nothing_is_reported() -> None:
    async with running() as anvil:
        for refused in ({"debug_traceCall", "eth_createAccessList"},):
            async with rpc_relay(anvil.url, refuses=refused) as poor:
                assert summary_of(await hiding(anvil, poor.url)) == []


async def test_a_node_without_state_overrides_still_traces() -> None:
    def no_overrides(ask: dict[str, Any], answer: Any) -> Any:
        if len(ask["params"]) > 2 and (ask["method"] == "eth_call" or "stateOverrides" in ask["params"][2]):
            return {"jsonrpc": "2.0", "id": ask["id"], "error": {"code": -32602, "message": "too many arguments"}}
        return answer

    async with running() as anvil, rpc_relay(anvil.url, twist=no_overrides) as poor:
        assert summary_of(await hiding(anvil, poor.url))[:2] == [(B, False), (B, C, SeenBy.SLOT)]


async def test_a_proxy_with_an_unknown_slot_is_followed_by_the_slot_that_was_found() -> None:
    async with running() as anvil:
        await stage(anvil, None, A)
        events = await paced(anvil, anvil.url, [P], {12: lambda: put(anvil, HIDDEN, B)}, 20)
        [(old, new, seen_by)] = summary_of(events)
        assert (old, new, seen_by) == (A, B, SeenBy.SLOT)
        [event] = [one for one in events if isinstance(one, ContractUpgraded)]
        assert (event.proxy_kind, event.role, event.contract) == ("custom", "implementation", P)


async def test_a_finding_is_retracted_with_its_block_and_reported_again_on_the_new_chain() -> None:
    async with running() as anvil:
        await stage(anvil, A, B)
        events = await paced(anvil, anvil.url, [P], {5: lambda: anvil.call("anvil_reorg", 4, [])}, 14)
        reported = [one for one in events if isinstance(one, BehaviourMismatch)]
        retracted = [one.event_id for one in events if isinstance(one, Retracted)]
        assert [(one.actual, one.ended) for one in reported] == [(B, False), (B, False)]
        assert retracted == [reported[0].event_id]
        assert reported[0].event_id != reported[1].event_id


async def test_honest_proxies_of_every_kind_are_never_reported_as_hiding() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        deployed = {name: await make(deployer) for name, make in CLONES.items()}
        deployed |= {name: await make(deployer) for name, (make, _) in CHANGING.items()}
        changes: dict[int, Step] = {
            30 + at: (lambda change=change, one=deployed[name]: change(deployer, one))  # type: ignore[misc]
            for at, (name, (_, change)) in enumerate(CHANGING.items())
        }
        async with rpc_relay(anvil.url, refuses={"debug_traceBlockByHash", "trace_replayBlockTransactions"}) as counted:
            events = await paced(anvil, counted.url, [one.address for one in deployed.values()], changes, 75)
            assert not [one for one in events if isinstance(one, BehaviourMismatch)]
            names = {one.address: name for name, one in deployed.items()}
            upgraded = [one for one in events if isinstance(one, ContractUpgraded) and one.seen_by is SeenBy.BEHAVIOUR]
            assert not [(names[one.contract], one.old, one.new, one.place.block_number) for one in upgraded]
            faults = [one for one in events if isinstance(one, NodeFault)]
            assert {one.fault.value for one in faults} <= {"no_traces"}


async def test_contracts_that_burn_all_gas_or_give_long_answers_stop_nothing() -> None:
    async with running() as anvil:
        await stage(anvil, A, B)
        burner, huge = Address("0x" + "d1" * 20), Address("0x" + "d2" * 20)
        await anvil.call("anvil_setCode", burner, "0x5b600056")
        await anvil.call("anvil_setCode", huge, "0x620200005ff3")
        for at in (burner, huge):
            await anvil.call("anvil_setStorageAt", at, f"{SLOT:#066x}", f"0x{int(A, 16):064x}")
        events = await paced(anvil, anvil.url, [burner, huge, P], {}, 14)
        assert summary_of(events) == [(B, False)]


def test_the_memory_of_the_detector_stays_small() -> None:
    many = Watch(contracts=tuple(WatchedContract(address=Address(f"0x{at:040x}")) for at in range(1, 1001)))
    assert len(Behaviour(many).memory()) < 200
