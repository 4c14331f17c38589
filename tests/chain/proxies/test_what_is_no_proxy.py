"""Deploys contracts that only look like proxies on a real node: their kind is none, and their changes are not upgrades."""

from __future__ import annotations

from chain.events import Address, ControlChange, ControlChanged, PlacedEvent
from chain.sync.watcher import scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import settings_of
from tests.chain.inspection.test_inspecting_on_a_real_node import inspection_of
from tests.chain.proxies.making import EMPTY, Deployer, up
from tests.evm.anvil import Anvil, running


async def events(anvil: Anvil, start: int, *addresses: Address) -> list[PlacedEvent]:
    watch = Watch(contracts=tuple(WatchedContract(address=one) for one in addresses))
    reported = [event async for event in scan(settings_of(anvil.url, watch=watch), start, await anvil.height())]
    return [event for event in reported if isinstance(event, PlacedEvent)]


async def test_a_registry_of_implementations_is_not_a_proxy_and_its_entries_are_not_upgrades() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        deployed = await deployer.deployed("Registry", up(deployer, await deployer.target()))
        address = Address(deployed.address.lower())
        found = await inspection_of(anvil.url, address)
        assert (found.kind, found.roles) == (None, {})
        start = await anvil.height() + 1
        await anvil.mine(2)
        for _ in range(2):
            await deployer.send(deployed.functions.register(up(deployer, await deployer.target())))
        assert await events(anvil, start, address) == []


async def test_targets_beacons_singletons_factories_and_admins_are_not_proxies() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        target = up(deployer, await deployer.target())
        plain = [
            await deployer.new("Uups"),
            await deployer.new("Factory1967"),
            await deployer.new("five/UpgradeableBeacon", target, up(deployer, deployer.me)),
            await deployer.new("five/ProxyAdmin", up(deployer, deployer.me)),
            await deployer.new("safe/Safe.sol/Safe"),
            await deployer.new("MainModuleUpgradable"),
            await deployer.new("OwnableFeature"),
            await deployer.new("Dictionary", target),
            await deployer.new("Cloner"),
        ]
        for address in plain:
            found = await inspection_of(anvil.url, address)
            assert (address, found.kind, found.controllers, found.delay_s) == (address, None, (), None)
        start = await anvil.height() + 1
        await anvil.mine()
        admin = deployer.contract_at("five/ProxyAdmin", plain[3])
        block = await deployer.send(admin.functions.transferOwnership(up(deployer, Address(EMPTY[:-1] + "1"))))
        [event] = await events(anvil, start, *plain)
        assert isinstance(event, ControlChanged)
        assert (event.contract, event.change, event.place.block_number) == (plain[3], ControlChange.OWNER, block)
