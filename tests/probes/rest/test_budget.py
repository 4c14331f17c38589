"""A venue's allowance is never overspent: its own count, its headers and its floors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings import Refusal, VenueId
from probes.rest.budget import Budgets
from probes.rest.priority import RESERVE, Priority
from probes.venue import Budget, RestCall, Usage
from tests.branches import Reached

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def asked(name: str = "ip", cost: float = 1.0) -> RestCall:
    """A call that is charged to this budget, at the one host of the venue."""
    return RestCall(path="/time", budget=name, cost=cost)


def budgets(limit: float = 100.0, window_s: float = 60.0) -> Budgets:
    return Budgets(VenueId("made"), (Budget(name="ip", limit=limit, window_s=window_s),), [asked()])


held_back = Reached("a request held back")


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 30)), min_size=10, max_size=200))
def test_no_window_ever_holds_more_than_nine_tenths_of_the_limit(requests: list[tuple[float, float]]) -> None:
    ours, now_s, sent = budgets(), 0.0, list[tuple[float, float]]()
    for pause_s, cost in requests:
        now_s += pause_s
        if ours.allows(asked("ip", cost), Priority.LIVENESS, now_s):
            ours.spend(asked("ip", cost), now_s)
            sent.append((now_s, cost))
        assert sum(cost for at_s, cost in sent if now_s - at_s < 60) <= 100 * (1 - RESERVE) + 1e-6
    held_back(len(sent) < len(requests))


def test_a_window_slides() -> None:
    ours = budgets()
    ours.spend(asked("ip", 90), 0.0)
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 59.9)
    assert ours.allows(asked("ip", 90), Priority.LIVENESS, 60.0)


def test_a_request_without_a_budget_is_always_allowed() -> None:
    ours = budgets()
    ours.spend(asked("other", 1e9), 0.0)
    ours.learn(Usage(budget="other", used=1e9), asked(), 0.0, 0.0)
    assert ours.allows(asked("other", 1e9), Priority.LIVENESS, 0.0)


def test_the_venues_count_replaces_ours_and_later_requests_are_added() -> None:
    ours = budgets()
    ours.spend(asked("ip", 10), 0.0)
    ours.learn(Usage(budget="ip", used=80), asked(), 1.0, 1.0)
    assert ours.allows(asked("ip", 10), Priority.LIVENESS, 2.0)
    ours.spend(asked("ip", 5), 2.0)
    assert not ours.allows(asked("ip", 10), Priority.LIVENESS, 3.0)
    assert ours.allows(asked("ip", 85), Priority.LIVENESS, 61.0), "the venue's count of an earlier window has expired"


def test_the_remaining_count_of_a_venue_is_subtracted_from_its_stated_limit() -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", remaining=50, limit=200), asked(), 0.0, 0.0)
    (headroom,) = ours.headroom(1.0, NOW)
    assert (headroom.used, headroom.limit, headroom.left, headroom.declared, headroom.window_s) == (
        150,
        200,
        0.25,
        True,
        60.0,
    )


def test_a_usage_without_figures_changes_nothing() -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", limit=0), asked(), 0.0, 0.0)
    (headroom,) = ours.headroom(1.0, NOW)
    assert (headroom.limit, headroom.declared, headroom.left) == (100, False, 1.0)


def test_a_floor_forbids_its_own_budget_and_only_rises() -> None:
    ours = budgets()
    ours.wait_until(50.0, asked(), 0.0)
    ours.wait_until(20.0, asked(), 0.0)
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 49.0)
    assert ours.allows(asked("other", 1), Priority.LIVENESS, 49.0)
    assert ours.wait_left_s(40.0) == 10.0
    assert ours.headroom(40.0, NOW)[0].left == 0.0
    assert ours.allows(asked("ip", 1), Priority.LIVENESS, 50.0)
    assert ours.wait_left_s(60.0) == 0.0


@pytest.mark.parametrize("until_s", [1e12, float("inf")])
@pytest.mark.parametrize(
    ("kind", "max_s"), [(Refusal.THROTTLED, 900.0), (Refusal.BANNED, 259_200.0), (Refusal.OVERLOADED, 300.0)]
)
def test_each_kind_of_refusal_has_a_longest_floor(until_s: float, kind: Refusal, max_s: float) -> None:
    ours = budgets()
    ours.wait_until(until_s, asked(), 0.0, kind)
    assert ours.wait_left_s(0.0) == max_s


def test_headroom_is_reported_by_name_and_is_never_negative() -> None:
    two = Budgets(VenueId("made"), (Budget(name="z", limit=10, window_s=1), Budget(name="a", limit=10, window_s=1)))
    two.learn(Usage(budget="z", used=50), asked(), 0.0, 0.0)
    assert [(one.budget, one.left) for one in two.headroom(0.5, NOW)] == [("a", 1.0), ("z", 0.0)]
