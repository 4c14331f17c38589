"""Checks where removed liquidity is now: in wallets, bridged, back in its pool or unexplained; and its level."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from chain.blocks.block import Block, Log
from chain.blocks.reads import NO_CODE, AccountDelegate, AnyRead, CodeHash
from chain.blocks.standards import NOBODY, TRANSFER
from chain.detectors import migration
from chain.detectors.migration import Migrations
from chain.events import (
    Address,
    DepthMoved,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PlacedEvent,
)
from chain.liquidity.accounting import Holders, account_of, level_of
from chain.liquidity.pools.uniswap_v3 import COLLECT
from chain.liquidity.token_flow import MAX_HOLDERS, SOMEWHERE, flows_of
from chain.watch import Watch, WatchedPool
from tests.chain.builders import START, address, block, log, topic, words

POOL, OTHER, RANGED = address(0xF00), address(0xF01), address(0xF02)
A, B, BRIDGE = address(0xAA), address(0xBB), address(0xB1)
OWNER, ROUTER, FRIEND = address(1), address(2), address(3)


def watch() -> Watch:
    kinds = {POOL: "uniswap_v2", OTHER: "uniswap_v2", RANGED: "uniswap_v3"}
    pools = tuple(WatchedPool(address=at, kind=kind, token0=A, token1=B) for at, kind in kinds.items())
    return Watch(pools=(*pools, WatchedPool(address=address(0xF9), kind="unheard_of")), bridges=(BRIDGE,))


def move(
    number: int,
    *,
    pool: Address = POOL,
    removed: bool = True,
    amounts: tuple[int, int] = (1000, 0),
    owner: Address | None = OWNER,
    transaction: int = 1,
    share: float = 0.5,
    depth: tuple[int, int] | None = None,
    after_s: float | None = None,
    tokens: tuple[Address, Address] = (A, B),
    index: int = 0,
) -> LiquidityMoved:
    at = block(number, after_s=after_s)
    moved: tuple[DepthMoved, ...] = ()
    if depth:
        moved = (
            DepthMoved(
                token=A, moved=depth[0], pool_before=depth[1], token_before=depth[1], hhi_before=1.0, hhi_after=0.5
            ),
        )
    return LiquidityMoved(
        place=at.place(log(pool, transaction=transaction, index=index)),
        seen_at=START,
        event_id=at.event_id(index, pool, str(removed)),
        pool=pool,
        pool_kind="uniswap_v2",
        token0=tokens[0],
        token1=tokens[1],
        amount0=amounts[0],
        amount1=amounts[1],
        share=share,
        removed=removed,
        owner=owner,
        depth=moved,
    )


def sent(sender: Address, receiver: Address, amount: int, *, transaction: int = 1, token: Address = A) -> Log:
    topics = (TRANSFER, topic(int(sender, 16)), topic(int(receiver, 16)))
    return log(token, *topics, body=words(amount), transaction=transaction)


def events_of(
    detector: Migrations,
    number: int,
    moves: Sequence[LiquidityMoved] = (),
    logs: Sequence[Log] = (),
    state: dict[AnyRead, object] | None = None,
    after_s: float | None = None,
) -> list[PlacedEvent]:
    return detector.on_block(block(number, *logs, state=state, after_s=after_s), moves)


def account(events: Sequence[PlacedEvent], token: Address = A) -> LiquidityAccounted:
    [found] = [one for one in events if isinstance(one, LiquidityAccounted) and one.token == token]
    assert found.removed == found.readded + found.to_wallets + found.to_bridges + found.open + found.unexplained
    return found


def no_code(*holders: Address) -> dict[AnyRead, object]:
    return {CodeHash(hand): NO_CODE for hand in holders}


def test_tokens_the_owner_received_are_in_a_wallet_and_the_remainder_is_unexplained() -> None:
    detector = migration.make(watch())
    found = account(events_of(detector, 1, [move(1)], [sent(POOL, ROUTER, 1000), sent(ROUTER, OWNER, 700)]))
    assert (found.removed, found.to_wallets, found.open, found.unexplained) == (1000, 700, 300, 0)
    later = account(events_of(detector, 2, state={CodeHash(ROUTER): 0xC0DE}))
    assert (later.removed, later.to_wallets, later.open, later.unexplained) == (1000, 700, 0, 300)
    assert (found.pool, found.depth_share, found.level, found.hhi_before) == (POOL, None, 0, None)


def test_a_wallet_is_recognised_one_block_later_by_its_missing_code() -> None:
    detector = migration.make(watch())
    assert account(events_of(detector, 1, [move(1)], [sent(POOL, FRIEND, 1000)])).open == 1000
    assert detector.reads().state == {CodeHash(FRIEND), AccountDelegate(FRIEND)}
    assert events_of(detector, 2) == [], "nothing could be read"
    assert account(events_of(detector, 3, state=no_code(FRIEND))).to_wallets == 1000
    assert detector.reads().state == frozenset()


@pytest.mark.parametrize(("delegate", "wallets"), [(5, 1000), (0, 0)])
def test_an_account_that_only_delegates_is_a_wallet_and_a_contract_is_not(delegate: int, wallets: int) -> None:
    detector = migration.make(watch())
    events_of(detector, 1, [move(1)], [sent(POOL, FRIEND, 1000)])
    events = events_of(detector, 2, state={CodeHash(FRIEND): 77, AccountDelegate(FRIEND): delegate})
    assert sum(one.to_wallets for one in events if isinstance(one, LiquidityAccounted)) == wallets


def test_tokens_sent_from_a_wallet_to_a_bridge_count_as_bridged() -> None:
    detector = migration.make(watch())
    events_of(detector, 1, [move(1)], [sent(POOL, OWNER, 1000)])
    later = [sent(OWNER, ROUTER, 400, transaction=2), sent(ROUTER, BRIDGE, 400, transaction=2)]
    found = account(events_of(detector, 2, logs=later))
    assert (found.to_wallets, found.to_bridges, found.unexplained) == (600, 400, 0)
    burnt = account(events_of(detector, 3, logs=[sent(OWNER, NOBODY, 100, transaction=3)]))
    assert (burnt.to_wallets, burnt.to_bridges) == (500, 500)


def test_tokens_that_a_contract_sends_later_are_not_attributed_to_the_owner() -> None:
    detector = migration.make(watch())
    events_of(detector, 1, [move(1)], [sent(POOL, ROUTER, 1000)])
    assert events_of(detector, 2, logs=[sent(ROUTER, BRIDGE, 1000, transaction=2)]) == []
    assert events_of(detector, 3, logs=[sent(POOL, FRIEND, 1000, transaction=3), log(A)]) == []


def test_a_v3_withdrawal_is_followed_when_it_is_collected() -> None:
    detector = migration.make(watch())
    assert account(events_of(detector, 1, [move(1, pool=RANGED)])).unexplained == 1000
    collected = [sent(RANGED, OWNER, 1010, transaction=2), log(RANGED, COLLECT, transaction=2)]
    assert account(events_of(detector, 2, logs=collected)).to_wallets == 1000


def test_an_unwrapped_coin_belongs_to_its_owner() -> None:
    detector = migration.make(watch())
    unwrapped = log(A, migration.WITHDRAWAL, topic(int(ROUTER, 16)), body=words(1000), transaction=1)
    assert account(events_of(detector, 1, [move(1)], [sent(POOL, ROUTER, 1000), unwrapped])).to_wallets == 1000
    bare = migration.make(watch())
    found = events_of(bare, 1, [move(1, owner=None)], [sent(POOL, ROUTER, 1000), unwrapped])
    assert account(found).unexplained == 1000


def test_the_native_coin_leaves_no_transfer_log_and_counts_as_its_owners() -> None:
    native = move(1, tokens=(NOBODY, B), amounts=(10, 0))
    assert account(events_of(migration.make(watch()), 1, [native]), NOBODY).to_wallets == 10
    assert flows_of(move(1, tokens=(NOBODY, B), amounts=(10, 0), owner=None), POOL)[0].held == {"native": 10}


def test_an_account_counts_each_unit_in_one_place() -> None:
    detector = migration.make(watch())
    into = [sent(POOL, ROUTER, 1000), sent(ROUTER, OTHER, 600), sent(ROUTER, OWNER, 250)]
    there = move(1, pool=OTHER, removed=False, amounts=(600, 0), index=1)
    events = events_of(detector, 1, [move(1, depth=(50, 100)), there], into)
    found = account(events)
    assert (found.readded, found.to_wallets, found.open, found.unexplained) == (600, 250, 150, 0)
    assert (found.depth_share, found.level, found.hhi_before, found.hhi_after) == (0.5, 2, 1.0, 0.5)
    [one] = [event for event in events if isinstance(event, LiquidityMigrated)]
    assert (one.amount, one.depth_share, one.from_kind, one.to_kind) == (600, 0.3, "uniswap_v2", "uniswap_v2")


def test_a_rebalancing_appears_in_no_account() -> None:
    detector = migration.make(watch())
    back = move(1, removed=False, index=1)
    assert events_of(detector, 1, [move(1), back]) == []
    part = migration.make(watch())
    found = account(events_of(part, 1, [move(1, depth=(80, 100)), move(1, removed=False, amounts=(500, 0), index=1)]))
    assert (found.removed, found.depth_share) == (500, 0.4)


def test_just_in_time_liquidity_removes_no_more_than_it_added() -> None:
    came = move(1, removed=False, amounts=(100, 0), share=0.0)
    detector = migration.make(watch())
    assert events_of(detector, 1, [came]) == []
    assert events_of(detector, 2, [move(2, amounts=(105, 0), share=0.0)]) == []
    other = migration.make(watch())
    events_of(other, 1, [came])
    assert account(events_of(other, 2, [move(2, amounts=(10_000, 0), share=0.9)])).removed == 10_000
    ranged = migration.make(watch())
    events_of(ranged, 1, [move(1, removed=False, amounts=(100, 0), share=0.4)])
    assert events_of(ranged, 2, [move(2, amounts=(80, 30), share=0.3)]) == [], (
        "the price turned some into the other token"
    )
    strange = migration.make(watch())
    events_of(strange, 1, [came])
    assert account(events_of(strange, 2, [move(2, owner=FRIEND, amounts=(90, 0))])).removed == 90


def test_a_known_migrator_on_the_path_is_remembered() -> None:
    [migrator] = migration.MIGRATORS
    there = move(1, pool=OTHER, removed=False, amounts=(10, 0), owner=FRIEND, index=1)
    scores = []
    for by in (ROUTER, Address(migrator)):
        events = events_of(migration.make(watch()), 1, [move(1, amounts=(1000, 0)), there], [sent(POOL, by, 1000)])
        scores += [one.score for one in events if isinstance(one, LiquidityMigrated)]
    assert scores[1] - scores[0] == pytest.approx(0.2)


def through_the_migrator(*tokens: Address, to: Address) -> list[Log]:
    [migrator] = migration.MIGRATORS
    by = Address(migrator)
    came = [sent(POOL, by, 1000, token=token) for token in (A, B)]
    return [*came, *(sent(by, to, 900, token=token) for token in tokens), sent(by, OWNER, 100), sent(by, OWNER, 100)]


def test_a_migration_into_a_pool_that_nobody_watches_is_found_and_named() -> None:
    detector, unwatched = migration.make(watch()), address(0xFAB)
    events = events_of(detector, 1, [move(1, amounts=(1000, 1000))], through_the_migrator(A, B, to=unwatched))
    found = account(events)
    assert (found.readded, found.to_wallets, found.open, found.unexplained) == (900, 100, 0, 0)
    assert found.into == ((unwatched, "unwatched pool", 900),)
    events = events_of(detector, 2, state={CodeHash(unwatched): 0xC0DE})
    assert [one for one in events if isinstance(one, LiquidityAccounted)] == [], "it is a contract, as a pool is"
    again = migration.make(watch())
    again.recall(detector.memory())
    assert again.memory() == detector.memory()


def test_one_token_alone_and_units_for_a_wallet_are_in_no_pool() -> None:
    alone = account(events_of(migration.make(watch()), 1, [move(1, amounts=(1000, 1000))],
                              through_the_migrator(A, to=ROUTER)))  # fmt: skip
    assert (alone.readded, alone.open) == (0, 900)
    detector = migration.make(watch())
    events_of(detector, 1, [move(1, amounts=(1000, 1000))], through_the_migrator(A, B, to=FRIEND))
    later = account(events_of(detector, 2, state=no_code(FRIEND)))
    assert (later.readded, later.to_wallets) == (0, 1000)


def test_no_other_contract_is_taken_for_a_pool() -> None:
    logs = [sent(POOL, ROUTER, 1000, token=token) for token in (A, B)]
    logs += [sent(ROUTER, address(0xFAB), 1000, token=token) for token in (A, B)]
    found = account(events_of(migration.make(watch()), 1, [move(1, amounts=(1000, 1000))], logs))
    assert (found.readded, found.open) == (0, 1000)


def test_a_removal_older_than_an_hour_is_in_no_account() -> None:
    detector = migration.make(watch())
    events_of(detector, 1, [move(1, after_s=0)], after_s=0)
    late = move(9, pool=OTHER, amounts=(7, 0), owner=FRIEND, after_s=4000)
    assert account(events_of(detector, 9, [late], after_s=4000)).removed == 7
    assert events_of(detector, 10, logs=[sent(OWNER, BRIDGE, 1)], after_s=4012) == []


def test_the_memory_of_holders_and_codes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    [side] = flows_of(move(1, amounts=(10_000, 0)), POOL)
    for at in range(MAX_HOLDERS + 4):
        assert side.passed(POOL, address(0x100 + at), 100 + at) == 100 + at
    assert len(side.held) == MAX_HOLDERS
    assert sum(side.held.values()) == 10_000
    assert SOMEWHERE in side.held
    assert SOMEWHERE not in side.holders
    assert side.passed(POOL, POOL, 1) == 1, "to itself: nothing changes"
    monkeypatch.setattr(migration, "MAX_CODES", 2)
    detector = migration.make(watch())
    holders = [address(0x200 + at) for at in range(3)]
    events_of(detector, 1, [move(1)], [sent(POOL, hand, 300) for hand in holders])
    events_of(detector, 2, state=no_code(*holders))
    assert len(detector.reads().state) == 2, "the oldest of three is asked about again"


def test_levels_follow_the_share_of_the_depth() -> None:
    assert [level_of(share) for share in (None, 0.1, 0.2, 0.4, 0.7, 1.0)] == [0, 0, 1, 2, 3, 3]
    assert account_of([], Holders()) is None


def test_reading_a_block_again_gives_the_same_events() -> None:
    first, again = migration.make(watch()), migration.make(watch())
    events_of(first, 1, [move(1)], [sent(POOL, OWNER, 1000)])
    again.recall(first.memory())
    later: Block = block(2, sent(OWNER, BRIDGE, 10, transaction=2))
    assert first.on_block(later, ()) == again.on_block(later, ())
    assert first.memory() == again.memory()
    assert START + timedelta(seconds=2) == later.header.time


def test_money_is_fungible_whichever_removal_its_units_came_from() -> None:
    detector = migration.make(watch())
    first, second = move(1, amounts=(100, 0)), move(2, pool=RANGED, amounts=(1000, 0), transaction=2)
    events_of(detector, 1, [first], [sent(POOL, OWNER, 100)])
    events_of(detector, 2, [second], [sent(RANGED, OWNER, 1000, transaction=2)])
    there = move(3, pool=OTHER, removed=False, amounts=(1000, 0), transaction=3)
    found = account(events_of(detector, 3, [there], [sent(OWNER, OTHER, 1000, transaction=3)]))
    assert (found.readded, found.to_wallets, found.unexplained) == (1000, 100, 0)
    assert found.into == ((OTHER, "uniswap_v2", 1000),)


def test_tokens_sold_in_another_pool_match_no_later_addition_to_it() -> None:
    detector = migration.make(watch())
    events_of(detector, 1, [move(1)], [sent(POOL, OWNER, 1000)])
    assert account(events_of(detector, 2, logs=[sent(OWNER, OTHER, 600, transaction=2)])).unexplained == 600
    later = move(3, pool=OTHER, removed=False, amounts=(600, 0), owner=FRIEND, transaction=3)
    assert events_of(detector, 3, [later]) == []


def test_a_payout_of_an_exchange_is_not_the_money_deposited_there() -> None:
    detector = migration.make(watch())
    exchange, customer = address(0x51), address(0x52)
    events_of(detector, 1, [move(1)], [sent(POOL, OWNER, 1000)])
    events_of(detector, 2, logs=[sent(OWNER, exchange, 1000, transaction=2)])
    events_of(detector, 3, state=no_code(exchange))
    events_of(detector, 4, logs=[sent(exchange, customer, 900, transaction=4)])
    events_of(detector, 5, state=no_code(customer))
    there = move(6, pool=OTHER, removed=False, amounts=(900, 0), owner=customer, transaction=6)
    events = events_of(detector, 6, [there], [sent(customer, OTHER, 900, transaction=6)])
    assert events == [], "neither matched nor sold: it still is in wallets, as far as anyone can tell"


def test_an_addition_before_the_removal_contains_none_of_its_money() -> None:
    detector = migration.make(watch())
    before = move(1, pool=OTHER, removed=False, transaction=1)
    events = events_of(detector, 1, [before, move(1, transaction=2, index=5)], [sent(POOL, OWNER, 1000, transaction=2)])
    assert not [one for one in events if isinstance(one, LiquidityMigrated)]
    borrowed = migration.make(watch())
    together = events_of(borrowed, 1, [before, move(1, transaction=1, index=5)], [sent(POOL, OWNER, 1000)])
    assert [one.amount for one in together if isinstance(one, LiquidityMigrated)] == [1000]
