"""Pendle's router, after its documented layout: a function gets a facet, another one, and none."""

from __future__ import annotations

from eth_hash.auto import keccak

from chain.events import Address
from tests.chain.proxies.making import EMPTY, Case, DeployedProxy, Deployer, Wanted, up

CORE = (
    int.from_bytes(keccak((int.from_bytes(keccak(b"pendle.routerv4.Core"), "big") - 1).to_bytes(32, "big")), "big")
    & ~0xFF
)
SETTER = keccak(b"setSelectorToFacets((address,bytes4[])[])")[:4]


def _case() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        actions = await deployer.new("PendleActions")
        address = await deployer.new("PendleLike", up(deployer, deployer.me), up(deployer, actions))
        return DeployedProxy(address, {"implementation": actions, "admin": deployer.me})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        first, second = await deployer.target(), await deployer.target()
        functions = deployer.contract_at("PendleActions", deployed.address).functions
        wanted: list[Wanted] = []
        old: Address | None = None
        for new in (first, second, Address(EMPTY)):
            given = [(up(deployer, new), [bytes.fromhex("a9059cbb")])]
            block = await deployer.send(functions.setSelectorToFacets(given))
            wanted.append(Wanted(deployed.address, "facet", old, new, block))
            old = new
        return wanted

    return make, change


CASE = _case()
COMPUTED = {
    "pendle.routerv4.Core": ("pendle", "admin", CORE),
    "the facet that sets facets": (
        "pendle",
        "implementation",
        int.from_bytes(keccak(SETTER.ljust(32, b"\0") + (CORE + 2).to_bytes(32, "big")), "big"),
    ),
}
