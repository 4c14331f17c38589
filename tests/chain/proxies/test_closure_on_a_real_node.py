"""What changes behind the first target, on a real node: told once, in its block, with the old and the new, live and by scan."""

from __future__ import annotations

from typing import Any

from chain.blocks.abi import keccak
from chain.events import Address
from chain.events.upgrades import ContractUpgraded
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, settings_of, until
from tests.chain.proxies.changing import SET_NOTHING
from tests.chain.proxies.making import Deployer, up
from tests.evm.anvil import Anvil, running
from tests.evm.rpc_relay import rpc_relay

FLIPPING_BEACON = "3660041460145760003560515560203560515500" + "5b60515460005260206000f3"
"""Answers a call of four bytes with the word at slot 0x51; any other call writes its two words there, one after the other."""
STOP, RETURN = "0x00", "0x60006000f3"
Reported = tuple[str, str | None, str, str | None, int]


async def both_ways(anvil: Anvil, start: int, at: Address) -> list[list[Reported]]:
    """What is told live and by a scan: (role, before, after, holder, block)."""
    await anvil.mine()
    end = await anvil.height()
    settings = settings_of(anvil.url, watch=Watch(contracts=(WatchedContract(address=at),)), start_block=start)
    live = await until(Watcher(settings, None), head_at(end))
    past = [event async for event in scan(settings, start, end)]
    return [
        [
            (event.role.value, event.old, event.new, event.holder, event.place.block_number)
            for event in events
            if isinstance(event, ContractUpgraded)
        ]
        for events in (live, past)
    ]


def hash_of(code: str) -> str:
    return f"0x{keccak(bytes.fromhex(code[2:])).hex()}"


def clone_of(target: Address) -> str:
    return f"363d3d373d3d3d363d73{target[2:]}5af43d82803e903d91602b57fd5bf3"


async def beacon_proxy(deployer: Deployer, target: Address) -> tuple[Any, Address]:
    """OpenZeppelin's beacon, and a proxy that keeps the beacon's address in its code."""
    beacon = await deployer.deployed("five/UpgradeableBeacon", up(deployer, target), up(deployer, deployer.me))
    return beacon, await deployer.new("five/BeaconProxy", beacon.address, SET_NOTHING)


async def test_an_implementation_that_is_destroyed_and_comes_back_with_other_code_is_two_changes() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        target = await deployer.target()
        proxy = await deployer.new("five/ERC1967Proxy", up(deployer, target), SET_NOTHING)
        before = (await anvil.web3.eth.get_code(up(deployer, target))).to_0x_hex()
        await anvil.mine(3)
        start = await anvil.height() - 1
        await anvil.mine()
        await deployer.code(target, "0x")
        gone = await anvil.height()
        await anvil.mine(2)
        await deployer.code(target, RETURN)
        back = await anvil.height()
        expected: list[Reported] = [
            ("code", hash_of(before), hash_of("0x"), target, gone),
            ("code", hash_of("0x"), hash_of(RETURN), target, back),
        ]
        assert await both_ways(anvil, start, proxy) == [expected, expected]


async def test_a_clone_of_an_upgradeable_proxy_changes_with_it() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        first, second = await deployer.target(), await deployer.target()
        beacon, proxy = await beacon_proxy(deployer, first)
        clone = await deployer.raw(clone_of(proxy))
        await anvil.mine(3)
        start = await anvil.height() - 1
        at = await deployer.send(beacon.functions.upgradeTo(up(deployer, second)))
        expected: list[Reported] = [("implementation", first, second, beacon.address.lower(), at)]
        assert await both_ways(anvil, start, clone) == [expected, expected]


async def test_a_proxy_of_a_proxy_of_a_beacon_changes_with_the_beacon() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        first, second = await deployer.target(), await deployer.target()
        beacon, inner = await beacon_proxy(deployer, first)
        proxy = await deployer.new("five/ERC1967Proxy", up(deployer, inner), SET_NOTHING)
        await anvil.mine(3)
        start = await anvil.height() - 1
        at = await deployer.send(beacon.functions.upgradeTo(up(deployer, second)))
        expected: list[Reported] = [("implementation", first, second, beacon.address.lower(), at)]
        assert await both_ways(anvil, start, proxy) == [expected, expected]


async def test_changes_in_the_three_blocks_after_an_upgrade_to_another_path_are_told_in_their_blocks() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        first, second = await deployer.target(), await deployer.target()
        behind, inner = await beacon_proxy(deployer, first)
        beacon, proxy = await beacon_proxy(deployer, first)
        await anvil.mine(3)
        start = await anvil.height() - 1
        at = await deployer.send(beacon.functions.upgradeTo(up(deployer, inner)))
        for target in (second, first, second):
            await deployer.send(behind.functions.upgradeTo(up(deployer, target)))
        holder = behind.address.lower()
        expected: list[Reported] = [
            ("implementation", first, inner, None, at),
            ("implementation", first, second, holder, at + 1),
            ("implementation", second, first, holder, at + 2),
            ("implementation", first, second, holder, at + 3),
        ]
        assert await both_ways(anvil, start, proxy) == [expected, expected]


async def test_a_scan_of_upgrades_to_plain_targets_does_not_end_its_range_at_each() -> None:
    async with running() as anvil, rpc_relay(anvil.url) as relay:
        deployer = Deployer(anvil)
        targets = [await deployer.target(), await deployer.target()]
        beacon, proxy = await beacon_proxy(deployer, targets[0])
        await anvil.mine(3)
        start = await anvil.height() - 1
        for at in range(1, 8):
            await deployer.send(beacon.functions.upgradeTo(up(deployer, targets[at % 2])))
        watch = Watch(contracts=(WatchedContract(address=proxy),))
        events = [one async for one in scan(settings_of(relay.url, watch=watch), start, await anvil.height())]
        assert len([one for one in events if isinstance(one, ContractUpgraded)]) == 7
        assert relay.asked.count("eth_getLogs") <= 3


async def test_a_beacon_that_is_flipped_and_set_back_within_a_block_is_two_changes_where_the_node_traces() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        first, second = await deployer.target(), await deployer.target()
        beacon = await deployer.raw(FLIPPING_BEACON)
        await deployer.slot(beacon, 0x51, first)
        proxy = await deployer.new("five/BeaconProxy", up(deployer, beacon), SET_NOTHING)
        await anvil.mine(4)
        start = await anvil.height() - 2
        body = "0x" + b"".join(int(one, 16).to_bytes(32, "big") for one in (second, first)).hex()
        sent: Any = {"from": up(deployer, deployer.me), "to": up(deployer, beacon), "data": body}
        receipt = await anvil.web3.eth.wait_for_transaction_receipt(await anvil.web3.eth.send_transaction(sent))
        at = int(receipt["blockNumber"])
        live, _ = await both_ways(anvil, start, proxy)
        assert live == [
            ("implementation", first, second, beacon, at),
            ("implementation", second, first, beacon, at),
        ]
