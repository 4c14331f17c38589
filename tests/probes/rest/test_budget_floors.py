"""The boundaries of an allowance: the last tenth, the roll of its window, the venue's own count, and the floors of a wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.readings import Refusal, VenueId
from probes.rest.budget import Budgets
from probes.rest.priority import Priority
from probes.venue import Budget, RestCall, Usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
THREE_DAYS_S = 259_200.0
"""The longest ban a venue documents (docs/venues.md, Rate limits and refusals)."""


def asked(name: str = "ip", cost: float = 1.0) -> RestCall:
    """A call that is charged to this budget, at the one host of the venue."""
    return RestCall(path="/time", budget=name, cost=cost)


def budgets(limit: float = 100.0, window_s: float = 60.0) -> Budgets:
    return Budgets(
        VenueId("made"),
        (Budget(name="ip", limit=limit, window_s=window_s), Budget(name="spot", limit=50, window_s=10)),
        [asked()],
    )


def used(ours: Budgets, now_s: float, name: str = "ip") -> float:
    return next(one.used for one in ours.headroom(now_s, NOW) if one.budget == name)


def test_nine_tenths_may_be_spent_and_no_more() -> None:
    ours = budgets()
    assert ours.allows(asked("ip", 90), Priority.LIVENESS, 0.0)
    assert not ours.allows(asked("ip", 90.001), Priority.LIVENESS, 0.0)
    ours.spend(asked("ip", 89), 0.0)
    assert ours.allows(asked("ip", 1), Priority.LIVENESS, 0.0)
    assert not ours.allows(asked("ip", 1.001), Priority.LIVENESS, 0.0)


def test_one_budget_is_spent_without_touching_another() -> None:
    ours = budgets()
    ours.spend(asked("ip", 90), 0.0)
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 0.0)
    assert ours.allows(asked("spot", 45), Priority.LIVENESS, 0.0)
    assert not ours.allows(asked("spot", 46), Priority.LIVENESS, 0.0)


def test_each_request_leaves_the_window_when_it_is_too_old() -> None:
    ours = budgets()
    for at_s, cost in ((0.0, 10), (5.0, 20), (30.0, 30)):
        ours.spend(asked("ip", cost), at_s)
    assert [used(ours, now_s) for now_s in (30.0, 59.9, 60.0, 64.9, 65.0, 89.9, 90.0)] == [60, 60, 50, 50, 30, 30, 0]


def test_the_venues_count_holds_for_one_window_and_then_only_our_count_holds() -> None:
    ours = budgets()
    ours.spend(asked("ip", 7), 50.0)
    ours.learn(Usage(budget="ip", used=80), asked(), 55.0, 55.0)
    assert [used(ours, now_s) for now_s in (55.0, 109.9, 114.9, 115.0)] == [80, 80, 80, 0]
    ours.spend(asked("ip", 5), 115.0)
    assert used(ours, 116.0) == 5


def test_the_venues_count_includes_requests_of_its_own_moment_and_later_requests_are_added() -> None:
    ours = budgets()
    ours.spend(asked("ip", 10), 1.0)
    ours.learn(Usage(budget="ip", used=40), asked(), 1.0, 1.0)
    assert used(ours, 1.0) == 40
    ours.spend(asked("ip", 3), 1.5)
    ours.spend(asked("ip", 4), 2.0)
    assert used(ours, 2.0) == 47


def test_a_venues_count_below_our_own_is_ignored() -> None:
    ours = budgets()
    ours.spend(asked("ip", 60), 0.0)
    ours.learn(Usage(budget="ip", used=2), asked(), 1.0, 1.0)
    assert used(ours, 2.0) == 60


def test_a_limit_stated_by_the_venue_moves_the_reserved_tenth() -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", limit=1000), asked(), 0.0, 0.0)
    assert ours.allows(asked("ip", 900), Priority.LIVENESS, 0.0)
    assert not ours.allows(asked("ip", 901), Priority.LIVENESS, 0.0)
    ours.learn(Usage(budget="ip", limit=5), asked(), 0.0, 0.0)
    assert ours.allows(asked("ip", 4.5), Priority.LIVENESS, 0.0)
    assert not ours.allows(asked("ip", 4.6), Priority.LIVENESS, 0.0)


@pytest.mark.parametrize("limit", [0.0, -5.0, None])
def test_an_invalid_limit_is_ignored(limit: float | None) -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", limit=limit), asked(), 0.0, 0.0)
    assert ours.allows(asked("ip", 90), Priority.LIVENESS, 0.0)
    assert not ours.allows(asked("ip", 91), Priority.LIVENESS, 0.0)


def test_the_remaining_count_is_used_only_when_the_used_count_is_absent() -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", remaining=30), asked(), 0.0, 0.0)
    assert used(ours, 0.0) == 70
    ours.learn(Usage(budget="ip", remaining=30, used=20), asked(), 0.0, 0.0)
    assert used(ours, 0.0) == 20
    ours.learn(Usage(budget="ip", remaining=130), asked(), 0.0, 0.0)
    assert used(ours, 0.0) == 0, "more left than there is, is none used"
    ours.learn(Usage(budget="ip", remaining=100), asked(), 0.0, 0.0)
    (headroom, _) = ours.headroom(0.0, NOW)
    assert (headroom.used, headroom.declared) == (0, True)


@pytest.mark.parametrize("name", ["ip", "spot", "a budget nobody declared"])
def test_no_request_is_allowed_before_a_floor_and_every_request_is_allowed_from_it_on(name: str) -> None:
    ours = budgets()
    ours.wait_until(1030.0, asked(name), 1000.0)
    assert [
        ours.allows(asked(name, 0.0), Priority.LIVENESS, now_s) for now_s in (1000.0, 1029.999, 1030.0, 1030.001)
    ] == [
        False,
        False,
        True,
        True,
    ]


def test_a_second_shorter_wait_does_not_lower_a_floor_and_a_longer_one_raises_it() -> None:
    ours = budgets()
    ours.wait_until(1030.0, asked(), 1000.0)
    ours.wait_until(1010.0, asked(), 1001.0)
    assert ours.wait_left_s(1005.0) == 25.0
    ours.wait_until(1060.0, asked(), 1002.0)
    assert ours.wait_left_s(1005.0) == 55.0


def test_a_ban_lies_at_most_three_days_after_the_moment_it_was_set() -> None:
    ours = budgets()
    ours.wait_until(1000.0 + THREE_DAYS_S - 1, asked(), 1000.0, Refusal.BANNED)
    assert ours.wait_left_s(1000.0) == THREE_DAYS_S - 1
    ours.wait_until(1e15, asked(), 1000.0, Refusal.BANNED)
    assert ours.wait_left_s(1000.0) == THREE_DAYS_S
    assert not ours.allows(asked("ip", 1), Priority.BOOK, 1000.0 + THREE_DAYS_S - 0.5)
    assert ours.allows(asked("ip", 1), Priority.BOOK, 1000.0 + THREE_DAYS_S)


def test_without_a_floor_there_is_no_wait() -> None:
    assert budgets().wait_left_s(0.0) == 0.0
    assert budgets().allows(asked("ip", 1), Priority.LIVENESS, -1e9)


def test_headroom_is_the_remaining_allowance_and_zero_before_a_floor() -> None:
    ours = budgets()
    ours.spend(asked("ip", 25), 1000.0)
    first = ours.headroom(1000.0, NOW)
    assert [(one.budget, one.used, one.limit, one.left, one.window_s, one.declared) for one in first] == [
        ("ip", 25, 100, 0.75, 60.0, False),
        ("spot", 0, 50, 1.0, 10.0, False),
    ]
    assert {(one.venue, one.received_at) for one in first} == {("made", NOW)}
    ours.wait_until(1010.0, asked(), 1000.0)
    assert [one.left for one in ours.headroom(1009.9, NOW)] == [0.0, 1.0], "a throttling concerns its own budget"
    assert [one.left for one in ours.headroom(1010.0, NOW)] == [0.75, 1.0]


def test_an_overspent_allowance_has_zero_left_and_never_less() -> None:
    ours = budgets()
    ours.learn(Usage(budget="ip", used=150), asked(), 0.0, 0.0)
    (headroom, _) = ours.headroom(0.0, NOW)
    assert (headroom.left, headroom.used) == (0.0, 150)


def start_throttled(until_s: float = 1e9) -> Budgets:
    ours = budgets()
    ours.wait_until(until_s, asked(), 0.0)
    return ours


def trials(ours: Budgets, from_s: int, to_s: int) -> list[int]:
    """The seconds at which the cheapest check, asked each second, is sent before the floor is passed."""
    sent = []
    for now_s in range(from_s, to_s):
        if ours.wait_left_s(now_s) and ours.allows(asked("ip", 1), Priority.LIVENESS, now_s):
            ours.spend(asked("ip", 1), now_s)
            sent.append(now_s)
    return sent


def test_only_the_cheapest_check_is_tried_five_minutes_into_a_throttling_and_nothing_before() -> None:
    ours = start_throttled()
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 299.9)
    assert ours.allows(asked("ip", 1), Priority.LIVENESS, 300.0)
    assert not ours.allows(asked("ip", 1), Priority.BOOK, 300.0)
    ours.spend(asked("ip", 1), 300.0)
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 301.0), "one trial, not one each second"


def test_the_pauses_between_trials_double_up_to_a_quarter_of_an_hour() -> None:
    ours = start_throttled()
    sent = []
    for now_s in range(4000):
        if ours.allows(asked("ip", 1), Priority.LIVENESS, now_s):
            ours.spend(asked("ip", 1), now_s)
            sent.append(now_s)
            ours.wait_until(1e9, asked(), now_s)  # the venue refuses again, for ever
    assert sent == [300, 900, 1800, 2700, 3600]


def test_a_wait_of_up_to_five_minutes_has_no_trial() -> None:
    assert trials(start_throttled(300.0), 0, 300) == []
    assert trials(start_throttled(301.0), 0, 301) == [300]


def test_a_ban_is_tried_at_the_shortest_documented_ban_and_then_at_pauses_that_double_to_an_hour() -> None:
    ours = budgets()
    ours.wait_until(1e9, asked(), 0.0, Refusal.BANNED)
    sent = []
    for now_s in range(30_000):
        if ours.allows(asked("ip", 1), Priority.LIVENESS, now_s):
            ours.spend(asked("ip", 1), now_s)
            sent.append(now_s)
            ours.wait_until(1e9, asked(), now_s, Refusal.BANNED)  # banned again, for ever
    assert sent == [120, 360, 840, 1800, 3720, 7320, 10920, 14520, 18120, 21720, 25320, 28920]


def test_a_forged_ban_of_three_days_silences_a_venue_for_two_minutes() -> None:
    ours = budgets()
    ours.wait_until(1e9, asked(), 0.0, Refusal.BANNED)
    assert not ours.allows(asked("ip", 1), Priority.BOOK, 119.9)
    assert ours.allows(asked("ip", 1), Priority.LIVENESS, 120.0)
    ours.spend(asked("ip", 1), 120.0)
    ours.answered(asked(), 120.0)
    assert ours.allows(asked("ip", 1), Priority.BOOK, 120.1)


def test_a_venue_that_documents_longer_bans_is_tried_later() -> None:
    ours = Budgets(VenueId("made"), (Budget(name="ip", limit=100, window_s=5, ban_s=600.0),), [asked()])
    ours.wait_until(1e9, asked(), 0.0, Refusal.BANNED)
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 599.9)
    assert ours.allows(asked("ip", 1), Priority.LIVENESS, 600.0)


def test_a_ban_concerns_every_budget_of_its_host_and_no_other_host() -> None:
    ours = budgets()
    ours.wait_until(7200.0, asked(), 0.0, Refusal.BANNED)
    elsewhere = RestCall(path="/time", host="other")
    assert not ours.allows(asked("spot"), Priority.LIVENESS, 1.0)
    assert ours.allows(elsewhere, Priority.STATISTICS, 1.0)
    assert (ours.wait_left_s(1.0, elsewhere), ours.wait_left_s(1.0, asked("spot")), ours.wait_left_s(1.0)) == (
        0.0, 7199.0, 7199.0,
    )  # fmt: skip


def test_a_host_without_a_liveness_check_is_tried_by_the_first_request_that_comes() -> None:
    ours = budgets()
    elsewhere = RestCall(path="/status", host="other", budget="none")
    ours.wait_until(7200.0, elsewhere, 0.0, Refusal.BANNED)
    assert not ours.allows(elsewhere, Priority.STATISTICS, 119.9)
    assert ours.allows(elsewhere, Priority.STATISTICS, 120.0)
    ours.spend(elsewhere, 120.0)
    assert not ours.allows(elsewhere, Priority.STATISTICS, 120.1)


def test_a_good_answer_ends_a_throttling_and_a_ban() -> None:
    ours = start_throttled()
    ours.answered(asked(), 300.0)
    assert (ours.wait_left_s(300.5), ours.allows(asked("ip", 1), Priority.STATISTICS, 300.5)) == (0.0, True)
    ours.wait_until(7200.0, asked(), 400.0, Refusal.BANNED)
    ours.answered(asked(), 399.0)
    assert ours.wait_left_s(500.0) == 6700.0, "it was sent before the ban"
    ours.answered(asked(), 520.0)
    assert ours.wait_left_s(520.0) == 0.0


@pytest.mark.parametrize("sent_s", [-1.0, 0.0])
def test_a_good_answer_to_a_request_sent_before_the_throttling_lifts_nothing(sent_s: float) -> None:
    ours = start_throttled()
    ours.answered(asked(), sent_s)
    assert ours.wait_left_s(1.0) == 899.0


def test_after_a_good_answer_the_first_trial_comes_after_five_minutes_again() -> None:
    ours = start_throttled()
    assert trials(ours, 0, 900) == [300]
    ours.answered(asked(), 950.0)
    ours.wait_until(1e9, asked(), 1000.0)
    assert trials(ours, 1000, 1900) == [1300]


def test_without_a_good_answer_a_second_throttling_is_tried_later_than_the_first() -> None:
    ours = start_throttled()
    assert trials(ours, 0, 900) == [300]
    ours.wait_until(1e9, asked(), 1000.0)
    assert trials(ours, 1000, 1900) == [1600]


def test_a_trial_does_not_touch_the_last_tenth_either() -> None:
    ours = start_throttled()
    ours.learn(Usage(budget="ip", used=90), asked(), 299.0, 299.0)
    assert not ours.allows(asked("ip", 1), Priority.LIVENESS, 300.0)


@pytest.mark.parametrize(
    ("resets_s", "valid_until_s"),
    [(None, 160.0), (130.0, 130.0), (100.0, 160.0), (99.0, 160.0), (160.0, 160.0), (1e9, 160.0)],
)
def test_a_declared_usage_is_valid_until_its_reset_and_for_one_window_at_most(
    resets_s: float | None, valid_until_s: float
) -> None:
    ours = budgets()
    resets_at = None if resets_s is None else datetime.fromtimestamp(resets_s, UTC)
    ours.learn(Usage(budget="ip", used=80, resets_at=resets_at), asked(), 100.0, 100.0)
    assert [used(ours, now_s) for now_s in (100.0, valid_until_s - 0.001, valid_until_s)] == [80, 80, 0]


@pytest.mark.parametrize(("resets_s", "valid_until_s"), [(130.0, 130.0), (400.0, 400.0), (1e9, 1000.0), (99.0, 160.0)])
def test_where_nothing_is_left_the_reset_is_a_floor_with_a_ceiling(resets_s: float, valid_until_s: float) -> None:
    ours = budgets()
    resets_at = datetime.fromtimestamp(resets_s, UTC)
    ours.learn(Usage(budget="ip", remaining=0, resets_at=resets_at), asked(), 100.0, 99.9)
    may = [ours.allows(asked(), Priority.LIVENESS, now_s) for now_s in (100.1, valid_until_s - 0.001, valid_until_s)]
    assert may == [False, False, True]
