"""Chains of proxies, clones, beacons and registries: the change is at their end, or in their middle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from eth_hash.auto import keccak

from chain.events import Address
from tests.chain.proxies.changing import SET_NOTHING
from tests.chain.proxies.clones import DOCUMENTED, LIBRARY
from tests.chain.proxies.making import Deployer, up
from tests.chain.proxies.setups import Expected, Make, SetUp


async def beacon_of(deployer: Deployer, target: str) -> Any:
    return await deployer.deployed("five/UpgradeableBeacon", up(deployer, target), up(deployer, deployer.me))


async def behind(deployer: Deployer, beacon: Any) -> Address:
    """Returns a proxy that has the beacon's address in its code, so that a clone of it, or a proxy of it, runs on."""
    return await deployer.new("five/BeaconProxy", beacon.address, b"")


async def beacon_moved(deployer: Deployer, watched: Address, beacon: Any) -> SetUp:
    """The change is a new implementation of that beacon, which is not the watched contract's own."""

    async def change() -> list[Expected]:
        old, new = str(await beacon.functions.implementation().call()).lower(), await deployer.target()
        block = await deployer.send(beacon.functions.upgradeTo(up(deployer, new)))
        return [Expected(watched, "implementation", old, new, block, beacon.address.lower())]

    return SetUp(watched, change)


def clone(make: Callable[[Deployer, Address], Awaitable[Address]]) -> Make:
    """A clone of a proxy of a beacon: the clone cannot change, what it runs can."""

    async def setup(deployer: Deployer) -> SetUp:
        beacon = await beacon_of(deployer, await deployer.target())
        return await beacon_moved(deployer, await make(deployer, await behind(deployer, beacon)), beacon)

    return setup


def by_library(kind: str) -> Make:
    how: tuple[Any, ...] = LIBRARY[kind]
    return clone(lambda deployer, target: deployer.cloned(how[0], up(deployer, target), *how[1:]))


def by_code(kind: str) -> Make:
    return clone(lambda deployer, target: deployer.raw(DOCUMENTED[kind].format(target[2:])))


async def proxy_of_a_beacon_proxy(deployer: Deployer) -> SetUp:
    beacon = await beacon_of(deployer, await deployer.target())
    inner = await behind(deployer, beacon)
    return await beacon_moved(
        deployer, await deployer.new("five/ERC1967Proxy", up(deployer, inner), SET_NOTHING), beacon
    )


async def legacy_proxy_of_a_beacon_proxy(deployer: Deployer) -> SetUp:
    beacon = await beacon_of(deployer, await deployer.target())
    inner, admin = await behind(deployer, beacon), deployer.anvil.accounts[1]
    watched = await deployer.new("AdminUpgradeabilityProxy", up(deployer, inner), admin, b"")
    return await beacon_moved(deployer, watched, beacon)


async def safe_of_a_beacon_proxy(deployer: Deployer) -> SetUp:
    beacon = await beacon_of(deployer, await deployer.target())
    inner = await behind(deployer, beacon)
    watched = await deployer.new("safe/proxies/SafeProxy.sol/SafeProxy", up(deployer, inner))
    return await beacon_moved(deployer, watched, beacon)


async def deep(deployer: Deployer) -> tuple[Address, Any, Any]:
    """Returns a proxy of a proxy of a beacon, whose implementation is a clone of a proxy of a second beacon; and both beacons."""
    last = await beacon_of(deployer, await deployer.target())
    middle = await beacon_of(
        deployer, await deployer.cloned("openZeppelin", up(deployer, await behind(deployer, last)))
    )
    inner = await behind(deployer, middle)
    return await deployer.new("five/ERC1967Proxy", up(deployer, inner), SET_NOTHING), middle, last


async def end_of_a_deep_chain(deployer: Deployer) -> SetUp:
    watched, _, last = await deep(deployer)
    return await beacon_moved(deployer, watched, last)


async def middle_of_a_deep_chain(deployer: Deployer) -> SetUp:
    watched, middle, _ = await deep(deployer)
    return await beacon_moved(deployer, watched, middle)


