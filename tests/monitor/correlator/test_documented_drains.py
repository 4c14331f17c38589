"""Plays two documented drains on the simulated chain: each is told within its block and is evidence.

Balancer V2, 3 November 2025: block 23717397 (stamp 1762156007) empties pools inside the Vault without PoolBalanceChanged; the
internal balance leaves it in block 23717404. FLOW, 27 December 2025: 5 million units are minted and sold into pools, and
validators halt the network about six hours later.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chain.events import DrainCause, LiquidityMoved, NetworkId, PoolDrained
from chain.events.network import HeadResumed, HeadStalled
from chain.liquidity.pools import balancer_v2
from chain.networks import Network
from chain.sync.head_clock import HeadClock
from tests.chain.builders import header, words
from tests.chain.histories.world import RIFT, SLOT_S, Behaviour, as_topic
from tests.chain.liquidity.emptied import HELD, INTERNAL, THIEF, swapped, vault_swaps, vaulted
from tests.monitor.correlator.test_pool_stories import Town, reported


def test_the_drain_of_balancer_is_told_in_its_block_and_the_withdrawal_seven_blocks_later_is_no_second_one() -> None:
    town = Town(vaulted)
    pool, blocks = town.alone, []
    stolen = [int(held * 0.9999) for held in HELD]

    def drain() -> Behaviour:
        yield 0
        blocks.append(town.number)
        with town.transaction():
            vault_swaps(pool, 0.0001)  # type: ignore[arg-type]
        yield 7 * SLOT_S
        with town.transaction():
            for token, units in zip(pool.tokens, stolen, strict=True):
                town.log(balancer_v2.VAULT, INTERNAL, as_topic(THIEF), as_topic(token), body=words(2**256 - units))
                town.transfer(token, balancer_v2.VAULT, THIEF, units)

    found = reported(town, drain())
    assert not [one for one in found.events if isinstance(one, LiquidityMoved)]
    [one] = [one for one in found.events if isinstance(one, PoolDrained)]
    assert (one.place.block_number, one.cause, one.by) == (blocks[0], DrainCause.SWAP, THIEF)
    assert one.share == pytest.approx(0.9999)
    assert found.grades == {("pool_drained", 3)}


def test_the_mint_and_sale_of_flow_is_told_pool_by_pool_and_the_halt_with_its_beginning() -> None:
    town = Town()

    def sale() -> Behaviour:
        yield 0
        town.mint(THIEF, 18 * HELD[0])
        for pool in (town.a, town.b):
            yield SLOT_S
            swapped(pool, 9 * HELD[0])

    found = reported(town, sale())
    drains = [one for one in found.events if isinstance(one, PoolDrained)]
    assert [(one.pool, one.cause, one.by) for one in drains] == [
        (pool.address, DrainCause.MINT, THIEF) for pool in (town.a, town.b)
    ]
    assert ("supply_jump", 2) in found.grades
    assert min(grade for name, grade in found.grades if name == "pool_drained") >= 3
    assert all(one.others[0][0] == RIFT for one in drains)

    clock = HeadClock(Network(id=NetworkId("flow"), chain_id=747, block_time_s=0.8))
    halted = datetime(2025, 12, 27, 13, 30, tzinfo=UTC)
    clock.observe(("node", header(5)), halted)
    stalled = clock.observe(("node", header(5)), halted + timedelta(seconds=10))
    assert isinstance(stalled, HeadStalled)
    assert (stalled.since, stalled.answered) == (halted, True)
    resumed = clock.observe(("node", header(6)), halted + timedelta(hours=5))
    assert isinstance(resumed, HeadResumed)
    assert (resumed.since, resumed.stalled_s) == (halted, 5 * 3600.0)
