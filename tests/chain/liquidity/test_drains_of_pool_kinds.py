"""Drains of pools that are no plain pair, and what the memory of drains keeps."""

from __future__ import annotations

import json

import pytest

from chain.blocks.standards import NOBODY, TRANSFER
from chain.detectors import liquidity
from chain.events import DrainCause, PoolDrained
from chain.liquidity.drains import MAX_MINTS, Mints
from chain.watch import Watch
from tests.chain.builders import topic
from tests.chain.histories.people import Person
from tests.chain.histories.world import RIFT, WETH, Behaviour, World
from tests.chain.liquidity.emptied import (
    HELD,
    THIEF,
    curve_swap,
    drains,
    pair,
    price_moves,
    ranged,
    stable,
    swapped,
    told,
    vault_swaps,
    vaulted,
)
from tests.chain.liquidity.test_drains import LOG_REBASE, OTHERS


@pytest.mark.parametrize(("ticks", "liquidity", "reported"), [
    (480, 1, None), (-480, 1, None), (20_000, 1, RIFT), (-20_000, 1, WETH), (500, 10, None), (500, 0, RIFT),
])  # fmt: skip
def test_concentrated_liquidity_is_drained_once_the_price_left_five_percent(
    ticks: int, liquidity: int, reported: str | None
) -> None:
    world = World(1)
    pool = ranged(world)
    active = pool.supply

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            price_moves(pool, pool.at_tick + ticks, active * liquidity)

    found = drains(world, act())
    assert [one.token for one in found] == ([reported] if reported else [])
    for one in found:
        assert (one.cause, one.by) == (DrainCause.SWAP, THIEF)


def test_a_vaults_pool_drained_into_internal_balances_names_the_account_without_any_transfer() -> None:
    world = World(1)
    pool = vaulted(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            vault_swaps(pool, 0.001)

    [drain] = drains(world, act())
    assert (drain.cause, drain.by) == (DrainCause.SWAP, THIEF)
    assert drain.share == pytest.approx(0.999)
    assert [after for _, _, after in drain.others] == [int(HELD[1] * 0.001)]


def test_a_vaults_pool_that_loses_without_any_word_has_an_unknown_cause() -> None:
    world = World(1)
    pool = vaulted(world)

    def act() -> Behaviour:
        yield 0
        pool.reserves = [held // 2 for held in pool.reserves]
        world.log(RIFT, LOG_REBASE)

    [drain] = drains(world, act())
    assert (drain.cause, drain.by, drain.place.transaction) == (DrainCause.UNKNOWN, None, None)


@pytest.mark.parametrize(("out", "drained"), [(0.3, 0), (0.45, 0), (0.55, 1)])
def test_a_flat_pool_may_lose_up_to_half_to_a_trade(out: float, drained: int) -> None:
    world = World(1)
    pool = stable(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            curve_swap(pool, out)

    found = drains(world, act())
    assert [one.cause for one in found] == [DrainCause.SWAP] * drained


def test_the_memory_carries_the_minute_and_the_mints_over_a_restart() -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            world.transfer(RIFT, NOBODY, THIEF, HELD[0])
        swapped(pool, HELD[0] // 7)
        yield 12.0
        swapped(pool, HELD[0] // 7)

    detector, found = liquidity.make(Watch(pools=(pool.watched,))), []
    for number in world.run([act()], warm=12):
        again = liquidity.make(Watch(pools=(pool.watched,)))
        again.recall(detector.memory())
        assert again.memory() == detector.memory()
        detector = again
        found += detector.on_block(world.block(number, detector.reads()), ())
    [drain] = [one for one in found if isinstance(one, PoolDrained)]
    assert (drain.cause, drain.before) == (DrainCause.MINT, HELD[1])


def test_a_memory_without_baselines_is_recalled() -> None:
    world = World(1)
    pool = pair(world)
    detector = liquidity.make(Watch(pools=(pool.watched,)))
    detector.recall(json.dumps({pool.address: json.dumps([[[5, 5], False], None, None])}).encode())
    assert detector.pool(pool.address).reserves() == (5, 5)


def test_mints_are_bounded_and_forgotten_after_an_hour() -> None:
    mints = Mints()
    for at in range(MAX_MINTS + 10):
        mints.add("0xa", hex(at), 1, float(at))
    assert len(mints.memory()) == MAX_MINTS
    assert mints.of("0xa", "0x0", 5.0) == 0
    mints.add("0xa", "0xff", 2, 255.0)
    assert mints.of("0xa", "0xff", 300.0) == 3
    mints.add("0xa", "0xff", 4, 9000.0)
    assert mints.of("0xa", "0xff", 9000.0) == 4
    assert len(mints.memory()) == 1


def test_an_addition_that_moves_nothing_else_keeps_the_minute_exact() -> None:
    world = World(1)
    pool, owner = pair(world), Person(world)
    owner.funds[RIFT], owner.funds[WETH] = HELD

    def act() -> Behaviour:
        yield 0
        swapped(pool, HELD[0] // 10)
        yield 12.0
        with world.transaction():
            owner.enter(pool)
        yield 12.0
        swapped(pool, pool.reserves[0] // 10)
        yield 12.0
        swapped(pool, pool.reserves[0] // 10)

    [drain] = drains(world, act())
    assert drain.before > HELD[1] * 3 // 2, "what was added counts as held from the beginning"


def test_other_logs_of_the_block_change_nothing() -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        world.log(RIFT, TRANSFER, topic(0), topic(5), topic(9))
        with world.transaction():
            world.transfer(WETH, OTHERS[0], OTHERS[1], 5)
            world.transfer(RIFT, OTHERS[0], NOBODY, 5)
        swapped(pool, 9 * HELD[0])

    assert [one.cause for one in drains(world, act())] == [DrainCause.SWAP]


@pytest.mark.parametrize(("paid", "drained"), [(0.9, 0), (1.1, 1)])
def test_before_a_pools_depth_is_known_it_counts_as_flat(paid: float, drained: int) -> None:
    world = World(31)  # it acts in the second block, and depths are reported from there on
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        swapped(pool, int(HELD[0] * paid))

    events = told(world, act(), warm=1)
    assert len([one for one in events if isinstance(one, PoolDrained)]) == drained
