"""Proxies that can change: how each is made, and the change that must be told. Made by contracts that nobody here wrote,
but for those of sources/patterns.sol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from eth_hash.auto import keccak

from chain.events import Address
from tests.chain.proxies.families import FAMILIES
from tests.chain.proxies.making import EMPTY, Bench, Case, Made, Wanted, up
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
    """A proxy whose constructor takes its target, and a function that sets another."""

    async def make(bench: Bench) -> Made:
        target = await bench.target()
        return Made(await bench.new(name, up(bench, target)), {role: target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        block = await bench.send(getattr(bench.seen(name, made.address).functions, function)(up(bench, new)))
        return [Wanted(made.address, role, made.roles[role], new, block)]

    return make, change


def by_admin(name: str, *, last: tuple[Any, ...] = (b"",), sender: int = 1) -> Case:
    """A proxy with an admin that is another account."""

    async def make(bench: Bench) -> Made:
        target, admin = await bench.target(), bench.anvil.accounts[sender]
        address = await bench.new(name, up(bench, target), admin, *last)
        return Made(address, {"implementation": target, "admin": Address(admin.lower())})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        function = bench.seen(name, made.address).functions.upgradeTo(up(bench, new))
        block = await bench.send_as(made.roles["admin"], function)
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def five_transparent() -> Case:
    """OpenZeppelin 5: the proxy makes its own ProxyAdmin, which alone may upgrade."""

    async def make(bench: Bench) -> Made:
        target = await bench.target()
        address = await bench.new(
            "five/TransparentUpgradeableProxy", up(bench, target), up(bench, bench.me), SET_NOTHING
        )
        slot = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
        word = await bench.anvil.web3.eth.get_storage_at(up(bench, address), slot)
        return Made(address, {"implementation": target, "admin": Address("0x" + word[12:].hex())})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, admin = await bench.target(), bench.seen("five/ProxyAdmin", made.roles["admin"])
        block = await bench.send(admin.functions.upgradeAndCall(up(bench, made.address), up(bench, new), b""))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def uups(maker: Callable[[Bench, Address], Awaitable[Address]]) -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.new("Uups")
        return Made(await maker(bench, target), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.new("Uups")
        proxy = bench.seen("Uups", made.address)
        block = await bench.send(proxy.functions.upgradeToAndCall(up(bench, new), b""))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


async def five_proxy(bench: Bench, target: Address) -> Address:
    return await bench.new("five/ERC1967Proxy", up(bench, target), b"\x8d\xa5\xcb\x5b")


async def solady_proxy(bench: Bench, target: Address) -> Address:
    return await bench.cloned("soladyERC1967", up(bench, target))


def silent(name: str, slot: int) -> Case:
    """A proxy whose slot is written over without a log."""

    async def make(bench: Bench) -> Made:
        target = await bench.target()
        return Made(await bench.new(name, up(bench, target)), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        block = await bench.slot(made.address, slot, new)
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def beacon() -> Case:
    async def make(bench: Bench) -> Made:
        target = await bench.target()
        at = await bench.new("five/UpgradeableBeacon", up(bench, target), up(bench, bench.me))
        address = await bench.new("five/BeaconProxy", up(bench, at), SET_NOTHING)
        return Made(address, {"beacon": at, "implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        at = bench.seen("five/UpgradeableBeacon", made.roles["beacon"])
        block = await bench.send(at.functions.upgradeTo(up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def safe() -> Case:
    """The Bybit hack's own path: the owner of a real Safe signs a delegated `transfer` that writes over slot 0."""

    async def make(bench: Bench) -> Made:
        single = await bench.new("safe/Safe.sol/Safe")
        address = await bench.new("safe/proxies/SafeProxy.sol/SafeProxy", up(bench, single))
        wallet = bench.seen("safe/Safe.sol/Safe", address).functions
        await bench.send(wallet.setup([up(bench, bench.me)], 1, EMPTY, b"", EMPTY, EMPTY, 0, EMPTY))
        return Made(address, {"implementation": single})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new, trick = await bench.target(), await bench.made("SlotZero")
        body = trick.encode_abi("transfer", [up(bench, new), 0])
        signature = int(bench.me, 16).to_bytes(32, "big") + bytes(32) + b"\x01"
        wallet = bench.seen("safe/Safe.sol/Safe", made.address).functions
        zero: tuple[Any, ...] = (0, 0, 0, EMPTY, EMPTY)
        block = await bench.send(wallet.execTransaction(trick.address, 0, body, 1, *zero, signature))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def unitroller() -> Case:
    """Venus' build of Compound's Unitroller: the admin announces, the new implementation accepts."""

    async def become(bench: Bench, address: Address, new: Address) -> tuple[int, int]:
        functions = bench.seen("Unitroller", address).functions
        first = await bench.send(functions._setPendingImplementation(up(bench, new)))
        return first, await bench.send_as(new, functions._acceptImplementation())

    async def make(bench: Bench) -> Made:
        address, target = await bench.new("Unitroller"), await bench.target()
        await become(bench, address, target)
        return Made(address, {"implementation": target, "admin": bench.me})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        first, then = await become(bench, made.address, new)
        return [
            Wanted(made.address, "pending", None, new, first),
            Wanted(made.address, "implementation", made.roles["implementation"], new, then),
            Wanted(made.address, "pending", new, EMPTY, then),
        ]

    return make, change


