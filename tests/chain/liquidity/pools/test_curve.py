"""Checks Curve pools. No package ships them: logs and answers are built from the documented signatures (curve-contract)."""

from __future__ import annotations

import json

import pytest

from chain.blocks.reads import AnyRead, StateRead
from chain.blocks.standards import TRANSFER
from chain.events import Address
from chain.liquidity.pool import call
from chain.liquidity.pools import curve
from chain.liquidity.pools.curve import BALANCES, COINS, DECIMALS, GAMMA, NATIVE, OLD_BALANCES, OLD_COINS, CurvePool
from chain.watch import WatchedPool
from tests.chain.builders import address, log, topic, words

POOL, LP = address(0xC0), address(1)
DAI, USDC, USDT = address(0xA1), address(0xA2), address(0xA3)
DIGITS = {DAI: 18, USDC: 6, USDT: 6}
TWO = "0x7c363854ccf79623411f8995b362bce5eddff18c927edc6f5dbbb5e05819a82c"
THREE_ADDED = "0x423f6495a08fc652425cf4ed0d1f9e37e571d9b9529b1c1c23cce780b2e7df0d"
THREE_REMOVED = "0xa49d4cf02656aebf8c771f5a8585638a2a15ee6c97cf7205d4208ed7c1df252d"
ANY_REMOVED = "0x347ad828e58cbe534d8f6b67985d791360756b18f0d95fd9f197a66cc46480ea"


def state(
    balances: dict[Address, int], *, old: bool = False, more: dict[AnyRead, object] | None = None
) -> dict[AnyRead, object]:
    found: dict[AnyRead, object] = {call(POOL, curve.AMPLIFICATION): 2000, call(POOL, curve.FEE): 4 * 10**6}
    for at, (coin, held) in enumerate(balances.items()):
        found[call(POOL, OLD_COINS if old else COINS, at)] = int(coin, 16)
        found[call(POOL, OLD_BALANCES if old else BALANCES, at)] = held
        if coin != NATIVE:
            found[call(coin, DECIMALS)] = DIGITS[coin]
    return found | (more or {})


def learnt(balances: dict[Address, int], *, old: bool = False, more: dict[AnyRead, object] | None = None) -> CurvePool:
    pool = curve.make(WatchedPool(address=POOL, kind="curve"))
    assert pool.reads().addresses == {POOL}
    for _ in range(2):
        known = state(balances, old=old, more=more)
        pool.on_state(StateRead({read: known[read] for read in pool.reads().state if read in known}))
    return pool


EVEN = {DAI: 10**24, USDC: 10**12, USDT: 10**12}


@pytest.mark.parametrize("old", [False, True])
def test_coins_are_read_from_the_pool_and_the_depth_is_computed(old: bool) -> None:
    pool = learnt(EVEN, old=old)
    assert pool.tokens == (DAI, USDC, USDT)
    depth = pool.depth(200)
    assert depth is not None
    assert depth[1] == pytest.approx(depth[2]) == pytest.approx(depth[0] / 10**12, rel=1e-6)
    assert depth[0] > 10**24 / 2  # a stable pool holds most of its money near its price
    assert (pool.reserves(), pool.tick(), pool.trades(200)) == (tuple(EVEN.values()), None, None)
    assert {DAI, USDC, USDT} < pool.reads().addresses


def test_all_amounts_of_a_withdrawal_are_reported() -> None:
    pool = learnt(EVEN)
    withdrawal = log(POOL, THREE_REMOVED, topic(1), body=words(10**23, 10**11, 10**11, 0, 0, 0, 9))
    move = pool.on_log(withdrawal, [withdrawal])
    assert move is not None
    assert (move.removed, move.amounts, move.owner) == (True, (10**23, 10**11, 10**11), LP)
    assert move.share == pytest.approx(0.1)
    assert move.before is not None
    assert move.after is not None
    assert move.after[0] == pytest.approx(0.9 * move.before[0], rel=1e-6)
    came = log(POOL, THREE_ADDED, topic(1), body=words(10**23, 0, 0, 0, 0, 0, 9, 9))
    back = pool.on_log(came, [came])
    assert back is not None
    assert (back.removed, back.amounts) == (False, (10**23, 0, 0))


