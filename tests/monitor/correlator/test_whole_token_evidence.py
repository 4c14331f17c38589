"""Every field and every limit of the evidence of a token's hours: how much it is used, what its pools hold."""

from __future__ import annotations

import pytest

from monitor.incidents import Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import CONTRACT, TOKEN, LoneProducer, moment

HOUR_S = 3600


def hour(
    lone: LoneProducer, number: int, transfers: float = 0.0, subject: Subject = TOKEN, **attributes: Scalar
) -> None:
    """A whole hour of a token."""
    every: dict[str, Scalar] = {"complete": True, "event_id": f"h{number}"}
    lone.send(SignalKind.TOKEN_USE, HOUR_S * number, transfers, subject, every | attributes)


def test_drained_pools_are_described_in_full() -> None:
    lone = LoneProducer("token_use")
    hour(lone, 0, reserves=100)
    hour(lone, 1, reserves=50)
    assert lone.evidence == []
    hour(lone, 2, reserves=49)
    assert lone.only() == Evidence(
        id=f"token_use:BTC:{CONTRACT}:reserves",
        leg=Leg.FRAGILITY,
        name="token_use",
        subject=TOKEN,
        grade=1,
        weight=0.2,
        half_life_s=3600.0,
        onset=moment(2 * HOUR_S),
        at=moment(2 * HOUR_S),
        value=49.0,
        normal=100.0,
        unit="1",
        far_per_day=24.0,
        said=f"BTC token {CONTRACT}: pools hold 49% of what they held within a day",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(("hours_between", "is_drained"), [(23, True), (24, False)])
def test_reserves_are_compared_with_the_fullest_of_24_hours(hours_between: int, *, is_drained: bool) -> None:
    lone = LoneProducer("token_use")
    hour(lone, 0, reserves=100)
    for number in range(1, hours_between + 1):
        hour(lone, number, reserves=60)
    hour(lone, hours_between + 1, reserves=49)
    assert bool(lone.evidence) is is_drained


@pytest.mark.parametrize(("hours", "is_judged"), [(23, False), (24, True)])
def test_a_token_is_judged_after_24_hours(hours: int, *, is_judged: bool) -> None:
    lone = LoneProducer("token_use")
    for number in range(hours):
        hour(lone, number, 1000)
    hour(lone, hours, 1_000_000)
    assert bool(lone.evidence) is is_judged


@pytest.mark.parametrize(("transfers", "is_unusual"), [(2200, False), (2260, True)])
def test_an_hour_is_unusual_from_four_scales_of_a_fifth_on(transfers: int, *, is_unusual: bool) -> None:
    # 1001 * exp(4 * 0.2) = 2228
    lone = LoneProducer("token_use")
    for number in range(24):
        hour(lone, number, 1000)
    hour(lone, 24, transfers)
    assert bool(lone.evidence) is is_unusual


def test_the_usual_figure_follows_a_change_with_a_time_constant_of_a_week() -> None:
    # after a week at 1500 the logarithm has gone 1 - 1/e of the way from 1001 to 1501: 1001 * 1.4995 ** 0.632 = 1293
    lone = LoneProducer("token_use")
    for number in range(400 + 7 * 24):
        hour(lone, number, 1000 if number < 400 else 1500)
    hour(lone, 568, 1_000_000)
    assert lone.only().normal == pytest.approx(1292, rel=0.005)
    assert lone.only().value == 1_000_000


def test_unusual_transfers_and_unusual_addresses_are_two_findings() -> None:
    lone = LoneProducer("token_use")
    for number in range(24):
        hour(lone, number, 1000, active=300)
    hour(lone, 24, 20_000, active=9000)
    assert [(one.id.rpartition(":")[2], one.value) for one in lone.evidence] == [
        ("active", 9000.0),
        ("transfers", 20_000.0),
    ]
    assert [one.normal for one in lone.evidence] == pytest.approx([300.0, 1000.0])
    assert lone.evidence[0].said == f"BTC token {CONTRACT}: 9000 active addresses in an hour, usually 300"


@pytest.mark.parametrize(("others", "is_known"), [(255, True), (256, False)])
def test_exactly_256_tokens_are_remembered(others: int, *, is_known: bool) -> None:
    lone = LoneProducer("token_use")
    hour(lone, 0, reserves=100)
    for number in range(others):
        hour(lone, 0, subject=Subject(asset="BTC", network="ethereum", contract=f"0x{number:040x}"), reserves=1)
    hour(lone, 1, reserves=10)
    assert bool(lone.evidence) is is_known


def test_a_retracted_hour_is_reported_as_never_true() -> None:
    lone = LoneProducer("token_use")
    hour(lone, 0, reserves=100)
    hour(lone, 1, reserves=10)
    found = lone.only()
    lone.send(SignalKind.RETRACTION, 2 * HOUR_S, 1.0, TOKEN, {"retracts": "h1"})
    assert (lone.evidence, lone.active.retracted) == ([], [found])
