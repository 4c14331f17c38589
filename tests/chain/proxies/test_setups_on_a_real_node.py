"""Changes each set-up on a real node: every change of what a watched address runs is told once, in its block, with the right old
and new target, live and by a scan; and nothing else is told.
"""

from __future__ import annotations

from collections import Counter

import pytest

from chain.events import Address, CodeCompared, ControlChanged, PlacedEvent
from chain.events.upgrades import ContractUpgraded, UpgradeSaid
from chain.proxies import kinds
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract
from tests.chain.following import head_at, settings_of, until
from tests.chain.proxies.changing import CHANGING
from tests.chain.proxies.clones import CLONES
from tests.chain.proxies.making import Deployer
from tests.chain.proxies.patterned import nothing
from tests.chain.proxies.setups import Expected, setups
from tests.evm.anvil import Anvil, running

GROUPS = ("chains", "moments", "lies", "tables")


def test_there_are_more_than_sixty_set_ups_and_three_kinds_of_lies() -> None:
    changing = [name for name, (_, change) in CHANGING.items() if change is not nothing]
    assert len(changing) + len(setups()) >= 60
    assert len(setups("lies")) >= 3
    assert {*CHANGING, *CLONES} == set(kinds.names())


def told(events: list[object]) -> Counter[Expected]:
    found: Counter[Expected] = Counter()
    for one in events:
        if isinstance(one, ContractUpgraded):
            found[Expected(one.contract, one.role, one.old, one.new, one.place.block_number, one.holder)] += 1
        elif isinstance(one, UpgradeSaid):
            found[Expected(one.contract, one.role, one.held, one.said, one.place.block_number, said=True)] += 1
        else:
            assert not isinstance(one, PlacedEvent) or isinstance(one, CodeCompared | ControlChanged), one
    return found


async def both_ways(anvil: Anvil, start: int, watched: list[Address]) -> tuple[Counter[Expected], Counter[Expected]]:
    """What is told live, and by a scan."""
    await anvil.mine()
    end = await anvil.height()
    watch = Watch(contracts=tuple(WatchedContract(address=one) for one in watched))
    settings = settings_of(anvil.url, watch=watch, start_block=start)
    live = await until(Watcher(settings, None), head_at(end), within_s=240)
    past = [event async for event in scan(settings, start, end)]
    return told([*live]), told([*past])


@pytest.mark.parametrize("group", GROUPS)
async def test_each_change_is_told_once_in_its_block_live_and_by_scan(group: str) -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        made = {name: await make(deployer) for name, make in setups(group).items()}
        await anvil.mine(4)
        start = await anvil.height() - 1
        names = {one.watched: name for name, one in made.items()}
        wanted = {name: Counter(await one.change()) for name, one in made.items()}
        live, past = await both_ways(anvil, start, [one.watched for one in made.values()])
        for found in (live, past):
            by_name: dict[str, Counter[Expected]] = {name: Counter() for name in made}
            for one, times in found.items():
                by_name[names[one.contract]][one] = times
            assert by_name == wanted
