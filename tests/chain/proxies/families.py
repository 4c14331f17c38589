"""Deploys proxies of large families: the original builds of Compound's delegators, Solady's factory, 0x's exchange and Synthetix
V3; Aave's, Aragon's, Biconomy's, Celo's, Maple's, Origin's, StarkWare's and others after their sources (patterns.sol).
"""

from __future__ import annotations

from typing import Any

from tests.chain.proxies.making import EMPTY, Case, DeployedProxy, Deployer, Wanted, up


def replaced(name: str, function: str, *more: str) -> Case:
    """A proxy created with its target (and further addresses, by role), and a function that sets a new target."""

    async def make(deployer: Deployer) -> DeployedProxy:
        roles = {"implementation": await deployer.target()}
        roles |= {role: deployer.me if role == "admin" else await deployer.target() for role in more}
        return DeployedProxy(await deployer.new(name, *(up(deployer, one) for one in roles.values())), roles)

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        block = await deployer.send(
            getattr(deployer.contract_at(name, deployed.address).functions, function)(up(deployer, new))
        )
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def delegator() -> Case:
    """The Venus build of Compound's CErc20Delegator: the target lies within the storage of the token."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target, me = await deployer.raw("00"), up(deployer, deployer.me)
        words: tuple[Any, ...] = (me, me, me, 10**18, "fixture", "FIX", 8, me, up(deployer, target), b"")
        return DeployedProxy(
            await deployer.new("VBep20Delegator", *words), {"implementation": target, "admin": deployer.me}
        )

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, functions = await deployer.raw("0000"), deployer.contract_at("VBep20Delegator", deployed.address).functions
        block = await deployer.send(functions._setImplementation(up(deployer, new), True, b""))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def solady_factory() -> Case:
    """The factory knows the admin; its log names the proxy, which does not log."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target, factory = await deployer.target(), await deployer.deployed("Factory1967")
        receipt = await deployer.anvil.send(factory.functions.deploy(up(deployer, target), up(deployer, deployer.me)))
        address = "0x" + receipt["logs"][0]["topics"][1].hex()[-40:]
        roles = {"implementation": target, "factory": factory.address.lower(), "admin": deployer.me}
        return DeployedProxy(address, roles)  # type: ignore[arg-type]

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, factory = await deployer.target(), deployer.contract_at("Factory1967", deployed.roles["factory"])
        block = await deployer.send(factory.functions.upgrade(up(deployer, deployed.address), up(deployer, new)))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def zero_ex() -> Case:
    """Deploys the exchange, then replaces one feature and rolls it back."""

    async def make(deployer: Deployer) -> DeployedProxy:
        me = up(deployer, deployer.me)
        migration = await deployer.deployed("InitialMigration", me)
        registry, ownable = await deployer.new("SimpleFunctionRegistryFeature"), await deployer.new("OwnableFeature")
        exchange = await deployer.new("ZeroEx", migration.address)
        features = (up(deployer, registry), up(deployer, ownable))
        await deployer.send(migration.functions.initializeZeroEx(me, up(deployer, exchange), features))
        return DeployedProxy(exchange, {"implementation": registry})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, functions = (
            await deployer.target(),
            deployer.contract_at("SimpleFunctionRegistryFeature", deployed.address).functions,
        )
        first = await deployer.send(functions.extend(bytes.fromhex("a9059cbb"), up(deployer, new)))
        then = await deployer.send(functions.rollback(bytes.fromhex("a9059cbb"), EMPTY))
        return [
            Wanted(deployed.address, "facet", None, new, first),
            Wanted(deployed.address, "facet", new, EMPTY, then),
        ]

    return make, change


def synthetix_v3() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.new("SynthetixUups")
        return DeployedProxy(await deployer.new("SynthetixProxy", up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.new("SynthetixUups")
        block = await deployer.send(
            deployer.contract_at("SynthetixUups", deployed.address).functions.upgradeTo(up(deployer, new))
        )
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def kernel() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.new("KernelLike", up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, functions = await deployer.target(), deployer.contract_at("KernelLike", deployed.address).functions
        block = await deployer.send(functions.setApp(bytes(32), up(deployer, new)))
        await deployer.send(
            functions.setApp(b"\x09" * 32, up(deployer, await deployer.target()))
        )  # of an application, not of the kernel
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def application() -> Case:
    """The kernel logs changes of all its applications; only a change of this application is its upgrade."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target, other = await deployer.target(), await deployer.target()
        at = await deployer.deployed("KernelLike", up(deployer, other))
        for name, code in ((b"\x07", target), (b"\x08", other)):
            await deployer.send(at.functions.setApp(name * 32, up(deployer, code)))
        address = await deployer.new("AppLike", at.address, b"\x07" * 32)
        return DeployedProxy(address, {"implementation": target, "kernel": at.address.lower()})  # type: ignore[dict-item]

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, functions = await deployer.target(), deployer.contract_at("KernelLike", deployed.roles["kernel"]).functions
        await deployer.send(functions.setApp(b"\x08" * 32, up(deployer, await deployer.target())))
        block = await deployer.send(functions.setApp(b"\x07" * 32, up(deployer, new)))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def own_slot() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.new("OwnSlot", up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        block = await deployer.slot(deployed.address, int(deployed.address, 16), new)
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def announced() -> Case:
    """StarkWare: a new implementation waits, then takes effect."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.new("StarkLike", up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, functions = await deployer.target(), deployer.contract_at("StarkLike", deployed.address).functions
        first = await deployer.send(functions.addImplementation(up(deployer, new)))
        then = await deployer.send(functions.upgradeTo(up(deployer, new)))
        return [
            Wanted(deployed.address, "pending", None, new, first),
            Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, then),
        ]

    return make, change


FAMILIES: dict[str, Case] = {
    "aragon": application(),
    "aragon_kernel": kernel(),
    "celo": replaced("CeloLike", "_setImplementation", "admin"),
    "delegator": delegator(),
    "eip7760_transparent": solady_factory(),
    "governed": replaced("Governed", "upgradeTo", "admin"),
    "immutable_admin": replaced("ImmutableAdmin", "upgradeTo", "admin"),
    "low_slot": replaced("Dispatching", "replace"),
    "maple": replaced("MapleLike", "upgrade", "factory"),
    "own_slot": own_slot(),
    "owned": replaced("OwnedLike", "upgradeTo", "admin"),
    "starkware": announced(),
    "synthetix_v3": synthetix_v3(),
    "zero_ex": zero_ex(),
}
