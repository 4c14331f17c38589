"""Timelocks whose call data names no upgrade, and contracts that are no timelock we know, on a real node."""

from __future__ import annotations

from chain.events import Address
from chain.events.upgrades import ContractUpgraded, OperationEnded
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, low, settings_of, until
from tests.chain.proxies.making import Deployer, up
from tests.chain.proxies.test_lying_logs_on_a_real_node import LIAR, SLOT, UPGRADED, calling, proxy_of_a_liar
from tests.evm.anvil import Anvil, running

NOTHING = b"\0" * 32


async def both_ways(anvil: Anvil, start: int, proxy: Address, timelock: Address) -> list[list[object]]:
    """What is told of upgrades and operations, live and by a scan."""
    await anvil.mine()
    end = await anvil.height()
    watch = Watch(contracts=(WatchedContract(address=proxy, timelock=timelock),))
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    live = await until(Watcher(settings, None), head_at(end))
    past = [event async for event in scan(settings, start, end)]
    return [
        [
            (event.new, event.queued, event.operation)
            if isinstance(event, ContractUpgraded)
            else (event.executed, event.operation)
            for event in events
            if isinstance(event, ContractUpgraded | OperationEnded)
        ]
        for events in (live, past)
    ]


async def test_a_payload_that_a_timelock_runs_explains_the_upgrade_whatever_the_call_data() -> None:
    async with running() as anvil:
        deployer, account = Deployer(anvil), anvil.accounts[0]
        proxy, _, second = await proxy_of_a_liar(deployer)
        timelock = await anvil.deploy("TimelockController", 60, [account], [account], account)
        start = await anvil.height() + 1
        body = b"".join(word.to_bytes(32, "big") for word in (UPGRADED, int(second, 16), SLOT, int(second, 16)))
        call = (up(deployer, proxy), 0, body, NOTHING, NOTHING)
        await anvil.send(timelock.functions.schedule(*call, 60))
        await anvil.call("evm_increaseTime", 100)
        await anvil.mine()
        await anvil.send(timelock.functions.execute(*call))
        operation = f"0x{(await timelock.functions.hashOperation(*call).call()).hex()}"
        expected: list[object] = [(second, True, operation), (True, operation)]
        assert await both_ways(anvil, start, proxy, low(timelock)) == [expected, expected]


async def test_a_change_past_a_timelock_is_unannounced_and_past_an_unknown_contract_it_is_open() -> None:
    async with running() as anvil:
        deployer, account = Deployer(anvil), anvil.accounts[0]
        proxy, _, second = await proxy_of_a_liar(deployer)
        timelock = await anvil.deploy("TimelockController", 60, [account], [account], account)
        unknown = await deployer.raw(LIAR)
        start = await anvil.height() + 1
        await calling(deployer, proxy, UPGRADED, int(second, 16), SLOT, int(second, 16))
        for guard, queued in ((low(timelock), False), (unknown, None)):
            expected: list[object] = [(second, queued, None)]
            assert await both_ways(anvil, start, proxy, guard) == [expected, expected]
