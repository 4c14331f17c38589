"""Every field and every limit of the evidence about venues: failures, feeds, books, latency, what they declare, silences."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from monitor.correlator.settings import CorrelatorSettings
from monitor.incidents import Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

ALPHA = Subject(venue="alpha")


def about_alpha(
    name: str, grade: int, since_s: float, at_s: float, value: float, said: str, **changed: object
) -> dict[str, object]:
    """The fields of evidence about the whole venue."""
    return {
        "id": f"{name}:alpha:alpha",
        "leg": Leg.VENUE,
        "name": name,
        "subject": ALPHA,
        "grade": grade,
        "weight": float(grade),
        "half_life_s": 300.0,
        "onset": moment(since_s),
        "at": moment(at_s),
        "value": value,
        "normal": 0.0,
        "far_per_day": {1: 24.0, 2: 1.0, 3: 1 / 7, 4: 1 / 91}[grade],
        "said": said,
        "links": (),
        "shared": True,
    } | changed


def fields_of(evidence: Evidence) -> dict[str, object]:
    """The fields of evidence but its unit."""
    return {name: getattr(evidence, name) for name in Evidence.__slots__ if name != "unit"}


def requests(lone: LoneProducer, *outcomes: str) -> float:
    """One request a second from second 0 on; return the second of the last."""
    for second, outcome in enumerate(outcomes):
        lone.link = f"trace:{second}"
        lone.send(SignalKind.REQUEST, second, 0.1, ALPHA, {"outcome": outcome})
    return len(outcomes) - 1.0


@pytest.mark.parametrize(("failures", "grade"), [(8, 0), (9, 1), (11, 1), (12, 2), (13, 2), (14, 3), (16, 3), (17, 4)])
def test_failures_in_a_row_are_graded_by_their_e_value(failures: int, grade: int) -> None:
    # The mean of 1.2375^n, 1.475^n, 1.95^n and 2.9^n: 1,310; 3,739; 30,910; 89,239; 258,032; 746,816; 6.3e6; 18.2e6.
    # The thresholds are 3,600; 86,400; 604,800 and 7.86e6.
    lone = LoneProducer("venue_failures")
    lone.complete(requests(lone, *["timeout"] * failures))
    assert lone.grades == ({"venue_failures": grade} if grade else {})


def test_failing_requests_are_described_in_full() -> None:
    # three good answers take a factor of 0.9 each from the greatest bet: 18.2e6 * 0.729 = 13.2e6
    lone = LoneProducer("venue_failures")
    last_s = requests(lone, *["timeout"] * 15, "reset", "dns", "ok", "ok", "ok")
    lone.complete(last_s)
    found = lone.only()
    said = "alpha fails 85% of requests (timeout 15, dns 1, reset 1)"
    links = tuple(f"trace:{second}" for second in range(9, 17))
    assert fields_of(found) == about_alpha("venue_failures", 4, 0, 19, 0.85, said, normal=0.05, links=links)
    assert found.unit == "share of requests"


@pytest.mark.parametrize(("good", "is_failing"), [(39, True), (40, False)])
def test_forty_good_answers_in_a_row_end_an_outage(good: int, *, is_failing: bool) -> None:
    # 17 failures, 39 good answers, a failure: 18.2e6 * 0.9^39 * 2.9 = 865,000 at least; after forty it begins at 1 again
    lone = LoneProducer("venue_failures")
    lone.complete(requests(lone, *["timeout"] * 17, *["ok"] * good, "timeout"))
    assert bool(lone.evidence) is is_failing


@pytest.mark.parametrize(("second", "is_renewed"), [(26, True), (27, False)])
def test_failures_are_evidence_until_ten_seconds_after_the_last(second: int, *, is_renewed: bool) -> None:
    lone = LoneProducer("venue_failures")
    requests(lone, *["timeout"] * 17)
    lone.complete(second)
    assert bool(lone.evidence) is is_renewed


def fault(lone: LoneProducer, second: float, kind: SignalKind = SignalKind.FEED_CLOSED, value: float = 1.0) -> None:
    """One fault of the feed of trades."""
    lone.send(kind, second, value, ALPHA, source="alpha/trades")


@pytest.mark.parametrize(
    ("faults", "grade"), [(1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (15, 3), (16, 3), (30, 3)]
)
def test_cuts_of_a_feed_are_graded_by_their_number(faults: int, grade: int) -> None:
    lone = LoneProducer("feed_faults")
    for second in range(faults):
        fault(lone, second)
    assert lone.grades == ({"feed_faults": grade} if grade else {})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (SignalKind.FEED_CLOSED, "cut alpha trades 2 times in a minute"),
        (SignalKind.FEED_GAP, "holes in alpha trades 2 times in a minute"),
        (SignalKind.FEED_REJECTED, "refused alpha trades 2 times in a minute"),
        (SignalKind.MALFORMED, "unreadable frames on alpha trades 2 times in a minute"),
    ],
)
def test_faults_of_a_feed_are_described_in_full(kind: SignalKind, words: str) -> None:
    lone = LoneProducer("feed_faults")
    fault(lone, 10, kind)
    fault(lone, 15, kind)
    evidence_id = f"feed_faults:alpha:alpha:trades-{kind.value}"
    assert fields_of(lone.only()) == about_alpha("feed_faults", 1, 10, 15, 2.0, words, id=evidence_id)


@pytest.mark.parametrize(("second", "is_found"), [(60, True), (61, False)])
def test_faults_count_within_sixty_seconds(second: float, *, is_found: bool) -> None:
    lone = LoneProducer("feed_faults")
    fault(lone, 0)
    fault(lone, second)
    assert bool(lone.evidence) is is_found


def test_no_more_than_64_faults_of_a_feed_are_counted() -> None:
    lone = LoneProducer("feed_faults")
    for number in range(70):
        fault(lone, number / 10)
    assert lone.only().value == 64


@pytest.mark.parametrize("is_ours", [True, False])
def test_faults_before_our_own_network_failed_are_forgotten(*, is_ours: bool) -> None:
    lone = LoneProducer("feed_faults")
    fault(lone, 0)
    if is_ours:
        lone.lose_our_network(1)
    lone.complete(1)
    fault(lone, 2)
    assert bool(lone.evidence) is not is_ours


def book(lone: LoneProducer, second: float, depth_usd: float) -> None:
    """A sample of a book as deep on the bid, twice as deep on the ask."""
    depths: dict[str, Scalar] = {"bid_depth_50_usd": depth_usd, "ask_depth_50_usd": 2 * depth_usd}
    lone.send(SignalKind.BOOK, second, 1.0, VENUE, depths)


def thin_book(usual_usd: float, thin_usd: float, thin_from_s: int = 300) -> LoneProducer:
    """A book that is thin for four samples after its usual depth."""
    lone = LoneProducer("book_stress")
    for second in range(thin_from_s + 4):
        book(lone, second, thin_usd if second >= thin_from_s else usual_usd)
    return lone


@pytest.mark.parametrize(
    ("left", "grade"),
    [
        (0.401, 0), (0.399, 1), (0.301, 1), (0.299, 2), (0.101, 2), (0.099, 3), (0.0201, 3), (0.0199, 4),
    ],
)  # fmt: skip
def test_a_fall_of_depth_by_60_70_90_and_98_percent_is_graded(left: float, grade: int) -> None:
    assert thin_book(1e6, left * 1e6).grades == ({"book_depth": grade} if grade else {})


def test_a_thin_book_is_described_in_full() -> None:
    lone = thin_book(1e6, 2e5)
    found = lone.only()
    assert found.normal == pytest.approx(1e6)
    assert replace(found, normal=1_000_000.0) == Evidence(
        id="book_depth:BTC:alpha/BTC-PERP",
        leg=Leg.VENUE,
        name="book_depth",
        subject=Subject(asset="BTC", venue="alpha", instrument="BTC-PERP"),
        grade=2,
        weight=2.0,
        half_life_s=180.0,
        onset=moment(300),
        at=moment(303),
        value=200_000.0,
        normal=1_000_000.0,
        unit="USD",
        far_per_day=1.0,
        said="alpha BTC-PERP depth within 50 bps 200,000 USD (1,000,000 usual)",
        links=(),
        shared=False,
    )


def test_a_book_is_not_judged_before_it_is_warm() -> None:
    assert thin_book(1e6, 1e4, 299).evidence == []


@pytest.mark.parametrize(("samples", "is_judged"), [(7, False), (8, True)])
def test_a_book_is_not_judged_before_its_ninth_sample(samples: int, *, is_judged: bool) -> None:
    lone = LoneProducer("book_stress")
    for number in range(samples):
        book(lone, 60 * number, 1e6)
    for second in range(600, 604):
        book(lone, second, 1e4)
    assert bool(lone.evidence) is is_judged


def test_a_depth_under_one_dollar_counts_as_one_dollar() -> None:
    assert log(3) > log(2.5) > log(3 / 2)
    assert thin_book(3.0, 0.0).grades == {"book_depth": 1}


@pytest.mark.parametrize(
    ("state", "grade"), [("crossed", 2), ("frozen", 2), ("one_sided", 3), ("hollow", 3), ("empty", 3)]
)
def test_a_book_in_a_bad_state_is_described_in_full(state: str, grade: int) -> None:
    lone = LoneProducer("book_stress")
    lone.send(SignalKind.BOOK, 9, 1.0, Subject(asset="BTC", venue="beta"), {"state": "ok"})
    lone.send(SignalKind.BOOK, 10, 1.0, VENUE, {"state": state})
    lone.send(SignalKind.BOOK, 13, 1.0, VENUE, {"state": state})
    found = lone.only()
    assert (found.id, found.grade, found.said) == (
        "book_state:BTC:alpha/BTC-PERP",
        grade,
        f"alpha BTC-PERP book {state}",
    )
    assert (found.value, found.normal, found.unit, found.half_life_s) == (3.0, 0.0, "s", 180.0)
    assert (found.onset, found.at) == (moment(10), moment(13))


@pytest.mark.parametrize(("slow_from_s", "is_judged"), [(295, False), (296, True)])
def test_latency_is_judged_from_the_end_of_the_warm_up_on(slow_from_s: int, *, is_judged: bool) -> None:
    lone = LoneProducer("venue_latency")
    for second in range(slow_from_s + 5):
        latency_s = 1.0 if second >= slow_from_s else 0.01
        lone.send(SignalKind.REQUEST, second, latency_s, ALPHA, {"outcome": "ok"}, "alpha/time")
        lone.complete(second)
    assert bool(lone.evidence) is is_judged


@pytest.mark.parametrize(
    ("level", "planned", "grade", "words"),
    [
        (1.0, False, 2, "degraded"),
        (2.0, False, 3, "maintenance"),
        (1.0, True, 1, "degraded (planned)"),
        (2.0, True, 1, "maintenance (planned)"),
    ],
)
def test_a_declared_status_is_described_in_full(level: float, *, planned: bool, grade: int, words: str) -> None:
    lone = LoneProducer("venue_words")
    lone.send(SignalKind.VENUE_STATUS, 10, level, ALPHA, {"planned": planned, "title": "matching"})
    lone.send(SignalKind.VENUE_STATUS, 40, level, ALPHA, {"planned": planned, "title": "matching"})
    said = f"alpha says {words}: matching"
    assert fields_of(lone.only()) == about_alpha("venue_status", grade, 10, 40, level, said)
    assert lone.only().unit == "level"


def test_a_declared_status_is_told_in_at_most_200_characters() -> None:
    lone = LoneProducer("venue_words")
    lone.send(SignalKind.VENUE_STATUS, 10, 1.0, ALPHA, {"title": "x" * 300})
    assert len(lone.only().said) == 200


@pytest.mark.parametrize(("state", "grade", "word"), [(1.0, 2, "delayed"), (0.0, 3, "closed")])
def test_withdrawals_that_stop_are_described_in_full(state: float, grade: int, word: str) -> None:
    lone = LoneProducer("venue_words")
    for second, now in ((0, 2.0), (10, state), (40, state)):
        lone.send(SignalKind.WALLET, second, now, VENUE)
    expected = about_alpha(
        "withdrawals", grade, 10, 40, state, f"alpha withdrawals of BTC over bitcoin {word}",
        id="withdrawals:BTC:alpha:bitcoin", subject=Subject(asset="BTC", venue="alpha"), normal=2.0, shared=False,
    )  # fmt: skip
    assert fields_of(lone.only()) == expected


@pytest.mark.parametrize(("second", "grade", "word"), [(309, 2, "delayed"), (310, 3, "delayed for 5 min")])
def test_withdrawals_that_are_delayed_for_five_minutes_queue(second: float, grade: int, word: str) -> None:
    lone = LoneProducer("venue_words")
    for at_s, now in ((0, 1.0), (10, 0.5), (second, 0.5)):
        lone.send(SignalKind.WALLET, at_s, now, VENUE)
    assert (lone.only().grade, lone.only().said) == (grade, f"alpha withdrawals of BTC over bitcoin {word}")
    assert lone.only().onset == moment(10)


@pytest.mark.parametrize(("second", "grade", "word"), [(29, 2, "delayed"), (30, 3, "delayed for 20 s")])
def test_how_long_a_delay_is_a_queue_is_a_setting(second: float, grade: int, word: str) -> None:
    lone = LoneProducer("venue_words", CorrelatorSettings(queue_s=20))
    for at_s, now in ((0, 1.0), (10, 0.5), (second, 0.5)):
        lone.send(SignalKind.WALLET, at_s, now, VENUE)
    assert (lone.only().grade, lone.only().said) == (grade, f"alpha withdrawals of BTC over bitcoin {word}")


def test_a_network_that_was_delayed_at_first_is_normal_while_it_is_no_worse() -> None:
    lone = LoneProducer("venue_words")
    lone.send(SignalKind.WALLET, 0, 1.0, VENUE)
    lone.send(SignalKind.WALLET, 1, 1.0, VENUE)
    assert lone.evidence == []
    lone.send(SignalKind.WALLET, 2, 2.0, VENUE)
    assert lone.evidence == []
    lone.send(SignalKind.WALLET, 3, 1.0, VENUE)
    assert lone.only().normal == 2.0


def silent_wallet(lone: LoneProducer) -> None:
    """Hot wallets that paid nothing out for 900 s, at second 0."""
    attributes: dict[str, Scalar] = {"per_day": 1.0, "usual_s": 300.0, "event_id": "w1"}
    lone.send(SignalKind.WALLET_SILENT, 0, 900.0, VENUE, attributes)


def test_a_silence_of_wallets_is_described_in_full() -> None:
    lone = LoneProducer("wallet_silence")
    silent_wallet(lone)
    said = "alpha hot wallets paid out no BTC on bitcoin for 900 s (its rhythm allows 300 s)"
    assert fields_of(lone.only()) == about_alpha(
        "wallet_silence", 2, -900, 0, 900.0, said,
        id="wallet_silence:BTC:alpha:bitcoin", subject=Subject(asset="BTC", venue="alpha"), normal=300.0, shared=False,
    )  # fmt: skip


def test_a_silence_of_wallets_is_renewed_each_minute_for_one_day() -> None:
    lone = LoneProducer("wallet_silence")
    silent_wallet(lone)
    renewed = []
    for second in (59, 60, 61, 120, 86_400, 86_460):
        lone.complete(second)
        renewed.append((lone.only().at - moment(0)).total_seconds())
    assert renewed == [0, 60, 60, 120, 86_400, 86_400]
    assert lone.only().value == 900 + 86_400
