"""Tests of simulated worlds: the daemon's vocabulary and pace, the same numbers for a seed, and what each stage changes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from monitor.drill.score.case import Case, ChainFact, Stage
from monitor.drill.score.parts import upgraded
from monitor.drill.score.simulation import Simulation
from monitor.drill.score.truth import Truth
from monitor.drill.score.worlds import world_of
from monitor.signals import Signal, SignalKind
from monitor.signals.kinds import KINDS

LENGTH_S = 300.0
WORLD = world_of(4, 0)


def signals_of(
    *stages: Stage, chain: tuple[ChainFact, ...] = (), begins: bool = False, seed: str = "7"
) -> list[Signal]:
    case = Case(length_s=LENGTH_S, truth=Truth(), stages=stages, chain=chain)
    return [one for _, some in Simulation(WORLD, case, seed, begins=begins).steps() for one in some]


QUIET = signals_of()


def of(signals: list[Signal], kind: SignalKind, venue: str | None = None) -> list[Signal]:
    return [one for one in signals if one.kind is kind and venue in (None, one.subject.venue)]


def from_second(signals: list[Signal], second: float) -> list[Signal]:
    return [one for one in signals if one.received_at.timestamp() >= WORLD.start_s + second]


def test_one_seed_gives_the_same_signals_and_another_seed_others() -> None:
    assert signals_of() == QUIET
    assert signals_of(seed="8") != QUIET


def test_signals_come_in_order_of_receipt_and_no_event_is_later_than_its_receipt() -> None:
    assert all(one.received_at <= other.received_at for one, other in pairwise(QUIET))
    assert all(one.event_time <= one.received_at for one in QUIET)


def test_signals_have_only_the_attributes_that_their_kind_documents() -> None:
    noisy = signals_of(
        Stage(
            from_s=10, until_s=100, cut=("book_ws",), mute=("liquidation",), failing=0.5, status=2.0, nodes_down=True
        ),
        chain=(upgraded(20.0, queued=None),),
        begins=True,
    )

    for one in noisy:
        assert set(one.attributes) <= set(KINDS[one.kind].attributes), one.kind


def test_the_numbers_of_a_source_rise() -> None:
    last: dict[str, int] = {}
    for one in sorted(QUIET, key=lambda signal: signal.seq):
        assert one.seq > last.get(one.source, 0)
        last[one.source] = one.seq


def test_every_venue_is_asked_once_a_second_and_its_book_comes_once_a_second() -> None:
    for name in WORLD.names:
        assert len(of(QUIET, SignalKind.REQUEST, name)) == pytest.approx(LENGTH_S, abs=2)
        books = [one for one in of(QUIET, SignalKind.BOOK, name) if one.attributes["origin"] == "ws"]
        assert len(books) == pytest.approx(LENGTH_S, abs=10)


def test_heads_come_each_twelve_seconds_and_the_clock_each_second() -> None:
    assert len(of(QUIET, SignalKind.HEAD)) == LENGTH_S / 12
    assert len(of(QUIET, SignalKind.TICK)) == LENGTH_S


def test_a_daemon_that_begins_declares_each_source_of_each_leg() -> None:
    legs = Counter(str(one.attributes["leg"]) for one in of(signals_of(begins=True), SignalKind.EXPECT))

    assert legs == {"liquidation": 4, "venue": 8, "migration": 1}
    assert not of(QUIET, SignalKind.EXPECT)


def test_an_event_at_one_venue_changes_no_number_of_another() -> None:
    failing = signals_of(Stage(from_s=0, until_s=LENGTH_S, venues=("okx",), failing=1.0, surge=50.0, latency=9.0))
    others = [name for name in WORLD.names if name != "okx"]

    def without_numbers(signals: list[Signal]) -> list[tuple[object, ...]]:
        return [(one.kind, one.received_at, one.value) for one in signals if one.subject.venue in others]

    assert without_numbers(failing) == without_numbers(QUIET)


def test_a_failing_venue_gives_no_readings_and_names_the_outcome() -> None:
    failing = signals_of(Stage(from_s=0, until_s=LENGTH_S, venues=("okx",), failing=1.0, outcome="overloaded"))

    assert {one.attributes["outcome"] for one in of(failing, SignalKind.REQUEST, "okx")} == {"overloaded"}
    assert not of(failing, SignalKind.OPEN_INTEREST, "okx")


def test_what_takes_longer_than_the_time_out_is_censored_at_it() -> None:
    slow = signals_of(Stage(from_s=0, until_s=LENGTH_S, venues=("okx",), latency_s=60.0))

    assert {(one.value, one.attributes["censored"]) for one in of(slow, SignalKind.REQUEST, "okx")} == {(5.0, True)}


def test_a_cut_feed_is_closed_once_and_opens_again_with_its_claims() -> None:
    cut = signals_of(Stage(from_s=60, until_s=120, venues=("okx",), cut=("book_ws",)))

    closed = [one for one in of(cut, SignalKind.FEED_CLOSED, "okx") if one.source == "okx/book_ws"]
    assert len(closed) == 1
    between = [
        one for one in cut if 62 < one.received_at.timestamp() - WORLD.start_s < 119 and one.source == "okx/book_ws"
    ]
    assert not between
    reopened = from_second([one for one in cut if one.source == "okx/book_ws"], 119)
    assert [one.kind for one in reopened[:3]] == [SignalKind.FEED_OPENED, SignalKind.CLAIM, SignalKind.CLAIM]


def test_a_mute_feed_is_told_silent_on_its_open_socket() -> None:
    mute = signals_of(Stage(from_s=60, until_s=120, venues=("okx",), mute=("liquidation",)))

    assert len(of(mute, SignalKind.FEED_SILENT, "okx")) == 1
    assert not of(mute, SignalKind.FEED_CLOSED, "okx")
    states = [one.attributes["state"] for one in of(mute, SignalKind.CLAIM, "okx")]
    assert states == ["silent", "speaking"]


def test_when_our_own_network_is_down_nothing_answers_but_the_clock() -> None:
    down = signals_of(Stage(from_s=0, until_s=LENGTH_S, network_down=True))

    assert all(one.attributes["outcome"] != "ok" for one in of(down, SignalKind.REQUEST) + of(down, SignalKind.CONTROL))
    assert not of(down, SignalKind.BOOK) + of(down, SignalKind.HEAD)
    assert len(of(down, SignalKind.TICK)) == LENGTH_S
    (stalled,) = of(down, SignalKind.HEAD_STALLED)
    assert stalled.attributes["answered"] is False


def test_a_fact_on_chain_comes_with_the_first_block_from_its_time_on() -> None:
    (one,) = of(signals_of(chain=(upgraded(25.0, queued=None),)), SignalKind.UPGRADE)

    assert one.event_time.timestamp() == WORLD.start_s + 36
    assert one.subject.contract == "0xcontract"


def test_prices_of_the_whole_market_move_the_index_and_one_venues_do_not() -> None:
    market = signals_of(Stage(from_s=0, until_s=60, price_to=0.5))
    alone = signals_of(Stage(from_s=0, until_s=60, venues=("okx",), price_to=0.5))

    fallen = from_second(of(market, SignalKind.MARK_PRICE, "okx"), 60)
    assert all(one.value == pytest.approx(float(one.attributes["index"] or 0), rel=0.01) for one in fallen)
    away = from_second(of(alone, SignalKind.MARK_PRICE, "okx"), 60)
    assert all(one.value == pytest.approx(0.5 * float(one.attributes["index"] or 0), rel=0.01) for one in away)


def test_a_world_is_the_same_each_time_and_has_as_many_venues_as_asked() -> None:
    assert world_of(14, 3) == world_of(14, 3)
    assert [len(set(world_of(count, 1).names)) for count in (1, 4, 14, 30)] == [1, 4, 14, 30]


def test_odd_worlds_have_only_feeds_that_leave_something_out() -> None:
    policies = {one.censoring for one in world_of(14, 1).venues if one.censoring is not None}

    assert policies == {"latest_per_second", "one_per_second", "largest_per_second"}
    assert world_of(14, 1).throttled
    assert not world_of(14, 0).throttled
