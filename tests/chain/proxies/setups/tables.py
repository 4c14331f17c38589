"""Diamonds and routers: what changes behind a facet, and a mapping that is written without a log."""

from __future__ import annotations

from chain.events import Address
from tests.chain.proxies.cases.thirdweb import TRANSFER, extension
from tests.chain.proxies.changing import IMPLEMENTATION_SLOT
from tests.chain.proxies.making import Deployer, up
from tests.chain.proxies.setups import Expected, Make, SetUp
from tests.chain.proxies.setups.chains import beacon_moved, beacon_of, behind
from tests.chain.proxies.setups.moments import RETURN, hash_of

SELECTOR = bytes.fromhex("a9059cbb")


async def diamond_with(deployer: Deployer, facet: Address) -> Address:
    """Returns hardhat-deploy's diamond with a loupe and this facet for transfer()."""
    cutter, loupe = await deployer.new("DiamondCutFacet"), await deployer.new("DiamondLoupeFacet")
    loupes = [bytes.fromhex(one) for one in ("7a0ed627", "52ef6b2c", "cdffacc6", "adfca15e")]
    facets = [
        (up(deployer, cutter), 0, [bytes.fromhex("1f931c1c")]),
        (up(deployer, loupe), 0, loupes),
        (up(deployer, facet), 0, [SELECTOR]),
    ]
    return await deployer.new("Diamond", up(deployer, deployer.me), facets, [])


async def code_replaced(deployer: Deployer, watched: Address, facet: Address) -> SetUp:
    async def change() -> list[Expected]:
        before = bytes(await deployer.anvil.web3.eth.get_code(up(deployer, facet)))
        await deployer.anvil.mine()
        await deployer.code(facet, "0x" + RETURN)
        block = await deployer.anvil.height()
        await deployer.anvil.mine()
        return [Expected(watched, "code", hash_of(before), hash_of(bytes.fromhex(RETURN)), block, facet)]

    return SetUp(watched, change)


async def facet_with_other_code(deployer: Deployer) -> SetUp:
    facet = await deployer.target()
    return await code_replaced(deployer, await diamond_with(deployer, facet), facet)


async def extension_with_other_code(deployer: Deployer) -> SetUp:
    router, facet = await deployer.deployed("ExtendableRouter"), await deployer.target()
    await deployer.send(router.functions.addExtension(extension(deployer, "a token", facet, TRANSFER)))
    return await code_replaced(deployer, Address(router.address.lower()), facet)


async def facet_of_a_beacon(deployer: Deployer) -> SetUp:
    beacon = await beacon_of(deployer, await deployer.target())
    return await beacon_moved(deployer, await diamond_with(deployer, await behind(deployer, beacon)), beacon)


async def beacon_that_is_a_proxy(deployer: Deployer) -> SetUp:
    """The beacon is a proxy itself: its own code changes, and with it what it answers: both are told."""
    codes = [await deployer.raw(f"73{await deployer.target()}5f5260205ff3".replace("0x", "")) for _ in range(2)]
    answers = [
        Address("0x" + bytes(await deployer.anvil.web3.eth.get_code(up(deployer, one)))[1:21].hex()) for one in codes
    ]
    beacon = await deployer.new("five/ERC1967Proxy", up(deployer, codes[0]), bytes(32))
    watched = await deployer.new("five/BeaconProxy", up(deployer, beacon), b"")

    async def change() -> list[Expected]:
        block = await deployer.slot(beacon, IMPLEMENTATION_SLOT, codes[1])
        return [
            Expected(watched, "implementation", answers[0], answers[1], block),
            Expected(watched, "implementation", codes[0], codes[1], block, beacon),
        ]

    return SetUp(watched, change)


SETUPS: dict[str, Make] = {
    "a facet whose code is another": facet_with_other_code,
    "an extension of a router whose code is another": extension_with_other_code,
    "a facet that is a proxy of a beacon": facet_of_a_beacon,
    "a beacon that is a proxy itself": beacon_that_is_a_proxy,
}
