"""A price that ran far one way is context only while funding or positions lean the same way, by closes that were seen."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import relative_strength
from monitor.correlator.freezing import pack, unpack
from monitor.incidents import LEGS, Evidence, Leg, Level
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

HOUR = 3600
DOLLARS: dict[str, Scalar] = {"quote": "USDT"}
# After 14 changes the averages are plain means: with a rise of 1 in `ups` of 14 hours and a fall of 1 in the others, the
# index is 100 × ups / 14: 64.3 for 9, 71.4 for 10, 85.7 for 12, 92.9 for 13.


def closes(lone: LoneProducer, prices: list[float], hours: int = 1) -> float:
    """A mark shortly before each close from the first hour on; return the second of the last close."""
    second = 0.0
    for number, price in enumerate(prices):
        for hour in range(number * hours, (number + 1) * hours):
            second = HOUR * (hour + 1.0)
            lone.send(SignalKind.MARK_PRICE, second - 60, price, VENUE, DOLLARS)
            lone.complete(second - 1)
            lone.complete(second)
    return second


def series(ups: int) -> list[float]:
    """15 closes, of which so many rise by 1 and the others fall by 1."""
    prices = [100.0]
    for number in range(14):
        prices.append(prices[-1] + (1 if number < ups else -1))
    return prices


def lean(
    lone: LoneProducer,
    second: float,
    rate: float | None = None,
    ratio: float | None = None,
    interval_s: float = 28_800.0,
) -> None:
    """What leans now, and the look at it, which comes every 15 seconds."""
    if rate is not None:
        lone.send(SignalKind.FUNDING, second + 1, rate, VENUE, {"interval_s": interval_s})
    if ratio is not None:
        lone.send(SignalKind.LONG_SHORT_RATIO, second + 1, ratio, VENUE)
    lone.complete(second + 15)


def run(ups: int, rate: float | None = None, ratio: float | None = None) -> LoneProducer:
    lone = LoneProducer("relative_strength")
    lean(lone, closes(lone, series(ups)), rate, ratio)
    return lone


def test_a_price_that_ran_up_with_longs_that_pay_is_described_in_full() -> None:
    at_s = 15 * HOUR + 15
    assert run(12, rate=0.0005).only() == Evidence(
        id="relative_strength:BTC:1h",
        leg=Leg.FRAGILITY,
        name="relative_strength",
        subject=Subject(asset="BTC"),
        grade=1,
        weight=0.2,
        half_life_s=1800.0,
        onset=moment(at_s),
        at=moment(at_s),
        value=round(100 * 12 / 14, 9),
        normal=50.0,
        unit="RSI",
        far_per_day=24.0,
        said="RSI(14) of 1 h closes 86, with funding 0.0500% in eight hours",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(
    ("ups", "rate", "ratio", "nats"),
    [
        (9, 0.0005, 3.0, 0.0), (10, 0.0005, None, 0.1), (12, None, 1.5, 0.2), (13, 0.0003, None, 0.3), (13, 0.0003, 1.5, 0.4),
        (5, -0.0005, 0.3, 0.0), (4, -0.0005, None, 0.1), (2, None, 0.6, 0.2), (1, -0.0003, 0.6, 0.4),
    ],
)  # fmt: skip
def test_steps_of_the_index_and_what_leans_add_up(
    ups: int, rate: float | None, ratio: float | None, nats: float
) -> None:
    lone = run(ups, rate, ratio)
    assert sum(one.weight for one in lone.evidence) == pytest.approx(nats)


@pytest.mark.parametrize(
    ("ups", "rate", "ratio"),
    [(13, None, None), (13, 0.00029, 1.49), (13, -0.0005, 0.3), (1, 0.0005, 3.0), (1, None, 0.67), (13, None, 0.0)],
    ids=["nothing known", "too little", "against a rise", "against a fall", "too few shorts", "no ratio"],
)
def test_an_index_alone_is_nothing(ups: int, rate: float | None, ratio: float | None) -> None:
    assert run(ups, rate, ratio).evidence == []


def test_both_in_words() -> None:
    [said] = [one.said for one in run(13, 0.0005, 2.0).evidence]
    assert said == "RSI(14) of 1 h closes 93, with funding 0.0500% in eight hours and 2.00 longs to a short"


@pytest.mark.parametrize(("ups", "context"), [(13, 0.4), (9, 0.0)], ids=["far", "quiet"])
def test_it_adds_context_and_moves_no_leg(ups: int, context: float) -> None:
    lone = run(ups, 0.0005, 2.0)
    now = 15 * HOUR + 15
    assert lone.judged(now).context == pytest.approx(context)
    assert lone.judged(now).level is Level.CALM
    assert [lone.nats(leg, now) for leg in LEGS] == [-1.0, -1.0, -1.0]


def test_closes_of_four_hours_are_a_series_of_their_own() -> None:
    lone = LoneProducer("relative_strength")
    lean(lone, closes(lone, [100.0 + number for number in range(15)], hours=4), rate=0.0005)
    assert {one.id for one in lone.evidence} == {"relative_strength:BTC:1h", "relative_strength:BTC:4h"}


def test_fourteen_closes_are_not_enough() -> None:
    lone = LoneProducer("relative_strength")
    lean(lone, closes(lone, series(14)[:14]), rate=0.0005)
    assert lone.evidence == []


@pytest.mark.parametrize("hole", ["no mark", "an hour was passed over"])
def test_a_close_that_nobody_saw_begins_the_series_anew(hole: str) -> None:
    lone = LoneProducer("relative_strength")
    last = closes(lone, series(14))
    if hole == "no mark":
        lone.complete(last + HOUR)
        last += HOUR
    else:
        lone.send(SignalKind.MARK_PRICE, last + 2 * HOUR - 60, 115.0, VENUE, DOLLARS)
        lone.complete(last + 2 * HOUR)
        last += 2 * HOUR
    lean(lone, last, rate=0.0005)
    assert lone.evidence == []


def test_a_mark_that_is_not_in_dollars_or_of_no_asset_is_no_close() -> None:
    lone = LoneProducer("relative_strength")
    for number, price in enumerate(series(14)):
        second = HOUR * (number + 1.0)
        lone.send(SignalKind.MARK_PRICE, second - 60, price, VENUE, {"quote": None})
        lone.send(SignalKind.MARK_PRICE, second - 60, price, Subject(venue="alpha"), DOLLARS)
        lone.complete(second)
    lean(lone, 15 * HOUR, rate=0.0005)
    assert lone.evidence == []


def test_funding_of_an_hour_counts_as_eight_and_an_old_one_as_none() -> None:
    lone = LoneProducer("relative_strength")
    last = closes(lone, series(13))
    lean(lone, last, rate=0.00005, interval_s=3600.0)
    assert "0.0400%" in lone.only().said
    lone.active.withdraw(lone.only().id)
    lone.complete(last + 601)
    lone.complete(last + 615)
    assert lone.evidence == []


def test_a_series_survives_an_image_of_the_correlator() -> None:
    lone = LoneProducer("relative_strength")
    closes(lone, series(13))
    assets = lone.producer._assets  # type: ignore[attr-defined]
    again = unpack(pack({"assets": assets}))["assets"]
    assert again["BTC"].series[1].value == assets["BTC"].series[1].value


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relative_strength, "MAX_ASSETS", 4)
    monkeypatch.setattr(relative_strength, "MAX_INSTRUMENTS", 4)
    lone = LoneProducer("relative_strength")
    for number in range(9):
        lone.send(SignalKind.FUNDING, number, 0.1, Subject(asset=f"A{number}"))
    for number in range(9):
        lone.send(SignalKind.FUNDING, number, 0.1, Subject(asset="BTC", venue=f"v{number}"))
    assets = lone.producer._assets  # type: ignore[attr-defined]
    assert len(assets) == 4
    assert max(len(one.funding) for one in assets.values()) == 4
