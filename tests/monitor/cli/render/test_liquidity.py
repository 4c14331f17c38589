"""A line about liquidity shows from where to where it moved, and how much."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from chain.events import (
    Address,
    DrainCause,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    NetworkId,
    Place,
    PoolDepth,
    PoolDrained,
    SupplyJumped,
    TokenDepth,
    TokenName,
)
from chain.events.network import HeadSeen
from monitor.cli.render.liquidity import liquidity_words

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place(
    network=NetworkId("local"), block_number=7, block_hash="0x7", block_time=NOW, transaction="0x1", log_index=0
)
POOL, THERE, TOKEN, OTHER = (Address("0x" + pair * 20) for pair in ("ab", "cd", "11", "22"))
RIFT = TokenName(token=TOKEN, symbol="RIFT", decimals=18)


def test_a_removal_and_an_addition_are_shown_with_their_owner() -> None:
    moved = LiquidityMoved(
        place=PLACE, seen_at=NOW, event_id="m", pool=POOL, pool_kind="curve", token0=TOKEN, token1=OTHER,
        amount0=5 * 10**23, amount1=12, share=0.25, removed=True, owner=None, more=((THERE, 1),),
    )  # fmt: skip
    assert liquidity_words(moved) == (
        f"25.0% of curve {POOL} left, 5e+23 smallest units of {TOKEN} and 12 smallest units of {OTHER} "
        f"and 1 smallest units of {THERE}, owner unknown"
    )
    named = replace(moved, token_names=(RIFT, replace(RIFT, token=OTHER, symbol="UЅDC", decimals=None, odd=True)))
    assert liquidity_words(named) == (
        f"25.0% of curve {POOL} left, 500 k RIFT ({TOKEN}) and 12 smallest units ({OTHER}) "
        f"and 1 smallest units of {THERE}, owner unknown"
    )


def test_a_migration_is_shown_from_pool_to_pool() -> None:
    migrated = LiquidityMigrated(
        place=PLACE, seen_at=NOW, event_id="g", token=TOKEN, from_pool=POOL, to_pool=THERE, amount=10**20, share=0.5,
        score=0.9, removal_id="m", addition_id="n", from_kind="uniswap_v2", to_kind="uniswap_v3", depth_share=0.2,
        token_names=(RIFT,),
    )  # fmt: skip
    assert liquidity_words(migrated) == (
        f"100 RIFT ({TOKEN}) went from uniswap_v2 {POOL} to uniswap_v3 {THERE}: 50.0% of the former, "
        "20.0% of its ±2 % depth, score 0.90"
    )


def test_an_outflow_is_shown_by_its_destinations() -> None:
    accounted = LiquidityAccounted(
        place=PLACE, seen_at=NOW, event_id="c", token=TOKEN, pool=POOL, removed=1000, readded=550, to_wallets=400,
        to_bridges=0, unexplained=50, depth_share=None, level=0, hhi_before=None, hhi_after=None,
        pool_kind="uniswap_v2", into=((THERE, "uniswap_v3", 550),),
    )  # fmt: skip
    assert liquidity_words(accounted) == (
        f"1,000 smallest units of {TOKEN} left uniswap_v2 {POOL} within an hour: 55.0% to uniswap_v3 {THERE}; "
        "40.0% to wallets; 5.0% unexplained"
    )


def test_depth_is_shown_for_each_token_and_other_events_give_no_line() -> None:
    one = TokenDepth(token=TOKEN, reserve=9, within_1=1, within_2=2, within_5=5, share=0.25)
    depth = PoolDepth(place=PLACE, seen_at=NOW, event_id="d", pool=POOL, pool_kind="curve", tick=None, tokens=(one,))
    assert liquidity_words(depth) == (
        f"curve {POOL} holds within ±1, 2, 5 %: of {TOKEN} 1 smallest units, 2 smallest units, 5 smallest units, "
        "25% of its depth"
    )
    head = HeadSeen(
        network=NetworkId("local"),
        seen_at=NOW,
        block_number=7,
        block_hash="0x7",
        block_time=NOW,
        node="n",
        lag_s=0.0,
    )
    assert liquidity_words(head) is None


def test_a_drain_is_shown_with_its_cause_and_both_reserves() -> None:
    drained = PoolDrained(
        place=PLACE, seen_at=NOW, event_id="x", pool=POOL, pool_kind="uniswap_v2", token=TOKEN, before=10**20, after=10**19,
        share=0.9, cause=DrainCause.SWAP, by=OTHER, token_names=(replace(RIFT, odd=True),),
    )  # fmt: skip
    assert liquidity_words(drained) == (
        f"90.0% of {TOKEN} was lost by uniswap_v2 {POOL} (swap by {OTHER}): 100 RIFT? before, 10 RIFT? after"
    )


def test_a_jump_of_supply_is_shown_with_its_size_and_whose_it_is() -> None:
    jump = SupplyJumped(place=PLACE, seen_at=NOW, event_id="s", token=TOKEN, before=10, after=15, by=OTHER, logged=True)
    assert liquidity_words(jump) == f"the supply of {TOKEN} changed by +50.0% to 15 smallest units, by {OTHER}"
    fall = SupplyJumped(place=PLACE, seen_at=NOW, event_id="s", token=TOKEN, before=10, after=5, by=None, logged=False)
    assert liquidity_words(fall) == f"the supply of {TOKEN} changed by -50.0% to 5 smallest units, without a log"
