"""What a refusal silences and what a header is about: one endpoint, one budget or one host, and never more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings import Refusal, VenueId
from probes.rest.budget import Budgets
from probes.rest.priority import LIVENESS_CHECK, Priority, priority_of
from probes.venue import Budget, RestCall, Usage
from tests.branches import Reached

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MADE = VenueId("made")
TIME = RestCall(path="/time", budget="each")
TICKER = RestCall(path="/ticker", budget="each")
BOOK = RestCall(path="/book", budget="each")
STATUS = RestCall(path="/status", host="other", budget="other")


def budgets() -> Budgets:
    """One limit for each endpoint of a host, within a limit of the whole host; a budget of another host."""
    return Budgets(
        MADE,
        (
            Budget(name="all", limit=50, window_s=60),
            Budget(name="each", limit=10, window_s=1, each=True, within="all"),
            Budget(name="other", limit=100, window_s=60, hosts=("other",)),
        ),
        [TIME],
    )


def may(ours: Budgets, call: RestCall, now_s: float) -> bool:
    return ours.allows(call, Priority.LIVENESS if call is TIME else Priority.STATISTICS, now_s)


def test_each_endpoint_has_an_allowance_of_its_own_within_that_of_the_host() -> None:
    ours = budgets()
    for number in range(9):
        assert may(ours, TICKER, number / 100)
        ours.spend(TICKER, number / 100)
    assert not may(ours, TICKER, 0.5)
    assert may(ours, BOOK, 0.5), "another endpoint has its own"
    for number in range(21):
        ours.spend(BOOK, 1.0 + number)
    assert not may(ours, BOOK, 50.0), "the host's limit of 50 holds for all of them together"
    assert may(ours, TIME, 50.0), "the last of it is kept for the sign of life"


def test_the_calls_of_one_endpoint_share_its_allowance_whatever_their_paths() -> None:
    ours = budgets()
    for symbol in "ABCDEFGHI":
        ours.spend(RestCall(path=f"/book/{symbol}", endpoint="/book/{}", budget="each"), 0.0)
    assert not may(ours, RestCall(path="/book/J", endpoint="/book/{}", budget="each"), 0.5)


def test_a_throttling_of_one_endpoint_silences_that_endpoint_alone() -> None:
    ours = budgets()
    ours.wait_until(30.0, TICKER, 0.0)
    assert [may(ours, one, 1.0) for one in (TICKER, BOOK, TIME, STATUS)] == [False, True, True, True]
    ours.answered(BOOK, 2.0)
    assert ours.wait_left_s(2.0, TICKER) == 28.0, "a good answer of another endpoint ends nothing"
    ours.answered(TICKER, 2.0)
    assert may(ours, TICKER, 2.0)


def test_an_endpoint_without_the_liveness_check_tries_for_itself() -> None:
    ours = budgets()
    ours.wait_until(1e9, TICKER, 0.0)
    assert not may(ours, TICKER, 299.9)
    assert may(ours, TICKER, 300.0)
    ours.spend(TICKER, 300.0)
    assert not may(ours, TICKER, 301.0)


@pytest.mark.parametrize("kind", [Refusal.BANNED])
def test_a_ban_silences_its_host_alone(kind: Refusal) -> None:
    ours = budgets()
    ours.wait_until(600.0, TICKER, 0.0, kind)
    assert [may(ours, one, 1.0) for one in (TICKER, BOOK, TIME, STATUS)] == [False, False, False, True]
    left = {one.budget: one.left for one in ours.headroom(1.0, NOW)}
    assert left == {"all": 0.0, "each": 0.0, "other": 1.0}


def test_a_page_that_a_firewall_blocks_is_left_alone_and_the_rest_of_the_host_is_not() -> None:
    ours = budgets()
    ours.firewalled(TICKER, 0.0)
    ours.firewalled(TICKER, 1.0)
    assert [may(ours, one, 2.0) for one in (TICKER, BOOK, TIME, STATUS)] == [False, True, True, True]
    assert may(ours, TICKER, 60.0), "it is tried again after a minute"
    ours.spend(TICKER, 60.0)
    ours.firewalled(TICKER, 60.1)
    assert [may(ours, TICKER, now_s) for now_s in (179.9, 180.0)] == [False, True], "then after two"


def test_a_firewall_before_two_pages_of_a_host_is_before_all_of_it() -> None:
    ours = budgets()
    ours.firewalled(TICKER, 0.0)
    ours.firewalled(BOOK, 1.0)
    assert [may(ours, one, 2.0) for one in (TICKER, BOOK, TIME, STATUS)] == [False, False, False, True]
    assert not may(ours, BOOK, 100.0), "only the sign of life tries"
    assert may(ours, TIME, 61.0)
    ours.spend(TIME, 61.0)
    ours.answered(TIME, 61.0)
    assert may(ours, RestCall(path="/third", budget="each"), 61.1)
    assert ours.headroom(61.1, NOW)[0].left > 0


@pytest.mark.parametrize(("stated_s", "tried_s"), [(0.0, 60.0), (30.0, 60.0), (200.0, 200.0), (1e9, 900.0)])
def test_a_wait_that_a_firewalls_page_states_has_no_trial_and_a_ceiling(stated_s: float, tried_s: float) -> None:
    ours = budgets()
    ours.firewalled(TICKER, 0.0, stated_s)
    assert [may(ours, TICKER, now_s) for now_s in (tried_s - 0.001, tried_s)] == [False, True]


def test_a_header_of_one_host_says_nothing_about_a_budget_of_another() -> None:
    ours = budgets()
    ours.learn(Usage(budget="all", used=49), STATUS, 1.0, 0.9)
    ours.learn(Usage(budget="each", used=9), RestCall(path="/x", budget="all"), 1.0, 0.9)
    assert [one.declared for one in ours.headroom(1.0, NOW)] == [False, False, False]
    ours.learn(Usage(budget="other", used=95), STATUS, 1.0, 0.9)
    assert not may(ours, STATUS, 2.0)
    assert may(ours, TIME, 2.0)


def test_the_usage_of_an_endpoint_is_that_endpoints() -> None:
    ours = budgets()
    ours.learn(Usage(budget="each", remaining=0, limit=10), TICKER, 1.0, 0.9)
    assert [may(ours, one, 1.5) for one in (TICKER, BOOK)] == [False, True]
    (each,) = [one for one in ours.headroom(1.5, NOW) if one.budget == "each"]
    assert (each.left, each.used, each.declared, each.host) == (0.0, 10, True, "rest"), "the fullest endpoint counts"


def test_requests_on_their_way_when_the_venue_counted_are_added_to_its_count() -> None:
    ours = Budgets(MADE, (Budget(name="ip", limit=100, window_s=60),))
    call = RestCall(path="/a", cost=5)
    for at_s in (1.0, 1.1, 1.2):
        ours.spend(call, at_s)
    ours.learn(Usage(budget="ip", used=80), call, 1.5, 1.0)
    assert ours.headroom(1.5, NOW)[0].used == 90, "two were sent after the one that was answered"
    ours.learn(Usage(budget="ip", used=20), call, 1.6, 0.5)
    assert ours.headroom(1.6, NOW)[0].used == 90, "an older request's answer is passed over"
    ours.learn(Usage(budget="ip", used=70), call, 1.7, 1.2)
    assert ours.headroom(1.7, NOW)[0].used == 70


@pytest.mark.parametrize(
    ("check", "priority"),
    [
        ("server_time", Priority.LIVENESS), ("book_rest", Priority.BOOK), ("system_status", Priority.STATE),
        ("wallet_status", Priority.STATE), ("instruments", Priority.STATE), ("open_interest", Priority.STATISTICS),
        ("funding", Priority.STATISTICS), ("long_short_ratio_top", Priority.STATISTICS), ("volume_spot", Priority.STATISTICS),
    ],
)  # fmt: skip
def test_the_rank_of_a_check(check: str, priority: Priority) -> None:
    assert priority_of(check) is priority
    assert priority_of(LIVENESS_CHECK) is Priority.LIVENESS


def test_under_pressure_statistics_go_first_then_states_then_books_and_the_sign_of_life_last() -> None:
    ours = Budgets(MADE, (Budget(name="ip", limit=100, window_s=60),))
    sent = []
    for second in range(100):
        for priority in reversed(Priority):
            if ours.allows(RestCall(path="/a"), priority, second / 10):
                ours.spend(RestCall(path="/a"), second / 10)
                sent.append(priority)
    assert [sent.count(one) for one in Priority] == [33, 23, 19, 15]
    assert len(sent) == 90, "the last tenth is never spent"
    assert [priority for at, priority in enumerate(sent) if at >= 80] == [Priority.LIVENESS] * 10


learned = Reached("a header that lowers what may be sent")
step = st.tuples(
    st.floats(0.01, 8),
    st.sampled_from([TIME, TICKER, BOOK]),
    st.floats(0.1, 12),
    st.none() | st.tuples(st.floats(0, 60), st.sampled_from([5.0, 10.0, 40.0, 50.0, 5_000.0]), st.booleans()),
)


@given(st.lists(step, min_size=5, max_size=120))
def test_whatever_the_headers_say_no_request_exceeds_nine_tenths_of_the_limit_that_is_known(
    steps: list[tuple[float, RestCall, float, tuple[float, float, bool] | None]],
) -> None:
    """The reference: a list of all that was sent, the last limit and figure that a header stated, and both limits' windows."""
    ours, now_s = budgets(), 0.0
    sent: list[tuple[float, str, float]] = []
    limit_of_all, stated, stated_s = 50.0, 0.0, float("-inf")
    for pause_s, call, cost, header in steps:
        now_s += pause_s
        if now_s - stated_s >= 900:
            limit_of_all = 50.0  # nobody has repeated the limit for a quarter of an hour
        asked = RestCall(path=call.path, budget="each", cost=cost)
        if ours.allows(asked, Priority.LIVENESS, now_s):
            ours.spend(asked, now_s)
            sent.append((now_s, call.path, cost))
            host = sum(one for at_s, _, one in sent if now_s - at_s < 60)
            endpoint = sum(one for at_s, path, one in sent if now_s - at_s < 1 and path == call.path)
            since = sum(one for at_s, _, one in sent if at_s > stated_s)
            assert host <= 0.9 * limit_of_all + 1e-9
            assert endpoint <= 9 + 1e-9
            assert stated_s < now_s - 60 or stated + since <= 0.9 * limit_of_all + 1e-9
        if header is not None:
            used, limit_of_all, as_left = header
            stated, stated_s = (max(limit_of_all - used, 0.0) if as_left else used), now_s
            usage = Usage(
                budget="all", used=None if as_left else used, remaining=used if as_left else None, limit=limit_of_all
            )
            learned(stated > 0.9 * limit_of_all)
            ours.learn(usage, asked, now_s, now_s)
