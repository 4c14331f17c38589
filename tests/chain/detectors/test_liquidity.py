from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallBytes, Reads, SlotWord
from chain.blocks.standards import TRANSFER
from chain.detectors import liquidity as liquidity_module
from chain.detectors import migration
from chain.detectors.liquidity import Liquidity
from chain.events import Address, LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PlacedEvent, PoolDepth
from chain.liquidity.pools import uniswap_v3, uniswap_v4
from chain.liquidity.pools.uniswap_v2 import BURN, GET_RESERVES, MINT, SYNC
from chain.sync.detector_set import DetectorSet
from chain.watch import Watch, WatchedPool
from tests.branches import Reached
from tests.chain.builders import START, address, block, log, topic, words

POOL, OTHER, A, B = address(0xF00), address(0xF01), address(0xAA), address(0xBB)
OWNER, ROUTER, UNRELATED = address(1), address(2), address(3)


def watch() -> Watch:
    bare = WatchedPool(address=address(0xF02), kind="uniswap_v2")
    known = [WatchedPool(address=one, kind="uniswap_v2", token0=A, token1=B) for one in (POOL, OTHER)]
    return Watch(pools=(*known, bare))


def removal(*before: Log, amounts: tuple[int, int] = (50, 50)) -> Log:
    return log(POOL, BURN, topic(2), topic(2), body=words(*amounts), index=9)


def moves(*logs: Log) -> list[LiquidityMoved]:
    found = liquidity_module.make(watch()).on_block(block(1, *logs), ())
    return [event for event in found if isinstance(event, LiquidityMoved)]


def sync(x: int, y: int) -> Log:
    return log(POOL, SYNC, body=words(x, y), index=8)


def transfer(sender: Address, receiver: Address) -> Log:
    return log(POOL, TRANSFER, topic(int(sender, 16)), topic(int(receiver, 16)), index=5)


def test_a_removal_is_a_share_of_the_reserves_before_it_and_its_owner_sent_the_tokens() -> None:
    [moved] = moves(
        transfer(UNRELATED, ROUTER), transfer(OWNER, POOL), transfer(POOL, address(0)), sync(150, 350), removal()
    )
    assert (moved.removed, moved.share, moved.owner, moved.amount0, moved.amount1) == (True, 0.25, OWNER, 50, 50)


def test_a_removal_without_transfer_or_sync_uses_its_own_amounts() -> None:
    [moved] = moves(removal())
    assert (moved.share, moved.owner) == (0.0, ROUTER)


def test_a_transferred_position_belongs_to_its_new_holder() -> None:
    position_manager, number = address(0x99), topic(77)
    pool = WatchedPool(address=POOL, kind="uniswap_v3", token0=A, token1=B, positions=position_manager)
    detector = liquidity_module.make(Watch(pools=(pool,)))
    span = (topic(int(position_manager, 16)), topic(0), topic(60))
    made = [
        log(POOL, uniswap_v3.MINT, *span, body=words(9, 500, 5, 6), index=1),
        log(position_manager, TRANSFER, topic(0), topic(1), number, index=2),
        log(position_manager, uniswap_v3.INCREASE, number, body=words(500, 5, 6), index=3),
    ]
    detector.on_block(block(1, *made), ())
    detector.on_block(
        block(2, log(position_manager, TRANSFER, topic(1), topic(3), number), log(position_manager), log(A, TRANSFER)),
        (),
    )
    withdrawal = [
        log(POOL, uniswap_v3.BURN, *span, body=words(500, 5, 6), index=1),
        log(position_manager, uniswap_v3.DECREASE, number, body=words(500, 5, 6), index=2),
    ]
    [moved] = [one for one in detector.on_block(block(3, *withdrawal), ()) if isinstance(one, LiquidityMoved)]
    assert (moved.removed, moved.owner) == (True, UNRELATED)


