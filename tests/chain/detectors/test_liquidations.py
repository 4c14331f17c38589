"""Checks liquidations on chain: which are reported, in which units, what is asked for that and for how long, and hostile logs."""

from __future__ import annotations

from typing import Any

import pytest

from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallBytes, CallWord, Reads
from chain.detectors import liquidations
from chain.detectors.liquidations import Liquidations
from chain.events import Address, PlacedEvent, PositionLiquidated
from chain.watch import Watch, WatchedCollateral, WatchedLender
from tests.chain.builders import address, block, log, topic, words
from tests.chain.liquidity.gmx_log import decrease, gmx_log

AAVE = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
COMPOUND = "0x298637f684da70674f26509b10f07ec2fbc77a335ab1e7d6215a4b2484d8bb52"
MORPHO = "0xa4946ede45d0c6f06a0f5ce92c9ad3b4751452d2fe0e25010783bcab57a67e41"
POOL, TOKEN, OTHER, WHO, C_TOKEN = (address(one) for one in (0xA0, 0xC0, 0xC1, 0xB0, 0xCC))
MARKET = topic(0x77)
DECIMALS = CallWord(TOKEN, "0x313ce567")
UNDERLYING = CallBytes(C_TOKEN, "0x6f307dc3")
RATE = CallWord(C_TOKEN, "0x182df0f5")
PARAMETERS = CallBytes(POOL, f"0x2c3c9157{0x77:064x}")
DAY_S = 86_400


def watching(protocol: str, named: str, decimals: int | None = None) -> Liquidations:
    return liquidations.make(
        Watch(
            lenders=(WatchedLender(address=POOL, protocol=protocol),),
            collateral=(WatchedCollateral(address=named, decimals=decimals),),
        )
    )


def call(collateral: Address = TOKEN, amount: int = 3 * 10**18, index: int = 0) -> Log:
    named = [topic(int(one, 16)) for one in (collateral, OTHER, WHO)]
    return log(POOL, AAVE, *named, body=words(1, amount, 5, 0), index=index)


def borrow(tokens: int) -> Log:
    return log(POOL, COMPOUND, body=words(5, int(WHO, 16), 1, int(C_TOKEN, 16), tokens))


def at(after_s: float, *logs: Log, state: dict[AnyRead, Any] | None = None) -> Block:
    return block(int(after_s) + 1, *logs, state=state, after_s=after_s)


def only(found: list[PlacedEvent]) -> PositionLiquidated:
    [event] = found
    assert isinstance(event, PositionLiquidated)
    return event


def test_a_liquidation_is_reported_in_units_of_its_token() -> None:
    detector = watching("aave_v3", TOKEN)
    assert detector.reads() == Reads(
        addresses=frozenset({POOL}),
        topics=frozenset({AAVE}),
        state=frozenset({DECIMALS}),
        deferrable=frozenset({DECIMALS}),
    )
    event = only(detector.on_block(at(0, call(), state={DECIMALS: 18}), ()))
    assert (event.protocol, event.market, event.collateral, event.account) == ("aave_v3", POOL, TOKEN, WHO)
    assert (event.long, event.amount, event.quantity, event.usd) == (True, 3 * 10**18, 3.0, None)
    assert event.place.log_index == 0
    assert detector.reads().state == frozenset()
    assert detector.reads() is detector.reads()


def test_every_liquidation_of_a_block_has_an_id_of_its_own_that_a_second_reading_repeats() -> None:
    logs = [call(index=3), call(index=9), call(index=12)]
    first, second = (watching("aave_v3", TOKEN).on_block(at(0, *logs), ()) for _ in range(2))
    assert [one.event_id for one in first] == [one.event_id for one in second]
    assert len({one.event_id for one in first}) == 3


def test_without_decimals_a_quantity_is_unknown_and_not_zero() -> None:
    answers: list[dict[AnyRead, object]] = [{}, {DECIMALS: 200}]
    for answer in answers:
        event = only(watching("aave_v3", TOKEN).on_block(at(0, call(), state=answer), ()))
        assert (event.amount, event.quantity) == (3 * 10**18, None)
    assert only(watching("aave_v3", TOKEN, decimals=17).on_block(at(0, call()), ())).quantity == 30.0


def test_a_compound_liquidation_is_converted_from_ctokens_by_a_rate_that_is_read_once_a_day() -> None:
    detector = watching("compound_v2", C_TOKEN)
    assert detector.reads().state == {UNDERLYING, RATE}
    event = only(
        detector.on_block(at(0, borrow(10**8), state={UNDERLYING: words(int(TOKEN, 16)), RATE: 2 * 10**26}), ())
    )
    assert (event.amount, event.quantity) == (2 * 10**16, None)
    assert detector.reads().state == {DECIMALS}
    assert only(detector.on_block(at(1, borrow(10**8), state={DECIMALS: 18}), ())).quantity == 0.02
    assert detector.reads().state == frozenset()
    detector.on_block(at(DAY_S), ())
    assert detector.reads().state == {RATE}
    assert only(detector.on_block(at(DAY_S + 1, borrow(10**8), state={RATE: 3 * 10**26}), ())).quantity == 0.03
    assert only(watching("compound_v2", C_TOKEN).on_block(at(0, borrow(1)), ())).amount is None


