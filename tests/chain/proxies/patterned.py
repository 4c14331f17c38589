"""Deploys and changes proxies of documented patterns (sources/patterns.sol) and the original Synthetix proxy."""

from __future__ import annotations

from tests.chain.proxies.making import Case, DeployedProxy, Deployer, Wanted, up


def superfluid() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.new("SuperCode")
        return DeployedProxy(await deployer.new("Slot1967", up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.new("SuperCode")
        block = await deployer.send(
            deployer.contract_at("SuperCode", deployed.address).functions.updateCode(up(deployer, new))
        )
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def arbitrum() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        first, second = await deployer.target(), await deployer.target()
        address = await deployer.new("DoubleLogic", up(deployer, first), up(deployer, second))
        return DeployedProxy(address, {"implementation": first, "secondary": second})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, functions = await deployer.target(), deployer.contract_at("DoubleLogic", deployed.address).functions
        first = await deployer.send(functions.upgradeSecondaryTo(up(deployer, new)))
        then = await deployer.send(functions.upgradeTo(up(deployer, new)))
        return [
            Wanted(deployed.address, "secondary", deployed.roles["secondary"], new, first),
            Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, then),
        ]

    return make, change


def trustless() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target, pending = await deployer.target(), await deployer.target()
        address = await deployer.new("Trustless", up(deployer, target))
        await deployer.send(deployer.contract_at("Trustless", address).functions.proposeTo(up(deployer, pending)))
        return DeployedProxy(address, {"implementation": target, "pending": pending})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        block = await deployer.send(deployer.contract_at("Trustless", deployed.address).functions.upgrade())
        return [
            Wanted(
                deployed.address, "implementation", deployed.roles["implementation"], deployed.roles["pending"], block
            )
        ]

    return make, change


def dictionary() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        at = await deployer.new("Dictionary", up(deployer, await deployer.target()))
        return DeployedProxy(await deployer.new("Dictionaried", up(deployer, at)), {"dictionary": at})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.new("Dictionary", up(deployer, await deployer.target()))
        functions = deployer.contract_at("Dictionaried", deployed.address).functions
        block = await deployer.send(functions.upgradeDictionary(up(deployer, new)))
        return [Wanted(deployed.address, "dictionary", deployed.roles["dictionary"], new, block)]

    return make, change


def by_function() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.new("Transparent1538", up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        first, second = await deployer.target(), await deployer.target()
        functions, wanted, old = deployer.contract_at("Transparent1538", deployed.address).functions, [], None
        for new in (first, second):
            block = await deployer.send(functions.set("transfer(address,uint256)", up(deployer, new)))
            wanted.append(Wanted(deployed.address, "facet", old, new, block))
            old = new
        return wanted

    return make, change


def synthetix() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        address, target = await deployer.new("Proxy", up(deployer, deployer.me)), await deployer.target()
        await deployer.send(deployer.contract_at("Proxy", address).functions.setTarget(up(deployer, target)))
        return DeployedProxy(address, {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        wanted, old = [], deployed.roles["implementation"]
        for new in (await deployer.target(), await deployer.target()):
            block = await deployer.send(
                deployer.contract_at("Proxy", deployed.address).functions.setTarget(up(deployer, new))
            )
            wanted.append(Wanted(deployed.address, "implementation", old, new, block))
            old = new
        return wanted

    return make, change


async def nothing(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
    return []


async def relayer(deployer: Deployer) -> DeployedProxy:
    target = await deployer.target()
    return DeployedProxy(await deployer.new("Relayer", up(deployer, target)), {"implementation": target})
