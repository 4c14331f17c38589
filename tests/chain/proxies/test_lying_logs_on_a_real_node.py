"""Contracts that log what they do not do, on a real node: no upgrade is told, and the real change is told in its block."""

from __future__ import annotations

from typing import Any

from chain.events import Address, PlacedEvent
from chain.events.upgrades import ContractUpgraded, UpgradeSaid
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, placed, settings_of, until
from tests.chain.proxies.making import Deployer, up
from tests.evm.anvil import Anvil, running

UPGRADED = 0xBC7CD75A20EE27FD9ADEBAB32041F755214DBC6BFFA90CC0225B39DA2E5C2D3B
SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
OWN_SLOT = 0x5157
LIAR = "6000351560125760203560003560006000a25b60603560403555" + "00"
"""Calls carry four words: a topic and its argument, logged unless the topic is 0; a slot and a value, written there."""
CUSTOM = "365f5f375f5f365f615157545af43d5f5f3e3d5ff3"
"""Delegates every call to the address in slot 0x5157, which no kind declares."""
Reported = tuple[str, str | None, str, int]


async def calling(deployer: Deployer, at: Address, *words: int) -> int:
    """Calls a liar, or a proxy of one; returns the block."""
    body = "0x" + b"".join(word.to_bytes(32, "big") for word in (*words, 0, 0, 0, 0)[:4]).hex()
    sent: Any = {"from": up(deployer, deployer.me), "to": up(deployer, at), "data": body, "gas": 500_000}
    receipt = await deployer.anvil.web3.eth.wait_for_transaction_receipt(
        await deployer.anvil.web3.eth.send_transaction(sent), timeout=20, poll_latency=0.02
    )
    assert receipt["status"] == 1
    return int(receipt["blockNumber"])


def reported(events: list[PlacedEvent]) -> list[Reported]:
    """Each upgrade and each false log: (how, before, after, block)."""
    found: list[Reported] = []
    for event in events:
        if isinstance(event, ContractUpgraded):
            found.append((event.seen_by.value, event.old, event.new, event.place.block_number))
        elif isinstance(event, UpgradeSaid):
            found.append(("said", event.held, event.said, event.place.block_number))
    return found


async def both_ways(anvil: Anvil, start: int, at: Address, *more: Address) -> tuple[list[Reported], list[Reported]]:
    """What is told live and what a scan tells."""
    await anvil.mine()
    end = await anvil.height()
    settings = settings_of(
        anvil.url, watch=Watch(contracts=tuple(WatchedContract(address=one) for one in (at, *more))), start_block=start
    )
    live = placed(await until(Watcher(settings, None), head_at(end)))
    past: Any = [event async for event in scan(settings, start, end)]
    return reported(live), reported(past)  # type: ignore[arg-type]


async def proxy_of_a_liar(deployer: Deployer) -> tuple[Address, Address, Address]:
    """An audited EIP-1967 proxy whose code can log and write at will, and two more contracts."""
    first = await deployer.raw(LIAR)
    proxy = await deployer.new("five/ERC1967Proxy", up(deployer, first), bytes(128))
    return proxy, first, await deployer.raw(LIAR)


async def test_a_log_that_names_code_the_slot_never_held_hides_no_later_write_of_it() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        proxy, first, second = await proxy_of_a_liar(deployer)
        start = await anvil.height() + 1
        lied = await calling(deployer, proxy, UPGRADED, int(second, 16))
        await anvil.mine(3)
        done = await calling(deployer, proxy, 0, 0, SLOT, int(second, 16))
        live, past = await both_ways(anvil, start, proxy)
        assert live == [("said", first, second, lied), ("trace", first, second, done)]
        assert past == [("said", first, second, lied), ("slot", first, second, done)]


async def test_a_log_of_another_address_than_the_slots_is_said_and_the_slot_is_the_upgrade() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        proxy, first, second = await proxy_of_a_liar(deployer)
        third = await deployer.raw(LIAR)
        start = await anvil.height() + 1
        at = await calling(deployer, proxy, UPGRADED, int(third, 16), SLOT, int(second, 16))
        live, past = await both_ways(anvil, start, proxy)
        assert sorted(live) == [("said", second, third, at), ("trace", first, second, at)]
        assert sorted(past) == [("said", second, third, at), ("slot", first, second, at)]


async def test_a_true_log_is_one_upgrade_live_and_by_scan() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        proxy, first, second = await proxy_of_a_liar(deployer)
        start = await anvil.height() + 1
        at = await calling(deployer, proxy, UPGRADED, int(second, 16), SLOT, int(second, 16))
        assert await both_ways(anvil, start, proxy) == ([("log", first, second, at)], [("log", first, second, at)])


async def test_a_contract_that_is_no_proxy_upgrades_nothing_by_its_logs() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        plain, other = await deployer.raw(LIAR), await deployer.raw(LIAR)
        start = await anvil.height() + 1
        at = await calling(deployer, plain, UPGRADED, int(other, 16))
        assert await both_ways(anvil, start, plain) == ([("said", None, other, at)], [("said", None, other, at)])


async def test_a_proxy_with_a_slot_of_its_own_is_upgraded_by_a_log_that_a_call_bears_out() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        first, second, third = [await deployer.raw(LIAR) for _ in range(3)]
        proxy = await deployer.raw(CUSTOM)
        await deployer.slot(proxy, OWN_SLOT, first)
        start = await anvil.height() + 1
        lied = await calling(deployer, proxy, UPGRADED, int(third, 16))
        done = await calling(deployer, proxy, UPGRADED, int(second, 16), OWN_SLOT, int(second, 16))
        live, past = await both_ways(anvil, start, proxy)
        assert past == [("said", None, third, lied), ("log", None, second, done)]
        assert [one for one in live if one[0] in ("said", "log")] == past