def test_an_addition_belongs_to_the_receiver_of_the_pool_tokens() -> None:
    added = log(POOL, MINT, topic(2), body=words(100, 0), index=9)
    [moved] = moves(transfer(address(0), OWNER), transfer(address(0), address(0)), sync(300, 500), added)
    assert (moved.removed, moved.share, moved.owner, moved.amount0) == (False, 0.5, OWNER, 100)
    assert moves(sync(100, 0), added)[0].owner is None


def test_the_first_addition_to_a_pool_has_a_share_of_one() -> None:
    assert moves(sync(100, 100), log(POOL, MINT, topic(2), body=words(100, 100)))[0].share == 1.0


def test_other_pools_and_other_transactions_do_not_count() -> None:
    elsewhere = log(POOL, SYNC, body=words(1, 1), transaction=7)
    [moved] = moves(elsewhere, log(address(0xF02), BURN), log(POOL), removal())
    assert moved.share == 0.0


def test_a_depth_is_reported_when_known_and_again_after_a_change_of_a_tenth() -> None:
    detector = liquidity_module.make(watch())
    reported: list[PoolDepth] = []
    for number, held in enumerate((1000, None, 1050, 2000, 2000, None)):
        logs = [] if held is None else [sync(held * 1000, held * 1000)]
        found = detector.on_block(block(number, *logs), ())
        reported += [event for event in found if isinstance(event, PoolDepth)]
    assert [event.place.block_number for event in reported] == [1, 3]
    [first, second] = reported
    assert (first.pool, first.tick, [one.token for one in first.tokens]) == (POOL, None, [A, B])
    assert [one.reserve for one in second.tokens] == [2_000_000, 2_000_000]
    near = second.tokens[0]
    assert 0 < near.within_1 < near.within_2 < near.within_5
    assert near.share == 1.0, "the other pool is not known yet"


def depths(found: list[PlacedEvent]) -> list[PoolDepth]:
    return [event for event in found if isinstance(event, PoolDepth)]


def test_a_depth_says_what_each_token_sells_for_until_its_price_has_fallen_by_1_and_5_percent() -> None:
    detector = liquidity_module.make(watch())
    detector.on_block(block(0, sync(10**9, 4 * 10**9)), ())
    [depth] = depths(detector.on_block(block(1), ()))
    one, other = depth.tokens
    # x·y is constant: the reserve that is bought shrinks by the root of the price, and 0.3 % of what is paid is the fee;
    # the second token's price falls while the first one's rises by 1 or 5 %
    for token, held, bought, prices in (
        (one, 10**9, 4 * 10**9, (0.99, 0.95)),
        (other, 4 * 10**9, 10**9, (1 / 1.01, 1 / 1.05)),
    ):
        for price, sold, got in zip(prices, (token.sold_1, token.sold_5), (token.got_1, token.got_5), strict=True):
            assert sold == pytest.approx(held * (1 / price**0.5 - 1) / 0.997, rel=1e-4)
            assert got == pytest.approx(bought * (1 - price**0.5), rel=1e-4)


def test_a_depth_that_does_not_change_is_repeated_each_hour_also_after_a_restart() -> None:
    detector = liquidity_module.make(watch())
    detector.on_block(block(0, sync(10**9, 10**9), after_s=0.0), ())
    numbers = []
    for number in (1, 2, 299, 301, 302, 600, 601):  # a block each 12 s
        if number == 302:
            memory = detector.memory()
            detector = liquidity_module.make(watch())
            detector.recall(memory)
        numbers += [
            event.place.block_number for event in depths(detector.on_block(block(number, after_s=12.0 * number), ()))
        ]
    assert numbers == [1, 301, 601]


def test_a_memory_without_what_was_sold_is_reported_anew() -> None:
    detector = liquidity_module.make(watch())
    for number in (0, 1):
        detector.on_block(block(number, sync(10**9, 10**9)), ())
    parts = {at: json.loads(part) for at, part in detector.parts().items()}
    detector.recall_parts(
        {at: json.dumps(part[:4] if isinstance(part, list) else part).encode() for at, part in parts.items()}
    )
    assert len(depths(detector.on_block(block(2), ()))) == 1
    assert depths(detector.on_block(block(3), ())) == []


