"""Makes changes without logs: every declared slot is overwritten, and a contract is recreated at its address."""

from __future__ import annotations

from collections import Counter

from chain.blocks.reads import SlotWord
from chain.events import Address
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies import kinds
from chain.proxies.places import PlaceTable
from chain.sync.watcher import scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import settings_of
from tests.chain.proxies.making import Deployer, Wanted
from tests.evm.anvil import Anvil, running


async def upgrades(anvil: Anvil, start: int, *addresses: Address) -> list[ContractUpgraded]:
    watch = Watch(contracts=tuple(WatchedContract(address=one) for one in addresses))
    events = [event async for event in scan(settings_of(anvil.url, watch=watch), start, await anvil.height())]
    return [event for event in events if isinstance(event, ContractUpgraded)]


async def test_each_silent_write_to_a_watched_slot_is_one_change_with_old_and_new_value() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        code = await anvil.web3.eth.get_code(anvil.web3.to_checksum_address(await deployer.target()))
        old, new = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
        form, deployed = PlaceTable(kinds.every()), {}
        for at, place in enumerate(form.own_places(old)):
            address = Address(f"0x{0xC0DE00 + at:040x}")
            where = form.own_places(address)[at]
            if isinstance(where.read, SlotWord) and not (where.proved or where.with_table):
                await deployer.code(address, code.to_0x_hex())
                await deployer.slot(address, where.read.slot, old)
                deployed[address] = (where.read.slot, place.role)
        await anvil.mine()
        start = await anvil.height()
        wanted = [
            Wanted(address, role, old, new, await deployer.slot(address, slot, new))
            for address, (slot, role) in deployed.items()
        ]
        assert len(wanted) >= 12
        events = await upgrades(anvil, start + 1, *deployed)
        assert Counter(wanted) == Counter(
            Wanted(one.contract, one.role, one.old, one.new, one.place.block_number) for one in events
        )
        assert {one.seen_by for one in events} == {SeenBy.SLOT}


async def test_a_contract_recreated_by_create2_at_its_address_is_two_code_changes() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        maker = await deployer.deployed("Redeployer")
        first, second = await deployer.target(), await deployer.new("SuperCode")
        checked = anvil.web3.to_checksum_address
        where = Address(str(await maker.functions.deploy(checked(first)).call()).lower())
        await deployer.send(maker.functions.deploy(checked(first)))
        start = await anvil.height() + 1
        await anvil.mine()
        await deployer.code(where, "0x")  # a method of the test node: since EIP-6780 no call deletes an older contract
        await anvil.call("anvil_setNonce", where, "0x0")
        again = await deployer.send(maker.functions.deploy(checked(second)))
        gone, back = await upgrades(anvil, start, where)
        assert (gone.role, back.role, back.place.block_number) == ("code", "code", again)
        assert gone.new == back.old
        assert gone.old != back.new
        assert {gone.seen_by, back.seen_by} == {SeenBy.CODE}
        assert await anvil.web3.eth.get_code(checked(where)) == await anvil.web3.eth.get_code(checked(second))
