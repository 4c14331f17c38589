"""Runs a real governor over a real timelock, and Compound's Timelock, on a real node (built by `tests.evm.build_governance`)."""

from __future__ import annotations

from datetime import timedelta

from web3.contract import AsyncContract

from chain.blocks.abi import keccak
from chain.events import ChainEvent, ControlChange, ControlChanged
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued
from chain.sync.watcher import Watcher
from chain.watch import Watch, WatchedContract
from tests.chain.control.timelock_stages import deployed, later
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.evm.anvil import Anvil, running


async def proxy_under(anvil: Anvil, owner: str) -> tuple[AsyncContract, AsyncContract, AsyncContract]:
    """Deploys a proxy, an admin owned by `owner`, and the code of the planned upgrade."""
    first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
    admin = await anvil.deploy("ProxyAdmin")
    proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
    await anvil.send(admin.functions.transferOwnership(owner))
    return proxy, admin, second


async def followed(anvil: Anvil, watch: Watch, start: int) -> list[ChainEvent]:
    end = await anvil.height()
    return placed(await until(Watcher(settings_of(anvil.url, watch=watch, start_block=start), None), head_at(end)))


async def test_a_governor_upgrade_is_announced_at_the_proposal_and_joined_through_its_timelock() -> None:
    async with running() as anvil:
        account = anvil.accounts[0]
        token = await deployed(anvil, "VotesToken")
        timelock = await anvil.deploy("TimelockController", 3600, [], [], account)
        governor = await deployed(anvil, "TimelockedGovernor", token.address, timelock.address)
        for role in (b"PROPOSER_ROLE", b"EXECUTOR_ROLE", b"CANCELLER_ROLE"):
            await anvil.send(timelock.functions.grantRole(keccak(role), governor.address))
        proxy, admin, second = await proxy_under(anvil, timelock.address)
        start = await anvil.height() + 1
        calls = ([admin.address], [0], [admin.encode_abi("upgrade", [proxy.address, second.address])])
        await anvil.send(governor.functions.propose(*calls, "because"))
        await anvil.mine(3)
        number = await governor.functions.getProposalId(*calls, keccak(b"because")).call()
        await anvil.send(governor.functions.castVote(number, 1))
        await anvil.mine(12)
        await anvil.send(governor.functions.queue(*calls, keccak(b"because")))
        await later(anvil, 3700)
        await anvil.send(governor.functions.execute(*calls, keccak(b"because")))
        watch = Watch(
            contracts=(WatchedContract(address=low(proxy), timelock=low(timelock)),), timelocks=(low(governor),)
        )
        events = await followed(anvil, watch, start)
        queued = [event for event in events if isinstance(event, UpgradeQueued)]
        assert {(event.target, event.new) for event in queued} == {(low(proxy), low(second))}
        by_governor = [event for event in queued if event.timelock == low(governor)]
        [by_timelock] = [event for event in queued if event.timelock == low(timelock)]
        assert [event.operation for event in by_governor] == [f"0x{number:064x}"] * 2
        assert by_governor[1].eta == by_timelock.eta == by_timelock.place.block_time + timedelta(hours=1)
        ended = [event for event in events if isinstance(event, OperationEnded)]
        assert {(event.timelock, event.executed, event.queued_event_id) for event in ended} == {
            (low(governor), True, by_governor[0].event_id),
            (low(timelock), True, by_timelock.event_id),
        }
        [upgraded] = [event for event in events if isinstance(event, ContractUpgraded)]
        assert (upgraded.new, upgraded.queued) == (low(second), True)
        assert upgraded.operation in {event.operation for event in queued}


async def test_compounds_timelock_queues_cancels_and_executes_with_its_signature_or_without() -> None:
    async with running() as anvil:
        account = anvil.accounts[0]
        timelock = await deployed(anvil, "TimelockV8", account, 3600)
        proxy, admin, second = await proxy_under(anvil, timelock.address)
        start = await anvil.height() + 1
        body = admin.encode_abi("upgrade", [proxy.address, second.address])
        now = (await anvil.web3.eth.get_block("latest"))["timestamp"]
        signed = (admin.address, 0, "upgrade(address,address)", "0x" + body[10:], now + 4000)
        bare = (admin.address, 0, "", body, now + 5000)
        delay = (timelock.address, 0, "setDelay(uint256)", (7200).to_bytes(32, "big"), now + 4000)
        await anvil.send(timelock.functions.queueTransaction(*signed))
        await anvil.send(timelock.functions.cancelTransaction(*signed))
        await anvil.send(timelock.functions.queueTransaction(*bare))
        await anvil.send(timelock.functions.queueTransaction(*delay))
        await later(anvil, 5100)
        await anvil.send(timelock.functions.executeTransaction(*bare))
        await anvil.send(timelock.functions.executeTransaction(*delay))
        watch = Watch(contracts=(WatchedContract(address=low(proxy), timelock=low(timelock)),))
        events = await followed(anvil, watch, start)
        queued = [event for event in events if isinstance(event, UpgradeQueued)]
        assert [(event.target, event.new, event.eta.timestamp()) for event in queued] == [
            (low(proxy), low(second), now + 4000), (low(proxy), low(second), now + 5000),
        ]  # fmt: skip
        ended = [event for event in events if isinstance(event, OperationEnded)]
        assert [(event.executed, event.queued_event_id) for event in ended] == [
            (False, queued[0].event_id), (True, queued[1].event_id),
        ]  # fmt: skip
        [upgraded] = [event for event in events if isinstance(event, ContractUpgraded)]
        assert (upgraded.queued, upgraded.operation) == (True, queued[1].operation)
        changed = [event for event in events if isinstance(event, ControlChanged)]
        assert [(event.change, event.old, event.new) for event in changed] == [(ControlChange.DELAY, "3600", "7200")]
