"""Checks V3 and V4 pools with logs and answers that a real node rarely gives."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallBytes, StateRead
from chain.blocks.standards import TRANSFER
from chain.liquidity.concentrated import MAX_TICKS, Basics, Ticks
from chain.liquidity.depth import Spot
from chain.liquidity.pool import MAX_POSITIONS, call
from chain.liquidity.pools import uniswap_v3
from chain.liquidity.pools.uniswap_v3 import BURN, COLLECT, DECREASE, INCREASE, LIQUIDITY, MINT, SLOT0, Reading
from chain.liquidity.tick_math import MAX_TICK, Q96, sqrt_price_at
from chain.watch import WatchedPool
from tests.chain.builders import address, log, topic, words

POOL, A, B, MANAGER = address(0xF0), address(0xAA), address(0xBB), uniswap_v3.POSITION_MANAGER
ME, FRIEND = address(1), address(2)
SOME = 10**20


def answer(*numbers: int) -> bytes:
    return words(*(one % (1 << 256) for one in numbers))


def chain(ticks: Mapping[int, int], *, tick: int = 0, spacing: int = 60) -> dict[AnyRead, object]:
    """Returns the answers of a pool at the middle of a tick."""
    price = sqrt_price_at(tick)
    active = sum(net for at, net in ticks.items() if at <= tick)
    found: dict[AnyRead, object] = {
        CallBytes(POOL, SLOT0): answer(price, tick, 0, 0, 0, 0, 1),
        call(POOL, LIQUIDITY): active,
        call(POOL, uniswap_v3.SPACING): spacing,
        call(POOL, uniswap_v3.FEE): 3000,
    }
    reading = Reading(POOL)
    for position in range(-60, 60):
        bits = {at // spacing - position * 256 for at in ticks if at // spacing >> 8 == position}
        found[reading.word(position)] = sum(1 << bit for bit in bits)
    for at, net in ticks.items():
        found[reading.tick(at)] = answer(abs(net), net, 0, 0, 0, 0, 0, 1)
    return found


def learnt(known: Mapping[AnyRead, object], rounds: int = 3) -> uniswap_v3.ConcentratedPool:
    pool = uniswap_v3.make(WatchedPool(address=POOL, kind="uniswap_v3", token0=A, token1=B))
    for _ in range(rounds):
        pool.on_state(StateRead({read: known[read] for read in pool.reads().state if read in known}))
    return pool


WIDE = {-6000: SOME, 6000: -SOME}


def test_a_pool_is_read_in_three_steps_and_not_again() -> None:
    pool = learnt(chain(WIDE | {-120: SOME, 120: -SOME}), rounds=2)
    assert pool.depth(100) is None
    assert len(pool.reads().state) == 2  # the ticks found near the price
    pool = learnt(chain(WIDE | {-120: SOME, 120: -SOME}))
    assert (pool.reads().state, pool.tick(), pool.tokens) == (frozenset(), 0, (A, B))
    assert pool.reserves() == (2 * SOME, 2 * SOME)
    near, far = pool.depth(100), pool.depth(500)
    assert near is not None
    assert far is not None
    assert near[0] < far[0] < 5 * near[0]


def test_a_pool_with_nothing_near_its_price_has_no_ticks_to_read() -> None:
    pool = learnt(chain({-6000: SOME, 6000: -SOME}), rounds=2)
    assert pool.reads().state == frozenset()
    assert pool.depth(200) is not None


def test_unreadable_values_are_requested_again() -> None:
    known = chain(WIDE | {-120: SOME, 120: -SOME})
    pool = learnt({}, rounds=3)
    assert CallBytes(POOL, SLOT0) in pool.reads().state
    assert (pool.tick(), pool.reserves(), pool.depth(100), pool.trades(100)) == (None, None, None, None)
    pool.on_state(StateRead(known))
    pool.on_state(StateRead({}))
    pool.on_state(StateRead(known))
    waiting = pool.reads()
    pool.on_state(StateRead({}))
    assert pool.reads() == waiting
    pool.on_state(StateRead(known))
    assert pool.reads().state == frozenset()


def test_a_pool_that_is_not_initialised_is_not_known() -> None:
    known = chain(WIDE)
    assert learnt(known | {CallBytes(POOL, SLOT0): answer(0, 0)}).tick() is None
    assert uniswap_v3.make(WatchedPool(address=POOL, kind="uniswap_v3")).reads().addresses == frozenset()


def mint(lower: int, upper: int, amount: int, *, owner: int = 1, index: int = 3) -> Log:
    at = [topic(one % (1 << 256)) for one in (owner, lower, upper)]
    return log(POOL, MINT, *at, body=words(9, amount, 5, 6), index=index)


def burn(lower: int, upper: int, amount: int, *, owner: int = 1, index: int = 3) -> Log:
    at = [topic(one % (1 << 256)) for one in (owner, lower, upper)]
    return log(POOL, BURN, *at, body=words(amount, 5, 6), index=index)


def test_moves_change_the_ticks_they_touch() -> None:
    pool = learnt(chain(WIDE))
    came = mint(-600, 600, SOME)
    move = pool.on_log(came, [came])
    assert move is not None
    assert (move.removed, move.share, move.owner, move.amounts) == (False, 1.0, ME, (5, 6))
    assert move.before is not None
    assert move.after is not None
    assert move.after[0] == pytest.approx(2 * move.before[0], rel=1e-9)
    withdrawal = burn(-600, 600, SOME)
    back = pool.on_log(withdrawal, [withdrawal])
    assert back is not None
    assert (back.share, back.after) == (0.5, move.before)
    beside = burn(600, 1200, SOME)
    aside = pool.on_log(beside, [beside])
    assert aside is not None
    assert aside.share == 0.0
    fees = burn(-600, 600, 0)
    assert pool.on_log(fees, [fees]) is None


def test_a_mint_between_two_readings_is_included() -> None:
    pool = learnt(chain(WIDE | {-120: SOME, 120: -SOME}), rounds=2)
    came = mint(-60, 60, SOME)
    pool.on_log(came, [came])
    assert {Reading(POOL).tick(60), Reading(POOL).tick(-60)} <= pool.reads().state


def test_a_swap_to_a_distant_price_causes_a_read_of_the_ticks_there() -> None:
    pool = learnt(chain(WIDE))
    far = log(POOL, uniswap_v3.SWAP, topic(1), topic(1), body=words(1, 1, sqrt_price_at(5000), SOME, 5000))
    assert pool.on_log(far, [far]) is None
    assert (pool.tick(), pool.depth(500)) == (5000, None)
    assert pool.reads().state


def test_the_holder_of_the_nft_is_the_owner() -> None:
    pool = learnt(chain(WIDE))
    manager = int(MANAGER, 16)
    came = mint(-600, 600, SOME, owner=manager, index=2)
    minted = log(MANAGER, TRANSFER, topic(0), topic(1), topic(77), index=3)
    named = log(MANAGER, INCREASE, topic(77), body=words(SOME, 5, 6), index=4)
    move = pool.on_log(came, [came, minted, named])
    assert move is not None
    assert move.owner == ME
    withdrawal = burn(-600, 600, SOME // 2, owner=manager, index=2)
    less = log(MANAGER, DECREASE, topic(77), body=words(SOME, 5, 6), index=4)
    assert pool.on_log(withdrawal, [withdrawal, less]).owner == ME  # type: ignore[union-attr]
    burnt = log(MANAGER, TRANSFER, topic(2), topic(0), topic(77), index=6)
    assert pool.on_log(withdrawal, [withdrawal, less, burnt]).owner == FRIEND  # type: ignore[union-attr]


def test_the_owner_of_an_unknown_nft_is_the_account_that_collects() -> None:
    pool = learnt(chain(WIDE))
    withdrawal = burn(-600, 600, SOME // 2, owner=int(MANAGER, 16), index=2)
    less = log(MANAGER, DECREASE, topic(78), body=words(SOME, 5, 6), index=4)
    at = [topic(one % (1 << 256)) for one in (int(MANAGER, 16), -600, 600)]
    paid = log(POOL, COLLECT, *at, body=words(2, 5, 6), index=5)
    assert pool.on_log(withdrawal, [withdrawal, less, paid]).owner == FRIEND  # type: ignore[union-attr]
    assert pool.on_log(withdrawal, [withdrawal, less]).owner is None  # type: ignore[union-attr]


def test_a_position_transferred_before_its_withdrawal_belongs_to_its_new_holder() -> None:
    pool = learnt(chain(WIDE))
    came = mint(-600, 600, SOME, owner=int(MANAGER, 16), index=2)
    minted = log(MANAGER, TRANSFER, topic(0), topic(1), topic(77), index=3)
    named = log(MANAGER, INCREASE, topic(77), body=words(SOME, 5, 6), index=4)
    pool.on_log(came, [came, minted, named])
    pool.on_position_transfer(log(MANAGER, TRANSFER, topic(1), topic(2), topic(77)))
    pool.on_position_transfer(log(MANAGER, TRANSFER, topic(1), topic(9), topic(78)))  # not one of this pool
    pool.on_position_transfer(
        log(MANAGER, TRANSFER, topic(1), topic(9), body=words(5))
    )  # not a burn of an NFT position
    withdrawal = burn(-600, 600, SOME // 2, owner=int(MANAGER, 16), index=2)
    less = log(MANAGER, DECREASE, topic(77), body=words(SOME, 5, 6), index=4)
    assert pool.on_log(withdrawal, [withdrawal, less]).owner == FRIEND  # type: ignore[union-attr]
    pool.on_position_transfer(log(MANAGER, TRANSFER, topic(2), topic(0), topic(77)))  # burnt
    assert pool.on_log(withdrawal, [withdrawal, less]).owner == FRIEND  # type: ignore[union-attr]


def test_the_memory_of_owners_is_bounded_and_restored() -> None:
    pool = learnt(chain(WIDE | {-120: SOME, 120: -SOME}), rounds=2)
    for token in range(MAX_POSITIONS + 5):
        came = mint(-600, 600, 1, owner=int(MANAGER, 16), index=2)
        minted = log(MANAGER, TRANSFER, topic(0), topic(1), topic(token), index=3)
        named = log(MANAGER, INCREASE, topic(token), body=words(1, 5, 6), index=4)
        pool.on_log(came, [came, minted, named])
    plain = json.loads(json.dumps(pool.memory()))
    assert len(plain[1]) == MAX_POSITIONS
    other = learnt({})
    other.recall(plain)
    assert (other.memory(), other.reads()) == (pool.memory(), pool.reads())


def test_ticks_above_the_memory_bound_are_dropped_far_from_the_price() -> None:
    ticks = Ticks(source=Reading(POOL))
    ticks.initialise(Q96, 0, spacing=1, fee_ppm=500)
    assert (ticks.low, ticks.high) == (-MAX_TICK, MAX_TICK)
    for at in range(MAX_TICKS // 2 + 1):
        ticks.modified(-5000 - at, 5000 + at, 1)
    assert ticks.net == {}
    assert (ticks.low, ticks.high) == (-1100, 1100)
    assert ticks.share(-10_000, 10_000, 5) == 5 / ticks.reserves()[0]  # type: ignore[index]


def test_moves_of_a_pool_that_is_not_known_yet_cause_no_events() -> None:
    ticks = Ticks(source=Reading(POOL))
    ticks.modified(-60, 60, 5)
    ticks.swapped(Spot(sqrt_price=Q96, tick=0, liquidity=1))
    assert (ticks.amounts(-60, 60, SOME), ticks.share(-60, 60, 5), ticks.known) == ((0, 0), 0.0, None)
    other = Ticks(source=Reading(POOL))
    other.recall(json.loads(json.dumps(ticks.memory())))
    assert other.memory() == ticks.memory()
    ticks.known = Basics(spot=Spot(sqrt_price=Q96, tick=0, liquidity=0), spacing=0, fee_ppm=0)
    assert ticks.reads() == frozenset()
    assert ticks.share(-60, 60, 5) == 1.0
