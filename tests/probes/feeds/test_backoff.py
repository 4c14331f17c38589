"""Pauses between connections double up to half a minute, and no two feeds reconnect at the same moments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.feeds.backoff import MAX_PAUSE_S, MIN_SHARE, BackOff


@given(st.integers(), st.floats(0.01, 5))
def test_pauses_double_up_to_a_maximum_with_jitter(seed: int, first_s: float) -> None:
    back_off = BackOff(first_s, seed)
    for attempt in range(20):
        max_s = min(first_s * 2**attempt, MAX_PAUSE_S)
        assert MIN_SHARE * max_s <= back_off.after(0.0) <= (1 + MIN_SHARE) * max_s


def test_only_a_long_connection_resets_the_pause() -> None:
    back_off = BackOff(0.5, 1)
    for _ in range(10):
        back_off.after(MAX_PAUSE_S)
    assert back_off.after(MAX_PAUSE_S + 1) <= 0.55


def test_one_seed_gives_one_sequence_and_two_seeds_give_two() -> None:
    one, same, other = BackOff(0.5, 1), BackOff(0.5, 1), BackOff(0.5, 2)
    assert [one.after(0) for _ in range(5)] == (first := [same.after(0) for _ in range(5)])
    assert first != [other.after(0) for _ in range(5)]


def test_after_a_flood_the_bound_is_the_longest_at_once_however_long_the_connection_lived() -> None:
    for lived_s in (0.1, MAX_PAUSE_S + 1):
        assert BackOff(0.5, 1).after(lived_s, flooding=True) >= MIN_SHARE * MAX_PAUSE_S
    back_off = BackOff(0.5, 1)
    back_off.after(0.1, flooding=True)
    assert back_off.after(0.1) >= MIN_SHARE * MAX_PAUSE_S, "and it stays"
