"""Control of real contracts written over without a log, on a real node: told once, in its block, and taken back by a reorg."""

from __future__ import annotations

from typing import Any

from chain.events import Address, ControlChange, ControlChanged, ControlSeen, PlacedEvent, Retracted
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, kind, low, settings_of, until
from tests.chain.proxies.making import EMPTY, Bench, up
from tests.evm.anvil import Anvil, running


async def scanned(anvil: Anvil, watch: Watch, start: int) -> list[ControlChanged]:
    told = [event async for event in scan(settings_of(anvil.url, watch=watch), start, await anvil.height())]
    placed = [event for event in told if isinstance(event, PlacedEvent)]
    changes = [event for event in placed if isinstance(event, ControlChanged)]
    assert len(changes) == len(placed)  # precision: nothing else
    return changes


def watch(*addresses: str, timelock: Address | None = None) -> Watch:
    return Watch(contracts=tuple(WatchedContract(address=Address(low(one)), timelock=timelock) for one in addresses))


async def settled(anvil: Anvil) -> int:
    """Blocks enough to look at what stands above, one owner further in each."""
    start = await anvil.height() + 1
    await anvil.mine(6)
    return start


async def test_silently_replaced_owners_of_a_contract_a_proxy_admin_and_a_beacon_are_one_change_each() -> None:
    async with running() as anvil:
        bench = Bench(anvil)
        one, two = Address(anvil.accounts[1].lower()), Address(anvil.accounts[2].lower())
        target = up(bench, await bench.target())
        admin = await bench.new("five/ProxyAdmin", up(bench, one))
        proxy = await anvil.deploy("TransparentUpgradeableProxy", target, up(bench, admin), b"")
        beacon = await bench.new("five/UpgradeableBeacon", target, up(bench, one))
        child = await bench.new("five/BeaconProxy", up(bench, beacon), bytes.fromhex("a9059cbb") + bytes(64))
        start = await settled(anvil)
        wanted = [
            (low(proxy), admin, await bench.slot(admin, 0, two)),
            (child, beacon, await bench.slot(beacon, 0, two)),
        ]
        sent = await bench.send_as(
            two, bench.seen("five/ProxyAdmin", admin).functions.transferOwnership(up(bench, one))
        )
        await anvil.mine()
        told = await scanned(anvil, watch(proxy.address, child), start)
        assert [(event.contract, event.emitter, event.place.block_number) for event in told[:2]] == wanted
        assert {(event.change, event.old, event.new, event.seen_by) for event in told[:2]} == {
            (ControlChange.OWNER, one, two, ControlSeen.STATE)
        }
        [logged] = told[2:]
        assert (logged.place.block_number, logged.seen_by, logged.new) == (sent, ControlSeen.LOG, one)


async def test_a_safe_that_silently_lowers_its_threshold_and_gains_a_signer_is_reported_for_its_proxy() -> None:
    async with running() as anvil:
        bench = Bench(anvil)
        me, other = Address(anvil.accounts[0].lower()), Address(anvil.accounts[2].lower())
        single = await bench.new("safe/Safe.sol/Safe")
        wallet = await bench.new("safe/proxies/SafeProxy.sol/SafeProxy", up(bench, single))
        functions = bench.seen("safe/Safe.sol/Safe", wallet).functions
        await bench.send(functions.setup(anvil.accounts[:2], 2, EMPTY, b"", EMPTY, EMPTY, 0, EMPTY))
        admin = await bench.new("five/ProxyAdmin", up(bench, wallet))
        proxy = await anvil.deploy("TransparentUpgradeableProxy", up(bench, single), up(bench, admin), b"")
        start = await settled(anvil)
        fell = await bench.slot(wallet, 4, Address(f"0x{1:040x}"))  # threshold
        enabled = await bench.send_as(wallet, functions.enableModule(up(bench, other)))
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
        bench, account = Bench(anvil), anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 172_800, [account], [account], account)
        token = await anvil.deploy("ERC20PresetMinterPauser", "Token", "TOK")
        start = await settled(anvil)
        delayed = await bench.slot(low(timelock), 2, Address(EMPTY))
        paused_slot = await _paused_slot(anvil, token)
        paused = await bench.slot(low(token), paused_slot, Address(f"0x{1:040x}"))
        await anvil.mine()
        watched = watch(token.address, timelock=Address(low(timelock)))
        told = {
            (one.change, one.emitter, one.old, one.new, one.place.block_number)
            for one in await scanned(anvil, watched, start)
        }
        assert told == {
            (ControlChange.DELAY, low(timelock), "172800", "0", delayed),
            (ControlChange.PAUSED, low(token), None, None, paused),
        }


async def _paused_slot(anvil: Anvil, token: Any) -> int:
    """Where the token keeps its pause: the slot that changes when it is paused, for a moment."""
    before = await anvil.call("evm_snapshot")
    slots = [await anvil.web3.eth.get_storage_at(token.address, slot) for slot in range(12)]
    await anvil.send(token.functions.pause())
    after = [await anvil.web3.eth.get_storage_at(token.address, slot) for slot in range(12)]
    await anvil.call("evm_revert", before)
    return next(slot for slot in range(12) if slots[slot] != after[slot])


async def test_a_silent_change_undone_by_a_reorg_is_retracted() -> None:
    async with running() as anvil:
        bench = Bench(anvil)
        one, two = Address(anvil.accounts[1].lower()), Address(anvil.accounts[2].lower())
        admin = await bench.new("five/ProxyAdmin", up(bench, one))
        watcher = Watcher(settings_of(anvil.url, watch=watch(admin), start_block=await settled(anvil)), None)
        await until(watcher, head_at(await anvil.height()))
        before = await anvil.call("evm_snapshot")
        await bench.slot(admin, 0, two)
        [told] = [event for event in await until(watcher, kind(ControlChanged)) if isinstance(event, ControlChanged)]
        assert (told.new, told.seen_by) == (two, ControlSeen.STATE)
        await anvil.call("evm_revert", before)
        await anvil.call("evm_setNextBlockTimestamp", int(told.place.block_time.timestamp()) + 100)
        await anvil.mine(2)
        back = [event for event in await until(watcher, head_at(await anvil.height())) if isinstance(event, Retracted)]
        assert [event.event_id for event in back] == [told.event_id]
