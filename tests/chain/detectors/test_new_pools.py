"""Checks new pools of watched tokens: each form of factory's log against its published topic, and which pools are reported."""

from __future__ import annotations

import pytest

from chain.blocks.block import Log
from chain.blocks.reads import Reads
from chain.detectors import new_pools
from chain.detectors.new_pools import MAX_A_BLOCK
from chain.events import Address, PoolCreated
from chain.liquidity.factories import by_topic
from chain.watch import Watch, WatchedCollateral, WatchedContract
from tests.chain.builders import address, block, log, topic, words

FACTORY, TOKEN, OTHER, THIRD, POOL = (address(one) for one in (0xFA, 0xC0, 0xC1, 0xC2, 0xD0))
ID = topic(0x1D)
PUBLISHED = {
    "uniswap_v2": "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9",
    "uniswap_v3": "0x783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118",
    "uniswap_v4": "0xdd466e674ea557f56295e2d0218a125ea4b4f0f6f3307b95f85e6110838d6438",
    "solidly": "0xc4805696c66d7cf352fc1d6bb633ad5ee82f6cb577c453024b6e0eb8306c6fc9",
    "velodrome_v2": "0x2128d88d14c80cb081c1252a5acff7a264671bf199ce226b53788fb26065005e",
    "slipstream": "0xab0d57f0df537bb25e80245ef7748fa62353808c54d6e528a9dd20887aed9ac2",
    "algebra": "0x91ccaa7a278130b65168c3a0c8d3bcae84cf5e43704342bd3ec0b59e59c036db",
}
"""The first topics, as explorers and indexers print them."""
WATCH = Watch(tokens=(TOKEN,), factories=(FACTORY,))


def created(kind: str, token0: Address = OTHER, token1: Address = TOKEN, index: int = 0) -> Log:
    """The log of a new pool as this form of factory writes it."""
    pair, at = [topic(int(token0, 16)), topic(int(token1, 16))], int(POOL, 16)
    topics, body = {
        "uniswap_v2": (pair, words(at, 7)),
        "uniswap_v3": ([*pair, topic(3000)], words(60, at)),
        "uniswap_v4": ([ID, *pair], words(3000, 60, 0, 1 << 96, 0)),
        "solidly": (pair, words(1, at, 7)),
        "velodrome_v2": ([*pair, topic(1)], words(at, 7)),
        "slipstream": ([*pair, topic(200)], words(at)),
        "algebra": (pair, words(at)),
    }[kind]
    return log(FACTORY, PUBLISHED[kind], *topics, body=body, index=index)


def test_each_form_of_factory_is_found_by_its_file_and_has_the_published_topic() -> None:
    assert {form.kind: written for written, form in by_topic().items()}.items() >= PUBLISHED.items()
    assert all(form.source.startswith("https://github.com/") for form in by_topic().values())


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_new_pool_of_a_watched_token_is_reported_with_its_address_and_kind(kind: str) -> None:
    detector = new_pools.make(WATCH)
    assert detector.reads().addresses == {FACTORY}
    assert detector.reads().topics >= {PUBLISHED[kind]}
    [event] = detector.on_block(block(1, created(kind, index=5)), ())
    assert isinstance(event, PoolCreated)
    assert (event.pool, event.pool_kind) == (ID if kind == "uniswap_v4" else POOL, kind)
    assert (event.factory, event.token0, event.token1, event.place.log_index) == (FACTORY, OTHER, TOKEN, 5)
    assert detector.on_block(block(2, created(kind, OTHER, THIRD)), ()) == []
    assert len(detector.on_block(block(3, created(kind, TOKEN, THIRD)), ())) == 1


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_malformed_log_is_passed_over(kind: str) -> None:
    whole = created(kind)
    short = log(FACTORY, *whole.topics[:-1], body=whole.body)
    cut = log(FACTORY, *whole.topics, body=b"")
    found = new_pools.make(WATCH).on_block(block(1, short, cut), ())
    assert len(found) == (kind == "uniswap_v4")  # its topics alone name the pool


def test_contracts_and_collateral_count_as_watched_tokens() -> None:
    for watch in (
        Watch(contracts=(WatchedContract(address=TOKEN),), factories=(FACTORY,)),
        Watch(collateral=(WatchedCollateral(address=TOKEN),), factories=(FACTORY,)),
    ):
        assert len(new_pools.make(watch).on_block(block(1, created("uniswap_v2")), ())) == 1


def test_a_block_full_of_new_pools_is_cut() -> None:
    many = [created("uniswap_v2", index=at) for at in range(MAX_A_BLOCK + 9)]
    found = new_pools.make(WATCH).on_block(block(1, *many), ())
    assert [one.place.log_index for one in found] == list(range(MAX_A_BLOCK))


def test_other_contracts_and_logs_are_passed_over_and_nothing_is_remembered() -> None:
    detector = new_pools.make(WATCH)
    whole = created("uniswap_v2")
    elsewhere = log(OTHER, *whole.topics, body=whole.body)
    assert detector.on_block(block(1, elsewhere, log(FACTORY), log(FACTORY, topic(1))), ()) == []
    detector.recall(detector.memory())
    assert detector.memory() == b""


@pytest.mark.parametrize("watch", [Watch(), Watch(tokens=(TOKEN,)), Watch(factories=(FACTORY,))])
def test_without_factories_or_tokens_nothing_is_read(watch: Watch) -> None:
    detector = new_pools.make(watch)
    assert detector.reads() == Reads()
    assert detector.on_block(block(1, created("uniswap_v2")), ()) == []
