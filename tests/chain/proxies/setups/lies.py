"""Logs that lie: of proxies, of a beacon, of a diamond and a router, and of contracts that are nothing of the kind."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from chain.events import Address
from tests.chain.proxies.changing import IMPLEMENTATION_SLOT
from tests.chain.proxies.making import EMPTY, Deployer, up
from tests.chain.proxies.setups import Expected, Make, SetUp

SAYS = "6020360360205f375f356020360360" + "00a100"
"""Logs what it is sent: the first word is the topic, the rest is the data."""
TRANSFER = "a9059cbb"
CUT = "DiamondCut((address,uint8,bytes4[])[],address,bytes)"


async def say(deployer: Deployer, at: Address, signature: str, body: bytes) -> int:
    """Makes the contract log this; returns the block."""
    sent: Any = {
        "from": up(deployer, deployer.me),
        "to": up(deployer, at),
        "data": "0x" + (keccak(signature.encode()) + body).hex(),
        "gas": 500_000,
    }
    web3 = deployer.anvil.web3.eth
    receipt = await web3.wait_for_transaction_receipt(await web3.send_transaction(sent), timeout=20, poll_latency=0.02)
    assert receipt["status"] == 1
    assert len(receipt["logs"]) == 1
    return int(receipt["blockNumber"])


def no_proxy(signature: str, types: str, role: str, position: int) -> Make:
    """A contract that is no proxy, and a log that says it was upgraded."""

    async def setup(deployer: Deployer) -> SetUp:
        watched, other = await deployer.raw(SAYS), await deployer.target()

        async def change() -> list[Expected]:
            kinds = types.split(" ")
            values: list[Any] = [
                EMPTY if kind == "address" else bytes(32) if kind == "bytes32" else 7 for kind in kinds
            ]
            values[position] = other
            block = await say(deployer, watched, signature, encode(kinds, values))
            return [Expected(watched, role, None, other, block, said=True)]

        return SetUp(watched, change)

    return setup


async def a_proxy(deployer: Deployer) -> SetUp:
    """The slot keeps its value; later it really is written, without a log."""
    first, second = await deployer.raw(SAYS), await deployer.target()
    watched = await deployer.new("five/ERC1967Proxy", up(deployer, first), bytes(32))

    async def change() -> list[Expected]:
        said = await say(deployer, watched, "Upgraded(address)", encode(["address"], [second]))
        await deployer.anvil.mine(3)
        done = await deployer.slot(watched, IMPLEMENTATION_SLOT, second)
        return [
            Expected(watched, "implementation", first, second, said, said=True),
            Expected(watched, "implementation", first, second, done),
        ]

    return SetUp(watched, change)


async def a_beacon(deployer: Deployer) -> SetUp:
    """A beacon that answers its slot 0 to calls of four bytes, and logs what it is sent else."""
    first, second = await deployer.target(), await deployer.target()
    beacon = await deployer.raw(f"36600414601957{SAYS}5b5f545f5260205ff3")
    await deployer.slot(beacon, 0, first)
    watched = await deployer.new("five/BeaconProxy", up(deployer, beacon), b"")

    async def change() -> list[Expected]:
        said = await say(deployer, beacon, "Upgraded(address)", encode(["address"], [second]))
        return [Expected(watched, "implementation", first, second, said, said=True)]

    return SetUp(watched, change)


async def a_diamond(deployer: Deployer) -> SetUp:
    """A facet logs a cut that the diamond does not make; later the diamond really makes it."""
    cutter, loupe, liar = (
        await deployer.new("DiamondCutFacet"),
        await deployer.new("DiamondLoupeFacet"),
        await deployer.raw(SAYS),
    )
    loupes = [bytes.fromhex(one) for one in ("7a0ed627", "52ef6b2c", "cdffacc6", "adfca15e")]
    facets = [
        (up(deployer, cutter), 0, [bytes.fromhex("1f931c1c")]),
        (up(deployer, loupe), 0, loupes),
        (up(deployer, liar), 0, [keccak(CUT.encode())[:4]]),
    ]
    watched = await deployer.new("Diamond", up(deployer, deployer.me), facets, [])

    async def change() -> list[Expected]:
        new = await deployer.target()
        cut: list[Any] = [(new, 0, [bytes.fromhex(TRANSFER)])]
        body = encode(["(address,uint8,bytes4[])[]", "address", "bytes"], [cut, EMPTY, b""])
        said = await say(deployer, watched, CUT, body)
        await deployer.anvil.mine(2)
        functions = deployer.contract_at("DiamondCutFacet", watched).functions
        done = await deployer.send(
            functions.diamondCut([(up(deployer, new), 0, [bytes.fromhex(TRANSFER)])], EMPTY, b"")
        )
        return [Expected(watched, "facet", None, new, said, said=True), Expected(watched, "facet", None, new, done)]

    return SetUp(watched, change)


async def a_cut_of_no_diamond(deployer: Deployer) -> SetUp:
    watched, new = await deployer.raw(SAYS), await deployer.target()

    async def change() -> list[Expected]:
        cut: list[Any] = [(new, 0, [bytes.fromhex(TRANSFER)])]
        body = encode(["(address,uint8,bytes4[])[]", "address", "bytes"], [cut, EMPTY, b""])
        return [Expected(watched, "facet", None, new, await say(deployer, watched, CUT, body), said=True)]

    return SetUp(watched, change)


async def a_router_without_a_loupe(deployer: Deployer) -> SetUp:
    """Pendle's layout: a facet says that a function changed; then it does."""
    actions = await deployer.new("PendleActions")
    watched = await deployer.new("PendleLike", up(deployer, deployer.me), up(deployer, actions))
    functions = deployer.contract_at("PendleActions", watched).functions
    saying = keccak(b"say(bytes4,address)")[:4]
    await deployer.send(functions.setSelectorToFacets([(up(deployer, actions), [saying])]))

    async def change() -> list[Expected]:
        new = await deployer.target()
        said = await deployer.send(functions.say(bytes.fromhex(TRANSFER), up(deployer, new)))
        done = await deployer.send(functions.setSelectorToFacets([(up(deployer, new), [bytes.fromhex(TRANSFER)])]))
        return [Expected(watched, "facet", None, new, said, said=True), Expected(watched, "facet", None, new, done)]

    return SetUp(watched, change)


