"""What pools lose without a removal of liquidity: told within the block, in units and share, with the cause."""

from __future__ import annotations

import pytest

from chain.blocks.standards import NOBODY
from chain.detectors import liquidity
from chain.events import DrainCause, LiquidityAccounted, LiquidityMoved, PoolDrained
from chain.watch import Watch
from tests.chain.builders import address, topic, words
from tests.chain.histories.people import Person
from tests.chain.histories.pools import Pair
from tests.chain.histories.world import RIFT, ROUTER, WETH, Behaviour, World
from tests.chain.liquidity.emptied import (
    HELD,
    THIEF,
    burnt,
    drains,
    pair,
    ranged,
    stable,
    swapped,
    synced,
    told,
    vaulted,
)

OTHERS = (address(0xB0B), address(0xA11CE))
LOG_REBASE = "0x72725a3b1e5bd622d6bcd1339bb31279c351abe8f541ac7fd320f24e1b1641f2"
"""Ampleforth's LogRebase(uint256,uint256)."""


def test_a_pair_emptied_by_one_swap_is_told_in_its_block_with_both_reserves_and_the_buyer() -> None:
    world = World(1)
    pool, blocks = pair(world), []

    def act() -> Behaviour:
        yield 0
        blocks.append(world.number)
        swapped(pool, 9 * HELD[0])

    [drain] = drains(world, act())
    got = HELD[1] * 9 * 997 // (1000 + 9 * 997)
    assert (drain.token, drain.before, drain.after) == (WETH, HELD[1], HELD[1] - got)
    assert drain.share == pytest.approx(got / HELD[1])
    assert (drain.cause, drain.by, drain.place.block_number) == (DrainCause.SWAP, THIEF, blocks[0])
    assert drain.others == ((RIFT, HELD[0], 10 * HELD[0]),)
    assert drain.place.transaction is not None


@pytest.mark.parametrize(("paid", "drained"), [(0.01, 0), (0.2, 0), (0.24, 0), (0.26, 1)])
def test_a_trade_of_less_than_a_fifth_of_a_reserve_is_routine(paid: float, drained: int) -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        swapped(pool, int(HELD[0] * paid))

    assert len(drains(world, act())) == drained