def test_the_token_of_a_morpho_market_is_read_from_its_parameters() -> None:
    detector = watching("morpho_blue", MARKET)
    assert detector.reads().state == {PARAMETERS}
    said = log(POOL, MORPHO, MARKET, topic(1), topic(int(WHO, 16)), body=words(1, 2, 5 * 10**6, 0, 0))
    assert only(detector.on_block(at(0, said, state={PARAMETERS: words(1)}), ())).quantity is None
    detector.on_block(at(1, state={PARAMETERS: words(int(OTHER, 16), int(TOKEN, 16), 3, 4, 5)}), ())
    assert detector.reads().state == {DECIMALS}
    assert only(detector.on_block(at(2, said, state={DECIMALS: 6}), ())).quantity == 5.0


def test_a_gmx_liquidation_needs_no_read_and_has_its_own_dollars() -> None:
    detector = watching("gmx_v2", TOKEN)
    assert detector.reads().state == frozenset()
    event = only(detector.on_block(at(0, gmx_log(POOL, WHO, decrease(TOKEN, long=False, usd=7 * 10**30))), ()))
    assert (event.long, event.usd, event.quantity) == (False, 7.0, None)
    assert detector.on_block(at(1, gmx_log(POOL, WHO, decrease(TOKEN, order=4))), ()) == []


def test_a_token_that_does_not_answer_is_asked_for_ten_minutes_a_day_and_when_a_liquidation_needs_it() -> None:
    detector = watching("aave_v3", TOKEN)
    asked = []
    for after_s in (0, 599, 600, 3_600, DAY_S - 1, DAY_S, DAY_S + 599, DAY_S + 600):
        detector.on_block(at(after_s), ())
        asked.append(bool(detector.reads().state))
    assert asked == [True, True, False, False, False, True, True, False]
    detector.on_block(at(DAY_S + 700, call()), ())
    assert detector.reads().state == {DECIMALS}
    assert only(detector.on_block(at(DAY_S + 701, call(), state={DECIMALS: 18}), ())).quantity == 3.0


def test_what_a_long_range_reads_in_its_last_block_is_learned() -> None:
    detector = watching("aave_v3", TOKEN)
    for after_s in (0, 5_000, 9_000):
        detector.on_block(at(after_s), ())
    assert only(detector.on_block(at(9_001, call(), state={DECIMALS: 18}), ())).quantity == 3.0


def test_other_collateral_other_contracts_and_malformed_logs_are_left_out() -> None:
    detector = watching("aave_v3", TOKEN)
    elsewhere = log(OTHER, AAVE, *[topic(int(TOKEN, 16))] * 3, body=words(1, 2, 3, 0))
    stray = [call(OTHER), elsewhere, log(POOL), log(POOL, topic(1)), log(POOL, AAVE), log(POOL, AAVE, *[topic(1)] * 3)]
    assert detector.on_block(at(0, *stray), ()) == []


@pytest.mark.parametrize(
    "watch",
    [
        Watch(),
        Watch(lenders=(WatchedLender(address=POOL, protocol="aave_v3"),)),
        Watch(collateral=(WatchedCollateral(address=TOKEN),)),
        Watch(lenders=(WatchedLender(address=POOL, protocol="bank"),), collateral=(WatchedCollateral(address=TOKEN),)),
    ],
)
def test_without_lenders_or_collateral_nothing_is_read(watch: Watch) -> None:
    detector = liquidations.make(watch)
    assert detector.reads() == Reads()
    assert detector.on_block(at(0, call()), ()) == []


def test_collateral_is_asked_only_where_it_can_be_meant() -> None:
    watch = Watch(
        lenders=(WatchedLender(address=POOL, protocol="morpho_blue"), WatchedLender(address=OTHER, protocol="aave_v3")),
        collateral=(WatchedCollateral(address=TOKEN), WatchedCollateral(address=MARKET)),
    )
    assert liquidations.make(watch).reads().state == {PARAMETERS, DECIMALS}


def test_what_was_learned_survives_a_restart_and_what_is_no_longer_watched_is_forgotten() -> None:
    detector, again = watching("aave_v3", TOKEN), watching("aave_v3", TOKEN)
    detector.on_block(at(0, state={DECIMALS: 18}), ())
    again.recall(detector.memory())
    assert again.memory() == detector.memory()
    assert again.reads().state == frozenset()
    assert only(again.on_block(at(1, call()), ())).quantity == 3.0
    changed = watching("aave_v3", OTHER)
    fresh = changed.memory()
    changed.recall(detector.memory())
    assert changed.memory() == fresh
    with pytest.raises(ValueError, match="truncated"):
        again.recall(b"{")
