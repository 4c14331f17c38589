"""SolidState's own diamond: a facet is added, and the fallback is set and changed, without a log."""

from __future__ import annotations

from eth_hash.auto import keccak

from tests.chain.proxies.making import EMPTY, Case, DeployedProxy, Deployer, Wanted, up


def _fallback_of(layout: str) -> int:
    """Returns the fourth word of a storage by ERC-7201."""
    inner = int.from_bytes(keccak(layout.encode()), "big") - 1
    return (int.from_bytes(keccak(inner.to_bytes(32, "big")), "big") & ~0xFF) + 3


def _case() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        diamond, fallback = await deployer.deployed("FallbackDiamond"), await deployer.target()
        await deployer.send(diamond.functions.setFallbackAddress(up(deployer, fallback)))
        return DeployedProxy(diamond.address.lower(), {"implementation": fallback})  # type: ignore[arg-type]

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        facet, fallback = await deployer.target(), await deployer.target()
        functions = deployer.contract_at("FallbackDiamond", deployed.address).functions
        cut = [(up(deployer, facet), 0, [bytes.fromhex("a9059cbb")])]
        added = await deployer.send(functions.diamondCut(cut, EMPTY, b""))
        changed = await deployer.send(functions.setFallbackAddress(up(deployer, fallback)))
        return [
            Wanted(deployed.address, "facet", None, facet, added),
            Wanted(deployed.address, "implementation", deployed.roles["implementation"], fallback, changed),
        ]

    return make, change


CASE = _case()
SLOTS = {"solidstate.contracts.storage.DiamondBase": ("solidstate", "implementation", 3)}
COMPUTED = {"solidstate.layout.ERC2535": ("solidstate", "implementation", _fallback_of("solidstate.layout.ERC2535"))}