def test_swaps_within_a_minute_add_up_and_later_ones_begin_anew() -> None:
    world = World(1)
    pool = pair(world)

    def act(pause_s: float) -> Behaviour:
        yield 0
        for _ in range(3):
            swapped(pool, pool.reserves[0] // 10)
            yield pause_s

    [drain] = drains(world, act(12.0))
    assert 0.2 <= drain.share < 0.28
    world = World(1)
    pool = pair(world)
    assert not drains(world, act(90.0))


def test_what_comes_back_within_the_block_is_no_drain() -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        got = swapped(pool, 3 * HELD[0])
        swapped(pool, got, first=False)

    assert not drains(world, act())


def test_several_buyers_are_no_one_buyer_and_a_router_between_is_passed_over() -> None:
    world = World(1)
    pool, second = pair(world), Pair(world, address(0xC7), (RIFT, WETH), HELD)

    def act() -> Behaviour:
        yield 0
        for one in OTHERS:
            swapped(pool, HELD[0], by=one)
        with world.transaction():
            got = second.swap(THIEF, True, 4 * HELD[0], ROUTER)
            world.transfer(WETH, ROUTER, THIEF, got)

    by = {drain.pool: drain.by for drain in drains(world, act())}
    assert by == {pool.address: None, second.address: THIEF}


@pytest.mark.parametrize("earlier_s", [0.0, 600.0, 3500.0, 4000.0])
def test_units_made_for_the_buyer_within_the_hour_before_are_a_mint_and_a_sale(earlier_s: float) -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            world.transfer(RIFT, NOBODY, THIEF, 5 * HELD[0])
        if earlier_s:
            yield earlier_s
        swapped(pool, 4 * HELD[0])

    [drain] = drains(world, act())
    assert drain.cause is (DrainCause.SWAP if earlier_s > 3600 else DrainCause.MINT)
    assert drain.by == THIEF


def test_units_made_for_somebody_else_are_not_the_buyers() -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            world.transfer(RIFT, NOBODY, OTHERS[0], 5 * HELD[0])
        swapped(pool, 4 * HELD[0])

    assert [one.cause for one in drains(world, act())] == [DrainCause.SWAP]


@pytest.mark.parametrize("to", [NOBODY, "0x000000000000000000000000000000000000dead"])
def test_a_burn_from_the_pair_and_a_sync_is_a_burn_even_if_swaps_follow(to: str) -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            burnt(pool, HELD[0] * 9 // 10, to)  # type: ignore[arg-type]
            pool.swap(THIEF, True, HELD[0] // 1000, THIEF)

    [drain] = drains(world, act())
    assert (drain.token, drain.cause, drain.by) == (RIFT, DrainCause.BURN, None)
    assert drain.before - drain.after == HELD[0] * 9 // 10 - HELD[0] // 1000


def test_a_sync_without_a_transfer_says_so_and_a_rebase_log_of_the_token_names_it() -> None:
    for topics, cause in (((), DrainCause.SYNC), ((LOG_REBASE,), DrainCause.REBASE)):
        world = World(1)
        pool = pair(world)

        def act(pool: Pair = pool, world: World = world, topics: tuple[str, ...] = topics) -> Behaviour:
            yield 0
            with world.transaction():
                for one in topics:
                    world.log(RIFT, one, topic(7), body=words(1))
                synced(pool, (HELD[0] // 2, HELD[1]))

        found = []
        detector = liquidity.make(Watch(pools=(pool.watched,)))
        for number in world.run([act()], warm=12):
            whole = world.block(number, detector.reads())
            logs = tuple(world._logs)
            found += detector.on_block(type(whole)(
                network=whole.network, header=whole.header, seen_at=whole.seen_at, logs=logs, state=whole.state
            ), ())  # fmt: skip
        [drain] = [one for one in found if isinstance(one, PoolDrained)]
        assert (drain.cause, drain.share, drain.by) == (cause, 0.5, None)


def test_units_that_leave_without_a_swap_were_taken() -> None:
    world = World(1)
    pool = pair(world)

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            world.transfer(WETH, pool.address, THIEF, HELD[1] // 2)
            synced(pool, (HELD[0], HELD[1] // 2))

    [drain] = drains(world, act())
    assert (drain.cause, drain.by, drain.token) == (DrainCause.TAKEN, THIEF, WETH)


def test_removed_liquidity_is_no_drain_and_what_is_swapped_out_beside_it_is_exact() -> None:
    world = World(1)
    pool, owner = pair(world), Person(world)
    owner.begin(pool, 0.5)
    reserves: list[tuple[int, ...]] = []

    def act() -> Behaviour:
        yield 0
        with world.transaction():
            owner.leave(pool)
        reserves.append(tuple(pool.reserves))
        swapped(pool, 2 * pool.reserves[0])
        reserves.append(tuple(pool.reserves))

    events = told(world, act())
    [drain] = [one for one in events if isinstance(one, PoolDrained)]
    assert (drain.before, drain.after) == (reserves[0][1], reserves[1][1])
    [removal] = [one for one in events if isinstance(one, LiquidityMoved)]
    account = [one for one in events if isinstance(one, LiquidityAccounted) and one.token == WETH][-1]
    assert account.removed == removal.amount1
    assert (
        account.removed
        == account.readded + account.to_wallets + account.to_bridges + account.open + account.unexplained
    )
    assert removal.amount1 + drain.before - drain.after == HELD[1] - reserves[1][1]
    assert drain.depth_share is not None
    assert drain.depth_share == pytest.approx(drain.share, rel=0.01)


def test_removals_and_additions_alone_are_never_drains() -> None:
    world = World(1)
    pools = [pair(world), ranged(world), vaulted(world), stable(world)]
    owners = [Person(world) for _ in pools]
    for owner, pool in zip(owners, pools, strict=True):
        owner.begin(pool, 0.9)

    def act() -> Behaviour:
        yield 0
        for owner, pool in zip(owners, pools, strict=True):
            with world.transaction():
                owner.leave(pool)
            yield 12.0
            with world.transaction():
                owner.enter(pool)
            yield 12.0

    events = told(world, act())
    assert len([one for one in events if isinstance(one, LiquidityMoved)]) == 2 * len(pools)
    assert not [one for one in events if isinstance(one, PoolDrained)]


def test_the_share_of_the_depth_counts_the_other_pools() -> None:
    world = World(1)
    pool = pair(world)
    pair(world, 0xC2)

    def act() -> Behaviour:
        yield 0
        swapped(pool, 9 * HELD[0])

    [drain] = drains(world, act())
    assert drain.depth_share == pytest.approx(drain.share / 2, rel=0.01)