SETUPS: dict[str, Make] = {
    "a proxy says an upgrade before it happens": a_proxy,
    "a beacon says an upgrade that it does not make": a_beacon,
    "a diamond says a cut before it happens": a_diamond,
    "a contract that is no diamond says a cut": a_cut_of_no_diamond,
    "a router without a loupe says a facet before it is set": a_router_without_a_loupe,
    "no proxy says Upgraded(address)": no_proxy("Upgraded(address)", "address", "implementation", 0),
    "no proxy says BeaconUpgraded": no_proxy("BeaconUpgraded(address)", "address", "beacon", 0),
    "no proxy says AdminChanged": no_proxy("AdminChanged(address,address)", "address address", "admin", 1),
    "no proxy says Upgraded(address,address)": no_proxy(
        "Upgraded(address,address)", "address address", "implementation", 1
    ),
    "no Safe says ChangedMasterCopy": no_proxy("ChangedMasterCopy(address)", "address", "implementation", 0),
    "no Unitroller says NewImplementation": no_proxy(
        "NewImplementation(address,address)", "address address", "implementation", 1
    ),
    "no proxy says TargetUpdated": no_proxy("TargetUpdated(address)", "address", "implementation", 0),
    "no proxy says CodeUpdated": no_proxy("CodeUpdated(bytes32,address)", "bytes32 address", "implementation", 1),
    "no proxy says ImplementationSet": no_proxy("ImplementationSet(address)", "address", "implementation", 0),
}
