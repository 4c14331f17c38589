"""Checks pairs of Uniswap forks: their fees, their wider logs, and pairs whose depth must not be reported."""

from __future__ import annotations

import json

import pytest

from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallBytes, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.liquidity.depth import constant_product
from chain.liquidity.pool import call
from chain.liquidity.pools import uniswap_v2
from chain.liquidity.pools.uniswap_v2 import BURN, GET_RESERVES, MINT, STABLE, SYNC, WIDE_BURN, WIDE_SYNC, Pair
from chain.watch import WatchedPool
from tests.chain.builders import address, log, topic, words

PAIR, A, B = address(0xF0), address(0xAA), address(0xBB)
OWNER, ROUTER, FEE_TO = address(1), address(2), address(3)
HELD = (10**24, 4 * 10**21)


def pair(fee_ppm: int | None = None) -> Pair:
    return uniswap_v2.make(WatchedPool(address=PAIR, kind="uniswap_v2", token0=A, token1=B, fee_ppm=fee_ppm))


def answers(stable: int | None) -> dict[AnyRead, object]:
    found: dict[AnyRead, object] = {
        CallBytes(PAIR, GET_RESERVES): words(*HELD, 7),
    }
    return found if stable is None else found | {call(PAIR, STABLE): stable}


def passed(sender: int | str, receiver: int | str, amount: int, index: int) -> Log:
    holders = [topic(int(one, 16) if isinstance(one, str) else one) for one in (sender, receiver)]
    return log(PAIR, TRANSFER, *holders, body=words(amount), index=index)


@pytest.mark.parametrize(("fee", "ppm"), [(None, 3000), (2500, 2500), (0, 0)])
def test_the_depth_of_a_fork_uses_its_own_fee(fee: int | None, ppm: int) -> None:
    one = pair(fee)
    one.on_state(StateRead(answers(None)))
    assert one.trades(200) == constant_product(*HELD, ppm, 200)
    assert one.reads().state == frozenset()


def test_a_pair_with_a_wide_sync_log_that_is_not_stable_is_followed_as_any_other() -> None:
    one = pair()
    sync = log(PAIR, WIDE_SYNC, body=words(5, 5))
    assert one.on_log(sync, [sync]) is None
    assert one.depth(200) is None, "nothing says yet what kind of pair it is"
    one.on_state(StateRead(answers(0)))
    after = (HELD[0] // 2, HELD[1] // 2)
    logs = [
        passed(1, 2, 9, 0), passed(2, PAIR, 9, 1), passed(PAIR, 0, 9, 2), log(PAIR, WIDE_SYNC, body=words(*after), index=3),
        log(PAIR, WIDE_BURN, topic(2), topic(1), body=words(*after), index=4),
    ]  # fmt: skip
    moves = [one.on_log(each, logs) for each in logs]
    move = moves[-1]
    assert moves[:-1] == [None] * 4
    assert move is not None
    assert (move.removed, move.amounts, move.share, move.owner) == (True, after, 0.5, OWNER)
    assert move.before == constant_product(*HELD, 3000, 200).of_tokens


def test_moves_of_a_stable_pair_are_reported_and_its_depth_is_not() -> None:
    one = pair()
    one.on_state(StateRead(answers(1)))
    assert (one.depth(200), one.trades(200), one.reserves()) == (None, None, HELD)
    more = (HELD[0] + 10, HELD[1] + 10)
    logs = [log(PAIR, WIDE_SYNC, body=words(*more), index=1), log(PAIR, MINT, topic(2), body=words(10, 10), index=2)]
    move = [one.on_log(each, logs) for each in logs][-1]
    assert move is not None
    assert (move.before, move.after, move.amounts) == (None, None, (10, 10))
    again = pair()
    again.recall(json.loads(json.dumps(one.memory())))
    assert (again.memory(), again.reads().state, again.depth(200)) == (one.memory(), frozenset(), None)


def test_a_narrow_sync_can_only_be_a_constant_product() -> None:
    one = pair()
    sync = log(PAIR, SYNC, body=words(*HELD))
    one.on_log(sync, [sync])
    assert one.reads().state == frozenset()
    assert one.depth(200) == constant_product(*HELD, 3000, 200).of_tokens


def test_pool_tokens_minted_as_a_protocol_fee_do_not_make_the_protocol_the_owner() -> None:
    one = pair()
    logs = [
        passed(NOBODY, FEE_TO, 3, 0), passed(NOBODY, OWNER, 9, 1), log(PAIR, SYNC, body=words(*HELD), index=2),
        log(PAIR, MINT, topic(2), body=words(10, 10), index=3),
    ]  # fmt: skip
    assert [one.on_log(each, logs) for each in logs][-1].owner == OWNER  # type: ignore[union-attr]
    logs = [
        passed(OWNER, PAIR, 9, 0), passed(NOBODY, FEE_TO, 3, 1), passed(PAIR, NOBODY, 9, 2),
        log(PAIR, SYNC, body=words(*HELD), index=3), log(PAIR, BURN, topic(2), topic(7), body=words(10, 10), index=4),
    ]  # fmt: skip
    assert [one.on_log(each, logs) for each in logs][-1].owner == OWNER  # type: ignore[union-attr]
    bare = log(PAIR, BURN, topic(2), topic(7), body=words(10, 10))
    assert one.on_log(bare, [bare]).owner == address(7)  # type: ignore[union-attr]


def test_donated_or_skimmed_reserves_are_not_liquidity() -> None:
    one = pair()
    for held in (HELD, (HELD[0] * 2, HELD[1])):
        sync = log(PAIR, SYNC, body=words(*held))
        assert one.on_log(sync, [sync]) is None
        assert one.reserves() == held
