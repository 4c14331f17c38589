"""Checks when a head counts as new, when a chain counts as stalled, and when the next check is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chain.events import NetworkId
from chain.events.network import HeadResumed, HeadStalled
from chain.networks import Network
from chain.sync.head_clock import HeadClock
from tests.chain.builders import START, header

NETWORK = Network(id=NetworkId("local"), chain_id=1, block_time_s=12.0)
STALL_S = 96.0
"""Eight block times."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stalls(clock: HeadClock, *checks: tuple[float, int | None]) -> list[float]:
    """Returns the seconds at which a stall was reported; each check finds the head with this number, or no answer."""
    found = []
    for seconds, number in checks:
        observed = clock.observe(None if number is None else ("one", header(number)), at(seconds))
        if isinstance(observed, HeadStalled):
            found.append(seconds)
    return found


@pytest.mark.parametrize("number", [5, None])
def test_a_stall_is_reported_after_eight_block_times_and_once_for_each_eight_more(number: int | None) -> None:
    checks = [(seconds, number) for seconds in (0, 95.9, 96, 97, 191.9, 192, 193, 288, 290)]
    assert stalls(HeadClock(NETWORK), *checks) == [96, 192, 288]


def test_late_checks_report_one_stall_for_all_the_time_that_passed() -> None:
    assert stalls(HeadClock(NETWORK), (0, 5), (300, 5), (301, 5), (383, 5), (384, 5)) == [300, 384]


def test_a_new_head_ends_a_stall_and_restarts_the_count() -> None:
    assert stalls(HeadClock(NETWORK), (0, 5), (96, 5), (100, 6), (195, 6), (196, 6)) == [96, 196]


def test_a_head_at_a_lower_or_the_same_height_is_not_progress() -> None:
    assert stalls(HeadClock(NETWORK), (0, 5), (50, 5), (96, 5)) == [96]
    assert stalls(HeadClock(NETWORK), (0, 5), (50, 4), (96, 4)) == [96]


def test_nodes_that_show_five_four_and_five_again_are_no_progress() -> None:
    assert stalls(HeadClock(NETWORK), (0, 5), (40, 4), (60, 5), (80, 4), (96, 5)) == [96]


def test_a_later_block_at_a_lower_height_is_progress() -> None:
    clock = HeadClock(NETWORK)
    clock.observe(("one", header(5)), at(5))
    clock.observe(("one", header(4, fork=1, after_s=60)), at(60))
    assert clock.observe(("one", header(4, fork=1, after_s=60)), at(150)) is None
    assert isinstance(clock.observe(("one", header(4, fork=1, after_s=60)), at(156)), HeadStalled)


def test_the_end_of_a_stall_is_told_once_with_its_length_and_its_beginning() -> None:
    clock = HeadClock(NETWORK)
    clock.observe(("one", header(5)), at(10))
    stalled = clock.observe(("one", header(5)), at(110))
    assert isinstance(stalled, HeadStalled)
    assert (stalled.since, stalled.answered) == (at(10), True)
    assert clock.observe(None, at(120)) is None
    resumed = clock.observe(("two", header(6)), at(150))
    assert resumed == HeadResumed(network=NETWORK.id, seen_at=at(150), block_number=6, stalled_s=140.0, since=at(10))
    assert clock.observe(("two", header(7)), at(160)) is None


def test_a_short_wait_has_no_end_to_tell() -> None:
    clock = HeadClock(NETWORK)
    clock.observe(("one", header(5)), at(10))
    assert clock.observe(("one", header(6)), at(100)) is None


def test_if_no_node_ever_answers_the_stall_names_no_block_and_no_sequencer() -> None:
    clock = HeadClock(replace(NETWORK, sequenced=True))
    assert clock.observe(None, START) is None
    stalled = clock.observe(None, at(STALL_S))
    assert stalled == HeadStalled(
        network=NETWORK.id, seen_at=at(STALL_S), block_number=-1, stalled_s=STALL_S, sequencer=False, since=START
    )


@pytest.mark.parametrize("sequenced", [True, False])
def test_a_stall_names_the_last_head_and_its_age(sequenced: bool) -> None:
    clock = HeadClock(replace(NETWORK, sequenced=sequenced))
    clock.observe(("one", header(5)), at(10))
    stalled = clock.observe(("one", header(5)), at(130))
    assert isinstance(stalled, HeadStalled)
    assert (stalled.block_number, stalled.stalled_s, stalled.sequencer) == (5, 120.0, sequenced)


def test_a_fast_chain_stalls_after_ten_seconds() -> None:
    fast = HeadClock(replace(NETWORK, block_time_s=0.25))
    assert stalls(fast, (0, 1), (9.9, 1), (10, 1)) == [10]


def test_a_pulse_holds_only_the_head_its_age_and_the_node_that_had_it() -> None:
    clock = HeadClock(NETWORK)
    assert clock.head_seen(header(5), at(9)) is None, "nobody looked yet"
    clock.observe(("one", replace(header(5), base_fee=7)), at(9))
    assert clock.head_seen(header(4), at(9)) is None
    assert clock.head_seen(header(5, fork=1), at(9)) is None
    seen = clock.head_seen(replace(header(5), base_fee=7), at(9))
    assert seen is not None
    assert (seen.block_number, seen.block_hash, seen.block_time) == (5, header(5).hash, at(5))
    assert (seen.node, seen.lag_s, seen.base_fee, seen.seen_at, seen.network) == ("one", 4.0, 7, at(9), NETWORK.id)


def test_the_node_of_a_pulse_is_the_one_that_last_had_the_head() -> None:
    clock = HeadClock(NETWORK)
    clock.observe(("one", header(5)), at(5))
    clock.observe(("two", header(6)), at(6))
    clock.observe(None, at(7))
    seen = clock.head_seen(header(6), at(7))
    assert seen is not None
    assert seen.node == "two"


@pytest.mark.parametrize(
    ("block_time_s", "since_s", "wait_s"),
    [
        (12, None, 1.5), (12, 0, 12), (12, 4, 8), (12, 10.4, 1.6), (12, 10.6, 1.5), (12, 100, 1.5),
        (8, 100, 1), (4, 100, 0.5), (1, 100, 0.25), (0.25, 100, 0.25), (0.25, None, 0.25),
    ],
)  # fmt: skip
def test_the_next_check_is_due_with_the_next_head_and_then_every_eighth_of_a_block_time(
    block_time_s: float, since_s: float | None, wait_s: float
) -> None:
    clock = HeadClock(replace(NETWORK, block_time_s=block_time_s))
    if since_s is not None:
        clock.observe(("one", header(1)), START)
    assert clock.wait_s(at(since_s or 0)) == pytest.approx(wait_s)
