"""A price that leaves the other venues' prices is evidence against its venue; what nobody can compare, or agrees on, is not."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import price_gaps
from monitor.incidents import LEGS, Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import OF_TWO, LoneProducer, moment


def at(venue: str, instrument: str = "BTC-PERP") -> Subject:
    return Subject(asset="BTC", venue=venue, instrument=instrument)


def mid(
    lone: LoneProducer, second: float, price: float | None, subject: Subject, quote: str | None = "USDT", **more: Scalar
) -> None:
    lone.send(SignalKind.BOOK, second, 1.0, subject, {"state": "ok", "mid": price, "quote": quote} | more)


def mark(
    lone: LoneProducer, second: float, price: float, subject: Subject, index: float | None = None, quote: str = "USDT"
) -> None:
    lone.send(SignalKind.MARK_PRICE, second, price, subject, {"index": index, "quote": quote})


def market(lone: LoneProducer, second: float, *venues: str, quote: str = "USDT", price: float = 1.0) -> None:
    for venue in venues:
        mid(lone, second, price, at(venue), quote)


def test_a_mark_that_leaves_the_market_on_one_venue_alone_is_described_in_full() -> None:
    # 10 October 2025: a stablecoin traded at 0.65 on one venue, near 1 on all others
    lone = LoneProducer("price_gaps")
    for second in (0, 5, 10):
        market(lone, second, "beta", "gamma")
        mark(lone, second, 0.65, at("alpha"))
    assert lone.only() == Evidence(
        id="price_away:BTC:alpha/BTC-PERP:mark",
        leg=Leg.VENUE,
        name="price_away",
        subject=at("alpha"),
        grade=4,
        weight=4.0,
        half_life_s=300.0,
        onset=moment(0),
        at=moment(10),
        value=0.65,
        normal=1.0,
        unit="quote units",
        far_per_day=1 / 91,
        said="alpha BTC-PERP mark 0.65 is -35.0% from the other venues' prices (1)",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(("price", "nats"), [(0.65, OF_TWO[4]), (1.0, -1.0)], ids=["away", "quiet"])
def test_a_price_that_is_away_moves_the_venue_leg_alone(price: float, nats: float) -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 5, 10):
        market(lone, second, "beta", "gamma")
        mark(lone, second, price, at("alpha"))
    assert [lone.nats(leg, 10) for leg in LEGS] == pytest.approx([-1.0, nats, -1.0])


def test_venues_that_fall_together_are_no_evidence() -> None:
    lone = LoneProducer("price_gaps")
    for second in range(60):
        market(lone, second, "alpha", "beta", "gamma", price=1 - second / 1000)
        mark(lone, second, 1 - second / 1000, at("alpha"), index=1 - second / 1000)
    assert lone.evidence == []


@pytest.mark.parametrize(
    ("price", "grade"),
    [(100.9, 0), (101.0, 1), (99.0, 1), (102.9, 1), (103.0, 2), (107.9, 2), (108.0, 3), (119.9, 3), (120.0, 4)],
)
def test_the_gap_of_a_mid_is_graded(price: float, grade: int) -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        market(lone, second, "beta", "gamma", price=100.0)
        mid(lone, second, price, at("alpha"))
    assert lone.grades == ({"price_away": grade} if grade else {})


@pytest.mark.parametrize(("lower", "found"), [(1.0, False), (0.75, True)], ids=["the market", "a quarter below it"])
def test_prices_that_fall_together_by_a_twentieth_a_second_are_away_only_beyond_what_they_fell(
    lower: float, found: bool
) -> None:
    lone = LoneProducer("price_gaps")
    for second in range(30):
        market(lone, second, "beta", "gamma", price=0.95**second)
        mid(lone, second + 0.9, lower * 0.95 ** (second + 0.9), at("alpha"))
    assert bool(lone.evidence) is found
    if found:
        assert {one.subject.venue for one in lone.evidence} == {"alpha"}


def test_an_index_that_leaves_the_market_is_found_beside_its_mark() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        market(lone, second, "beta", "gamma")
        mark(lone, second, 0.9, at("alpha"), index=0.9)
    assert [one.id for one in lone.evidence] == [
        "price_away:BTC:alpha/BTC-PERP:index",
        "price_away:BTC:alpha/BTC-PERP:mark",
    ]


def test_a_mark_that_leaves_its_own_index_needs_no_other_venue() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        mark(lone, second, 0.95, at("alpha"), index=1.0)
    found = lone.only()
    assert (found.id, found.leg, found.grade) == ("mark_off_index:BTC:alpha/BTC-PERP", Leg.VENUE, 2)
    assert found.said == "alpha BTC-PERP mark 0.95 is -5.0% from its own index (1)"


@pytest.mark.parametrize("index", [None, 0.0, 0.951])
def test_a_mark_near_its_index_or_without_one_is_no_evidence(index: float | None) -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        mark(lone, second, 0.95, at("alpha"), index=index)
    assert lone.evidence == []


@pytest.mark.parametrize("seconds", [(0,), (0, 9.9), (0, 181), (0, 4, 4.9)])
def test_one_sample_or_two_that_are_near_or_far_in_time_are_not_lasting(seconds: tuple[float, ...]) -> None:
    lone = LoneProducer("price_gaps")
    for second in seconds:
        market(lone, second, "beta", "gamma")
        mid(lone, second, 0.65, at("alpha"))
    assert lone.evidence == []


def test_a_price_that_comes_back_between_begins_anew() -> None:
    lone = LoneProducer("price_gaps")
    for second, price in ((0, 0.65), (5, 1.0), (10, 0.65), (15, 0.65)):
        market(lone, second, "beta", "gamma")
        mid(lone, second, price, at("alpha"))
    assert lone.evidence == []


def test_a_mark_that_is_asked_for_once_a_minute_is_found_at_its_second_answer() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 60):
        market(lone, second, "beta", "gamma")
        mark(lone, second, 0.65, at("alpha"))
    assert lone.grades == {"price_away": 4}


def test_with_one_other_venue_nobody_knows_which_is_away() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        market(lone, second, "beta")
        mid(lone, second, 0.65, at("alpha"))
    assert lone.evidence == []


def test_two_instruments_of_one_other_venue_are_enough() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        mid(lone, second, 1.0, at("beta", "BTC-SPOT"))
        mid(lone, second, 1.0, at("beta"))
        mid(lone, second, 0.65, at("alpha"))
    assert lone.only().subject == at("alpha")


def test_prices_of_the_venue_itself_are_no_witness() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        mid(lone, second, 1.0, at("alpha", "BTC-SPOT"))
        mid(lone, second, 1.0, at("alpha", "BTC-OTHER"))
        mid(lone, second, 0.65, at("alpha"))
    assert lone.evidence == []


def test_a_venue_that_is_silent_or_whose_book_is_sick_is_no_witness() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        market(lone, second, "beta")
        market(lone, 0 if second == 0 else 6.9, "gamma")
        mid(lone, second, 1.0, at("delta"), state="frozen")
        mid(lone, second, None, at("epsilon"))
        mid(lone, second, 0.65, at("alpha"))
    assert lone.evidence == []


def test_when_as_many_venues_say_one_thing_as_the_other_nobody_is_away() -> None:
    lone = LoneProducer("price_gaps")
    for second in range(30):
        market(lone, second, "alpha", "beta", price=0.65)
        market(lone, second, "gamma", "delta")
    assert lone.evidence == []


def test_a_token_that_leaves_the_dollar_is_no_venues_fault() -> None:
    # eight venues quote in the token and two in dollars: each agrees with its own kind
    lone = LoneProducer("price_gaps")
    for second in range(30):
        market(lone, second, "a", "b", "c", "d", "e", "f", "g", "h", price=1.1)
        market(lone, second, "coinbase", "kraken", quote="USD")
    assert lone.evidence == []


def test_a_venue_alone_with_its_quote_is_compared_with_all() -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        market(lone, second, "beta", "gamma")
        mid(lone, second, 0.65, at("alpha"), "USD")
    assert lone.only().subject == at("alpha")


@pytest.mark.parametrize("quote", [None, "missing"])
def test_a_price_that_is_not_in_dollars_is_not_compared(quote: str | None) -> None:
    lone = LoneProducer("price_gaps")
    for second in (0, 10):
        market(lone, second, "beta", "gamma")
        if quote is None:
            mid(lone, second, 0.65, at("alpha"), None)
        else:
            lone.send(SignalKind.BOOK, second, 1.0, at("alpha"), {"state": "ok", "mid": 0.65})
        lone.send(SignalKind.BOOK, second, 1.0, Subject(venue="alpha"), {"state": "ok", "mid": 0.65, "quote": "USDT"})
        lone.send(SignalKind.BOOK, second, 1.0, Subject(asset="BTC"), {"state": "ok", "mid": 0.65, "quote": "USDT"})
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_gaps, "MAX_PRICES", 4)
    lone = LoneProducer("price_gaps")
    for number in range(9):
        mid(lone, number, 1.0, at(f"v{number}"))
    assert sum(len(one) for one in lone.producer._prices.values()) <= 4  # type: ignore[attr-defined, misc]
