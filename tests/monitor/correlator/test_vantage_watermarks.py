"""Tests of seconds that several vantages share: each has a watermark of its own, and none is waited for beyond the bound."""

from __future__ import annotations

import random
from math import inf

import msgspec
import pytest

from monitor.correlator import CorrelatorSettings
from monitor.correlator.sequencer import Sequencer
from monitor.correlator.watermarks import MAX_VANTAGES, Watermarks
from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_event_order import ZERO_S, complete_ones, flushed, plain, released


def said(vantage: str | None, second: float, seq: int, kind: SignalKind = SignalKind.TICK) -> Signal:
    source = "clock" if kind is SignalKind.TICK else "okx/book_ws"
    return Signal(kind, Subject(vantage=vantage), at(second), at(second), source, seq, 0.0)


def test_a_second_waits_for_the_clock_of_each_vantage() -> None:
    sequencer = Sequencer(3.0, vantage_wait_s=10.0)
    released(sequencer, said("eu", 10.0, 1), said("us", 10.0, 1))
    assert not released(sequencer, said("eu", 18.0, 2))
    seconds = released(sequencer, said("us", 12.5, 2, SignalKind.BOOK), said("us", 17.0, 3))
    assert [one for one in plain(seconds) if one[1]] == [(11, [1, 1], []), (13, [2], [])]
    assert seconds[-1].end_s - ZERO_S == 14


def test_a_vantage_behind_the_bound_is_not_waited_for_and_what_it_sends_then_is_late() -> None:
    sequencer = Sequencer(3.0, vantage_wait_s=10.0)
    released(sequencer, said("eu", 10.0, 1), said("us", 10.0, 1))
    assert not plain(released(sequencer, said("eu", 20.0, 2)))  # just within the bound
    seconds = released(sequencer, said("eu", 20.5, 3))
    assert seconds[-1].end_s - ZERO_S == 17
    sequencer.push(sequencer.admit(said("us", 11.0, 2, SignalKind.BOOK)))
    assert sequencer.late == 1


def test_a_live_second_waits_for_the_clock_of_each_vantage_too() -> None:
    sequencer = Sequencer(3.0, vantage_wait_s=10.0)
    released(sequencer, said("eu", 10.0, 1), said("us", 10.0, 1), said("eu", 12.5, 2), said("us", 11.5, 2))
    sequencer.complete(at(13).timestamp())
    assert complete_ones(sequencer)[-1].end_s - ZERO_S == 11
    sequencer.push(said("us", 12.5, 3))
    sequencer.complete(at(13).timestamp())
    assert complete_ones(sequencer)[-1].end_s - ZERO_S == 12


def test_one_vantage_alone_and_ticks_of_nobody_wait_for_nothing() -> None:
    marks = Watermarks(10.0)
    marks.take(None, 5.0)
    marks.take("eu", 1.0)
    assert marks.passed_s() == inf
    marks.take("us", 3.0)
    assert marks.passed_s() == 1.0
    marks.take(None, 12.0)
    assert marks.passed_s() == 3.0
    marks.take(None, 20.0)
    assert marks.passed_s() == inf


def test_a_clock_does_not_go_back_and_too_many_vantages_are_not_waited_for() -> None:
    marks = Watermarks(1000.0)
    for number in range(MAX_VANTAGES):
        marks.take(f"v{number}", 100.0)
    marks.take("v0", 50.0)
    marks.take("one more", 10.0)
    assert marks.passed_s() == 100.0


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_arrival_among_vantages_changes_nothing_in_a_second(seed: int) -> None:
    """Three vantages number their signals alike, and read a feed in the same moments."""
    of_each = [
        [
            said(vantage, second / 2, second, SignalKind.TICK if second % 2 else SignalKind.BOOK)
            for second in range(2, 40)
        ]
        for vantage in ("eu", "us", "asia")
    ]
    in_order = sorted((one for log in of_each for one in log), key=lambda one: one.received_at)
    chance = random.Random(seed)
    queues = [list(one) for one in of_each]
    mixed: list[Signal] = []
    while any(queues):
        queue = chance.choice([one for one in queues if one])
        ahead = [one for one in queues if one and one[0].received_at < queue[0].received_at - (at(4) - at(0))]
        mixed.append((ahead[0] if ahead else queue).pop(0))
    given = []
    for signals in (in_order, mixed, [*mixed, msgspec.structs.replace(mixed[-1])]):
        sequencer = Sequencer(3.0)
        given.append([one for one in [*released(sequencer, *signals), *flushed(sequencer)] if one.signals])
    assert given[0] == given[1] == given[2]
    assert not any(one.late for one in given[1])
    assert sum(len(one.signals) for one in given[1]) == len(in_order)


def test_the_wait_is_ten_seconds_and_above_nothing() -> None:
    assert CorrelatorSettings().vantage_wait_s == 10.0
    with pytest.raises(ValueError, match="vantage_wait_s above 0"):
        CorrelatorSettings(vantage_wait_s=0)
