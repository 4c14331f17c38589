"""Rare topics, such as liquidations: what proves one, how soon a mute one is known, and what quiet means. Times by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probes.feeds.claims import ACK_WAIT_S, Claims
from probes.readings import ClaimChanged, ClaimState, Instrument, Liquidation
from probes.readings.topics import Topic
from probes.venue import Ack
from tests.probes.feeds.test_claims import BTC, FORCED, MADE, MARK, T0, acknowledge, at, feed, opened, said, seconds


def test_a_rare_topic_that_goes_mute_is_silent_within_fifteen_seconds_unless_the_venue_allows_fewer_requests() -> None:
    for mute_s in range(10):
        claims = opened(prove_s=9.0)
        for second in range(100):
            seconds(claims, second, second)
            if claims.texts() and second < 60 + mute_s:
                claims.acknowledged(Ack(names=("forced.all",)), at(second), second)
        first = next(one for one in claims.all if one.topic.rare)
        assert first.state is ClaimState.SILENT
        assert first.acknowledged_s is not None
    claims = opened(prove_s=9.0)
    acknowledge(claims, "forced.all")
    claims.spoke(FORCED, at(60), 60.0)
    assert [one.state for one in seconds(claims, 61, 75) if one.channel == "forced"] == [ClaimState.SILENT]


def test_a_rare_topic_that_gives_proof_by_itself_is_not_asked_for_again() -> None:
    claims = opened(prove_s=9.0)
    claims.texts()
    for second in range(1, 60):
        claims.heard("forced.all", at(second), second)
        seconds(claims, second, second)
    assert claims.texts() == []


def test_rare_topics_are_asked_for_again_no_faster_than_the_venue_takes_it_and_each_gets_its_time_to_answer() -> None:
    many = [replace(BTC, symbol=f"X{number}") for number in range(40)]

    def each(instruments: Sequence[Instrument]) -> Sequence[Topic]:
        return [Topic(one.symbol, "forced", one.symbol, (Liquidation,), rare=True) for one in instruments]

    claims = Claims(MADE, feed(topics=each, prove_s=9.0, renew_alone=True), many)
    claims.opened(T0, 0.0)
    claims.texts()
    for one in many:
        claims.acknowledged(Ack(names=(one.symbol,)), T0, 0.0)
    changes: list[ClaimChanged] = []
    for second in range(1, 120):
        changes += seconds(claims, second, second)
        asked = claims.texts()
        assert len(asked) <= 10
        claims.acknowledged(Ack(names=tuple(asked)), at(second + 4), second + 4.0)
    assert changes == [], "each answer came within five seconds of its request"


def test_a_rare_topic_that_is_acknowledged_and_quiet_beyond_its_usual_gaps_no_longer_counts_as_speaking() -> None:
    claims = opened()
    for second in range(0, 4000, 20):
        claims.spoke(FORCED, at(second), second)
    quiet: list[ClaimChanged] = []
    for second in range(3981, 4200):
        claims.acknowledged(Ack(names=("forced.all",)), at(second), second)
        quiet += [one for one in seconds(claims, second, second) if one.channel == "forced"]
    assert [(one.state, one.covers, one.reason) for one in quiet] == [
        (ClaimState.ACKNOWLEDGED, True, "nothing for 100 s, its longest usual gap is 20.0 s")
    ]
    assert said(claims.spoke(FORCED, at(4200), 4200.0)) == [("forced", None, "speaking")]


def test_after_a_burst_of_less_than_an_hour_a_rare_topic_may_be_quiet() -> None:
    claims = opened()
    for second in range(600):
        claims.spoke(FORCED, at(second), second)
    for second in range(600, 3000):
        claims.acknowledged(Ack(names=("forced.all",)), at(second), second)
        assert [one for one in seconds(claims, second, second) if one.channel == "forced"] == []


def test_a_rare_topic_is_asked_for_again_and_covered_only_while_that_is_acknowledged() -> None:
    claims = opened()
    acknowledge(claims, "forced.all", "mark.BTC")
    claims.texts()
    assert [one for one in seconds(claims, 1, 299, speaking=True) if one.channel == "forced"] == []
    assert claims.texts() == []
    seconds(claims, 300, 301, speaking=True)
    assert "forced.all" in " ".join(claims.texts()).split()
    assert acknowledge(claims, "forced.all", tick_s=302) == [], "it is as before"
    seconds(claims, 302, 602, speaking=True)
    late = [one for one in seconds(claims, 603, 602 + int(ACK_WAIT_S), speaking=True) if one.channel == "forced"]
    assert [(one.state, one.covers) for one in late] == [(ClaimState.SILENT, False)]
    assert "not acknowledged" in late[0].reason
    assert acknowledge(claims, "forced.all", tick_s=620) == [("forced", None, "acknowledged")]


def test_a_liquidation_after_the_renewal_is_proof_enough() -> None:
    claims = opened()
    seconds(claims, 1, 300)
    claims.spoke(FORCED, at(301), 301.0)
    assert [one for one in seconds(claims, 301, 400) if one.channel == "forced"] == []


def test_a_rare_topic_whose_words_cannot_be_believed_is_silent_until_one_can() -> None:
    claims = opened()
    acknowledge(claims, "forced.all")
    (change,) = claims.malformed(FORCED, "stamp", at(2))
    assert (change.state, change.covers, change.reason) == (
        ClaimState.SILENT, False, "what it says is malformed: stamp"
    )  # fmt: skip
    assert claims.malformed(FORCED, "stamp", at(3)) == []
    assert claims.malformed(MARK, "price", at(3)) == [], "one that speaks often goes silent by itself"
    assert said(claims.spoke(FORCED, at(4), 4.0)) == [("forced", None, "speaking")]
