"""Checks control of real contracts on a real node: OpenZeppelin 4 and 5, and Safe; none of them is our own code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from web3.contract import AsyncContract

from chain.blocks.abi import keccak
from chain.events import ChainEvent, ControlChange, ControlChanged
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, low, placed, settings_of, until, watching
from tests.evm.anvil import MODULES, Anvil, running

ZERO = b"\0" * 32
NOBODY = "0x" + "0" * 40


async def followed(anvil: Anvil, watch: Watch, start: int) -> list[ChainEvent]:
    end = await anvil.height()
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    return placed(await until(Watcher(settings, None), head_at(end)))


def changes(events: list[ChainEvent]) -> list[ControlChanged]:
    return [event for event in events if isinstance(event, ControlChanged)]


async def test_roles_and_pauses_of_a_token_are_reported_in_order() -> None:
    async with running() as anvil:
        token = await anvil.deploy("ERC20PresetMinterPauser", "Token", "TOK")
        start, other = await anvil.height() + 1, anvil.accounts[1]
        minter = keccak(b"MINTER_ROLE")
        await anvil.send(token.functions.grantRole(minter, other))
        await anvil.send(token.functions.pause())
        await anvil.send(token.functions.unpause())
        await anvil.send(token.functions.revokeRole(minter, other))
        found = changes(await followed(anvil, watching(token), start))
        assert [event.change for event in found] == [
            ControlChange.ROLE_GRANTED, ControlChange.PAUSED, ControlChange.UNPAUSED, ControlChange.ROLE_REVOKED,
        ]  # fmt: skip
        assert (found[0].role, found[0].account) == ("0x" + minter.hex(), low(other))
        assert {event.contract for event in found} == {low(token)}


async def test_a_proxy_admin_owner_that_leaves_the_timelock_is_reported_for_the_proxy() -> None:
    async with running() as anvil:
        implementation = await anvil.deploy("WETH9")
        admin = await anvil.deploy("ProxyAdmin")
        proxy = await anvil.deploy("TransparentUpgradeableProxy", implementation.address, admin.address, b"")
        account = anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 60, [account], [account], account)
        start = await anvil.height() + 1
        await anvil.send(admin.functions.transferOwnership(timelock.address))
        call = admin.encode_abi("transferOwnership", [account])
        await anvil.send(timelock.functions.schedule(admin.address, 0, call, ZERO, ZERO, 60))
        delay = timelock.encode_abi("updateDelay", [0])
        await anvil.send(timelock.functions.schedule(timelock.address, 0, delay, ZERO, ZERO, 60))
        await anvil.call("evm_increaseTime", 61)
        await anvil.mine()
        await anvil.send(timelock.functions.execute(admin.address, 0, call, ZERO, ZERO))
        await anvil.send(timelock.functions.execute(timelock.address, 0, delay, ZERO, ZERO))
        found = changes(await followed(anvil, watching(proxy, timelock=timelock), start))
        assert [(event.change, event.escaped) for event in found] == [
            (ControlChange.OWNER, False), (ControlChange.OWNER, True), (ControlChange.DELAY, False),
        ]  # fmt: skip
        assert {event.contract for event in found} == {low(proxy)}
        assert [event.emitter for event in found] == [low(admin), low(admin), low(timelock)]
        assert (found[2].old, found[2].new) == ("60", "0")


async def test_a_batch_in_a_timelock_is_opened_cancelled_and_queued_again() -> None:
    async with running() as anvil:
        first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
        beacon = await anvil.deploy("UpgradeableBeacon", first.address)
        proxy = await anvil.deploy("BeaconProxy", beacon.address, b"")
        account = anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 3600, [account], [account], account)
        await anvil.send(beacon.functions.transferOwnership(timelock.address))
        start = await anvil.height() + 1
        calls = ([account, beacon.address], [0, 0], ["0x", beacon.encode_abi("upgradeTo", [second.address])], ZERO)
        await anvil.send(timelock.functions.scheduleBatch(*calls, ZERO, 3600))
        operation = await timelock.functions.hashOperationBatch(*calls, ZERO).call()
        await anvil.send(timelock.functions.cancel(operation))
        salt = b"\1" * 32
        await anvil.send(timelock.functions.scheduleBatch(*calls, salt, 7200))
        await anvil.call("evm_increaseTime", 7300)
        await anvil.mine()
        await anvil.send(timelock.functions.executeBatch(*calls, salt))
        events = await followed(anvil, watching(proxy, timelock=timelock), start)
        queued = [event for event in events if isinstance(event, UpgradeQueued)]
        assert [event.target for event in queued] == [low(beacon), low(proxy)] * 2
        assert {event.new for event in queued} == {low(second)}
        assert queued[2].eta == queued[2].place.block_time + timedelta(hours=2)
        ended = [event for event in events if isinstance(event, OperationEnded)]
        assert [(one.executed, one.queued_event_id) for one in ended] == [
            (False, queued[0].event_id), (True, queued[2].event_id),
        ]  # fmt: skip
        [upgraded] = [event for event in events if isinstance(event, ContractUpgraded)]
        assert (upgraded.contract, upgraded.queued, upgraded.operation) == (low(proxy), True, queued[2].operation)


async def test_an_access_manager_schedules_executes_and_grants() -> None:
    artifacts = MODULES / "openzeppelin-5/build/contracts"
    async with running() as anvil:
        account, other = anvil.accounts[0], anvil.accounts[1]
        manager = await _deployed(anvil, artifacts / "AccessManager.json", account)
        first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
        beacon = await anvil.deploy("UpgradeableBeacon", first.address)
        proxy = await anvil.deploy("BeaconProxy", beacon.address, b"")
        await anvil.send(beacon.functions.transferOwnership(manager.address))
        start = await anvil.height() + 1
        await anvil.send(manager.functions.grantRole(7, other, 600))
        upgrade = beacon.encode_abi("upgradeTo", [second.address])
        await anvil.send(manager.functions.setTargetFunctionRole(beacon.address, [upgrade[:10]], 7))
        await anvil.send(manager.functions.schedule(beacon.address, upgrade, 0), sender=1)
        await anvil.call("evm_increaseTime", 601)
        await anvil.mine()
        await anvil.send(manager.functions.execute(beacon.address, upgrade), sender=1)
        events = await followed(anvil, watching(proxy, timelock=manager), start)
        granted = changes(events)[0]
        assert (granted.change, granted.account, granted.role) == (
            ControlChange.ROLE_GRANTED, low(other), f"0x{7:064x}",
        )  # fmt: skip
        queued = [event for event in events if isinstance(event, UpgradeQueued)]
        assert [(event.target, event.new) for event in queued] == [
            (low(beacon), low(second)),
            (low(proxy), low(second)),
        ]
        assert queued[0].eta == queued[0].place.block_time + timedelta(seconds=600)
        [upgraded] = [event for event in events if isinstance(event, ContractUpgraded)]
        assert (upgraded.queued, upgraded.operation) == (True, queued[0].operation)


async def test_a_safe_hash_is_joined_to_its_upgrade_and_the_safe_modules_are_reported() -> None:
    built = MODULES / "@safe-global/safe-contracts/build/artifacts/contracts"
    async with running() as anvil:
        account = anvil.accounts[0]
        master = await _deployed(anvil, built / "SafeL2.sol/SafeL2.json")
        proxy_of_safe = await _deployed(anvil, built / "proxies/SafeProxy.sol/SafeProxy.json", master.address)
        safe: Any = anvil.web3.eth.contract(address=proxy_of_safe.address, abi=master.abi)
        await anvil.send(safe.functions.setup([account], 1, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY))
        first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
        beacon = await anvil.deploy("UpgradeableBeacon", first.address)
        proxy = await anvil.deploy("BeaconProxy", beacon.address, b"")
        await anvil.send(beacon.functions.transferOwnership(safe.address))
        start = await anvil.height() + 1

        def call_of(target: str, body: str) -> tuple[Any, ...]:
            return (target, 0, body, 0, 0, 0, 0, NOBODY, NOBODY)

        signed = bytes(12) + bytes.fromhex(account[2:]) + bytes(32) + b"\1"  # approved by the hash of the sender
        upgrade = call_of(beacon.address, beacon.encode_abi("upgradeTo", [second.address]))
        approved = await safe.functions.getTransactionHash(*upgrade, 0).call()
        await anvil.send(safe.functions.approveHash(approved))
        await anvil.send(safe.functions.execTransaction(*upgrade, signed))
        back = call_of(beacon.address, beacon.encode_abi("upgradeTo", [first.address]))
        await anvil.send(safe.functions.execTransaction(*back, signed))
        module = call_of(safe.address, safe.encode_abi("enableModule", [anvil.accounts[2]]))
        await anvil.send(safe.functions.execTransaction(*module, signed))
        watch = Watch(contracts=(WatchedContract(address=low(proxy), timelock=low(safe.address)),))
        events = await followed(anvil, watch, start)
        upgrades = [event for event in events if isinstance(event, ContractUpgraded)]
        assert [(event.new, event.queued) for event in upgrades] == [(low(second), True), (low(first), None)]
        assert upgrades[0].operation == "0x" + approved.hex()
        assert [event.executed for event in events if isinstance(event, OperationEnded)] == [True, True]
        [enabled] = changes(events)
        assert (enabled.change, enabled.account) == (ControlChange.MODULE_ENABLED, low(anvil.accounts[2]))


async def _deployed(anvil: Anvil, path: Any, *arguments: Any) -> AsyncContract:
    import json

    found = json.loads(path.read_text())
    factory = anvil.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
    sent = await factory.constructor(*arguments).transact({"from": anvil.accounts[0]})
    receipt = await anvil.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    contract: Any = anvil.web3.eth.contract(address=receipt["contractAddress"], abi=found["abi"])
    assert isinstance(contract, AsyncContract)
    return contract
