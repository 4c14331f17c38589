"""Checks hot wallets: false alarms have the stated rate on Poisson and clustered outflows, and halts are found."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from chain.blocks.block import Block, Log
from chain.blocks.reads import CoinBalance, Reads
from chain.detectors import wallets
from chain.detectors.wallets import MIN_COIN, TRANSFER, Wallets
from chain.events import PlacedEvent, WalletResumed, WalletSilent
from chain.usage.outflow_rhythm import SPAN_S, TAIL, WARM_GAPS, OutflowRhythm
from chain.watch import Watch, WatchedWallet
from tests.chain.builders import START, address, block, log, topic, words

HOT, WARM, TOKEN, SOMEONE = address(0x40), address(0x41), address(0xC0), address(0x99)
DAY_S = 86_400
Made = Callable[[random.Random, float], Iterator[float]]


def poisson(rng: random.Random, per_day: float) -> Iterator[float]:
    while True:
        yield rng.expovariate(per_day / DAY_S)


def clustered(rng: random.Random, per_day: float) -> Iterator[float]:
    """A Neyman-Scott process: Poisson parents, each with a geometric number of children (mean five), a minute apart."""
    waiting: list[float] = []
    parent, last = rng.expovariate(per_day / 5 / DAY_S), 0.0
    while True:
        while not waiting or parent <= waiting[0]:
            children = 1 + int(math.log(1 - rng.random()) / math.log(0.8))
            for _ in range(children):
                heapq.heappush(waiting, parent + rng.expovariate(1 / 60))
            parent += rng.expovariate(per_day / 5 / DAY_S)
        at = heapq.heappop(waiting)
        yield at - last
        last = at


def batched(rng: random.Random, per_day: float) -> Iterator[float]:
    """A payout job at regular intervals, plus or minus a third."""
    while True:
        yield rng.uniform(0.7, 1.3) * DAY_S / per_day


def nightly(rng: random.Random, per_day: float) -> Iterator[float]:
    """A Poisson process, four times as fast by day as by night."""
    now = last = 0.0
    while True:
        now += rng.expovariate(1.6 * per_day / DAY_S)
        if rng.random() < (1 + 0.6 * math.sin(2 * math.pi * now / DAY_S)) / 1.6:
            yield now - last
            last = now


def false_alarms(stream: Iterator[float], allowed_per_day: float, days: float) -> tuple[int, float]:
    """Returns the alarms and the days of observation; gaps are learned in the same way as the detector learns them."""
    outflow, now, alarms, judged_s = OutflowRhythm(), 0, 0, 0
    for gap in stream:
        gap_s = int(gap)
        now += gap_s
        allowed, longest = outflow.allowed_s(allowed_per_day), outflow.allowed_s(1 / 91)
        if allowed is not None and longest is not None:
            judged_s += gap_s
            alarms += gap_s > allowed + 1
            gap_s = min(gap_s, int(longest) + 1)
        outflow.learn(gap_s)
        if now > days * DAY_S:
            return alarms, judged_s / DAY_S
    raise AssertionError


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("made", "most"),
    [(poisson, 1.3), (clustered, 1.3), (batched, 1.3), (nightly, 1.5)],
)
def test_false_alarms_occur_at_the_stated_rate(made: Made, most: float) -> None:
    runs = [false_alarms(made(random.Random(seed), 300), 1.0, 20) for seed in range(12)]
    alarms, days = (sum(column) for column in zip(*runs, strict=True))
    rate = alarms / days
    print(f"{made}: {alarms} alarms in {days:.0f} days, {rate:.2f} a day where 1 is allowed")
    assert rate <= most
    if made in (poisson, clustered):
        assert rate >= 0.7  # the stated sensitivity is reached, too


def test_rarer_alarms_need_longer_silences_and_a_halt_does_not_hide_the_next() -> None:
    outflow, stream = OutflowRhythm(), poisson(random.Random(3), 600)
    for _ in range(3000):
        outflow.learn(int(next(stream)))
    allowed = [outflow.allowed_s(per_day) or 0.0 for per_day in wallets.PER_DAY]
    assert allowed == sorted(allowed)
    assert 900 < allowed[0] < 1500 < allowed[2] < 3600
    outflow.learn(int(allowed[-1]) + 1)
    again = outflow.allowed_s(1.0)
    assert again is not None
    assert again < 1.2 * allowed[0]


def test_an_outflow_rate_is_judged_after_warm_up_and_its_weight_halves_over_time() -> None:
    outflow = OutflowRhythm()
    for _ in range(WARM_GAPS - 1):
        outflow.learn(1000)
    assert outflow.allowed_s(1.0) is None
    outflow.learn(1000)
    assert outflow.warm
    assert outflow.allowed_s(1.0) == pytest.approx(1161.6, abs=0.1)  # perfectly regular payouts still get a tolerance
    assert outflow.allowed_s(1e9) == 1000.0
    while outflow.old.gaps == 0:
        outflow.learn(1000)
    assert (outflow.young.gaps, outflow.old.seconds) == (0, SPAN_S)
    assert len(outflow.old.longest) == TAIL + 1
    assert outflow.rate_per_day == pytest.approx(86.4)


def watching(*rows: WatchedWallet) -> Wallets:
    return wallets.make(Watch(wallets=rows))


TOKENS = (
    WatchedWallet(venue="bybit", asset="USDT", address=HOT, token=TOKEN, least=5),
    WatchedWallet(venue="bybit", asset="USDT", address=WARM, token=TOKEN),
)
COIN = (
    WatchedWallet(venue="okx", asset="ETH", address=HOT),
    WatchedWallet(venue="okx", asset="ETH", address=WARM),
)


def paid(amount: int = 9, by: str = HOT, to: str = SOMEONE, token: str = TOKEN) -> Log:
    return log(address(int(token, 16)), TRANSFER, topic(int(by, 16)), topic(int(to, 16)), body=words(amount))


def holding(number: int, after_s: float, hot: int, warm: int) -> Block:
    return block(number, state={CoinBalance(HOT): hot, CoinBalance(WARM): warm}, after_s=after_s)


def run_blocks(detector: Wallets, seconds: float, step_s: int, outflows: list[float], at: int = 0) -> list[PlacedEvent]:
    """Runs blocks every `step_s`; a block has a transfer if an outflow falls into it."""
    found: list[PlacedEvent] = []
    turn = iter([*outflows, math.inf])
    following = next(turn)
    for number in range(1, int(seconds / step_s) + 1):
        now, logs = at + number * step_s, []
        while following <= now - at:
            logs, following = [paid()], next(turn)
        found += detector.on_block(block(at // step_s + number, *logs, after_s=now), ())
    return found


def test_a_halt_is_reported_as_it_deepens_and_the_next_payout_closes_it() -> None:
    detector, stream, times, now = watching(*TOKENS), clustered(random.Random(5), 500), [], 0.0
    while now < 3 * DAY_S:
        now += next(stream)
        times.append(now)
    calm = run_blocks(detector, 3 * DAY_S, 30, times)
    assert len([event for event in calm if isinstance(event, WalletSilent)]) <= 6
    detector.on_block(block(9_000, paid(), after_s=3 * DAY_S + 1), ())
    halted = run_blocks(detector, 6 * 3600, 30, [], at=3 * DAY_S)
    assert [event.per_day for event in halted if isinstance(event, WalletSilent)] == list(wallets.PER_DAY)
    first = halted[0]
    assert isinstance(first, WalletSilent)
    assert (first.venue, first.asset) == ("bybit", "USDT")
    assert first.silent_s > first.usual_s
    assert first.silent_s < 2 * 3600  # clusters of five, a hundred a day: a quarter of an hour apart
    assert 200 < first.rate_per_day < 500  # blocks that paid out: some of a cluster share one
    [back] = detector.on_block(block(99_999, paid(), after_s=3 * DAY_S + 6 * 3600 + 30), ())
    assert isinstance(back, WalletResumed)
    assert back.silent_event_id == first.event_id
    assert 6 * 3600 - 60 <= back.silent_s <= 6 * 3600 + 60
    assert len({event.event_id for event in [*halted, back]}) == 4


def test_a_restart_continues_in_the_middle_of_a_silence() -> None:
    detector = watching(*TOKENS)
    run_blocks(detector, 2 * DAY_S, 60, [300.0 * number for number in range(1, 2 * 288)])
    again = watching(*TOKENS)
    again.recall(detector.memory())
    assert again.memory() == detector.memory()
    assert run_blocks(again, 3600, 60, [], at=2 * DAY_S) == run_blocks(detector, 3600, 60, [], at=2 * DAY_S)


@pytest.mark.parametrize(
    ("transfer", "counts"),
    [
        (paid(), True),
        (paid(4), False),  # below the minimum of this wallet
        (paid(1, by=WARM), True),
        (paid(0, by=WARM), False),  # an address poisoner's empty transfer
        (paid(to=WARM), False),  # between wallets of the venue
        (paid(by=SOMEONE, to=HOT), False),  # an inflow
        (paid(token=SOMEONE), False),
        (log(TOKEN), False),
        (log(TOKEN, topic(3)), False),
    ],
)
def test_only_transfers_out_of_the_venue_count(transfer: Log, counts: bool) -> None:
    detector = watching(*TOKENS)
    detector.on_block(block(1, paid(), after_s=0), ())
    detector.on_block(block(2, transfer, after_s=60), ())
    assert (b'"gaps":1' in detector.memory()) is counts


@pytest.mark.parametrize(
    ("hot", "warm", "counts"),
    [
        (10 * MIN_COIN - MIN_COIN, 5, True),
        (10 * MIN_COIN - MIN_COIN + 1, 5, False),  # a fee
        (4 * MIN_COIN, 6 * MIN_COIN + 5, False),  # moved to the other wallet
        (20 * MIN_COIN, 5, False),
    ],
)
def test_a_lower_total_balance_of_the_wallets_is_a_payout_of_the_native_coin(hot: int, warm: int, counts: bool) -> None:
    detector = watching(*COIN)
    assert detector.reads() == Reads(state=frozenset({CoinBalance(HOT), CoinBalance(WARM)}))
    detector.on_block(holding(1, 0, 11 * MIN_COIN, 5), ())
    detector.on_block(holding(2, 12, 10 * MIN_COIN, 5), ())
    detector.on_block(holding(3, 24, hot, warm), ())
    assert (b'"gaps":1' in detector.memory()) is counts


def test_a_gap_with_unreadable_balances_is_ignored() -> None:
    detector = watching(*COIN)
    detector.on_block(holding(1, 0, 11 * MIN_COIN, 5), ())
    detector.on_block(holding(2, 12, 10 * MIN_COIN, 5), ())
    detector.on_block(block(3, after_s=24), ())
    detector.on_block(holding(4, 36, 9 * MIN_COIN, 5), ())
    detector.on_block(holding(5, 48, 8 * MIN_COIN, 5), ())
    assert b'"gaps":0' in detector.memory()
    detector.on_block(holding(6, 60, 7 * MIN_COIN, 5), ())
    assert b'"gaps":1,"longest":[12]' in detector.memory()


def test_a_stalled_chain_is_not_a_silent_wallet() -> None:
    detector = watching(*TOKENS)
    run_blocks(detector, 2 * DAY_S, 60, [300.0 * number for number in range(1, 2 * 288 + 1)])
    assert detector.on_block(block(9_999, after_s=2 * DAY_S + 36_000), ()) == []
    assert detector.on_block(block(10_000, after_s=2 * DAY_S + 10), ()) == []  # nor is a clock set back


def test_reads_cover_the_tokens_and_nothing_if_no_wallet_is_watched() -> None:
    assert watching(*TOKENS).reads() == Reads(addresses=frozenset({TOKEN}), topics=frozenset({TRANSFER}))
    assert watching().reads() == Reads()
    assert watching().on_block(block(1), ()) == []


def test_memory_stays_small_whatever_the_input() -> None:
    detector = watching(*TOKENS)
    run_blocks(detector, 12 * DAY_S, 120, [240.0 * number for number in range(1, 12 * 360)])
    assert len(detector.memory()) < 1000
    assert START + timedelta(days=12) > START
