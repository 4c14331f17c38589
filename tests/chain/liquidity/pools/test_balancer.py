"""Checks Balancer's two vaults with logs and answers built from the documented signatures."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from chain.blocks.reads import AnyRead, CallBytes, StateRead
from chain.events import Address
from chain.liquidity.balancer_vault import AMPLIFICATION, WEIGHTS, VaultPool
from chain.liquidity.depth import constant_product
from chain.liquidity.pools import balancer_v2, balancer_v3
from chain.watch import WatchedPool
from tests.chain.builders import address, log, topic, words

ID = Address("0x" + "5c" * 20 + "0002" + "0" * 20)
OWN = Address("0x" + "5c" * 20)
A, B, LP = address(0xAA), address(0xBB), 7
ONE = 10**18


def answer(*numbers: int) -> bytes:
    return words(*numbers)


def array(*numbers: int) -> list[int]:
    return [len(numbers), *numbers]


def arrays(*lists: Sequence[int], between: Sequence[int] = ()) -> list[int]:
    """Returns the offsets, the words between them and the lists, and the lists."""
    head, tail = len(lists) + len(between), 0
    offsets = []
    for one in lists:
        offsets.append((head + tail) * 32)
        tail += len(one) + 1
    return [*offsets, *between, *(word for one in lists for word in array(*one))]


def shape(pool: Address, fee: str, *, weights: Sequence[int] = (), amplification: int = 0) -> dict[AnyRead, object]:
    found: dict[AnyRead, object] = {CallBytes(pool, fee): answer(3 * 10**15)}
    if weights:
        found[CallBytes(pool, WEIGHTS)] = answer(*arrays(weights))
    if amplification:
        found[CallBytes(pool, AMPLIFICATION)] = answer(amplification * 1000, 0, 1000)
    return found


def second(
    tokens: Sequence[Address], held: Sequence[int], *, weights: Sequence[int] = (), amplification: int = 0
) -> dict[AnyRead, object]:
    read = CallBytes(balancer_v2.VAULT, balancer_v2.POOL_TOKENS + ID[2:])
    found: dict[AnyRead, object] = {read: answer(*arrays([int(one, 16) for one in tokens], held, between=[5]))}
    found[CallBytes(OWN, balancer_v2.SCALES)] = answer(*arrays([ONE] * len(tokens)))
    return found | shape(OWN, balancer_v2.FEE, weights=weights, amplification=amplification)


def third(held: Sequence[int], *, weights: Sequence[int] = (), amplification: int = 0) -> dict[AnyRead, object]:
    read = CallBytes(balancer_v3.VAULT, balancer_v3.POOL_TOKEN_INFO + OWN[2:].rjust(64, "0"))
    tokens, infos = [int(A, 16), int(B, 16)], [0] * 6
    head = 4 * 32
    offsets = [head, head + 3 * 32, head + 10 * 32, head + 13 * 32]
    found: dict[AnyRead, object] = {read: answer(*offsets, *array(*tokens), 2, *infos, *array(*held), *array(*held))}
    return found | shape(OWN, balancer_v3.FEE, weights=weights, amplification=amplification)


def pool_v2() -> balancer_v2.VaultV2Pool:
    return balancer_v2.make(WatchedPool(address=ID, kind="balancer_v2"))


def pool_v3() -> balancer_v3.VaultV3Pool:
    return balancer_v3.make(WatchedPool(address=OWN, kind="balancer_v3"))


EVEN = (10**24, 4 * 10**24)


@pytest.mark.parametrize("version", [2, 3])
def test_a_weighted_pool_with_equal_weights_is_as_deep_as_a_constant_product(version: int) -> None:
    pool: VaultPool = pool_v2() if version == 2 else pool_v3()
    halves = [ONE // 2] * 2
    known = second((A, B), EVEN, weights=halves) if version == 2 else third(EVEN, weights=halves)
    assert isinstance(pool, balancer_v2.VaultV2Pool | balancer_v3.VaultV3Pool)
    pool.on_state(StateRead({read: known[read] for read in pool.reads().state if read in known}))
    assert (pool.tokens, pool.reserves(), pool.tick(), pool.trades(100)) == ((A, B), EVEN, None, None)
    exact = constant_product(*EVEN, 3000, 200).of_tokens
    assert pool.depth(200) == pytest.approx(exact, rel=1e-3)
    assert {A, B} < pool.reads().addresses
    other: VaultPool = pool_v2() if version == 2 else pool_v3()
    other.recall(json.loads(json.dumps(pool.memory())))
    assert (other.depth(500), other.memory()) == (pool.depth(500), pool.memory())


def test_a_stable_pool_leaves_its_own_token_out() -> None:
    pool = pool_v2()
    pool.on_state(StateRead(second((OWN, A, B), (2**111, *EVEN), amplification=200)))
    assert (pool.tokens, pool.reserves()) == ((A, B), EVEN)
    depth = pool.depth(200)
    assert depth is not None
    assert min(depth) > 0
    body = words(*arrays([int(one, 16) for one in (OWN, A, B)], [0, (1 << 256) - 10**23, (1 << 256) - 10**23], [0] * 3))
    withdrawal = log(balancer_v2.VAULT, balancer_v2.CHANGED, ID, topic(LP), body=body)
    move = pool.on_log(withdrawal, [withdrawal])
    assert move is not None
    assert (move.removed, move.amounts, move.owner) == (True, (10**23, 10**23), address(LP))
    assert move.share == pytest.approx(0.1)


def test_tokens_entering_the_vault_are_an_addition() -> None:
    pool = pool_v2()
    pool.on_state(StateRead(second((A, B), EVEN)))
    assert pool.depth(200) is None, "neither weights nor amplification"
    came = log(balancer_v2.VAULT, balancer_v2.CHANGED, ID, topic(LP), body=words(*arrays([1, 2], [5, 6], [0, 0])))
    move = pool.on_log(came, [came])
    assert move is not None
    assert (move.removed, move.amounts, move.before) == (False, (5, 6), None)
    still = log(balancer_v2.VAULT, balancer_v2.CHANGED, ID, topic(LP), body=words(*arrays([1, 2], [0, 0], [0, 0])))
    assert pool.on_log(still, [still]) is None
    assert pool.on_log(log(balancer_v2.VAULT, topic(9)), []) is None


def test_the_version_3_vault_states_whether_liquidity_was_added_or_removed() -> None:
    pool = pool_v3()
    pool.on_state(StateRead(third(EVEN, amplification=100)))
    at = (pool.log_source[1], topic(LP), topic(0))
    body = words(9, *[one + 32 for one in arrays([5, 6], [0, 0])[:2]], *arrays([5, 6], [0, 0])[2:])
    for word, removed in ((balancer_v3.ADDED, False), (balancer_v3.REMOVED, True)):
        vault_log = log(balancer_v3.VAULT, word, *at, body=body)
        move = pool.on_log(vault_log, [vault_log])
        assert move is not None
        assert (move.removed, move.amounts) == (removed, (5, 6))
    assert pool.on_log(log(balancer_v3.VAULT, topic(9), *at), []) is None
    nothing = log(balancer_v3.VAULT, balancer_v3.ADDED, *at, body=words(9))
    assert pool.on_log(nothing, [nothing]) is None


def test_unreadable_values_stay_unknown() -> None:
    pool = pool_v3()
    pool.on_state(StateRead({}))
    assert (pool.reserves(), pool.depth(200)) == (None, None)
    pool.on_state(StateRead(third((0, 10**20), amplification=100)))
    assert pool.depth(200) is None
