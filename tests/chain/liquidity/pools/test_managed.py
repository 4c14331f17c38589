"""Checks V4 pools with logs and storage of their manager that a real node rarely shows."""

from __future__ import annotations

import json

import pytest

from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, SlotWord, StateRead
from chain.blocks.standards import TRANSFER
from chain.events import Address
from chain.liquidity.pools import uniswap_v4
from chain.liquidity.tick_math import Q96, sqrt_price_at
from chain.watch import WatchedPool
from tests.chain.builders import address, log, topic, words

A, B, ME, FRIEND = address(0xAA), address(0xBB), address(1), address(2)
SOME = 10**20
ID = Address(topic(0xF4))


def v4(spacing: int | None = 60, positions: int | None = None) -> uniswap_v4.ManagedPool:
    position_manager = address(positions) if positions else None
    return uniswap_v4.make(
        WatchedPool(address=ID, kind="uniswap_v4", token0=A, token1=B, tick_spacing=spacing, positions=position_manager)
    )


def modify(delta: int, *, sender: int = 1, salt: int = 0) -> Log:
    body = words((-600) % (1 << 256), 600, delta % (1 << 256), salt)
    return log(uniswap_v4.POOL_MANAGER, uniswap_v4.MODIFY, ID, topic(sender), body=body)


def initialized(fee: int = 3000) -> Log:
    body = words(fee, 60, 0, Q96, 0)
    return log(uniswap_v4.POOL_MANAGER, uniswap_v4.INITIALIZE, ID, topic(int(A, 16)), topic(int(B, 16)), body=body)


@pytest.mark.parametrize(("fee", "dearer"), [(3000, 1 / 0.997), (0x800000, 1)])
def test_a_v4_pool_followed_from_its_creation_is_known_completely(fee: int, dearer: float) -> None:
    bare = uniswap_v4.make(WatchedPool(address=ID, kind="uniswap_v4"))
    begun = initialized(fee)
    assert bare.on_log(begun, [begun]) is None
    assert (bare.tokens, bare.tick(), bare.reads().state) == ((A, B), 0, frozenset())
    came = modify(SOME)
    move = bare.on_log(came, [came])
    assert move is not None
    assert (move.removed, move.share, move.owner) == (False, 1.0, ME)
    assert move.amounts == (
        SOME * (sqrt_price_at(600) - Q96) // sqrt_price_at(600),
        SOME * (Q96 - sqrt_price_at(-600)) >> 96,
    )
    settled = modify(0)
    assert bare.on_log(settled, [settled]) is None
    trades = bare.trades(100)
    assert trades is not None
    assert trades.paid1 == pytest.approx(SOME * (1.01**0.5 - 1) * dearer, rel=1e-9)
    other = v4(None)
    other.recall(json.loads(json.dumps(bare.memory())))
    assert (other.memory(), other.depth(200), other.reserves()) == (bare.memory(), bare.depth(200), bare.reserves())


def test_a_v4_pool_with_unknown_tick_spacing_still_follows_its_price() -> None:
    pool = v4(None)
    base = uniswap_v4.mapped(int(ID, 16), uniswap_v4.POOLS_SLOT)
    packed = Q96 | (5 << 160) | (1000 << 184) | (3000 << 208)
    pool.on_state(
        StateRead(
            {read: packed if isinstance(read, SlotWord) and read.slot == base else SOME for read in pool.reads().state}
        )
    )
    assert (pool.tick(), pool.depth(100), pool.reads().state) == (5, None, frozenset())
    swap = log(uniswap_v4.POOL_MANAGER, uniswap_v4.SWAP, ID, topic(1), body=words(1, 1, Q96, SOME, 7, 500))
    assert pool.on_log(swap, [swap]) is None
    assert pool.tick() == 7


def test_a_v4_positions_owner_is_the_holder_of_its_nft() -> None:
    pool = v4(positions=0x99)
    assert address(0x99) in pool.reads().addresses
    withdrawal = modify(-SOME, sender=0x99, salt=77)
    minted = log(address(0x99), TRANSFER, topic(0), topic(2), topic(77), index=1)
    burnt = log(address(0x99), TRANSFER, topic(1), topic(0), topic(77), index=1)
    for others, owner in (([], None), ([minted], FRIEND), ([burnt], ME), ([], ME)):
        move = pool.on_log(withdrawal, [*others, withdrawal])
        assert move is not None
        assert (move.removed, move.owner, move.amounts) == (True, owner, (0, 0))  # the price is not known yet
    pool.on_position_transfer(log(address(0x99), TRANSFER, topic(1), topic(2), topic(77)))
    move = pool.on_log(withdrawal, [withdrawal])
    assert move is not None
    assert move.owner == FRIEND
    other = v4(positions=0x99)
    other.recall(json.loads(json.dumps(pool.memory())))
    assert other.memory() == pool.memory()


def test_a_v4_pool_watched_after_its_creation_is_read_from_the_storage_of_its_manager() -> None:
    pool, stored = (
        v4(60),
        uniswap_v4.Storage(uniswap_v4.POOL_MANAGER, uniswap_v4.mapped(int(ID, 16), uniswap_v4.POOLS_SLOT), 60),
    )
    ticks = {-240: SOME, 240: -SOME}
    held: dict[AnyRead, int] = {SlotWord(stored.manager, stored.base): Q96 | (3000 << 208)}
    held |= dict.fromkeys(stored.basics() - held.keys(), SOME)
    for at, net in ticks.items():
        word = stored.word(at // 60 >> 8)
        held[word] = held.get(word, 0) | 1 << (at // 60) % 256
        held[stored.tick(at)] = (net % (1 << 128)) << 128 | SOME
    pool.on_state(StateRead(dict.fromkeys(stored.basics(), 0)))
    assert pool.tick() is None, "a pool that does not exist yet"
    for _ in range(3):
        pool.on_state(StateRead({read: held.get(read, 0) for read in pool.reads().state}))
    trades = pool.trades(100)
    assert pool.reads().state == frozenset()
    assert trades is not None
    assert trades.paid1 == pytest.approx(SOME * (1.01**0.5 - 1) / 0.997, rel=1e-9)
    assert pool.reserves() == pytest.approx((SOME, SOME))