def test_reserves_stay_valid_until_new_ones_are_read_and_other_reads_change_nothing() -> None:
    detector = liquidity_module.make(watch())
    read = CallBytes(POOL, GET_RESERVES)
    state: dict[AnyRead, object] = {read: words(1_000_000, 1_000_000, 7)}
    reported: list[PlacedEvent] = []
    reads: list[dict[AnyRead, object]] = [state, {SlotWord(OTHER, 8): 5}, {}, state]
    for number, held in enumerate(reads):
        reported += detector.on_block(block(number, state=held), ())
    [depth] = reported
    assert isinstance(depth, PoolDepth)
    assert (depth.place.block_number, [one.reserve for one in depth.tokens]) == (1, [1_000_000, 1_000_000])


def test_the_depth_of_a_token_sums_two_pools_and_a_move_is_compared_with_both() -> None:
    detector = liquidity_module.make(watch())
    there = log(OTHER, SYNC, body=words(3_000_000, 3_000_000), index=1)
    detector.on_block(block(1, there, sync(1_000_000, 1_000_000)), ())
    withdrawal = [sync(500_000, 500_000), removal(amounts=(500_000, 500_000))]
    [moved] = [event for event in detector.on_block(block(2, *withdrawal), ()) if isinstance(event, LiquidityMoved)]
    [depth, _] = moved.depth
    assert depth.moved / depth.pool_before == pytest.approx(0.5, rel=1e-3)
    assert depth.moved / depth.token_before == pytest.approx(1 / 8, rel=1e-3)
    assert depth.hhi_before == pytest.approx(0.75**2 + 0.25**2, rel=1e-3)
    assert depth.hhi_after > depth.hhi_before


def test_a_move_of_unknown_tokens_is_not_reported() -> None:
    key = Address(topic(0xF4))
    manager = uniswap_v4.POOL_MANAGER
    detector = liquidity_module.make(Watch(pools=(WatchedPool(address=key, kind="uniswap_v4"),)))
    withdrawal = log(manager, uniswap_v4.MODIFY, key, topic(1), body=words(0, 60, 5, 0))
    assert detector.on_block(block(1, withdrawal, log(manager, topic(9), topic(9))), ()) == []
    other = liquidity_module.make(watch())
    other.recall(detector.memory())
    assert other.on_block(block(2), ()) == []


def test_without_pools_nothing_is_read() -> None:
    detector = Liquidity(Watch())
    detector.recall(detector.memory())
    assert detector.reads() == Reads()
    assert liquidity_module.make(watch()).reads().addresses == {POOL, OTHER, A, B}


def move(
    number: int,
    *,
    pool: Address = POOL,
    removed: bool = True,
    amount: int = 100,
    owner: Address | None = OWNER,
    transaction: int = 1,
    after_s: float = 0,
    index: int = 0,
) -> LiquidityMoved:
    at = block(number, after_s=after_s)
    return LiquidityMoved(
        place=at.place(log(pool, transaction=transaction, index=index)),
        seen_at=START,
        event_id=at.event_id(index, pool),
        pool=pool,
        pool_kind="uniswap_v2",
        token0=A,
        token1=B,
        amount0=amount,
        amount1=0,
        share=0.5,
        removed=removed,
        owner=owner,
    )


def migrated(detector: migration.Migrations, *events: LiquidityMoved) -> list[LiquidityMigrated]:
    last = events[-1].place
    after_s = (last.block_time - START).total_seconds()
    found: list[PlacedEvent] = detector.on_block(block(last.block_number, after_s=after_s), events)
    return [event for event in found if isinstance(event, LiquidityMigrated)]


def there(number: int, amount: int = 100, **words: object) -> LiquidityMoved:
    return move(number, pool=OTHER, removed=False, amount=amount, index=1, **words)  # type: ignore[arg-type]


def test_liquidity_that_the_same_owner_moves_to_another_pool_is_a_migration() -> None:
    detector = migration.make(watch())
    assert migrated(detector, move(1)) == []
    [found] = migrated(detector, there(5, transaction=2, after_s=600))
    assert (found.token, found.from_pool, found.to_pool, found.amount, found.share) == (A, POOL, OTHER, 100, 0.5)
    assert found.score == pytest.approx(0.4 + 0.25 + 0.25 * 2 ** (-1 / 6))


