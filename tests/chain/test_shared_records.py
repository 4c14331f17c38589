"""Replays upgrades and labelled accounts from public records at their real addresses on a real node.

The shared folder lies beside a checkout of the project; where it is not there, these tests are skipped and say so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.blocks.block import Block
from chain.detectors import wallets
from chain.events import Address, WalletSilent
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.sync.scan import ScanOptions, scan
from chain.sync.settings import WatcherSettings
from chain.watch import Watch, WatchedContract, WatchedWallet
from tests.chain.builders import NETWORK, START, header, log, topic, words
from tests.chain.following import LOCAL
from tests.evm.anvil import running

ROOT = Path(__file__).parents[3] / "shared" / "data"
UPGRADES = ROOT / "upgrades/implementation_changes.csv"
ACCOUNTS = ROOT / "wallets/exchange_accounts_ethereum_2023-10.csv"
SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
UPGRADED = "bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
WRITER = f"0x600035807f{SLOT:064x}557f{UPGRADED}60006000a200"
"""Called with one word, writes it to the EIP-1967 slot and logs Upgraded(word)."""

pytestmark = pytest.mark.skipif(not ROOT.exists(), reason="the shared records are not here")


def changes() -> Iterator[tuple[Address, str, str]]:
    """Proxy, old and new implementation, each in lower case, in the order of the file."""
    with UPGRADES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield Address(row["proxy"].lower()), row["old_impl"].lower(), row["new_impl"].lower()


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.slow
async def test_each_recorded_upgrade_is_reported_once_in_its_block_with_old_and_new_value(silent: bool) -> None:
    rows = list(changes())
    proxies = list(dict.fromkeys(proxy for proxy, _, _ in rows))
    expected: list[tuple[str, str, str]] = []
    async with running() as anvil:
        first_of = {proxy: old for proxy, old, _ in reversed(rows)}
        for proxy in proxies:
            await anvil.call("anvil_setCode", proxy, WRITER)
            await anvil.call("anvil_setStorageAt", proxy, hex(SLOT), f"0x{int(first_of[proxy], 16):064x}")
        await anvil.mine(2)
        first = await anvil.height()  # the node writes a slot into the state of the block that is its head by then
        held = dict(first_of)
        for proxy, _, new in rows:
            if silent:
                await anvil.call("anvil_setStorageAt", proxy, hex(SLOT), f"0x{int(new, 16):064x}")
            else:
                sent = {"from": anvil.accounts[0], "to": proxy, "data": f"0x{int(new, 16):064x}", "gas": hex(200_000)}
                await anvil.call("eth_sendTransaction", sent)
            await anvil.mine(2)
            if held[proxy] != new:
                expected.append((proxy, held[proxy], new))
            held[proxy] = new
        watch = Watch(contracts=tuple(WatchedContract(address=proxy) for proxy in proxies))
        settings = WatcherSettings(network=LOCAL, nodes=(anvil.url,), watch=watch)
        events = [
            event
            async for event in scan(settings, first, await anvil.height(), options=ScanOptions(every_block=silent))
        ]
    upgrades = [event for event in events if isinstance(event, ContractUpgraded)]
    assert [(event.contract, event.old, event.new) for event in upgrades] == expected
    assert {event.seen_by for event in upgrades} == {SeenBy.SLOT if silent else SeenBy.LOG}
    assert len({event.place.block_number for event in upgrades}) == len(upgrades)


def test_each_labelled_hot_wallet_is_reported_silent_separately() -> None:
    with ACCOUNTS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "hot" in f"{row['name']} {row['labels']}".lower()]
    token, coin = Address("0x" + "cc" * 20), "T"
    watched = tuple(
        WatchedWallet(
            venue=row["name"].split(":")[0].lower(), asset=coin, address=Address(row["address"].lower()), token=token
        )
        for row in rows
    )
    assert len(watched) >= 10
    quiet = watched[0].venue
    detector = wallets.make(Watch(wallets=watched))
    silent: set[str] = set()
    for number in range(1, 3000):
        payers = [one for at, one in enumerate(watched) if (number + at) % 5 == 0]
        logs = tuple(
            log(
                token, wallets.TRANSFER, topic(int(one.address, 16)), topic(0xF00 + number),
                body=words(10**6), transaction=number, index=at,
            )
            for at, one in enumerate(payers)
            if not (one.venue == quiet and number > 1500)
        )  # fmt: skip
        block = Block(network=NETWORK, header=header(number, after_s=number * 60), seen_at=START, logs=logs)
        silent |= {event.venue for event in detector.on_block(block, ()) if isinstance(event, WalletSilent)}
    assert silent == {quiet}
