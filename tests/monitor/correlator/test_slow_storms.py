"""Tests of stress that gathers over hours: it holds its leg as long as the facts hold."""

from __future__ import annotations

import pytest

from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Leg
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment


def removed(lone: LoneProducer, number: int, minutes: float, share: float) -> None:
    subject = Subject(asset="BTC", network="ethereum", pool="0x" + "44" * 20)
    lone.send(SignalKind.LIQUIDITY_REMOVED, 60 * minutes, share, subject, {"event_id": f"r{number}"}, "ethereum/chain")


def test_fifteen_removals_of_a_tenth_over_four_hours_hold_the_leg_and_so_do_their_pauses() -> None:
    lone = LoneProducer("liquidity")
    nats = []
    for minute in range(300):
        if minute % 16 == 0 and minute < 240:
            removed(lone, minute, minute, 0.10)
        lone.complete(60 * minute)
        nats.append(lone.nats(Leg.MIGRATION, 60 * minute))
    begin = next(minute for minute, one in enumerate(nats) if one >= CorrelatorSettings().true_nats)
    assert begin <= 9 * 16  # after nine removals 61 % are gone
    assert min(nats[begin:]) >= CorrelatorSettings().leave_nats
    assert "79% of pool" in lone.only().said


def test_one_removal_of_a_tenth_and_what_was_added_again_are_nothing() -> None:
    lone = LoneProducer("liquidity")
    removed(lone, 1, 0, 0.10)
    assert not lone.evidence
    for number in range(2, 8):
        removed(lone, number, 20 * number, 0.10 if number % 2 else -0.10)
    assert not lone.evidence


def test_an_outage_that_flickers_for_hours_is_held_between_its_flickers_and_a_short_one_is_not() -> None:
    def left_after_the_last(hours: float) -> float:
        lone = LoneProducer("venue_words")
        venue = Subject(venue="alpha")
        last = 0.0
        for second in range(0, int(hours * 3600), 240):
            last = second
            lone.send(SignalKind.VENUE_STATUS, second, 2.0, venue, {"title": "halted"})
        evidence = lone.only()
        return evidence.weight * 2 ** (-(600 / evidence.half_life_s)) if evidence.at == moment(last) else 0.0

    assert left_after_the_last(0.1) == pytest.approx(3.0 * 2 ** (-600 / 300))
    assert left_after_the_last(3) == pytest.approx(3.0 * 2 ** (-600 / 1800))
