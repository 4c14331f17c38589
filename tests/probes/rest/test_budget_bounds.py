"""An allowance holds a bounded number of requests, and the end of a wait gives the headroom back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.readings import Refusal, VenueId
from probes.rest.budget import Budgets
from probes.rest.priority import Priority
from probes.venue import Budget, RestCall, Usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def asked(name: str = "ip", cost: float = 1.0) -> RestCall:
    """A call that is charged to this budget, at the one host of the venue."""
    return RestCall(path="/time", budget=name, cost=cost)


def budgets() -> Budgets:
    return Budgets(VenueId("made"), (Budget(name="ip", limit=1e6, window_s=60.0),), [asked()])


def test_with_twenty_thousand_requests_in_a_window_none_is_sent_and_the_count_stays_exact() -> None:
    ours = budgets()
    for number in range(20_000):
        assert ours.allows(asked(cost=2.0), Priority.STATISTICS, number / 1000)
        ours.spend(asked(cost=2.0), number / 1000)
    assert not ours.allows(asked(cost=2.0), Priority.LIVENESS, 20.0)
    assert ours.headroom(20.0, NOW)[0].used == 40_000
    assert [ours.headroom(at_s, NOW)[0].used for at_s in (60.0, 60.001, 79.998, 79.999)] == [39_998, 39_996, 2.0, 0.0]
    assert ours.allows(asked(cost=2.0), Priority.STATISTICS, 60.0)


def test_no_rounding_stays_behind_when_a_window_is_empty() -> None:
    ours = budgets()
    for number in range(1000):
        ours.spend(asked(cost=0.1), number / 100)
    assert ours.headroom(1000.0, NOW)[0].used == 0.0


def test_at_most_sixty_four_endpoints_have_accounts_of_their_own() -> None:
    ours = Budgets(VenueId("made"), (Budget(name="ip", limit=10, window_s=60.0, each=True),))
    for number in range(63):
        ours.spend(RestCall(path=f"/{number}", cost=9), 0.0)
    assert ours.allows(RestCall(path="/63", cost=9), Priority.STATISTICS, 0.0)
    ours.spend(RestCall(path="/63", cost=9), 0.0)
    ours.spend(RestCall(path="/64", cost=9), 0.0)
    assert not ours.allows(RestCall(path="/65", cost=1), Priority.STATISTICS, 0.0), "it shares an account with /64"
    assert len(ours._allowances) == 66, "64, the shared one, and that of the budget itself"


def test_there_is_no_headroom_before_the_end_of_a_wait_and_all_of_it_from_that_moment_on() -> None:
    ours = budgets()
    ours.wait_until(50.0, asked(), 0.0)
    assert [ours.headroom(now_s, NOW)[0].left for now_s in (49.9, 50.0)] == [0.0, 1.0]


@pytest.mark.parametrize("back_s", [1.0, 3600.0, 86_400.0 * 400])
def test_a_clock_that_is_set_back_makes_no_wait_longer_than_it_was(back_s: float) -> None:
    ours, now_s = budgets(), 1e9
    ours.wait_until(now_s + 1e9, asked(), now_s, Refusal.BANNED)
    assert ours.wait_left_s(now_s) == 3 * 86_400.0

    now_s -= back_s

    assert ours.wait_left_s(now_s) == 3 * 86_400.0
    assert not ours.allows(asked(cost=0.0), Priority.LIVENESS, now_s + 60.0)
    assert ours.allows(asked(cost=0.0), Priority.LIVENESS, now_s + 3 * 86_400.0)


def limited(limit: float) -> Budgets:
    ours = Budgets(VenueId("made"), (Budget(name="ip", limit=100, window_s=60.0),), [asked()])
    ours.learn(Usage(budget="ip", limit=limit, remaining=limit), asked(), 0.0, 0.0)
    return ours


def test_a_stated_limit_counts_for_a_quarter_of_an_hour_so_that_one_header_cannot_silence_us_for_ever() -> None:
    ours = limited(1.0)
    assert not ours.allows(asked(), Priority.LIVENESS, 899.0)
    assert ours.allows(asked(), Priority.LIVENESS, 900.0)
    assert ours.headroom(900.0, NOW)[0].limit == 100


@pytest.mark.parametrize("limit", [1e-300, 0.0, -5.0, 0.99, 10_001.0, 1.79e12, 1e308])
def test_a_stated_limit_far_from_the_documented_one_is_not_believed(limit: float) -> None:
    assert limited(limit).headroom(1.0, NOW)[0].limit == 100


def test_a_stated_count_beyond_all_reason_is_cut_and_over_with_its_window() -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", used=1e308), asked(), 0.0, 0.0)
    assert ours.headroom(59.0, NOW)[0].used == 1e8
    assert ours.headroom(60.0, NOW)[0].left == 1.0
