"""Overwrites control of real contracts without a log on a real node: reported once, in its block, and retracted by a reorg."""

from __future__ import annotations

from typing import Any

from chain.events import Address, ControlChange, ControlChanged, ControlSeen, PlacedEvent, Retracted
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, kind, low, settings_of, until
from tests.chain.proxies.making import EMPTY, Deployer, up
from tests.evm.anvil import Anvil, running


async def scanned(anvil: Anvil, watch: Watch, start: int) -> list[ControlChanged]:
    events = [event async for event in scan(settings_of(anvil.url, watch=watch), start, await anvil.height())]
    placed = [event for event in events if isinstance(event, PlacedEvent)]
    changes = [event for event in placed if isinstance(event, ControlChanged)]
    assert len(changes) == len(placed)  # precision: nothing else
    return changes


def watch(*addresses: str, timelock: Address | None = None) -> Watch:
    return Watch(contracts=tuple(WatchedContract(address=Address(low(one)), timelock=timelock) for one in addresses))


async def settled(anvil: Anvil) -> int:
    """Mines enough blocks to read the controllers above, one level more in each."""
    start = await anvil.height() + 1
    await anvil.mine(6)
    return start


async def test_silently_replaced_owners_of_a_contract_a_proxy_admin_and_a_beacon_are_one_change_each() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        one, two = Address(anvil.accounts[1].lower()), Address(anvil.accounts[2].lower())
        target = up(deployer, await deployer.target())
        admin = await deployer.new("five/ProxyAdmin", up(deployer, one))
        proxy = await anvil.deploy("TransparentUpgradeableProxy", target, up(deployer, admin), b"")
        beacon = await deployer.new("five/UpgradeableBeacon", target, up(deployer, one))
        child = await deployer.new("five/BeaconProxy", up(deployer, beacon), bytes.fromhex("a9059cbb") + bytes(64))
        start = await settled(anvil)
        wanted = [
            (low(proxy), admin, await deployer.slot(admin, 0, two)),
            (child, beacon, await deployer.slot(beacon, 0, two)),
        ]
        sent = await deployer.send_as(
            two, deployer.contract_at("five/ProxyAdmin", admin).functions.transferOwnership(up(deployer, one))
        )
        await anvil.mine()
        events = await scanned(anvil, watch(proxy.address, child), start)
        assert [(event.contract, event.emitter, event.place.block_number) for event in events[:2]] == wanted
        assert {(event.change, event.old, event.new, event.seen_by) for event in events[:2]} == {
            (ControlChange.OWNER, one, two, ControlSeen.STATE)
        }
        [logged] = events[2:]
        assert (logged.place.block_number, logged.seen_by, logged.new) == (sent, ControlSeen.LOG, one)


async def test_a_safe_that_silently_lowers_its_threshold_and_gains_a_signer_is_reported_for_its_proxy() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        me, other = Address(anvil.accounts[0].lower()), Address(anvil.accounts[2].lower())
        single = await deployer.new("safe/Safe.sol/Safe")
        wallet = await deployer.new("safe/proxies/SafeProxy.sol/SafeProxy", up(deployer, single))
        functions = deployer.contract_at("safe/Safe.sol/Safe", wallet).functions
        await deployer.send(functions.setup(anvil.accounts[:2], 2, EMPTY, b"", EMPTY, EMPTY, 0, EMPTY))
        admin = await deployer.new("five/ProxyAdmin", up(deployer, wallet))
        proxy = await anvil.deploy("TransparentUpgradeableProxy", up(deployer, single), up(deployer, admin), b"")
        start = await settled(anvil)
        fell = await deployer.slot(wallet, 4, Address(f"0x{1:040x}"))  # threshold
        enabled = await deployer.send_as(wallet, functions.enableModule(up(deployer, other)))
        await anvil.mine()
        first, second = await scanned(anvil, watch(proxy.address), start)
        assert (first.contract, first.emitter, first.change) == (low(proxy), wallet, ControlChange.THRESHOLD)
        assert (first.old, first.new, first.place.block_number, first.seen_by) == ("2", "1", fell, ControlSeen.STATE)
        assert (second.change, second.account, second.place.block_number, second.seen_by) == (
            ControlChange.MODULE_ENABLED, other, enabled, ControlSeen.LOG,
        )  # fmt: skip
        assert me != other


async def test_a_silently_written_timelock_delay_and_a_silent_pause_are_reported() -> None:
    async with running() as anvil:
        deployer, account = Deployer(anvil), anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 172_800, [account], [account], account)
        token = await anvil.deploy("ERC20PresetMinterPauser", "Token", "TOK")
        start = await settled(anvil)
        delayed = await deployer.slot(low(timelock), 2, Address(EMPTY))
        paused_slot = await _paused_slot(anvil, token)
        paused = await deployer.slot(low(token), paused_slot, Address(f"0x{1:040x}"))
        await anvil.mine()
        watched = watch(token.address, timelock=Address(low(timelock)))
        events = {
            (one.change, one.emitter, one.old, one.new, one.place.block_number)
            for one in await scanned(anvil, watched, start)
        }
        assert events == {
            (ControlChange.DELAY, low(timelock), "172800", "0", delayed),
            (ControlChange.PAUSED, low(token), None, None, paused),
        }


async def _paused_slot(anvil: Anvil, token: Any) -> int:
    """Finds the pause slot of the token: the slot that changes while it is briefly paused."""
    before = await anvil.call("evm_snapshot")
    slots = [await anvil.web3.eth.get_storage_at(token.address, slot) for slot in range(12)]
    await anvil.send(token.functions.pause())
    after = [await anvil.web3.eth.get_storage_at(token.address, slot) for slot in range(12)]
    await anvil.call("evm_revert", before)
    return next(slot for slot in range(12) if slots[slot] != after[slot])


async def test_a_silent_change_undone_by_a_reorg_is_retracted() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        one, two = Address(anvil.accounts[1].lower()), Address(anvil.accounts[2].lower())
        admin = await deployer.new("five/ProxyAdmin", up(deployer, one))
        watcher = Watcher(settings_of(anvil.url, watch=watch(admin), start_block=await settled(anvil)), None)
        await until(watcher, head_at(await anvil.height()))
        before = await anvil.call("evm_snapshot")
        await deployer.slot(admin, 0, two)
        [events] = [event for event in await until(watcher, kind(ControlChanged)) if isinstance(event, ControlChanged)]
        assert (events.new, events.seen_by) == (two, ControlSeen.STATE)
        await anvil.call("evm_revert", before)
        await anvil.call("evm_setNextBlockTimestamp", int(events.place.block_time.timestamp()) + 100)
        await anvil.mine(2)
        back = [event for event in await until(watcher, head_at(await anvil.height())) if isinstance(event, Retracted)]
        assert [event.event_id for event in back] == [events.event_id]
