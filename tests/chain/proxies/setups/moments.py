"""Changes at odd moments: within one block, in a constructor, at the deployment, by destruction, or in code that was no proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from eth_hash.auto import keccak

from chain.events import Address
from tests.chain.proxies.changing import IMPLEMENTATION_SLOT, SET_NOTHING
from tests.chain.proxies.making import Deployer, built, up
from tests.chain.proxies.setups import Expected, Make, SetUp
from tests.chain.proxies.setups.chains import beacon_moved, beacon_of, behind

RETURN = "60006000f3"
BEACON_SLOT = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50


def hash_of(code: bytes) -> str:
    return f"0x{keccak(code).hex()}"


@asynccontextmanager
async def one_block(deployer: Deployer) -> AsyncIterator[list[Any]]:
    """All transactions added to the list are mined in one block."""
    functions: list[Any] = []
    yield functions
    await deployer.anvil.call("evm_setAutomine", False)
    try:
        for function in functions:
            await function.transact({"from": deployer.anvil.accounts[0], "gas": 1_000_000})
        await deployer.anvil.mine()
    finally:
        await deployer.anvil.call("evm_setAutomine", True)


async def uups(deployer: Deployer, target: Address) -> Any:
    address = await deployer.new("five/ERC1967Proxy", up(deployer, target), b"\x8d\xa5\xcb\x5b")
    return deployer.contract_at("Uups", address)


async def twice_in_a_block(deployer: Deployer) -> SetUp:
    first, second, third = [await deployer.new("Uups") for _ in range(3)]
    proxy = await uups(deployer, first)
    watched = Address(proxy.address.lower())

    async def change() -> list[Expected]:
        async with one_block(deployer) as functions:
            functions += [proxy.functions.upgradeToAndCall(up(deployer, one), b"") for one in (second, third)]
        block = await deployer.anvil.height()
        return [
            Expected(watched, "implementation", first, second, block),
            Expected(watched, "implementation", second, third, block),
        ]

    return SetUp(watched, change)


async def and_back_in_a_block(deployer: Deployer) -> SetUp:
    first, second = [await deployer.new("Uups") for _ in range(2)]
    proxy = await uups(deployer, first)
    watched = Address(proxy.address.lower())

    async def change() -> list[Expected]:
        async with one_block(deployer) as functions:
            functions += [proxy.functions.upgradeToAndCall(up(deployer, one), b"") for one in (second, first)]
        block = await deployer.anvil.height()
        return [
            Expected(watched, "implementation", first, second, block),
            Expected(watched, "implementation", second, first, block),
        ]

    return SetUp(watched, change)


async def in_a_constructor(deployer: Deployer) -> SetUp:
    """A contract that upgrades the proxy while it is created, and leaves no code behind."""
    first, second = [await deployer.new("Uups") for _ in range(2)]
    proxy = await uups(deployer, first)
    watched = Address(proxy.address.lower())

    async def change() -> list[Expected]:
        call = bytes.fromhex(proxy.encode_abi("upgradeToAndCall", [up(deployer, second), b""])[2:])
        size = f"61{len(call):04x}"
        creation = f"{size}60265f395f5f{size}5f5f73{watched[2:]}5af100"
        sent: Any = {"from": up(deployer, deployer.me), "data": "0x" + creation + call.hex(), "gas": 1_000_000}
        web3 = deployer.anvil.web3.eth
        receipt = await web3.wait_for_transaction_receipt(
            await web3.send_transaction(sent), timeout=20, poll_latency=0.02
        )
        return [Expected(watched, "implementation", first, second, int(receipt["blockNumber"]))]

    return SetUp(watched, change)


async def at_deployment(deployer: Deployer) -> SetUp:
    """The address is watched before there is a contract, from another account, so that its next address is known."""
    target, account = await deployer.new("Uups"), deployer.anvil.accounts[3]
    nonce = await deployer.anvil.web3.eth.get_transaction_count(up(deployer, account))
    rlp = b"\xd6\x94" + bytes.fromhex(account[2:]) + (bytes([nonce]) if nonce else b"\x80")
    watched = Address(f"0x{keccak(rlp)[12:].hex()}")

    async def change() -> list[Expected]:
        found = built("five/ERC1967Proxy")
        factory = deployer.anvil.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
        web3 = deployer.anvil.web3.eth
        sent = await factory.constructor(up(deployer, target), b"\x8d\xa5\xcb\x5b").transact({"from": account})
        block = int((await web3.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02))["blockNumber"])
        code = bytes(await web3.get_code(up(deployer, watched)))
        new = await deployer.new("Uups")
        then = await deployer.send(
            deployer.contract_at("Uups", watched).functions.upgradeToAndCall(up(deployer, new), b"")
        )
        return [
            Expected(watched, "code", None, hash_of(code), block),
            Expected(watched, "implementation", None, target, block),
            Expected(watched, "implementation", target, new, then),
        ]

    return SetUp(watched, change)


async def becomes_a_proxy(deployer: Deployer) -> SetUp:
    """The new implementation is itself a proxy of a beacon; then that beacon changes."""
    first = await deployer.new("Uups")
    proxy = await uups(deployer, first)
    watched = Address(proxy.address.lower())

    async def change() -> list[Expected]:
        beacon = await beacon_of(deployer, await deployer.target())
        inner = await behind(deployer, beacon)
        block = await deployer.slot(watched, IMPLEMENTATION_SLOT, inner)
        await deployer.anvil.mine(3)
        then = await (await beacon_moved(deployer, watched, beacon)).change()
        return [Expected(watched, "implementation", first, inner, block), *then]

    return SetUp(watched, change)


async def code_becomes_a_proxy(deployer: Deployer) -> SetUp:
    """An implementation that was plain code gets, at its address, the code of a proxy of a beacon; then the beacon changes."""
    first = await deployer.target()
    watched = await deployer.new("five/ERC1967Proxy", up(deployer, first), SET_NOTHING)

    async def change() -> list[Expected]:
        beacon = await beacon_of(deployer, await deployer.target())
        web3 = deployer.anvil.web3.eth
        before = bytes(await web3.get_code(up(deployer, first)))
        code = bytes(await web3.get_code(up(deployer, await behind(deployer, beacon))))
        await deployer.anvil.mine()
        await deployer.code(first, "0x" + code.hex())
        block = await deployer.anvil.height()
        await deployer.anvil.mine(3)
        then = await (await beacon_moved(deployer, watched, beacon)).change()
        return [Expected(watched, "code", hash_of(before), hash_of(code), block, first), *then]

    return SetUp(watched, change)


async def destroyed_and_back(deployer: Deployer) -> SetUp:
    """An implementation without code, then with other code (what CREATE2 does after a self-destruction)."""
    first = await deployer.target()
    watched = await deployer.new("five/ERC1967Proxy", up(deployer, first), SET_NOTHING)

    async def change() -> list[Expected]:
        before = bytes(await deployer.anvil.web3.eth.get_code(up(deployer, first)))
        await deployer.anvil.mine()
        await deployer.code(first, "0x")
        gone = await deployer.anvil.height()
        await deployer.anvil.mine(3)
        await deployer.code(first, "0x" + RETURN)
        back = await deployer.anvil.height()
        await deployer.anvil.mine()
        return [
            Expected(watched, "code", hash_of(before), hash_of(b""), gone, first),
            Expected(watched, "code", hash_of(b""), hash_of(bytes.fromhex(RETURN)), back, first),
        ]

    return SetUp(watched, change)


async def clones_target_destroyed(deployer: Deployer) -> SetUp:
    first = await deployer.target()
    watched = await deployer.cloned("openZeppelin", up(deployer, first))

    async def change() -> list[Expected]:
        before = bytes(await deployer.anvil.web3.eth.get_code(up(deployer, first)))
        await deployer.anvil.mine()
        await deployer.code(first, "0x")
        gone = await deployer.anvil.height()
        await deployer.anvil.mine()
        return [Expected(watched, "code", hash_of(before), hash_of(b""), gone, first)]

    return SetUp(watched, change)


async def another_beacon(deployer: Deployer) -> SetUp:
    """The pointer to the beacon is overwritten without a log; the implementation is that of the new beacon."""
    old, new = await deployer.target(), await deployer.target()
    first, second = await beacon_of(deployer, old), await beacon_of(deployer, new)
    watched = await deployer.cloned("soladyBeacon", first.address)

    async def change() -> list[Expected]:
        block = await deployer.slot(watched, BEACON_SLOT, second.address)
        await deployer.anvil.mine(2)
        third = await deployer.target()
        then = await deployer.send(second.functions.upgradeTo(up(deployer, third)))
        return [
            Expected(watched, "beacon", first.address.lower(), second.address.lower(), block),
            Expected(watched, "implementation", new, third, then),
        ]

    return SetUp(watched, change)


async def chugsplash_code(deployer: Deployer) -> SetUp:
    """Optimism's own build: the owner sends code, the proxy creates it and points at it, without a log."""
    proxy = await deployer.deployed("L1ChugSplashProxy", up(deployer, deployer.me))
    watched = Address(proxy.address.lower())
    await deployer.send(proxy.functions.setCode(bytes.fromhex(RETURN)))

    async def change() -> list[Expected]:
        old = await target_of(deployer, watched)
        block = await deployer.send(proxy.functions.setCode(bytes.fromhex("60016000f3")))
        return [Expected(watched, "implementation", old, await target_of(deployer, watched), block)]

    return SetUp(watched, change)


