"""thirdweb's own extension manager: an extension is added, replaced and removed."""

from __future__ import annotations

from typing import Any

from chain.events import Address
from tests.chain.proxies.making import EMPTY, Case, DeployedProxy, Deployer, Wanted, up

TRANSFER, APPROVE = "transfer(address,uint256)", "approve(address,uint256)"
SELECTORS = {TRANSFER: bytes.fromhex("a9059cbb"), APPROVE: bytes.fromhex("095ea7b3")}


def extension(deployer: Deployer, name: str, facet: str, *functions: str) -> Any:
    """Returns an extension: its name, an empty link, its code, and its functions."""
    return (name, "", up(deployer, facet)), [(SELECTORS[one], one) for one in functions]


def _case() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        router = await deployer.deployed("ExtendableRouter")
        first = await deployer.target()
        await deployer.send(router.functions.addExtension(extension(deployer, "a token", first, TRANSFER)))
        return DeployedProxy(router.address.lower(), {})  # type: ignore[arg-type]

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        first, second = await deployer.target(), await deployer.target()
        functions = deployer.contract_at("ExtendableRouter", deployed.address).functions
        added = await deployer.send(functions.addExtension(extension(deployer, "more", first, APPROVE)))
        replaced = await deployer.send(functions.replaceExtension(extension(deployer, "more", second, APPROVE)))
        removed = await deployer.send(functions.removeExtension("more"))
        return [
            Wanted(deployed.address, "facet", None, first, added),
            Wanted(deployed.address, "facet", first, second, replaced),
            Wanted(deployed.address, "facet", second, Address(EMPTY), removed),
        ]

    return make, change


CASE = _case()
