"""What is appended comes to the writing thread in order, whole and once, encoded early where it came in bursts."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.log import Checkpoint
from monitor.log.codec import ROWS_AT_ONCE, EncodedRun, decode_signals, encode_signals
from monitor.log.inbox import PART_ROWS, Inbox
from monitor.log.waiting import Part, Single
from monitor.signals import Signal
from tests.monitor.alerting.sinks.changes import change, signal

CHECKPOINT = Checkpoint("ethereum", b"")


def flat(parts: Sequence[Part]) -> list[Signal | Single]:
    return [one for part in parts for one in (part if isinstance(part, Sequence) else [part])]


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(1, 2 * ROWS_AT_ONCE), st.just(None)), max_size=8), st.integers(0, 8))
def test_everything_comes_out_once_in_order_whenever_it_is_taken(calls: list[int | None], taken_after: int) -> None:
    inbox = Inbox()
    given_values: list[Signal | Single] = []
    parts: list[Part] = []
    for number, call in enumerate(calls):
        values: list[Signal] = [signal(len(given_values) + one) for one in range(call or 0)]
        if call is None:
            inbox.add(CHECKPOINT)
        else:
            inbox.extend(values)
        given_values += values or [CHECKPOINT]
        assert len(inbox) == len(given_values) - len(flat(parts))
        if number == taken_after:
            parts += inbox.take()
            assert len(inbox) == 0
    parts += inbox.take()
    assert flat(parts) == given_values
    assert inbox.take() == []


def test_a_burst_is_encoded_when_it_is_appended_and_a_few_signals_are_not() -> None:
    inbox = Inbox()
    inbox.extend([signal(seq) for seq in range(ROWS_AT_ONCE - 1)])
    [few] = inbox.take()
    inbox.extend([signal(seq) for seq in range(2 * PART_ROWS)])
    burst = inbox.take()
    assert not isinstance(few, EncodedRun)
    assert [(type(one), len(one)) for one in burst if isinstance(one, list)] == [(EncodedRun, PART_ROWS)] * 2


def test_runs_that_were_encoded_before_give_the_same_body() -> None:
    signals = [signal(seq, {"side": "long"}) for seq in range(600)]
    runs = [EncodedRun(signals[:300]), signals[300:310], EncodedRun(signals[310:311]), signals[311:]]
    assert encode_signals(*runs) == encode_signals(signals)
    assert decode_signals(encode_signals(*runs)) == signals


def test_changes_that_wait_are_counted() -> None:
    inbox = Inbox()
    inbox.extend([signal(1)])
    inbox.add(change(), CHECKPOINT, change())
    assert inbox.changes == 2


@pytest.mark.parametrize("per_call", [1, 50])
def test_a_thread_that_takes_meanwhile_loses_nothing(per_call: int) -> None:
    inbox, parts, ended = Inbox(), list[Part](), threading.Event()

    def take() -> None:
        while not ended.is_set():
            parts.extend(inbox.take())

    thread = threading.Thread(target=take)
    thread.start()
    signals = [signal(seq) for seq in range(20_000)]
    for at in range(0, len(signals), per_call):
        inbox.extend(signals[at : at + per_call])
    ended.set()
    thread.join()
    assert flat([*parts, *inbox.take()]) == signals
