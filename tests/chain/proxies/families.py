"""Proxies of large families: Compound's delegators, Solady's factory, 0x's exchange and Synthetix V3 as their makers built
them; Aave's, Aragon's, Biconomy's, Celo's, Maple's, Origin's, StarkWare's and others after their sources (patterns.sol).
"""

from __future__ import annotations

from typing import Any

from tests.chain.proxies.making import EMPTY, Bench, Case, Made, Wanted, up


def replaced(name: str, function: str, *more: str) -> Case:
    """A proxy made with its target (and further addresses, by role), and a function that sets another."""

    async def make(bench: Bench) -> Made:
        roles = {"implementation": await bench.target()}
        roles |= {role: bench.me if role == "admin" else await bench.target() for role in more}
        return Made(await bench.new(name, *(up(bench, one) for one in roles.values())), roles)

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        block = await bench.send(getattr(bench.seen(name, made.address).functions, function)(up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def delegator() -> Case:
    """Venus' build of Compound's CErc20Delegator: the target stands among the token's own storage."""

    async def make(bench: Bench) -> Made:
        target, me = await bench.raw("00"), up(bench, bench.me)
        words: tuple[Any, ...] = (me, me, me, 10**18, "fixture", "FIX", 8, me, up(bench, target), b"")
        return Made(await bench.new("VBep20Delegator", *words), {"implementation": target, "admin": bench.me})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, functions = await bench.raw("0000"), bench.seen("VBep20Delegator", made.address).functions
        block = await bench.send(functions._setImplementation(up(bench, new), True, b""))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def solady_factory() -> Case:
    """The factory knows the admin; its log names the proxy, which does not log."""

    async def make(bench: Bench) -> Made:
        target, factory = await bench.target(), await bench.made("Factory1967")
        receipt = await bench.anvil.send(factory.functions.deploy(up(bench, target), up(bench, bench.me)))
        address = "0x" + receipt["logs"][0]["topics"][1].hex()[-40:]
        roles = {"implementation": target, "factory": factory.address.lower(), "admin": bench.me}
        return Made(address, roles)  # type: ignore[arg-type]

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, factory = await bench.target(), bench.seen("Factory1967", made.roles["factory"])
        block = await bench.send(factory.functions.upgrade(up(bench, made.address), up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def zero_ex() -> Case:
    """The exchange as it is bootstrapped, then one feature of it replaced and taken back."""

    async def make(bench: Bench) -> Made:
        me = up(bench, bench.me)
        migration = await bench.made("InitialMigration", me)
        registry, ownable = await bench.new("SimpleFunctionRegistryFeature"), await bench.new("OwnableFeature")
        exchange = await bench.new("ZeroEx", migration.address)
        features = (up(bench, registry), up(bench, ownable))
        await bench.send(migration.functions.initializeZeroEx(me, up(bench, exchange), features))
        return Made(exchange, {"implementation": registry})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, functions = await bench.target(), bench.seen("SimpleFunctionRegistryFeature", made.address).functions
        first = await bench.send(functions.extend(bytes.fromhex("a9059cbb"), up(bench, new)))
        then = await bench.send(functions.rollback(bytes.fromhex("a9059cbb"), EMPTY))
        return [Wanted(made.address, "facet", None, new, first), Wanted(made.address, "facet", new, EMPTY, then)]

    return make, change


def synthetix_v3() -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.new("SynthetixUups")
        return Made(await bench.new("SynthetixProxy", up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.new("SynthetixUups")
        block = await bench.send(bench.seen("SynthetixUups", made.address).functions.upgradeTo(up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def kernel() -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.target()
        return Made(await bench.new("KernelLike", up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, functions = await bench.target(), bench.seen("KernelLike", made.address).functions
        block = await bench.send(functions.setApp(bytes(32), up(bench, new)))
        await bench.send(
            functions.setApp(b"\x09" * 32, up(bench, await bench.target()))
        )  # an application's, not its own
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def application() -> Case:
    """The kernel tells of all its applications; only what is set for this one is its upgrade."""

    async def make(bench: Bench) -> Made:
        target, other = await bench.target(), await bench.target()
        at = await bench.made("KernelLike", up(bench, other))
        for name, code in ((b"\x07", target), (b"\x08", other)):
            await bench.send(at.functions.setApp(name * 32, up(bench, code)))
        address = await bench.new("AppLike", at.address, b"\x07" * 32)
        return Made(address, {"implementation": target, "kernel": at.address.lower()})  # type: ignore[dict-item]

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, functions = await bench.target(), bench.seen("KernelLike", made.roles["kernel"]).functions
        await bench.send(functions.setApp(b"\x08" * 32, up(bench, await bench.target())))
        block = await bench.send(functions.setApp(b"\x07" * 32, up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def own_slot() -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.target()
        return Made(await bench.new("OwnSlot", up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        block = await bench.slot(made.address, int(made.address, 16), new)
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def announced() -> Case:
    """StarkWare's: what is added waits, then takes effect."""

    async def make(bench: Bench) -> Made:
        target = await bench.target()
        return Made(await bench.new("StarkLike", up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, functions = await bench.target(), bench.seen("StarkLike", made.address).functions
        first = await bench.send(functions.addImplementation(up(bench, new)))
        then = await bench.send(functions.upgradeTo(up(bench, new)))
        return [
            Wanted(made.address, "pending", None, new, first),
            Wanted(made.address, "implementation", made.roles["implementation"], new, then),
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
