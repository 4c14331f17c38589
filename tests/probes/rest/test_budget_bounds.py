"""An allowance holds a bounded number of requests, and the end of a wait gives the headroom back."""

from __future__ import annotations

from datetime import UTC, datetime

from probes.readings import VenueId
from probes.rest.budget import Budgets
from probes.venue import Budget

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def budgets() -> Budgets:
    return Budgets(VenueId("made"), (Budget(name="ip", limit=1e6, window_s=60.0),))


def test_at_most_twenty_thousand_requests_of_a_window_are_held_and_the_oldest_share_an_entry() -> None:
    ours = budgets()
    for number in range(20_005):
        ours.spend("ip", 1.0, number / 1000)
    held = ours._allowances["ip"].spent
    assert (len(held), held[0], held[1], held[-1]) == (20_000, (0.005, 6.0), (0.006, 1.0), (20.004, 1.0))


def test_more_requests_than_are_held_count_in_their_window_and_leave_it() -> None:
    ours = budgets()
    for number in range(25_000):
        ours.spend("ip", 2.0, number / 1000)
    assert ours.headroom(25.0, NOW)[0].used == 50_000
    assert ours.headroom(84.998, NOW)[0].used == 2.0, "all but the last have left the window"
    assert ours.headroom(86.0, NOW)[0].used == 0.0
    ours.spend("ip", 3.0, 90.0)
    assert ours.headroom(90.0, NOW)[0].used == 3.0


def test_there_is_no_headroom_before_the_end_of_a_wait_and_all_of_it_from_that_moment_on() -> None:
    ours = budgets()
    ours.wait_until(50.0, 0.0)
    assert [ours.headroom(now_s, NOW)[0].left for now_s in (49.9, 50.0)] == [0.0, 1.0]
