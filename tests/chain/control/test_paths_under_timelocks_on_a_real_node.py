"""Changes further down a contract's path, by timelocks and past them, on a real node: what a timelock executed is announced."""

from __future__ import annotations

from typing import Any

from chain.events import Address
from chain.events.upgrades import ContractUpgraded
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, low, settings_of, until
from tests.chain.proxies.making import Deployer, up
from tests.chain.proxies.setups.chains import beacon_of, behind
from tests.evm.anvil import Anvil, running

NOTHING = b"\0" * 32
NAME = "OVM_L1CrossDomainMessenger"
Reported = tuple[Address, str, Address | None, bool | None, str | None]


async def both_ways(anvil: Anvil, start: int, timelock: Address, *watched: Address) -> list[list[Reported]]:
    """What is told live and by a scan: (contract, new, holder, queued, operation)."""
    await anvil.mine()
    end = await anvil.height()
    watch = Watch(contracts=tuple(WatchedContract(address=one, timelock=timelock) for one in watched))
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    live = await until(Watcher(settings, None), head_at(end))
    past = [event async for event in scan(settings, start, end)]
    return [
        [
            (event.contract, event.new, event.holder, event.queued, event.operation)
            for event in events
            if isinstance(event, ContractUpgraded)
        ]
        for events in (live, past)
    ]


async def carried(anvil: Anvil, timelock: Any, target: str, body: str) -> str:
    """Schedules and executes this call; returns its operation."""
    call = (target, 0, body, NOTHING, NOTHING)
    await anvil.send(timelock.functions.schedule(*call, 60))
    await anvil.call("evm_increaseTime", 100)
    await anvil.mine()
    await anvil.send(timelock.functions.execute(*call))
    return f"0x{(await timelock.functions.hashOperation(*call).call()).hex()}"


async def timelock_on(anvil: Anvil) -> Any:
    account = anvil.accounts[0]
    return await anvil.deploy("TimelockController", 60, [account], [account], account)


async def test_an_entry_of_a_registry_that_a_timelock_sets_was_announced() -> None:
    async with running() as anvil:
        deployer, timelock = Deployer(anvil), await timelock_on(anvil)
        registry, first, second = (
            await deployer.deployed("Lib_AddressManager"),
            await deployer.target(),
            "0x" + "5" * 40,
        )
        await deployer.send(registry.functions.setAddress(NAME, up(deployer, first)))
        proxy = await deployer.new("Lib_ResolvedDelegateProxy", registry.address, NAME)
        await deployer.send(registry.functions.transferOwnership(timelock.address))
        await anvil.mine(4)
        start = await anvil.height() - 1
        body = registry.encode_abi("setAddress", [NAME, up(deployer, second)])
        operation = await carried(anvil, timelock, registry.address, body)
        expected: list[Reported] = [(proxy, second, low(registry), True, operation)]
        assert await both_ways(anvil, start, low(timelock), proxy) == [expected, expected]


async def test_a_nested_beacon_that_a_timelock_moves_was_announced_and_one_that_its_owner_moves_is_open() -> None:
    async with running() as anvil:
        deployer, timelock = Deployer(anvil), await timelock_on(anvil)
        beacons = [await beacon_of(deployer, await deployer.target()) for _ in range(2)]
        clones = [await deployer.cloned("openZeppelin", up(deployer, await behind(deployer, one))) for one in beacons]
        await deployer.send(beacons[0].functions.transferOwnership(timelock.address))
        await anvil.mine(4)
        start = await anvil.height() - 1
        second, third = await deployer.target(), await deployer.target()
        body = beacons[0].encode_abi("upgradeTo", [up(deployer, second)])
        operation = await carried(anvil, timelock, beacons[0].address, body)
        await deployer.send(beacons[1].functions.upgradeTo(up(deployer, third)))
        expected: list[Reported] = [
            (clones[0], second, low(beacons[0]), True, operation),
            (clones[1], third, low(beacons[1]), None, None),
        ]
        assert await both_ways(anvil, start, low(timelock), *clones) == [expected, expected]
