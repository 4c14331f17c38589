"""A request budget that is all but used up, by whomever, is weak evidence in the venue leg: it never makes the leg true."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import request_budget
from monitor.incidents import LEGS, Evidence, Leg, LegState
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import LoneProducer, moment

ALPHA = Subject(venue="alpha")


def left(lone: LoneProducer, second: float, share: float, budget: str = "weight", declared: bool = True) -> None:
    told: dict[str, Scalar] = {"host": "rest", "budget": budget, "declared": declared}
    lone.send(SignalKind.HEADROOM, second, share, ALPHA, told)


def test_a_budget_that_is_used_up_is_described_in_full() -> None:
    lone = LoneProducer("request_budget")
    for second in (0, 5, 10):
        left(lone, second, 0.02)
    assert lone.only() == Evidence(
        id="request_budget:alpha:alpha:rest/weight",
        leg=Leg.VENUE,
        name="request_budget",
        subject=ALPHA,
        grade=1,
        weight=0.5,
        half_life_s=300.0,
        onset=moment(0),
        at=moment(10),
        value=0.02,
        normal=0.05,
        unit="fraction",
        far_per_day=24.0,
        said="alpha leaves 2% of request budget weight of host rest by its own count, others on our address included",
        links=(),
        shared=True,
    )


@pytest.mark.parametrize(("share", "nats"), [(0.0, 0.213), (0.06, -1.0)], ids=["used up", "quiet"])
def test_a_budget_that_is_used_up_moves_the_venue_leg_alone_and_does_not_make_it_true(
    share: float, nats: float
) -> None:
    lone = LoneProducer("request_budget")
    lone.judged(0)
    for second in range(0, 600, 5):
        left(lone, second, share, declared=False)
        left(lone, second, share, "orders")
    assert lone.nats(Leg.VENUE, 595) == pytest.approx(nats, abs=0.001)
    assert [lone.nats(leg, 595) for leg in LEGS if leg is not Leg.VENUE] == [-1.0, -1.0]
    assert LegState.TRUE not in {one.state for one in lone.judged(595).legs}


def test_a_budget_by_our_own_count_says_so() -> None:
    lone = LoneProducer("request_budget")
    for second in (0, 10):
        left(lone, second, 0.0, declared=False)
    assert "by our count" in lone.only().said


@pytest.mark.parametrize(
    "shares", [{0: 0.0, 9: 0.0}, {0: 0.0, 5: 0.06, 10: 0.0, 15: 0.0}, {0: 0.0, 61: 0.0, 70: 0.0}], ids=str
)
def test_a_budget_that_is_used_up_for_a_moment_is_no_evidence(shares: dict[float, float]) -> None:
    lone = LoneProducer("request_budget")
    for second, share in shares.items():
        left(lone, second, share)
    assert lone.evidence == []


def test_a_budget_of_no_venue_is_passed_over() -> None:
    lone = LoneProducer("request_budget")
    for second in (0, 10):
        lone.send(SignalKind.HEADROOM, second, 0.0, Subject())
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_budget, "MAX_BUDGETS", 4)
    lone = LoneProducer("request_budget")
    for number in range(9):
        left(lone, number, 0.0, f"b{number}")
    assert len(lone.producer._spent) == 4  # type: ignore[attr-defined]


def test_a_pause_of_a_minute_counts_from_the_report_before() -> None:
    lone = LoneProducer("request_budget")
    for second in (0, 50, 100):
        left(lone, second, 0.02)
    assert (lone.only().onset, lone.only().at) == (moment(0), moment(100))
