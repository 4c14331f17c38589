"""Deploys every declared kind on a real EVM: each is recognised, and each change is reported once in its block."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from chain.events import ChainEvent, CodeCompared, NetworkId, Role
from chain.events.upgrades import ContractUpgraded
from chain.inspection.inspect import Inspection, inspect
from chain.nodes.group import NodeGroup
from chain.nodes.web3_node import Web3Node
from chain.proxies import kinds
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, placed, settings_of, until
from tests.chain.proxies.changing import CHANGING
from tests.chain.proxies.clones import CLONES
from tests.chain.proxies.making import DeployedProxy, Deployer, Wanted
from tests.chain.proxies.patterned import nothing
from tests.evm.anvil import Anvil, running

NETWORK = NetworkId("local")


async def inspection_of(anvil: Anvil, address: str) -> Inspection:
    nodes = NodeGroup(NETWORK, [Web3Node(anvil.url, chain_id=31337)], lambda: datetime.now(UTC))
    try:
        return await inspect(nodes, NETWORK, DeployedProxy(address).address)  # type: ignore[arg-type]
    finally:
        await nodes.close()


def test_every_declared_kind_has_a_case() -> None:
    assert {*CHANGING, *CLONES} == set(kinds.names())
    assert len(kinds.names()) >= 25


async def test_every_kind_is_recognised_and_each_change_is_reported_once_in_its_block() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        deployed = {name: await make(deployer) for name, make in CLONES.items()}
        deployed |= {name: await make(deployer) for name, (make, _) in CHANGING.items()}
        inspections = {name: await inspection_of(anvil, one.address) for name, one in deployed.items()}
        assert {name: one.kind for name, one in inspections.items()} == {name: name for name in deployed}
        for name, one in deployed.items():
            found = {role: inspections[name].roles.get(Role(role)) for role in one.roles}
            assert (name, found) == (name, one.roles)
        start = await anvil.height() + 1
        wanted = [one for name, (_, change) in CHANGING.items() for one in await change(deployer, deployed[name])]
        await anvil.mine()
        live, past = await changes(anvil, deployed, start)
        assert live == Counter(wanted)
        assert past == Counter(wanted)
        assert {one.contract for one in wanted} == {
            deployed[name].address for name, (_, change) in CHANGING.items() if change is not nothing
        }


async def changes(
    anvil: Anvil, deployed: dict[str, DeployedProxy], start: int
) -> tuple[Counter[Wanted], Counter[Wanted]]:
    """What is told live, and by a scan; nothing else may be."""
    watch = Watch(contracts=tuple(WatchedContract(address=one.address) for one in deployed.values()))
    end = await anvil.height()
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    live = placed(await until(Watcher(settings, None), head_at(end), within_s=240))
    past = placed([event async for event in scan(settings, start, end)])
    return told(live), told(past)


def told(events: list[ChainEvent]) -> Counter[Wanted]:
    upgrades = [event for event in events if isinstance(event, ContractUpgraded)]
    assert [event for event in events if not isinstance(event, CodeCompared)] == upgrades  # precision: nothing else
    return Counter(
        Wanted(event.contract, event.role, event.old, event.new, event.place.block_number) for event in upgrades
    )