def test_a_migration_by_a_migrator_contract_is_recognised_by_its_transaction() -> None:
    [found] = migrated(migration.make(watch()), move(1), there(1, owner=ROUTER))
    assert found.amount == 100


def test_another_owner_in_another_transaction_is_not_a_migration() -> None:
    assert migrated(migration.make(watch()), move(1), there(1, owner=UNRELATED, transaction=2)) == []


def test_unknown_owners_are_not_the_same_owner() -> None:
    assert migrated(migration.make(watch()), move(1, owner=None), there(1, owner=None, transaction=2)) == []


def test_each_unit_is_used_once() -> None:
    detector = migration.make(watch())
    found = migrated(detector, move(1), there(1, 60), there(1, 60))
    assert [one.amount for one in found] == [60, 40]
    assert migrated(detector, there(2, 60)) == []


def test_liquidity_that_returns_to_its_own_pool_is_a_rebalancing() -> None:
    detector = migration.make(watch())
    assert migrated(detector, move(1), move(1, removed=False, index=1)) == []
    assert migrated(detector, there(2)) == []


def test_just_in_time_liquidity_counts_as_neither() -> None:
    detector = migration.make(watch())
    migrated(detector, move(1, removed=False), there(1, 7, owner=UNRELATED))
    migrated(detector, move(2))
    assert migrated(detector, there(3)) == []


def test_after_the_horizon_a_removal_is_forgotten() -> None:
    detector = migration.make(watch())
    migrated(detector, move(1))
    migrated(detector, there(2, owner=UNRELATED, transaction=5, after_s=migration.HORIZON_S + 1))
    assert json.loads(detector.memory())["removals"] == []


def test_restored_memory_gives_the_same_match_again() -> None:
    detector = migration.make(watch())
    migrated(detector, move(1, amount=2**200))
    memory = detector.memory()
    first = migrated(detector, there(2, 2**200))
    detector.recall(memory)
    assert migrated(detector, there(2, 2**200)) == first
    assert detector.reads().addresses == {A, B}
    assert migration.make(Watch()).reads() == Reads()


def test_blocks_without_moves_do_not_change_the_memory() -> None:
    detector = migration.make(watch())
    migrated(detector, move(1))
    memory = detector.memory()
    assert detector.on_block(block(9), ()) == []
    assert detector.memory() == memory


some_migrates = Reached("something migrates")


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 1000)), max_size=20))
def test_the_migrated_amount_never_exceeds_the_removed_or_added_amount(steps: list[tuple[bool, int]]) -> None:
    detector = migration.make(watch())
    events = [
        move(1, amount=amount, index=index)
        if removed
        else move(1, pool=OTHER, removed=False, amount=amount, index=index)
        for index, (removed, amount) in enumerate(steps)
    ]
    total = sum(one.amount for one in migrated(detector, *events)) if events else 0
    some_migrates(total > 0)
    assert total <= sum(amount for removed, amount in steps if removed)
    assert total <= sum(amount for removed, amount in steps if not removed)


def test_the_detector_set_runs_all_detectors_and_restores_their_memories() -> None:
    detectors = DetectorSet(watch())
    before = detectors.memory()
    assert POOL in detectors.reads().addresses
    found = detectors.on_block(block(1, transfer(OWNER, POOL), sync(150, 350), removal()))
    assert [type(event) for event in found] == [LiquidityMoved, LiquidityAccounted, LiquidityAccounted]
    assert detectors.memory() != before
    detectors.recall({name: memory for name, memory in before.items() if name != "migration"})
    assert detectors.memory() == before


def test_only_a_watched_pool_can_be_inspected() -> None:
    detector = liquidity_module.make(watch())
    assert detector.pool(POOL).tokens == (A, B)
    with pytest.raises(KeyError):
        detector.pool(UNRELATED)
