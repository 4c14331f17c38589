"""Deploys proxies that can change and makes the change that must be reported. The contracts are not our own code, except those of
sources/patterns.sol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from eth_hash.auto import keccak

from chain.events import Address
from tests.chain.proxies.cases import cases
from tests.chain.proxies.families import FAMILIES
from tests.chain.proxies.making import EMPTY, Case, DeployedProxy, Deployer, Wanted, up
from tests.chain.proxies.patterned import (
    arbitrum,
    by_function,
    dictionary,
    nothing,
    relayer,
    superfluid,
    synthetix,
    trustless,
)

SET_NOTHING = bytes.fromhex("a9059cbb") + bytes(64)
"""transfer(0, 0) of SlotZero: OpenZeppelin 5 wants a proxy to be initialised."""


def simply(name: str, function: str, *, role: str = "implementation") -> Case:
    """A proxy whose constructor takes its target, and a function that sets a new one."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.new(name, up(deployer, target)), {role: target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        block = await deployer.send(
            getattr(deployer.contract_at(name, deployed.address).functions, function)(up(deployer, new))
        )
        return [Wanted(deployed.address, role, deployed.roles[role], new, block)]

    return make, change


def by_admin(name: str, *, last: tuple[Any, ...] = (b"",), sender: int = 1) -> Case:
    """A proxy whose admin is another account."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target, admin = await deployer.target(), deployer.anvil.accounts[sender]
        address = await deployer.new(name, up(deployer, target), admin, *last)
        return DeployedProxy(address, {"implementation": target, "admin": Address(admin.lower())})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        function = deployer.contract_at(name, deployed.address).functions.upgradeTo(up(deployer, new))
        block = await deployer.send_as(deployed.roles["admin"], function)
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def five_transparent() -> Case:
    """OpenZeppelin 5: the proxy creates its own ProxyAdmin; only this admin may upgrade it."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        address = await deployer.new(
            "five/TransparentUpgradeableProxy", up(deployer, target), up(deployer, deployer.me), SET_NOTHING
        )
        slot = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
        word = await deployer.anvil.web3.eth.get_storage_at(up(deployer, address), slot)
        return DeployedProxy(address, {"implementation": target, "admin": Address("0x" + word[12:].hex())})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, admin = await deployer.target(), deployer.contract_at("five/ProxyAdmin", deployed.roles["admin"])
        block = await deployer.send(
            admin.functions.upgradeAndCall(up(deployer, deployed.address), up(deployer, new), b"")
        )
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def uups(maker: Callable[[Deployer, Address], Awaitable[Address]]) -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.new("Uups")
        return DeployedProxy(await maker(deployer, target), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.new("Uups")
        proxy = deployer.contract_at("Uups", deployed.address)
        block = await deployer.send(proxy.functions.upgradeToAndCall(up(deployer, new), b""))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


async def five_proxy(deployer: Deployer, target: Address) -> Address:
    return await deployer.new("five/ERC1967Proxy", up(deployer, target), b"\x8d\xa5\xcb\x5b")


async def solady_proxy(deployer: Deployer, target: Address) -> Address:
    return await deployer.cloned("soladyERC1967", up(deployer, target))


def silent(name: str, slot: int) -> Case:
    """A proxy whose slot is overwritten without a log."""

    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.new(name, up(deployer, target)), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        block = await deployer.slot(deployed.address, slot, new)
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def beacon() -> Case:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        at = await deployer.new("five/UpgradeableBeacon", up(deployer, target), up(deployer, deployer.me))
        address = await deployer.new("five/BeaconProxy", up(deployer, at), SET_NOTHING)
        return DeployedProxy(address, {"beacon": at, "implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        at = deployer.contract_at("five/UpgradeableBeacon", deployed.roles["beacon"])
        block = await deployer.send(at.functions.upgradeTo(up(deployer, new)))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def safe() -> Case:
    """The path of the Bybit hack (2025): the owner of a real Safe signs a delegated `transfer` that overwrites slot 0."""

    async def make(deployer: Deployer) -> DeployedProxy:
        single = await deployer.new("safe/Safe.sol/Safe")
        address = await deployer.new("safe/proxies/SafeProxy.sol/SafeProxy", up(deployer, single))
        wallet = deployer.contract_at("safe/Safe.sol/Safe", address).functions
        await deployer.send(wallet.setup([up(deployer, deployer.me)], 1, EMPTY, b"", EMPTY, EMPTY, 0, EMPTY))
        return DeployedProxy(address, {"implementation": single})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new, trick = await deployer.target(), await deployer.deployed("SlotZero")
        body = trick.encode_abi("transfer", [up(deployer, new), 0])
        signature = int(deployer.me, 16).to_bytes(32, "big") + bytes(32) + b"\x01"
        wallet = deployer.contract_at("safe/Safe.sol/Safe", deployed.address).functions
        zero: tuple[Any, ...] = (0, 0, 0, EMPTY, EMPTY)
        block = await deployer.send(wallet.execTransaction(trick.address, 0, body, 1, *zero, signature))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def unitroller() -> Case:
    """Venus' build of Compound's Unitroller: the admin announces, the new implementation accepts."""

    async def become(deployer: Deployer, address: Address, new: Address) -> tuple[int, int]:
        functions = deployer.contract_at("Unitroller", address).functions
        first = await deployer.send(functions._setPendingImplementation(up(deployer, new)))
        return first, await deployer.send_as(new, functions._acceptImplementation())

    async def make(deployer: Deployer) -> DeployedProxy:
        address, target = await deployer.new("Unitroller"), await deployer.target()
        await become(deployer, address, target)
        return DeployedProxy(address, {"implementation": target, "admin": deployer.me})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        first, then = await become(deployer, deployed.address, new)
        return [
            Wanted(deployed.address, "pending", None, new, first),
            Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, then),
            Wanted(deployed.address, "pending", new, EMPTY, then),
        ]

    return make, change


def diamond() -> Case:
    """hardhat-deploy's build of the diamond reference: a facet is added, replaced, and removed."""

    async def make(deployer: Deployer) -> DeployedProxy:
        cutter, loupe = await deployer.new("DiamondCutFacet"), await deployer.new("DiamondLoupeFacet")
        owner = await deployer.new("OwnershipFacet")
        facets = [
            (up(deployer, cutter), 0, [bytes.fromhex("1f931c1c")]),
            (up(deployer, loupe), 0, [bytes.fromhex(one) for one in ("7a0ed627", "52ef6b2c", "cdffacc6", "adfca15e")]),
            (up(deployer, owner), 0, [bytes.fromhex("8da5cb5b"), bytes.fromhex("f2fde38b")]),
        ]
        return DeployedProxy(
            await deployer.new("Diamond", up(deployer, deployer.me), facets, []), {"admin": deployer.me}
        )

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        first, second = await deployer.target(), await deployer.target()
        functions = deployer.contract_at("DiamondCutFacet", deployed.address).functions
        picked = [bytes.fromhex("a9059cbb"), bytes.fromhex("095ea7b3")]
        wanted, old = [], None
        for action, facet in ((0, first), (1, second), (2, Address(EMPTY))):
            block = await deployer.send(functions.diamondCut([(up(deployer, facet), action, picked)], EMPTY, b""))
            wanted.append(Wanted(deployed.address, "facet", old, facet, block))
            old = facet
        return wanted

    return make, change


def sequence() -> Case:
    """Sequence's own factory and upgradable module; the wallet calls itself."""

    async def make(deployer: Deployer) -> DeployedProxy:
        module, factory = await deployer.new("MainModuleUpgradable"), await deployer.deployed("SequenceFactory")
        salt = keccak(b"a wallet")
        where = await factory.functions.deploy(up(deployer, module), salt).call()
        await deployer.send(factory.functions.deploy(up(deployer, module), salt))
        return DeployedProxy(Address(str(where).lower()), {"implementation": module})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.new("MainModuleUpgradable")
        wallet = deployer.contract_at("MainModuleUpgradable", deployed.address)
        block = await deployer.send_as(deployed.address, wallet.functions.updateImplementation(up(deployer, new)))
        return [Wanted(deployed.address, "implementation", deployed.roles["implementation"], new, block)]

    return make, change


def delegation() -> Case:
    """EIP-7702, authorised by a signature of the account; changed by a second one."""
    from eth_account import Account

    async def authorise(deployer: Deployer, key: str, target: Address) -> int:
        account, sender = Account.from_key(key), deployer.anvil.accounts[2]
        nonce = await deployer.anvil.web3.eth.get_transaction_count(account.address)
        chain_id = await deployer.anvil.web3.eth.chain_id
        signed = account.sign_authorization({"chainId": chain_id, "address": up(deployer, target), "nonce": nonce})
        sent = await deployer.anvil.web3.eth.send_transaction(
            {"from": up(deployer, sender), "to": up(deployer, sender), "gas": 200_000, "authorizationList": [signed]}
        )
        receipt = await deployer.anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        return int(receipt["blockNumber"])

    async def make(deployer: Deployer) -> DeployedProxy:
        target, key = await deployer.target(), f"{0xA11CE:#066x}"
        await authorise(deployer, key, target)
        return DeployedProxy(Address(Account.from_key(key).address.lower()), {"implementation": target})

    async def change(deployer: Deployer, deployed: DeployedProxy) -> list[Wanted]:
        new = await deployer.target()
        block = await authorise(deployer, f"{0xA11CE:#066x}", new)
        return [Wanted(deployed.address, "delegate", deployed.roles["implementation"], new, block)]

    return make, change


IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
CHANGING: dict[str, Case] = {
    **FAMILIES,
    **cases(),
    "arbitrum": arbitrum(),
    "balancer_relayer": (relayer, nothing),
    "eip1538": by_function(),
    "eip173": by_admin("EIP173Proxy"),
    "eip1822": simply("Proxiable", "updateCodeAddress"),
    "eip1967": silent("Slot1967", IMPLEMENTATION_SLOT),
    "eip1967_beacon": beacon(),
    "eip1967_transparent": five_transparent(),
    "eip1967_uups": uups(five_proxy),
    "eip2535": diamond(),
    "eip3561": trustless(),
    "eip7546": dictionary(),
    "eip7702": delegation(),
    "eip7760_uups": uups(solady_proxy),
    "eip897": simply("Delegate897", "set"),
    "polygon": simply("ChildChainManagerProxy", "updateImplementation"),
    "safe": safe(),
    "sequence": sequence(),
    "superfluid": superfluid(),
    "synthetix": synthetix(),
    "unitroller": unitroller(),
    "zos": by_admin("AdminUpgradeabilityProxy"),
}
