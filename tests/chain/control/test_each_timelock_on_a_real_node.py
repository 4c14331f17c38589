"""Announces, executes, takes back and bypasses upgrades through every declared kind of timelock, on a real node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from web3.contract import AsyncContract

from chain.control.timelocks import kinds
from chain.events import Address, ChainEvent
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued
from chain.sync.settings import Traces
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.control import timelock_stages
from tests.chain.control.timelock_stages import Call, Stage, deployed
from tests.chain.following import head_at, low, settings_of, until
from tests.chain.proxies.making import Deployer
from tests.evm.anvil import Anvil, running

CALLED = [kind for kind in kinds() if kind != "maple"]
"""Maple's contracts ask the queue themselves."""
Reported = tuple[str, bool | None]


async def both_ways(anvil: Anvil, start: int, *contracts: WatchedContract) -> list[list[ChainEvent]]:
    """What is reported live and by a scan."""
    await anvil.mine()
    end = await anvil.height()
    settings = replace(settings_of(anvil.url, watch=Watch(contracts=contracts), start_block=start), traces=Traces.OFF)
    live = await until(Watcher(settings, None), head_at(end))
    return [live, [event async for event in scan(settings, start, end)]]


def upgrades(events: list[ChainEvent], contract: Address) -> list[Reported]:
    changes = (event for event in events if isinstance(event, ContractUpgraded) and event.contract == contract)
    return [(event.new, event.queued) for event in changes]


async def announced(stage: Stage, call: Call) -> None:
    await stage.execute(await stage.announce(call))


class Guarded:
    """A proxy whose admin the timelock's executor owns."""

    def __init__(self, deployer: Deployer, stage: Stage, proxy: AsyncContract, admin: AsyncContract) -> None:
        self.deployer, self.stage, self.proxy, self.admin = deployer, stage, proxy, admin

    async def call(self, target: Address, *, named: bool = True) -> Call:
        """The call that upgrades to this target, itself or by a payload whose own code names it."""
        anvil, up = self.deployer.anvil, self.deployer.anvil.web3.to_checksum_address
        if named:
            return Call(self.admin.address, self.admin.encode_abi("upgrade", [self.proxy.address, up(target)]))
        payload = await deployed(anvil, "Payload", self.admin.address, self.proxy.address, up(target))
        if not self.stage.delegates:
            await self.past(self.admin.functions.transferOwnership(payload.address))
        return Call(payload.address, payload.encode_abi("execute", []), self.stage.delegates)

    async def past(self, function: Any) -> None:
        """Sent by the executor's own address: nothing queued it."""
        await self.deployer.send_as(self.stage.executor, function)

    async def changed(self) -> dict[str, list[Any]]:
        """Changes the proxy past the timelock, by a call and by code that it ran; returns what must be reported."""
        bypassed, named, hidden, kept = [await self.deployer.target() for _ in range(4)]
        proxy, up = self.proxy.address, self.deployer.anvil.web3.to_checksum_address
        await self.past(self.admin.functions.upgrade(proxy, up(bypassed)))
        upgrades: list[Reported] = [(bypassed, False)]
        queued: list[Address] = []
        ended: list[bool] = []
        if self.stage.cancels:
            await self.stage.cancel(await self.stage.announce(await self.call(kept, named=self.stage.calls)))
            if self.stage.calls:
                queued, ended = [kept], [False]
        if self.stage.calls:
            await announced(self.stage, await self.call(named))
            upgrades, queued, ended = [*upgrades, (named, True)], [*queued, named], [*ended, True]
        await announced(self.stage, await self.call(hidden, named=False))
        return {"upgrades": [*upgrades, (hidden, True)], "queued": queued, "ended": [*ended, True]}


async def guarded(anvil: Anvil, stage: Stage) -> Guarded:
    admin = await anvil.deploy("ProxyAdmin")
    first = await anvil.deploy("WETH9")
    proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
    await anvil.send(admin.functions.transferOwnership(anvil.web3.to_checksum_address(stage.executor)))
    return Guarded(Deployer(anvil), stage, proxy, admin)


def reported(events: list[ChainEvent], contract: Address, timelock: Address) -> dict[str, list[Any]]:
    queued = [event.new for event in events if isinstance(event, UpgradeQueued) and event.target == contract]
    ended = [event.executed for event in events if isinstance(event, OperationEnded) and event.timelock == timelock]
    return {"upgrades": upgrades(events, contract), "queued": list(dict.fromkeys(queued)), "ended": ended}


async def test_what_each_kind_of_timelock_runs_was_announced_whoever_names_it_and_what_bypasses_it_was_not() -> None:
    async with running() as anvil:
        staged: dict[str, Guarded] = {}
        for kind in CALLED:
            stage: Stage = await getattr(timelock_stages, kind)(anvil)
            staged[kind] = await guarded(anvil, stage)
        start = await anvil.height() + 1
        await anvil.mine()
        expected = {kind: await one.changed() for kind, one in staged.items()}
        expected["safe"]["queued"] = []  # its owners approve a hash
        contracts = [WatchedContract(address=low(one.proxy), timelock=one.stage.timelock) for one in staged.values()]
        for events in await both_ways(anvil, start, *contracts):
            found = {kind: reported(events, low(one.proxy), one.stage.timelock) for kind, one in staged.items()}
            assert found == expected


async def test_a_contract_that_asks_its_queue_itself_was_announced_and_one_that_its_breaker_changes_was_not() -> None:
    async with running() as anvil:
        stage = await timelock_stages.maple(anvil)
        deployer, up = Deployer(anvil), anvil.web3.to_checksum_address
        first, second, third = [await deployer.target() for _ in range(3)]
        pool = await deployed(anvil, "PoolManager", up(stage.timelock), up(first))
        start = await anvil.height() + 1
        await anvil.mine()
        await anvil.send(pool.functions.setImplementation(up(second)))
        body = pool.encode_abi("upgrade", [2, bytes(12) + bytes.fromhex(third[2:])])
        await announced(stage, Call(pool.address, body))
        for events in await both_ways(anvil, start, WatchedContract(address=low(pool), timelock=stage.timelock)):
            assert upgrades(events, low(pool)) == [(second, False), (third, True)]
