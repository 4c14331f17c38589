"""Proxies built from documented patterns (sources/patterns.sol), and Synthetix's own: how each is made and changed."""

from __future__ import annotations

from tests.chain.proxies.making import Bench, Case, Made, Wanted, up


def superfluid() -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.new("SuperCode")
        return Made(await bench.new("Slot1967", up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.new("SuperCode")
        block = await bench.send(bench.seen("SuperCode", made.address).functions.updateCode(up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def arbitrum() -> Case:
    async def make(bench: Bench) -> Made:
        first, second = await bench.target(), await bench.target()
        address = await bench.new("DoubleLogic", up(bench, first), up(bench, second))
        return Made(address, {"implementation": first, "secondary": second})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, functions = await bench.target(), bench.seen("DoubleLogic", made.address).functions
        first = await bench.send(functions.upgradeSecondaryTo(up(bench, new)))
        then = await bench.send(functions.upgradeTo(up(bench, new)))
        return [
            Wanted(made.address, "secondary", made.roles["secondary"], new, first),
            Wanted(made.address, "implementation", made.roles["implementation"], new, then),
        ]

    return make, change


def trustless() -> Case:
    async def make(bench: Bench) -> Made:
        target, pending = await bench.target(), await bench.target()
        address = await bench.new("Trustless", up(bench, target))
        await bench.send(bench.seen("Trustless", address).functions.proposeTo(up(bench, pending)))
        return Made(address, {"implementation": target, "pending": pending})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        block = await bench.send(bench.seen("Trustless", made.address).functions.upgrade())
        return [Wanted(made.address, "implementation", made.roles["implementation"], made.roles["pending"], block)]

    return make, change


def dictionary() -> Case:
    async def make(bench: Bench) -> Made:
        at = await bench.new("Dictionary", up(bench, await bench.target()))
        return Made(await bench.new("Dictionaried", up(bench, at)), {"dictionary": at})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.new("Dictionary", up(bench, await bench.target()))
        functions = bench.seen("Dictionaried", made.address).functions
        block = await bench.send(functions.upgradeDictionary(up(bench, new)))
        return [Wanted(made.address, "dictionary", made.roles["dictionary"], new, block)]

    return make, change


def by_function() -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.target()
        return Made(await bench.new("Transparent1538", up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        first, second = await bench.target(), await bench.target()
        functions, told, old = bench.seen("Transparent1538", made.address).functions, [], None
        for new in (first, second):
            block = await bench.send(functions.set("transfer(address,uint256)", up(bench, new)))
            told.append(Wanted(made.address, "facet", old, new, block))
            old = new
        return told

    return make, change


def synthetix() -> Case:
    async def make(bench: Bench) -> Made:
        address, target = await bench.new("Proxy", up(bench, bench.me)), await bench.target()
        await bench.send(bench.seen("Proxy", address).functions.setTarget(up(bench, target)))
        return Made(address, {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        told, old = [], made.roles["implementation"]
        for new in (await bench.target(), await bench.target()):
            block = await bench.send(bench.seen("Proxy", made.address).functions.setTarget(up(bench, new)))
            told.append(Wanted(made.address, "implementation", old, new, block))
            old = new
        return told

    return make, change


async def nothing(bench: Bench, made: Made) -> list[Wanted]:
    return []


async def relayer(bench: Bench) -> Made:
    target = await bench.target()
    return Made(await bench.new("Relayer", up(bench, target)), {"implementation": target})