def test_a_pool_with_any_number_of_coins_reports_its_amounts_as_a_list() -> None:
    pool = learnt(EVEN)
    withdrawal = log(POOL, ANY_REMOVED, topic(1), body=words(96, 224, 9, 3, 5, 6, 7, 3, 0, 0, 0))
    move = pool.on_log(withdrawal, [withdrawal])
    assert move is not None
    assert move.amounts == (5, 6, 7)
    broken = log(POOL, ANY_REMOVED, topic(1), body=words(96, 224, 9, 2**255))
    assert pool.on_log(broken, [broken]) is None


def test_a_single_coin_withdrawal_is_recognised_by_coin_index_or_by_transfer() -> None:
    pool = learnt(EVEN)
    named = log(POOL, curve.ONE_NAMED, topic(1), body=words(1, 10, 77, 9))
    move = pool.on_log(named, [named])
    assert move is not None
    assert move.amounts == (0, 77, 0)
    paid = log(USDT, TRANSFER, topic(int(POOL, 16)), topic(1), body=words(55))
    for form in (curve.ONE, curve.ONE_OLD):
        bare = log(POOL, form, topic(1), body=words(10, 55, 9))
        moved = pool.on_log(bare, [paid, bare])
        assert moved is not None
        assert moved.amounts == (0, 0, 55)
        assert pool.on_log(bare, [bare]) is None, "nothing says which coin it was"
    beyond = log(POOL, curve.ONE_NAMED, topic(1), body=words(9, 10, 77, 9))
    assert pool.on_log(beyond, [beyond]) is None


def test_ether_leaves_no_transfer_log() -> None:
    pool = learnt({NATIVE: 10**21, DAI: 10**21})
    bare = log(POOL, curve.ONE, topic(1), body=words(10, 55, 9))
    move = pool.on_log(bare, [bare])
    assert move is not None
    assert move.amounts == (55, 0)
    assert NATIVE not in pool.reads().addresses


def test_a_crypto_pool_is_reported_without_a_depth() -> None:
    pool = learnt({DAI: 10**21, USDC: 10**9}, more={call(POOL, GAMMA): 10**13})
    assert pool.depth(200) is None
    one = log(POOL, curve.ONE, topic(1), body=words(10, 1, 55))
    move = pool.on_log(one, [one])
    assert move is not None
    assert (move.amounts, move.before, move.after) == ((0, 55), None, None)


def test_logs_that_are_not_liquidity_or_have_another_number_of_coins_are_ignored() -> None:
    pool = learnt(EVEN)
    for other in (log(POOL, TRANSFER), log(POOL, TWO, topic(1), body=words(1, 2)), log(POOL, THREE_REMOVED, topic(1))):
        assert pool.on_log(other, [other]) is None


def test_before_the_first_successful_read_nothing_is_known() -> None:
    pool = curve.make(WatchedPool(address=POOL, kind="curve", tokens=(DAI, USDC)))
    pool.on_state(StateRead({}))
    assert pool.depth(200) is None
    two = log(POOL, TWO, topic(1), body=words(5, 6))
    move = pool.on_log(two, [two])
    assert move is not None
    assert (move.share, move.before) == (0.0, None)


def test_coins_with_unreadable_decimals_have_no_depth() -> None:
    pool = learnt(EVEN)
    other = curve.make(WatchedPool(address=POOL, kind="curve"))
    known = {read: word for read, word in state(EVEN).items() if read != call(USDC, DECIMALS)}
    for _ in range(2):
        other.on_state(StateRead(known))
    assert (other.reserves(), other.depth(200)) == (pool.reserves(), None)


def test_restored_memory_gives_the_same_pool() -> None:
    pool, other = learnt(EVEN, old=True), curve.make(WatchedPool(address=POOL, kind="curve"))
    other.recall(json.loads(json.dumps(pool.memory())))
    assert (other.memory(), other.depth(500), other.reads()) == (pool.memory(), pool.depth(500), pool.reads())
    bare = curve.make(WatchedPool(address=POOL, kind="curve"))
    other.recall(json.loads(json.dumps(bare.memory())))
    assert other.reads() == bare.reads()
