"""Tests of the order by event time: waiting for the watermark, late signals, and arrival order within the lateness."""

from __future__ import annotations

import random

import pytest

from monitor.correlator import Correlator
from monitor.correlator.sequencer import Second, Sequencer, order_s
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import DRILL, Story, at, run_log

ZERO_S = int(at(0).timestamp())


def signal_at(
    second: float, source: str = "clock", seq: int = 1, kind: SignalKind = SignalKind.TICK, received: float | None = None,
    **attributes: Scalar,
) -> Signal:  # fmt: skip
    got = second if received is None else received
    return Signal(kind, Subject(), at(second), at(got), source, seq, 0.0, attributes)


def released(sequencer: Sequencer, *signals: Signal, flush: bool = False) -> list[Second]:
    seconds = []
    for one in signals:
        sequencer.push(one)
        seconds += complete_ones(sequencer)
    return seconds + flushed(sequencer) if flush else seconds


def complete_ones(sequencer: Sequencer, *, settled: bool = False) -> list[Second]:
    """All complete seconds that wait."""
    seconds = []
    while (one := sequencer.take(lambda: settled)) is not None:
        seconds.append(one)
    return seconds


def flushed(sequencer: Sequencer) -> list[Second]:
    sequencer.flush()
    return complete_ones(sequencer)


def plain(seconds: list[Second]) -> list[tuple[int, list[int], list[int]]]:
    return [
        (one.end_s - ZERO_S, [each.seq for each in one.signals], [each.seq for each in one.late]) for one in seconds
    ]


def test_a_second_is_released_only_when_the_watermark_has_passed_it() -> None:
    sequencer = Sequencer(3.0)
    released(sequencer, signal_at(10.5))
    assert plain(released(sequencer, signal_at(13.9, seq=2))) == [(8, [], []), (9, [], []), (10, [], [])]
    assert plain(released(sequencer, signal_at(14.0, seq=3))) == [(11, [1], [])]
    assert plain(released(sequencer, signal_at(16.0, seq=4))) == [(12, [], []), (13, [], [])]
    assert plain(flushed(sequencer)) == [(14, [2], []), (15, [3], []), (16, [], []), (17, [4], [])]


def test_a_signal_behind_the_watermark_is_counted_as_late_and_joins_the_next_second() -> None:
    sequencer = Sequencer(3.0)
    released(sequencer, signal_at(10.5), signal_at(14.0, seq=2))
    assert plain(released(sequencer, signal_at(10.9, seq=3), signal_at(10.2, seq=4))) == []
    assert sequencer.late == 2
    assert plain(released(sequencer, signal_at(15.0, seq=5))) == [(12, [], [4, 3])]
    assert plain(released(sequencer, signal_at(16.0, seq=6))) == [(13, [], [])]
    released(sequencer, signal_at(11.0, seq=7), signal_at(12.999, seq=8))
    assert sequencer.late == 4


def test_a_signal_late_within_the_lateness_is_placed_in_its_own_second() -> None:
    sequencer = Sequencer(3.0)
    released(sequencer, signal_at(10.5), signal_at(13.9, seq=2))
    released(sequencer, signal_at(10.9, seq=3), signal_at(10.1, seq=4))
    assert sequencer.late == 0
    assert plain(released(sequencer, signal_at(14.0, seq=5))) == [(11, [4, 1, 3], [])]


def test_the_first_signals_may_be_out_of_order_by_at_most_the_lateness() -> None:
    sequencer = Sequencer(3.0)
    released(sequencer, signal_at(10.5), signal_at(7.1, seq=2))
    assert sequencer.late == 0
    released(sequencer, signal_at(6.9, seq=3))
    assert sequencer.late == 1
    seconds = plain(flushed(sequencer))
    assert seconds[0] == (8, [2], [3])
    assert seconds[-1] == (11, [1], [])


def test_signals_of_one_moment_are_ordered_by_source_and_then_by_number() -> None:
    sequencer = Sequencer(3.0)
    signals = [signal_at(10.0, "b", 1), signal_at(10.0, "a", 2), signal_at(10.0, "a", 1)]
    seconds = released(sequencer, *signals, flush=True)
    assert [(one.source, one.seq) for one in seconds[-1].signals] == [("a", 1), ("a", 2), ("b", 1)]


