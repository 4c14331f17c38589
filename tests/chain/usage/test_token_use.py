"""Checks token use per hour: transfers are counted, reserves are read at the end of the hour, a sketch counts addresses."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import pytest

from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallWord, Reads
from chain.detectors import token_use
from chain.detectors.token_use import BALANCE_OF, TRANSFER, TokenUse
from chain.events import Address, PlacedEvent, TokenUsed
from chain.usage.distinct_count import REGISTERS, Sketch
from chain.watch import Watch, WatchedPool
from tests.chain.builders import START, address, block, log, topic, words

TOKEN, OTHER, POOL, AWAY = address(0xC0), address(0xC1), address(0xF0), address(0xF1)
HELD = CallWord(TOKEN, f"0x{BALANCE_OF}{int(POOL, 16):064x}")


def watching() -> TokenUse:
    pools = (
        WatchedPool(address=POOL, kind="uniswap_v2", token0=OTHER, token1=TOKEN),
        WatchedPool(address=AWAY, kind="uniswap_v2", token0=OTHER, token1=address(0xC2)),
    )
    return token_use.make(Watch(tokens=(TOKEN, TOKEN), pools=pools))


def moved(by: int, to: int, amount: int = 10) -> Log:
    return log(TOKEN, TRANSFER, topic(by), topic(to), body=words(amount))


def at(number: int, minute: float, *logs: Log, state: dict[AnyRead, object] | None = None) -> Block:
    return block(number, *logs, state=state, after_s=minute * 60)


def used(found: list[PlacedEvent]) -> TokenUsed:
    [event] = found
    assert isinstance(event, TokenUsed)
    return event


def test_reserves_are_reported_completely_or_not_at_all() -> None:
    managed = address(0x1D) + "0" * 24
    pools = (
        WatchedPool(address=POOL, kind="uniswap_v2", token0=OTHER, token1=TOKEN),
        WatchedPool(address=AWAY, kind="curve", tokens=(OTHER, address(0xC2), TOKEN)),
        WatchedPool(address=Address(managed), kind="uniswap_v4", token0=OTHER, token1=TOKEN),
    )
    away = CallWord(TOKEN, f"0x{BALANCE_OF}{int(AWAY, 16):064x}")
    read: list[tuple[dict[AnyRead, object], int | None]] = [({HELD: 77, away: 3}, 80), ({HELD: 77}, None)]
    for state, reserves in read:
        detector = token_use.make(Watch(tokens=(TOKEN,), pools=pools))
        detector.on_block(at(1, 59.5, moved(1, 2)), ())
        assert detector.reads().state == {HELD, away}
        detector.on_block(at(2, 59.9, state=state), ())
        assert used(detector.on_block(at(3, 60, moved(7, 8)), ())).reserves == reserves


def test_an_hour_is_reported_in_the_first_block_after_it() -> None:
    detector = watching()
    assert detector.on_block(at(1, 10, moved(1, 2), moved(2, 3)), ()) == []
    assert detector.on_block(at(2, 59.5, moved(0, 1, 2**255), state={HELD: 77}), ()) == []
    first = used(detector.on_block(at(3, 60, moved(7, 8)), ()))
    assert (first.token, first.hour, first.place.block_number) == (TOKEN, START, 3)
    assert (first.transfers, first.moved, first.active, first.reserves) == (3, 2**255 + 20, 3, 77)
    assert not first.complete  # the watch started in the middle of it
    second = used(detector.on_block(at(4, 185), ()))
    assert (second.hour, second.transfers, second.moved) == (START + timedelta(hours=1), 1, 10)
    assert (second.active, second.reserves, second.complete) == (2, None, True)


def test_pools_are_read_only_at_the_end_of_the_hour() -> None:
    detector = watching()
    always = Reads(addresses=frozenset({TOKEN}), topics=frozenset({TRANSFER}))
    assert detector.reads() == always
    detector.on_block(at(1, 57.9), ())
    assert detector.reads() == always
    detector.on_block(at(2, 58), ())
    assert detector.reads() == Reads(addresses=always.addresses, topics=always.topics, state=frozenset({HELD}))
    detector.on_block(at(3, 60), ())
    assert detector.reads() == always


def test_a_restart_continues_in_the_middle_of_the_hour() -> None:
    detector, again = watching(), watching()
    detector.on_block(at(1, 10, moved(1, 2, 2**200)), ())
    again.recall(detector.memory())
    assert again.memory() == detector.memory()
    last = at(2, 61, moved(2, 3))
    assert again.on_block(last, ()) == detector.on_block(last, ())


def test_a_token_added_in_the_middle_of_an_hour_is_counted_from_there() -> None:
    before, grown = watching(), token_use.make(Watch(tokens=(TOKEN, OTHER)))
    before.on_block(at(1, 10), ())
    before.on_block(at(2, 61, moved(1, 2)), ())
    grown.recall(before.memory())
    grown.on_block(at(3, 62), ())
    hours = [event for event in grown.on_block(at(4, 121), ()) if isinstance(event, TokenUsed)]
    assert [(event.token, event.transfers, event.complete) for event in hours] == [(TOKEN, 1, True), (OTHER, 0, False)]


def test_malformed_logs_do_not_count() -> None:
    detector = watching()
    stray = [log(OTHER, TRANSFER, topic(1), topic(2)), log(TOKEN), log(TOKEN, TRANSFER), log(TOKEN, topic(9), topic(1))]
    detector.on_block(at(1, 10, *stray), ())
    assert used(detector.on_block(at(2, 61), ())).transfers == 0


def test_without_tokens_nothing_is_read_and_nothing_is_reported() -> None:
    detector = token_use.make(Watch())
    assert detector.reads() == Reads()
    assert [detector.on_block(at(number, 61 * number), ()) for number in (1, 2)] == [[], []]


@pytest.mark.parametrize("different", [0, 1, 40, 700, 5_000, 100_000])
def test_the_sketch_counts_within_three_standard_errors(different: int) -> None:
    rng = random.Random(different)
    sketch = Sketch()
    for _ in range(different):
        word = rng.getrandbits(160)
        sketch.add(word)
        sketch.add(word)
    assert sketch.count() == pytest.approx(different, rel=0.14, abs=1)
    assert Sketch(sketch.registers).count() == sketch.count()


def test_the_sketch_has_its_stated_error_over_many_sets() -> None:
    errors = []
    for seed in range(60):
        sketch, rng = Sketch(), random.Random(seed)
        counts: list[int] = []
        for _ in range(4_000):
            sketch.add(rng.getrandbits(160))
            if len(counts) < 3:
                counts.append(sketch.count())
        assert all(earlier <= later for earlier, later in pairwise(counts))
        errors.append(sketch.count() / 4_000 - 1)
    spread = (sum(error**2 for error in errors) / len(errors)) ** 0.5
    print(f"spread of the sketch: {spread:.1%}")
    assert spread < 0.065


def test_invalid_bytes_are_not_a_sketch() -> None:
    with pytest.raises(ValueError, match="not the registers"):
        Sketch(b"\0" * (REGISTERS - 1))
