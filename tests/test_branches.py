"""Tests of the branch check: a property test fails if its examples rarely reach its branch."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.branches import Reached, judged
from tests.skips import grouped

small = Reached("a number below ten", at_least=0.05)


def counted(reached: Reached, conditions: list[bool]) -> None:
    """Run a test that counts these examples, and that fails by itself if there are none."""
    with judged():
        for one in conditions:
            reached(one)
        assert conditions, "no examples"


def test_a_branch_reached_in_a_tenth_of_the_examples_is_enough() -> None:
    counted(Reached("every tenth"), [number % 10 == 0 for number in range(100)])


def test_a_branch_hardly_reached_fails_and_says_the_share() -> None:
    message = r"'one in a hundred' was reached in 1 of 100 examples \(1\.0%\), not in 10%"
    with pytest.raises(AssertionError, match=message):
        counted(Reached("one in a hundred"), [number == 0 for number in range(100)])


def test_too_few_examples_fail() -> None:
    with pytest.raises(AssertionError, match="49 examples say nothing; 50 are needed"):
        counted(Reached("always"), [True] * 49)


def test_a_test_that_fails_by_itself_is_not_judged_again() -> None:
    with pytest.raises(AssertionError, match="no examples"):
        counted(Reached("never"), [])


def test_each_test_is_counted_separately() -> None:
    reached = Reached("always")
    for _ in range(2):
        counted(reached, [True] * 60)
        assert (reached.examples, reached.times) == (60, 60)


@given(st.integers(0, 99))
@settings(max_examples=200, derandomize=True)
def test_a_property_may_declare_its_branch(number: int) -> None:
    if small(number < 10):
        assert len(str(number)) == 1


def test_conftest_judges_every_test(request: pytest.FixtureRequest) -> None:
    hooks = request.config.pluginmanager.hook.pytest_runtest_call.get_hookimpls()
    assert any((one.plugin_name or "").endswith("tests/conftest.py") for one in hooks)


def test_skips_are_grouped_by_reason_with_the_commonest_first() -> None:
    reasons = Counter({"no anvil": 2, "no postgres here": 11})
    assert grouped(reasons) == ["11 skipped: no postgres here", " 2 skipped: no anvil"]
    assert grouped(Counter()) == ["none skipped"]
