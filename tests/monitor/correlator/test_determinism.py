"""Tests that one log gives one digest: run twice, shuffled within the lateness, read back from JSON, or given by an iterator."""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.correlator import Correlator
from monitor.correlator.sequencer import Sequencer
from monitor.incidents import IncidentChange
from monitor.signals import Signal, SignalKind, Subject
from tests.branches import Reached
from tests.monitor.correlator.storm import DRILL, NETWORK, Story, at, run_log
from tests.monitor.correlator.test_event_order import released


def story() -> Story:
    drill = Story(160).trouble(30, 75, "alpha", "beta").surge(40, 75).upgrade(50).migrate(50).retract(120)
    return drill.mute(58, 75, "gamma/liquidation").network_down(100, 110)


LOG = story().signals()
OUTCOME = run_log(LOG, DRILL)


def shuffled(log: list[Signal], seed: int, max_s: float) -> list[Signal]:
    chance = random.Random(seed)
    arrived = {id(one): one.received_at.timestamp() + max_s * chance.random() for one in log}
    return sorted(log, key=lambda one: arrived[id(one)])


def test_the_same_log_run_twice_gives_the_same_digest() -> None:
    again = run_log(LOG, DRILL)
    assert again.correlator.digest() == OUTCOME.correlator.digest()
    assert again.changes == OUTCOME.changes
    assert OUTCOME.changes


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.slow
def test_a_log_shuffled_within_the_lateness_gives_the_same_changes(seed: int) -> None:
    mixed = shuffled(LOG, seed, DRILL.lateness_ws_s)
    assert mixed != LOG
    again = run_log(mixed, DRILL)
    assert again.correlator.late == 0
    assert again.correlator.digest() == OUTCOME.correlator.digest()
    assert again.changes == OUTCOME.changes


def test_a_log_shuffled_beyond_the_lateness_counts_late_signals() -> None:
    assert run_log(shuffled(LOG, 1, 30.0), DRILL).correlator.late > 0


def test_a_log_written_as_json_lines_and_replayed_gives_the_same_digest() -> None:
    lines = [msgspec.json.encode(one) for one in LOG]
    again = run_log((msgspec.json.decode(line, type=Signal) for line in lines), DRILL)
    assert again.correlator.digest() == OUTCOME.correlator.digest()


def test_changes_read_back_from_json_are_the_same_changes() -> None:
    for change in OUTCOME.changes:
        assert msgspec.json.decode(msgspec.json.encode(change), type=IncidentChange) == change


@pytest.mark.slow
def test_a_log_given_in_two_parts_gives_the_same_digest() -> None:
    for cut in range(0, len(LOG), len(LOG) // 7):
        correlator = Correlator(DRILL)
        for part in (LOG[:cut], LOG[cut:]):
            for signal in part:
                correlator.on_signal(signal)
        correlator.finish()
        assert correlator.digest() == OUTCOME.correlator.digest()


def test_another_log_gives_another_digest() -> None:
    other = [one for one in LOG if one.kind is not SignalKind.UPGRADE]
    assert run_log(other, DRILL).correlator.digest() != OUTCOME.correlator.digest()


def test_a_correlator_without_signals_reports_nothing() -> None:
    correlator = Correlator()
    assert correlator.finish() == []
    assert correlator.verdicts() == {}
    assert correlator.open_incidents() == []


def _tick(second: float, seq: int) -> Signal:
    return Signal(SignalKind.TICK, Subject(), at(second), at(second), "clock", seq, 0.0)


late_ones = Reached("a late signal")


@given(st.lists(st.floats(0, 60), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_the_sequencer_releases_every_signal_once_and_every_second_once(times: list[float]) -> None:
    sequencer = Sequencer(3.0)
    signals = [_tick(second, index) for index, second in enumerate(times)]
    seconds = released(sequencer, *signals, flush=True)
    assert sorted(one.seq for second in seconds for one in (*second.signals, *second.late)) == list(range(len(times)))
    assert sum(len(one.late) for one in seconds) == sequencer.late
    late_ones(sequencer.late > 0)
    assert all(after.end_s == before.end_s + 1 for before, after in pairwise(seconds))
    for second in seconds:
        assert all(second.end_s - 1 <= one.event_time.timestamp() < second.end_s for one in second.signals)


def test_a_gap_of_days_in_a_log_is_not_processed_second_by_second() -> None:
    sequencer = Sequencer(3.0, max_empty_s=100)
    seconds = released(sequencer, _tick(0, 1), _tick(1_000_000, 2), flush=True)
    assert len(seconds) < 120
    assert [one.seq for second in seconds for one in second.signals] == [1, 2]


def test_chain_signals_are_ordered_by_receipt_time() -> None:
    sequencer = Sequencer(3.0)
    head = _tick(100, 1)
    old = Signal(SignalKind.UPGRADE, Subject(network=NETWORK), at(40), at(100.5), f"{NETWORK}/chain", 1, 1.0)
    seconds = released(sequencer, head, old, flush=True)
    assert sequencer.late == 0
    assert [one.kind for one in seconds[-1].signals] == [SignalKind.TICK, SignalKind.UPGRADE]