def diamond() -> Case:
    """hardhat-deploy's build of the diamond reference: a facet is added, replaced, and removed."""

    async def make(bench: Bench) -> Made:
        cutter, loupe = await bench.new("DiamondCutFacet"), await bench.new("DiamondLoupeFacet")
        owner = await bench.new("OwnershipFacet")
        facets = [
            (up(bench, cutter), 0, [bytes.fromhex("1f931c1c")]),
            (up(bench, loupe), 0, [bytes.fromhex(one) for one in ("7a0ed627", "52ef6b2c", "cdffacc6", "adfca15e")]),
            (up(bench, owner), 0, [bytes.fromhex("8da5cb5b"), bytes.fromhex("f2fde38b")]),
        ]
        return Made(await bench.new("Diamond", up(bench, bench.me), facets, []), {"admin": bench.me})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        first, second = await bench.target(), await bench.target()
        functions = bench.seen("DiamondCutFacet", made.address).functions
        picked = [bytes.fromhex("a9059cbb"), bytes.fromhex("095ea7b3")]
        told, old = [], None
        for action, facet in ((0, first), (1, second), (2, Address(EMPTY))):
            block = await bench.send(functions.diamondCut([(up(bench, facet), action, picked)], EMPTY, b""))
            told.append(Wanted(made.address, "facet", old, facet, block))
            old = facet
        return told

    return make, change


def sequence() -> Case:
    """Sequence's own factory and upgradable module; the wallet calls itself."""

    async def make(bench: Bench) -> Made:
        module, factory = await bench.new("MainModuleUpgradable"), await bench.made("SequenceFactory")
        salt = keccak(b"a wallet")
        where = await factory.functions.deploy(up(bench, module), salt).call()
        await bench.send(factory.functions.deploy(up(bench, module), salt))
        return Made(Address(str(where).lower()), {"implementation": module})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.new("MainModuleUpgradable")
        wallet = bench.seen("MainModuleUpgradable", made.address)
        block = await bench.send_as(made.address, wallet.functions.updateImplementation(up(bench, new)))
        return [Wanted(made.address, "implementation", made.roles["implementation"], new, block)]

    return make, change


def delegation() -> Case:
    """EIP-7702, authorised by a signature of the account; changed by a second one."""
    from eth_account import Account

    async def authorise(bench: Bench, key: str, target: Address) -> int:
        account, sender = Account.from_key(key), bench.anvil.accounts[2]
        nonce = await bench.anvil.web3.eth.get_transaction_count(account.address)
        chain_id = await bench.anvil.web3.eth.chain_id
        signed = account.sign_authorization({"chainId": chain_id, "address": up(bench, target), "nonce": nonce})
        sent = await bench.anvil.web3.eth.send_transaction(
            {"from": up(bench, sender), "to": up(bench, sender), "gas": 200_000, "authorizationList": [signed]}
        )
        receipt = await bench.anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        return int(receipt["blockNumber"])

    async def make(bench: Bench) -> Made:
        target, key = await bench.target(), f"{0xA11CE:#066x}"
        await authorise(bench, key, target)
        return Made(Address(Account.from_key(key).address.lower()), {"implementation": target})

    async def change(bench: Bench, made: Made) -> list[Wanted]:
        new = await bench.target()
        block = await authorise(bench, f"{0xA11CE:#066x}", new)
        return [Wanted(made.address, "delegate", made.roles["implementation"], new, block)]

    return make, change


IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
CHANGING: dict[str, Case] = {
    **FAMILIES,
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
