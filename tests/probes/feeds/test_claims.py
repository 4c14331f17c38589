"""What was asked of a feed, topic by topic: only the topic itself can prove that it is there. No sockets, times by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from probes.feeds.claims import SILENCE_FLOOR_S, Claim, Claims
from probes.readings import (
    Censoring,
    ClaimChanged,
    ClaimState,
    Instrument,
    Liquidation,
    Market,
    MarkPrice,
    Refusal,
    Side,
    VenueId,
)
from probes.readings.topics import Topic, TopicRequest, no_request, no_topics, request_id
from probes.venue import Ack, Feed, SubscriptionRefused

MADE = VenueId("made")
T0 = datetime(2026, 11, 1, tzinfo=UTC)
BTC = Instrument(symbol="BTC", base="BTC", quote="USDT", market=Market.PERP)
ETH = replace(BTC, symbol="ETH", base="ETH")
FORCED = Liquidation(
    venue=MADE, instrument="SOL", received_at=T0, event_time=T0, side=Side.LONG, price=Decimal(1),
    quantity=Decimal(1), notional_usd=Decimal(1), censoring=Censoring.COMPLETE,
)  # fmt: skip
MARK = MarkPrice(venue=MADE, instrument="BTC", received_at=T0, event_time=None, mark=1.0, index=None)
RENEW_S = 300.0
Said = list[tuple[str, str | None, str]]


def topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
    marks = [Topic(f"mark.{one.symbol}", "mark", one.symbol, (MarkPrice,)) for one in instruments]
    return [Topic("forced.all", "forced", None, (Liquidation,), rare=True), *marks]


def ask(wanted: Sequence[Topic], now: datetime) -> Sequence[TopicRequest]:
    names = tuple(one.name for one in wanted)
    return [TopicRequest(" ".join(names), str(request_id(names)), names)]


def feed(**changed: object) -> Feed:
    made = Feed(
        name="news", host="ws", read=lambda _raw, _context: (), subscribe=lambda _instruments, _now: (), topics=topics,
        ask=ask, renew_s=RENEW_S, prove_s=RENEW_S,
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]


def opened(**changed: object) -> Claims:
    claims = Claims(MADE, feed(**changed), [BTC, ETH])
    claims.opened(T0, 0.0)
    return claims


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def said(changes: Sequence[ClaimChanged]) -> Said:
    return [(one.channel, one.instrument, one.state.value) for one in changes]


def seconds(claims: Claims, begin: int, end: int, speaking: bool = False) -> list[ClaimChanged]:
    """Pass whole seconds, `end` included; `speaking`: the mark of BTC comes each second."""
    changes: list[ClaimChanged] = []
    for one in range(begin, end + 1):
        if speaking:
            changes += claims.spoke(MARK, at(one), one)
        changes += claims.second(at(one), one, {})
    return changes


def acknowledge(claims: Claims, *names: str, tick_s: float = 1.0) -> Said:
    return said(claims.acknowledged(Ack(names=names), at(tick_s), tick_s))


def refuse(claims: Claims, detail: str = "no", names: tuple[str, ...] = (), request: str = "") -> Said:
    word = SubscriptionRefused(kind=Refusal.BAD_REQUEST, detail=detail, names=names, request=request)
    return said(claims.refused(word, at(1), 1.0))


EVERYTHING = str(request_id(["forced.all", "mark.BTC", "mark.ETH"]))
ALL: list[tuple[str, str | None]] = [("forced", None), ("mark", "BTC"), ("mark", "ETH")]


def test_each_topic_is_asked_for_at_the_opening_and_covers_nothing_yet() -> None:
    claims = Claims(MADE, feed(), [BTC, ETH])
    changes = claims.opened(T0, 0.0)
    assert said(changes) == [(*one, "asked") for one in ALL]
    assert not any(one.covers for one in changes)
    assert [one.main for one in changes] == [True] * 3
    assert claims.texts() == ["forced.all mark.BTC mark.ETH"]
    assert claims.texts() == []


def test_a_feed_that_declares_no_topics_claims_nothing() -> None:
    claims = opened(topics=no_topics)
    assert (claims.all, claims.texts(), claims.second(T0, 1.0, {})) == ([], [], [])
    assert claims.spoke(MARK, T0, 1.0) == []


def test_an_acknowledgement_covers_a_rare_topic_and_no_other() -> None:
    claims = opened()
    changes = claims.acknowledged(Ack(request=EVERYTHING), at(1), 1.0)
    assert [(one.channel, one.instrument, one.state.value, one.covers) for one in changes] == [
        ("forced", None, "acknowledged", True),
        ("mark", "BTC", "acknowledged", False),
        ("mark", "ETH", "acknowledged", False),
    ]
    assert acknowledge(claims, "forced.all") == [], "it was acknowledged before"
    assert claims.acknowledged(Ack(request="of another connection"), at(1), 1.0) == []


def test_a_word_proves_its_own_topic_and_no_sibling() -> None:
    claims = opened()
    (change,) = claims.spoke(MARK, at(2), 2.0)
    assert (change.channel, change.instrument, change.state, change.covers) == (
        "mark",
        "BTC",
        ClaimState.SPEAKING,
        True,
    )
    assert claims.spoke(MARK, at(3), 3.0) == []
    by_name = {one.topic.name: one for one in claims.all}
    assert (by_name["mark.BTC"].first_s, by_name["mark.BTC"].last_s) == (2.0, 3.0)
    assert (by_name["mark.ETH"].first_s, by_name["forced.all"].first_s) == (None, None)
    assert claims.spoke(replace(MARK, instrument="SOL"), at(3), 3.0) == [], "nobody asked for it"


def test_any_liquidation_of_the_venue_proves_its_one_channel() -> None:
    assert said(opened().spoke(FORCED, at(2), 2.0)) == [("forced", None, "speaking")]


def test_a_refused_topic_stays_refused_whatever_its_siblings_say_and_heals_by_its_own_word_or_confirmation() -> None:
    claims = opened()
    assert refuse(claims, names=("forced.all",)) == [("forced", None, "refused")]
    assert [one for one in seconds(claims, 2, 100, speaking=True) if one.channel == "forced"] == []
    assert claims.all[0].state is ClaimState.REFUSED
    assert said(claims.spoke(FORCED, at(101), 101.0)) == [("forced", None, "speaking")]

    again = opened()
    refuse(again, names=("forced",))
    assert acknowledge(again, "forced.all", tick_s=50) == [("forced", None, "acknowledged")]


@pytest.mark.parametrize(
    "detail", ["unknown symbol: ETH", "error:handler not found,topic:mark.ETH", "[ETH] is invalid"]
)
def test_a_request_of_which_one_topic_is_refused_is_sent_again_without_it(detail: str) -> None:
    claims = opened()
    claims.texts()
    assert refuse(claims, detail, request=EVERYTHING) == [("mark", "ETH", "refused")]
    assert claims.texts() == ["forced.all mark.BTC"]
    (reason,) = [one.reason for one in claims.all if one.state is ClaimState.REFUSED]
    assert reason == f"bad_request: {detail}"
    assert said(claims.acknowledged(Ack(request=str(request_id(["forced.all", "mark.BTC"]))), at(2), 2.0)) == [
        ("forced", None, "acknowledged"), ("mark", "BTC", "acknowledged")
    ]  # fmt: skip


def test_a_request_that_is_refused_without_a_name_is_asked_for_in_halves_until_the_bad_topic_is_found() -> None:
    claims = opened()
    claims.texts()
    assert refuse(claims, "invalid", request=EVERYTHING) == []
    assert claims.texts() == ["forced.all", "mark.BTC mark.ETH"]
    acknowledge(claims, "forced.all")
    assert refuse(claims, "invalid", request=str(request_id(["mark.BTC", "mark.ETH"]))) == []
    assert claims.texts() == ["mark.BTC", "mark.ETH"]
    assert refuse(claims, "invalid", request=str(request_id(["mark.ETH"]))) == [("mark", "ETH", "refused")]
    assert claims.texts() == []


def test_one_bad_topic_of_four_hundred_is_found_with_few_texts() -> None:
    many = [replace(BTC, symbol=f"X{number}") for number in range(400)]
    claims = Claims(MADE, feed(), many)
    claims.opened(T0, 0.0)
    sent, waiting = 0, claims.texts()
    while waiting:
        sent += len(waiting)
        for text in waiting:
            request = str(request_id(text.split()))
            if "mark.X123" in text.split():
                claims.refused(SubscriptionRefused(kind=Refusal.BAD_REQUEST, request=request), at(1), 1.0)
            else:
                claims.acknowledged(Ack(request=request), at(1), 1.0)
        waiting = claims.texts(1000)
    assert [one.topic.instrument for one in claims.all if one.state is ClaimState.REFUSED] == ["X123"]
    assert {one.state for one in claims.all} == {ClaimState.REFUSED, ClaimState.ACKNOWLEDGED}
    assert sent <= 1 + 2 * 9


def test_a_request_that_is_refused_for_its_moment_is_not_sent_again_at_once_in_parts() -> None:
    claims = opened()
    claims.texts()
    word = SubscriptionRefused(kind=Refusal.THROTTLED, detail="10028", request=EVERYTHING)
    assert {state for _, _, state in said(claims.refused(word, at(1), 1.0))} == {"refused"}
    assert claims.texts() == []


def test_a_refusal_of_nobody_knows_what_refuses_all_that_gave_no_proof() -> None:
    claims = opened()
    acknowledge(claims, "mark.BTC")
    claims.spoke(replace(MARK, instrument="ETH"), at(1), 1.0)
    assert refuse(claims, "60018") == [("forced", None, "refused")]
    assert said(claims.spoke(MARK, at(2), 2.0)) == [("mark", "BTC", "speaking")]
    assert refuse(claims, "60018") == [], "nothing is open any more"


def test_a_list_of_all_subscriptions_confirms_what_it_names_and_refuses_the_rest() -> None:
    claims = opened()
    claims.spoke(replace(MARK, instrument="ETH"), at(1), 1.0)
    word = Ack(names=("mark.BTC", "of another"), complete=True)
    assert said(claims.acknowledged(word, at(1), 1.0)) == [("mark", "BTC", "acknowledged"), ("forced", None, "refused")]
    assert claims.acknowledged(Ack(names=("of another",), complete=True), at(1), 1.0) == [], "it names nothing of ours"


def test_a_list_of_what_came_of_a_request_refuses_the_rest_of_that_request_alone() -> None:
    claims = opened()
    request = str(request_id(["forced.all", "mark.BTC", "mark.ETH"]))
    word = Ack(names=("mark.BTC", "mark.ETH"), request=request, complete=True)
    assert said(claims.acknowledged(word, at(1), 1.0)) == [
        ("mark", "BTC", "acknowledged"), ("mark", "ETH", "acknowledged"), ("forced", None, "refused"),
    ]  # fmt: skip
    seconds(claims, 2, int(RENEW_S) + 2)
    claims.texts()
    renewed = Ack(names=("forced.all",), request=str(request_id(["forced.all"])), complete=True)
    assert ("forced", None, "acknowledged") in said(claims.acknowledged(renewed, at(310), 310.0))
    none = Ack(request=str(request_id(["forced.all"])), complete=True)
    assert said(claims.acknowledged(none, at(311), 311.0)) == [("forced", None, "refused")], (
        "an empty list names nothing"
    )


def test_a_frame_of_a_channel_proves_that_channel_although_nothing_in_it_is_for_us() -> None:
    claims = opened()
    assert said(claims.heard("forced.all", at(1), 1.0)) == [("forced", None, "speaking")]
    assert said(claims.heard("another", at(1), 1.0)) == []
    assert [one.state for one in claims.all if not one.topic.rare] == [ClaimState.ASKED, ClaimState.ASKED]


def test_an_instrument_that_goes_silent_on_a_live_socket_is_said_after_the_floor() -> None:
    claims = opened()
    seconds(claims, 1, 61, speaking=True)
    quiet = seconds(claims, 62, 61 + int(SILENCE_FLOOR_S) - 1)
    assert quiet == []
    (change,) = claims.second(at(61 + SILENCE_FLOOR_S), 61 + SILENCE_FLOOR_S, {})
    assert (change.instrument, change.state, change.covers) == ("BTC", ClaimState.SILENT, False)
    assert change.reason == "nothing for 10 s, its longest usual gap is 1.0 s"
    assert claims.second(at(72), 72.0, {}) == [], "once"
    assert acknowledge(claims, "mark.BTC", tick_s=73) == [("mark", "BTC", "acknowledged")]
    assert not claims.all[1].covers, "a topic that speaks often must speak"


def test_a_quiet_instrument_is_silent_by_its_own_usual_gaps_only() -> None:
    claims = opened()
    for one in range(0, 401, 20):
        claims.spoke(MARK, at(one), one)
        claims.acknowledged(Ack(names=("forced.all",)), at(one), one)
        seconds(claims, one + 1, one + 19)
    assert seconds(claims, 420, 499) == [], "five of its gaps are not over"
    assert said(seconds(claims, 500, 500)) == [("mark", "BTC", "silent")]


def test_a_burst_at_the_start_is_not_taken_for_the_usual_pace() -> None:
    claims = opened(renew_s=1e9)
    for one in range(100):
        claims.spoke(MARK, at(one / 2), one / 2)  # fifty seconds of two words each
    assert seconds(claims, 50, 1000) == []
    claims.spoke(MARK, at(1001), 1001.0)
    assert said(seconds(claims, 1002, 5000 + 761)) == [("mark", "BTC", "silent")], "five times the gap of 951.5 s"


def test_an_instrument_whose_usual_gaps_nobody_knows_yet_is_not_called_silent_for_an_hour() -> None:
    claims = opened(renew_s=1e9)
    seconds(claims, 1, 19, speaking=True)
    assert seconds(claims, 20, 3618) == []
    assert said(seconds(claims, 3619, 3619)) == [("mark", "BTC", "silent")]


@pytest.mark.parametrize(("mean_s", "days"), [(1, 0.5), (10, 5), (60, 20), (300, 100)])
def test_no_instrument_that_speaks_at_random_is_ever_called_silent(mean_s: float, days: float) -> None:
    chance = Random(7)  # a made stream, not secrecy
    claim = Claim(Topic("mark.BTC", "mark", "BTC", (MarkPrice,)))
    tick_s = 0.0
    while tick_s < days * 86_400:
        claim.spoke(tick_s)
        gap_s = chance.expovariate(1 / mean_s)
        assert gap_s < claim.silent_after_s()
        tick_s += gap_s


def test_time_in_which_we_did_not_listen_is_nobodys_silence() -> None:
    claims = opened()
    seconds(claims, 1, 65, speaking=True)
    assert claims.second(at(500), 500.0, {}) == []
    assert [one for one in seconds(claims, 501, 509) if one.channel == "mark"] == []
    assert said(seconds(claims, 510, 511)) == [("mark", "BTC", "silent")]


def test_what_gave_no_proof_is_asked_for_again_and_what_speaks_often_is_not() -> None:
    claims = opened(renew_alone=True)
    claims.texts()
    refuse(claims, names=("mark.ETH",))
    seconds(claims, 1, 300, speaking=True)
    assert claims.texts() == ["forced.all", "mark.ETH"]


def test_at_most_ten_texts_are_sent_a_second_and_the_queue_is_bounded() -> None:
    many = [replace(BTC, symbol=f"X{number}") for number in range(40)]
    claims = Claims(MADE, feed(renew_alone=True), many)
    claims.opened(T0, 0.0)
    claims.texts()
    seconds(claims, 1, 300)
    assert [len(claims.texts()) for _ in range(6)] == [10, 10, 10, 10, 1, 0]
    few = Claims(MADE, feed(renew_alone=True, asks_per_s=3), many)
    few.opened(T0, 0.0)
    few.texts()
    seconds(few, 1, 300)
    assert len(few.texts()) == 3, "by the limit of the venue"


def test_a_contract_that_is_not_traded_any_more_ends_its_claims() -> None:
    claims = opened()
    claims.spoke(MARK, at(1), 1.0)
    listed = {"BTC": replace(BTC, trading=False), "ETH": ETH}
    (change,) = claims.second(at(2), 2.0, listed)
    assert (change.instrument, change.state, change.covers) == ("BTC", ClaimState.ENDED, False)
    assert change.reason == "the venue does not list it as trading"
    assert claims.spoke(MARK, at(3), 3.0) == []
    assert acknowledge(claims, "mark.BTC") == []
    assert said(claims.opened(at(4), 4.0)) == [("forced", None, "asked"), ("mark", "ETH", "asked")]


def test_nothing_is_known_of_a_new_connection() -> None:
    claims = opened()
    acknowledge(claims, "forced.all")
    claims.spoke(MARK, at(2), 2.0)
    assert said(claims.opened(at(10), 10.0)) == [(*one, "asked") for one in ALL]
    assert [(one.asked_s, one.acknowledged_s, one.first_s) for one in claims.all] == [(10.0, None, None)] * 3


def test_an_answer_to_a_request_of_an_earlier_connection_or_long_ago_proves_nothing() -> None:
    sent: list[str] = []

    def numbered(wanted: Sequence[Topic], _now: datetime) -> Sequence[TopicRequest]:
        sent.append(str(len(sent)))
        return [TopicRequest("", sent[-1], tuple(one.name for one in wanted))]

    claims = opened(ask=numbered)
    claims.opened(at(10), 10.0)
    assert claims.acknowledged(Ack(request="0"), at(11), 11.0) == []
    seconds(claims, 12, 11_999)  # each renewal is a request of its own
    assert len(sent) > 30
    assert claims.acknowledged(Ack(request="1"), at(12_000), 12_000.0) == []
    assert said(claims.acknowledged(Ack(request=sent[-1]), at(12_000), 12_000.0)) != []


def test_a_feed_that_cannot_ask_sends_nothing() -> None:
    claims = opened(ask=no_request)
    assert claims.texts() == []
