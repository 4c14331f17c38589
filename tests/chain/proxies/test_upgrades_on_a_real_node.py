"""Upgrades audited proxies on a real EVM node: with a log, silently, queued in a timelock, and retracted by a reorg."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta

from web3.contract import AsyncContract

from chain.events import CodeCompared, Retracted
from chain.events.network import HeadSeen, Reorged
from chain.events.upgrades import ContractUpgraded, OperationEnded, SeenBy, UpgradeQueued
from chain.sync.watcher import Watcher, scan
from tests.chain.following import MemoryCheckpoints, head_at, kind, low, placed, settings_of, until, watching
from tests.evm.anvil import Anvil, running

IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
NOTHING = b"\0" * 32


async def proxy_on(anvil: Anvil) -> tuple[AsyncContract, AsyncContract, AsyncContract, AsyncContract]:
    first = await anvil.deploy("WETH9")
    second = await anvil.deploy("WETH9")
    admin = await anvil.deploy("ProxyAdmin")
    proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
    return proxy, admin, first, second


async def test_an_upgrade_is_seen_once_in_its_own_block() -> None:
    async with running() as anvil:
        proxy, admin, first, second = await proxy_on(anvil)
        start = await anvil.height() + 1
        receipt = await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        await anvil.mine(3)
        reported = await until(
            Watcher(settings_of(anvil.url, watch=watching(proxy), start_block=start), None), head_at(start + 3)
        )
        [event, compared] = placed(reported)
        assert isinstance(event, ContractUpgraded)
        assert isinstance(compared, CodeCompared)
        assert (event.place.block_number, event.place.block_hash) == (
            receipt["blockNumber"],
            receipt["blockHash"].to_0x_hex(),
        )
        assert (event.old, event.new, event.seen_by) == (low(first), low(second), SeenBy.LOG)
        assert event.queued is None
        assert isinstance(reported[-1], HeadSeen)


async def test_a_silent_slot_write_is_seen_in_its_block() -> None:
    async with running() as anvil:
        proxy, _, first, second = await proxy_on(anvil)
        start = await anvil.height() + 1
        await anvil.mine()
        await anvil.call("anvil_setStorageAt", proxy.address, IMPLEMENTATION_SLOT, f"0x{int(second.address, 16):064x}")
        await anvil.mine(2)
        reported = await until(
            Watcher(settings_of(anvil.url, watch=watching(proxy), start_block=start), None), head_at(start + 2)
        )
        [event, compared] = placed(reported)
        assert isinstance(event, ContractUpgraded)
        assert isinstance(compared, CodeCompared)
        assert (event.old, event.new, event.seen_by) == (low(first), low(second), SeenBy.SLOT)
        assert event.place.transaction is None


async def test_new_code_at_the_same_address_is_seen() -> None:
    async with running() as anvil:
        proxy, _, _, _ = await proxy_on(anvil)
        start = await anvil.height() + 1
        await anvil.mine()
        await anvil.call("anvil_setCode", proxy.address, "0x00")
        await anvil.mine(2)
        reported = await until(
            Watcher(settings_of(anvil.url, watch=watching(proxy), start_block=start), None), head_at(start + 2)
        )
        [event, compared] = placed(reported)
        assert isinstance(event, ContractUpgraded)
        assert isinstance(compared, CodeCompared)
        assert (event.role, event.seen_by) == ("code", SeenBy.CODE)


async def test_an_upgraded_beacon_upgrades_each_proxy_behind_it() -> None:
    async with running() as anvil:
        first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
        beacon = await anvil.deploy("UpgradeableBeacon", first.address)
        proxies = [await anvil.deploy("BeaconProxy", beacon.address, b"") for _ in range(2)]
        start = await anvil.height() + 1
        await anvil.send(beacon.functions.upgradeTo(second.address))
        await anvil.mine()
        reported = await until(
            Watcher(settings_of(anvil.url, watch=watching(*proxies), start_block=start), None), head_at(start + 1)
        )
        events = [event for event in placed(reported) if isinstance(event, ContractUpgraded)]
        assert {event.contract for event in events} == {low(proxy) for proxy in proxies}
        assert {(event.old, event.new, event.seen_by) for event in events} == {(low(first), low(second), SeenBy.LOG)}


async def test_a_reorg_retracts_the_events_of_dropped_blocks() -> None:
    async with running() as anvil:
        proxy, admin, _, second = await proxy_on(anvil)
        watcher = Watcher(settings_of(anvil.url, watch=watching(proxy)), None)
        async with asyncio.timeout(30), aclosing(watcher.events()) as events:  # type: ignore[type-var]
            await anext(event async for event in events if isinstance(event, HeadSeen))
            await anvil.send(admin.functions.upgrade(proxy.address, second.address))
            upgraded = await anext(event async for event in events if isinstance(event, ContractUpgraded))
            height = await anvil.height()
            await anvil.call("anvil_reorg", 1, [])
            reported = []
            async for event in events:
                reported.append(event)
                if isinstance(event, Retracted) and isinstance(event.event, ContractUpgraded):
                    break
            assert [one.event_id for one in reported if isinstance(one, Retracted)] == [
                f"{upgraded.event_id}/compared", upgraded.event_id,
            ]  # fmt: skip
            [reorged] = [event for event in reported if isinstance(event, Reorged)]
            assert (reorged.depth, reorged.common_number) == (1, height - 1)
            assert event == Retracted(
                network=upgraded.place.network, seen_at=event.seen_at, event_id=upgraded.event_id, event=upgraded
            )
            await anvil.send(admin.functions.upgrade(proxy.address, second.address))
            again = await anext(event async for event in events if isinstance(event, ContractUpgraded))
            assert again.old == upgraded.old
            assert again.event_id != upgraded.event_id


async def test_a_restart_loses_nothing_and_repeats_nothing() -> None:
    async with running() as anvil:
        proxy, admin, first, second = await proxy_on(anvil)
        checkpoints, settings = MemoryCheckpoints(), settings_of(anvil.url, watch=watching(proxy))
        await until(Watcher(settings, checkpoints), kind(HeadSeen))
        seen: list[str] = []
        for turn in range(4):
            await anvil.send(admin.functions.upgrade(proxy.address, (first if turn % 2 else second).address))
            if turn % 2:
                await anvil.mine(2)
                reported = await until(Watcher(settings, checkpoints), head_at(await anvil.height()))
                seen += [event.event_id for event in placed(reported) if isinstance(event, ContractUpgraded)]
        everything = [event async for event in scan(settings, 1, await anvil.height())]
        changes = [
            event for event in everything if isinstance(event, ContractUpgraded) and event.role == "implementation"
        ]
        assert len(seen) == len(set(seen)) == 4
        assert seen == [event.event_id for event in changes][-4:]


async def test_a_queued_upgrade_is_joined_to_its_execution_by_operation() -> None:
    async with running() as anvil:
        proxy, admin, _, second = await proxy_on(anvil)
        account = anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 3600, [account], [account], account)
        await anvil.send(admin.functions.transferOwnership(timelock.address))
        start = await anvil.height() + 1
        call = admin.encode_abi("upgrade", [proxy.address, second.address])
        await anvil.send(timelock.functions.schedule(admin.address, 0, call, NOTHING, NOTHING, 3600))
        await anvil.call("evm_increaseTime", 3700)
        await anvil.mine()
        await anvil.send(timelock.functions.execute(admin.address, 0, call, NOTHING, NOTHING))
        watch = watching(proxy, timelock=timelock)
        reported = placed(
            await until(Watcher(settings_of(anvil.url, watch=watch, start_block=start), None), head_at(start + 2))
        )
        [queued] = [event for event in reported if isinstance(event, UpgradeQueued)]
        [ended] = [event for event in reported if isinstance(event, OperationEnded)]
        [upgraded] = [event for event in reported if isinstance(event, ContractUpgraded)]
        assert (queued.target, queued.new) == (low(proxy), low(second))
        assert queued.eta == queued.place.block_time + timedelta(hours=1)
        assert (ended.executed, ended.queued_event_id, ended.operation) == (True, queued.event_id, queued.operation)
        assert (upgraded.queued, upgraded.operation) == (True, queued.operation)


async def test_an_upgrade_that_bypasses_the_timelock_is_reported_as_unqueued() -> None:
    async with running() as anvil:
        proxy, admin, _, second = await proxy_on(anvil)
        account = anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 3600, [account], [account], account)
        start = await anvil.height() + 1
        await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        watch = watching(proxy, timelock=timelock)
        reported = placed(
            await until(Watcher(settings_of(anvil.url, watch=watch, start_block=start), None), head_at(start))
        )
        [upgraded] = [event for event in reported if isinstance(event, ContractUpgraded)]
        assert (upgraded.queued, upgraded.operation) == (False, None)