def test_an_empty_sequencer_releases_nothing() -> None:
    assert flushed(Sequencer(3.0)) == []


@pytest.mark.parametrize("most", [5, 100])
def test_a_gap_counts_at_most_the_set_number_of_empty_seconds(most: int) -> None:
    sequencer = Sequencer(3.0, most)
    released(sequencer, signal_at(0.5))
    seconds = [end_s for end_s, _, _ in plain(released(sequencer, signal_at(1000.5, seq=2), flush=True))]
    # the first signal's second and those before it, the empty ones, and the seconds still held back at the second signal
    assert seconds == [-2, -1, 0, 1, *range(2, 2 + most), 998, 999, 1000, 1001]


def test_signals_held_across_a_gap_are_not_lost() -> None:
    sequencer = Sequencer(100.0, 5)
    seconds = plain(released(sequencer, signal_at(0.5), signal_at(50.5, seq=2), flush=True))
    # five of the gap up to the watermark, five of the rest of it at the end, and five between the two signals
    assert [end_s for end_s, _, _ in seconds] == [*range(-99, -94), *range(-49, -44), 1, *range(2, 7), 51]
    assert [numbers for _, numbers, _ in seconds if numbers] == [[1], [2]]


def test_a_gap_counts_at_most_one_day_of_empty_seconds_by_default() -> None:
    sequencer = Sequencer(0.0)
    seconds = released(sequencer, signal_at(0.5), signal_at(1_000_000.5, seq=2))
    assert len(seconds) == 1 + 86_400


def test_signals_of_one_moment_source_and_number_stay_in_the_order_of_arrival() -> None:
    sequencer = Sequencer(3.0)
    seconds = released(sequencer, signal_at(10.0, first=True), signal_at(10.0, first=False), flush=True)
    assert [one.attributes["first"] for one in seconds[-1].signals] == [True, False]


def test_liquidations_are_ordered_by_event_time_and_all_other_signals_by_receipt_time() -> None:
    forced = SignalKind.LIQUIDATION
    assert order_s(signal_at(10, kind=forced, received=12)) == ZERO_S + 10
    assert order_s(signal_at(13, kind=forced, received=12)) == ZERO_S + 12
    assert order_s(signal_at(10, kind=forced, received=12, backlog=False)) == ZERO_S + 10
    assert order_s(signal_at(10, kind=forced, received=12, backlog=True)) == ZERO_S + 12
    assert order_s(signal_at(10, kind=SignalKind.BOOK, received=12)) == ZERO_S + 12


def log() -> list[Signal]:
    return Story(90).trouble(30, 9999, "alpha", "beta").surge(40, 9999).upgrade(50).migrate(50).signals()


def test_the_order_of_arrival_within_lateness_changes_no_incident() -> None:
    signals = log()
    outcome = run_log(signals, DRILL)
    chance = random.Random(5)
    for lateness_s in (0.9, 2.9):
        when = {id(one): order_s(one) + lateness_s * chance.random() for one in signals}
        again = run_log(sorted(signals, key=lambda one: when[id(one)]), DRILL)
        assert again.correlator.late == 0
        assert again.changes == outcome.changes
    assert outcome.changes


def test_the_largest_lateness_is_waited_for_and_every_late_signal_is_counted() -> None:
    correlator = Correlator(DRILL)
    for second in (10.5, 13.9, 10.6):
        correlator.on_signal(signal_at(second))
    assert correlator.late == 0
    for second in (14.0, 10.7, 10.8):
        correlator.on_signal(signal_at(second))
    assert correlator.late == 2


def test_a_liquidation_that_arrives_late_is_counted_in_the_second_in_which_it_happened() -> None:
    sequencer = Sequencer(3.0)
    forced = signal_at(10.2, seq=2, kind=SignalKind.LIQUIDATION, received=12.6)
    seconds = plain(released(sequencer, signal_at(10.1), signal_at(12.5, seq=3), forced, flush=True))
    assert [one for one in seconds if one[1]] == [(11, [1, 2], []), (13, [3], [])]