async def middle_then_end_of_a_deep_chain(deployer: Deployer) -> SetUp:
    """After a change in the middle, the end that is new there is followed, and the one before no longer."""
    watched, middle, former = await deep(deployer)

    async def change() -> list[Expected]:
        beacon = await beacon_of(deployer, await deployer.target())
        old, new = str(await middle.functions.implementation().call()).lower(), await behind(deployer, beacon)
        first = await deployer.send(middle.functions.upgradeTo(up(deployer, new)))
        await deployer.anvil.mine(3)
        await deployer.send(former.functions.upgradeTo(up(deployer, await deployer.target())))
        then = await (await beacon_moved(deployer, watched, beacon)).change()
        return [Expected(watched, "implementation", old, new, first, middle.address.lower()), *then]

    return SetUp(watched, change)


async def chain_to_a_diamond(deployer: Deployer) -> SetUp:
    """The chain ends at a diamond, whose functions are not served in this storage: every call fails at its end."""
    cutter = up(deployer, await deployer.new("DiamondCutFacet"))
    facets = [(cutter, 0, [bytes.fromhex("1f931c1c")])]
    diamond = await deployer.new("Diamond", up(deployer, deployer.me), facets, [])
    beacon = await beacon_of(deployer, await deployer.cloned("solady", up(deployer, diamond)))
    inner, admin = await behind(deployer, beacon), deployer.anvil.accounts[1]
    return await beacon_moved(
        deployer, await deployer.new("AdminUpgradeabilityProxy", up(deployer, inner), admin, b""), beacon
    )


async def delegated_account(deployer: Deployer) -> SetUp:
    """An account that delegates (EIP-7702) to a proxy of a beacon."""
    beacon = await beacon_of(deployer, await deployer.target())
    watched = Address(f"0x{keccak(b'an account')[:20].hex()}")
    await deployer.code(watched, f"0xef0100{(await behind(deployer, beacon))[2:]}")
    return await beacon_moved(deployer, watched, beacon)


async def optimism_by_name(deployer: Deployer) -> SetUp:
    """Optimism's own build: the proxy asks its AddressManager for a name."""
    registry, first = await deployer.deployed("Lib_AddressManager"), await deployer.target()
    await deployer.send(registry.functions.setAddress("OVM_L1CrossDomainMessenger", up(deployer, first)))
    watched = await deployer.new("Lib_ResolvedDelegateProxy", registry.address, "OVM_L1CrossDomainMessenger")

    async def change() -> list[Expected]:
        other, new = await deployer.target(), await deployer.target()
        await deployer.send(registry.functions.setAddress("another name", up(deployer, other)))
        block = await deployer.send(registry.functions.setAddress("OVM_L1CrossDomainMessenger", up(deployer, new)))
        return [Expected(watched, "implementation", first, new, block, registry.address.lower())]

    return SetUp(watched, change)


async def rocket_pool(deployer: Deployer) -> SetUp:
    """Rocket Pool's registry, after its documented layout: a minipool asks it for the delegate of them all."""
    registry, first = await deployer.deployed("RocketStorageLike"), await deployer.target()
    key = keccak(b"contract.address" + b"rocketMinipoolDelegate")
    await deployer.send(registry.functions.setAddress(key, up(deployer, first)))
    watched = await deployer.new("RocketMinipoolLike", registry.address)

    async def change() -> list[Expected]:
        new = await deployer.target()
        block = await deployer.send(registry.functions.setAddress(key, up(deployer, new)))
        return [Expected(watched, "implementation", first, new, block, registry.address.lower())]

    return SetUp(watched, change)


SETUPS: dict[str, Make] = {
    **{f"a clone ({kind}) of a proxy of a beacon": by_library(kind) for kind in LIBRARY},
    **{f"a clone ({kind}) of a proxy of a beacon": by_code(kind) for kind in DOCUMENTED},
    "a proxy of a proxy of a beacon": proxy_of_a_beacon_proxy,
    "a proxy before EIP-1967 of a proxy of a beacon": legacy_proxy_of_a_beacon_proxy,
    "a Safe whose singleton is a proxy of a beacon": safe_of_a_beacon_proxy,
    "the end of a chain of five": end_of_a_deep_chain,
    "the middle of a chain of five": middle_of_a_deep_chain,
    "the middle of a chain of five, then its new end": middle_then_end_of_a_deep_chain,
    "a proxy of a proxy of a beacon of a clone of a diamond": chain_to_a_diamond,
    "an account that delegates to a proxy of a beacon": delegated_account,
    "an address by name from Optimism's AddressManager": optimism_by_name,
    "an address by key from Rocket Pool's registry": rocket_pool,
}