async def chugsplash_storage(deployer: Deployer) -> SetUp:
    """The same proxy: the owner writes the slot itself."""
    proxy = await deployer.deployed("L1ChugSplashProxy", up(deployer, deployer.me))
    watched = Address(proxy.address.lower())
    await deployer.send(proxy.functions.setCode(bytes.fromhex(RETURN)))

    async def change() -> list[Expected]:
        old, new = await target_of(deployer, watched), await deployer.target()
        slot, word = IMPLEMENTATION_SLOT.to_bytes(32, "big"), int(new, 16).to_bytes(32, "big")
        block = await deployer.send(proxy.functions.setStorage(slot, word))
        return [Expected(watched, "implementation", old, new, block)]

    return SetUp(watched, change)


async def target_of(deployer: Deployer, proxy: str) -> Address:
    word = await deployer.anvil.web3.eth.get_storage_at(up(deployer, proxy), IMPLEMENTATION_SLOT)
    return Address("0x" + bytes(word)[12:].hex())


SETUPS: dict[str, Make] = {
    "two upgrades in one block": twice_in_a_block,
    "an upgrade and back in one block": and_back_in_a_block,
    "an upgrade in a constructor": in_a_constructor,
    "a deployment that was awaited, then an upgrade": at_deployment,
    "an implementation that is a proxy from then on": becomes_a_proxy,
    "an implementation whose code becomes that of a proxy": code_becomes_a_proxy,
    "an implementation destroyed and back with other code": destroyed_and_back,
    "a clone whose target is destroyed": clones_target_destroyed,
    "another beacon in the slot": another_beacon,
    "code sent to Optimism's ChugSplash proxy": chugsplash_code,
    "a slot written through Optimism's ChugSplash proxy": chugsplash_storage,
}
