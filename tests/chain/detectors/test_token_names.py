"""Tokens in events have the names that they state: read once, bounded, made harmless, marked where odd."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from chain.blocks.reads import AnyRead, CallWord, StateRead
from chain.blocks.standards import NOBODY
from chain.detectors import token_names
from chain.detectors.token_names import MAX_FIRST, MAX_WAIT
from chain.events import (
    Address,
    DrainCause,
    LiquidityMoved,
    PlacedEvent,
    PoolDepth,
    PoolDrained,
    SupplyJumped,
    TokenDepth,
    TokenName,
)
from chain.liquidity.token_names import MAX_SYMBOL, name_in, reads_of
from chain.watch import Watch, WatchedPool
from tests.chain.builders import START, address, block

TOKEN, OTHER, POOL = address(0xA), address(0xB), address(0xF)
WATCH = Watch(pools=(WatchedPool(address=POOL, kind="uniswap_v2", token0=TOKEN, token1=OTHER),), tokens=(TOKEN,))


def says(token: Address, symbol: bytes, decimals: int = 6) -> dict[AnyRead, object]:
    named, places = reads_of(token)
    return {named: symbol, places: decimals}


def text(symbol: str) -> bytes:
    return encode(["string"], [symbol])


@pytest.mark.parametrize(
    ("answer", "symbol", "odd"),
    [
        (text("USDC"), "USDC", False),
        (b"MKR" + bytes(29), "MKR", False),
        (text("USD₮0"), "USD₮0", True),
        (text("UЅDC"), "UЅDC", True),  # a Cyrillic letter
        (text("\x1b[31mRED\x07"), "?[31mRED?", True),
        (text("\u202eCDSU"), "?CDSU", True),
        (text("X" * 10_000), "X" * MAX_SYMBOL, True),
        (b"\xff\xfe" + bytes(30), "\ufffd\ufffd", True),
    ],
)
def test_a_name_is_read_from_either_form_and_made_harmless(answer: bytes, symbol: str, odd: bool) -> None:
    assert name_in(TOKEN, StateRead(says(TOKEN, answer))) == TokenName(token=TOKEN, symbol=symbol, decimals=6, odd=odd)


@pytest.mark.parametrize("answer", [b"", bytes(32), text(""), b"\1" * 64, text("  ")])
def test_an_answer_without_a_text_is_no_name(answer: bytes) -> None:
    assert name_in(TOKEN, StateRead(says(TOKEN, answer))) is None


def test_absurd_decimals_are_not_known() -> None:
    named = name_in(TOKEN, StateRead(says(TOKEN, text("T"), 1 << 200)))
    assert named is not None
    assert named.decimals is None


def drained(token: Address = TOKEN) -> PoolDrained:
    at = block(1)
    return PoolDrained(
        place=at.place(), seen_at=START, event_id="d", pool=POOL, pool_kind="uniswap_v2", token=token, before=10, after=1,
        share=0.9, cause=DrainCause.SWAP, others=((OTHER, 1, 10),),
    )  # fmt: skip


def test_the_tokens_of_an_event_are_named_and_asked_for_once() -> None:
    detector = token_names.make(WATCH)
    first = detector.reads()
    assert first.state == first.deferrable == {*reads_of(TOKEN), *reads_of(OTHER)}
    state = says(TOKEN, text("AAA")) | says(OTHER, text("BBB"), 18)
    [named] = detector.on_block(block(1, state=state), [drained()])
    names = (
        TokenName(token=TOKEN, symbol="AAA", decimals=6),
        TokenName(token=OTHER, symbol="BBB", decimals=18),
    )
    assert isinstance(named, PoolDrained)
    assert (named.token_names, named.event_id) == (names, "d")
    assert detector.reads().state == frozenset()
    again = token_names.make(WATCH)
    again.recall(detector.memory())
    assert again.memory() == detector.memory()
    assert again.reads().state == frozenset()
    [later] = again.on_block(block(2), [drained()])
    assert isinstance(later, PoolDrained)
    assert later.token_names == names


def test_a_token_without_a_name_is_asked_ever_more_seldom_and_its_events_stay_as_they_are() -> None:
    detector = token_names.make(WATCH)
    asked = []
    for number in range(20):
        if detector.reads().state:
            asked.append(number)
        assert detector.on_block(block(number, state={CallWord(POOL, "0x"): 1}), [odd_event()]) == []
    assert asked == [0, 1, 3, 7, 15]
    assert detector.reads().state == frozenset()
    again = token_names.make(WATCH)
    again.recall(detector.memory())
    assert again.reads().state == frozenset()


def test_a_token_that_answers_late_is_asked_at_once_when_an_event_has_it() -> None:
    detector = token_names.make(WATCH)
    for number in range(9):
        detector.on_block(block(number, state={CallWord(POOL, "0x"): 1}), [])
    assert detector.reads().state == frozenset()
    assert detector.on_block(block(9), [drained()]) == []
    assert reads_of(TOKEN)[0] in detector.reads().state
    state = says(TOKEN, text("AAA"))
    [named] = detector.on_block(block(10, state=state), [drained()])
    assert isinstance(named, PoolDrained)
    assert [one.symbol for one in named.token_names] == ["AAA"]


def test_the_wait_for_a_name_is_bounded() -> None:
    detector = token_names.make(Watch(tokens=(TOKEN,)))
    number = 0
    asked: list[int] = []
    while len(asked) < 16:
        if detector.reads().state:
            asked.append(number)
        detector.on_block(block(number, state={CallWord(POOL, "0x"): 1}), [])
        number += 1
    assert asked[-1] - asked[-2] == MAX_WAIT


def odd_event() -> PlacedEvent:
    from tests.monitor.intake.test_chain import UPGRADED

    return UPGRADED


def test_every_token_of_an_event_is_named_and_the_own_coin_is_the_coin() -> None:
    detector = token_names.make(WATCH)
    state = says(TOKEN, text("AAA")) | says(OTHER, text("BBB"))
    at = block(1, state=state)
    depth = TokenDepth(token=OTHER, reserve=1, within_1=1, within_2=1, within_5=1, share=1)
    moved = LiquidityMoved(
        place=at.place(), seen_at=START, event_id="m", pool=POOL, pool_kind="curve", token0=TOKEN, token1=NOBODY, amount0=1,
        amount1=1, share=0.5, removed=True, owner=None, more=((OTHER, 1),),
    )  # fmt: skip
    deep = PoolDepth(
        place=at.place(), seen_at=START, event_id="p", pool=POOL, pool_kind="curve", tick=None, tokens=(depth,)
    )
    jump = SupplyJumped(
        place=at.place(), seen_at=START, event_id="s", token=OTHER, before=1, after=2, by=None, logged=True
    )
    found = detector.on_block(at, [moved, deep, jump])
    symbols = [[one.symbol for one in getattr(event, "token_names")] for event in found]  # noqa: B009
    assert symbols == [["AAA", "coin", "BBB"], ["BBB"], ["BBB"]]


def test_the_first_look_at_many_tokens_is_spread_over_blocks() -> None:
    tokens = tuple(address(number) for number in range(1, MAX_FIRST + 10))
    assert len(token_names.make(Watch(tokens=tokens)).reads().state) == 2 * MAX_FIRST
