"""Watches contracts that answer megabytes, burn all gas or point in circles: the cost is bounded, no event is false or lost."""

from __future__ import annotations

from chain.events import Address, CodeCompared, PlacedEvent
from chain.events.upgrades import ContractUpgraded
from chain.sync.watcher import scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import settings_of
from tests.chain.inspection.test_inspecting_on_a_real_node import inspection_of
from tests.chain.proxies.making import Deployer, up
from tests.evm.anvil import running

IMPLEMENTATION = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
BEACON = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
PROXY = f"365f5f375f5f365f7f{IMPLEMENTATION:064x}545af43d5f5f3e3d5ff3"
CODES = {
    "three megabytes of nothing": "622fffff5ff3",
    "three megabytes, first a one": "60015f52622fffff5ff3",
    "burns all gas": "5b5f56",
    "reverts": "5f5ffd",
    "31 bytes": "601f5ff3",
    "dirty upper bytes": "7f" + "ff" * 32 + "5f5260205ff3",
    "one to everything": "60015f5260205ff3",
    "its own address to everything": "305f5260205ff3",
    "an invalid opcode": "fe",
}


async def test_hostile_contracts_are_not_proxies_and_delay_no_other_contract() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        deployed = {name: await deployer.raw(code) for name, code in CODES.items()}
        for name, address in deployed.items():
            found = await inspection_of(anvil.url, address)
            assert (name, found.kind, found.controllers) == (name, None, ())
        target = await deployer.new("Uups")
        honest = await deployer.cloned("soladyERC1967", up(deployer, target))
        start = await anvil.height() + 1
        await anvil.mine(4)
        new = await deployer.new("Uups")
        block = await deployer.send(
            deployer.contract_at("Uups", honest).functions.upgradeToAndCall(up(deployer, new), b"")
        )
        watch = Watch(contracts=tuple(WatchedContract(address=one) for one in (*deployed.values(), honest)))
        events = [event async for event in scan(settings_of(anvil.url, watch=watch), start, await anvil.height())]
        [event, compared] = [event for event in events if isinstance(event, PlacedEvent)]
        assert isinstance(event, ContractUpgraded)
        assert isinstance(compared, CodeCompared)
        assert (event.contract, event.old, event.new, event.place.block_number) == (honest, target, new, block)


async def test_proxies_that_point_at_themselves_in_circles_or_at_nothing_are_reported_as_they_are() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        itself, one, two, empty = [await deployer.raw(PROXY) for _ in range(4)]
        huge, burning = (
            await deployer.raw(CODES["three megabytes of nothing"]),
            await deployer.raw(CODES["burns all gas"]),
        )
        nobody = Address("0x" + "cd" * 20)
        for address, target in ((itself, itself), (one, two), (two, one), (empty, nobody)):
            await deployer.slot(address, IMPLEMENTATION, target)
            found = await inspection_of(anvil.url, address)
            assert (found.kind, found.roles, found.controllers) == ("eip1967", {"implementation": target}, ())
        for beacon in (huge, burning, nobody, itself):
            address = await deployer.raw(PROXY)
            await deployer.slot(address, BEACON, beacon)
            found = await inspection_of(anvil.url, address)
            assert (found.kind, found.controllers) == (None, ())  # no beacon names a target
