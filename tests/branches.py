"""Lets a property test name the branch that it is about, and fails the test if its examples rarely reach that branch.

    in_order = Reached("a book in order", at_least=0.10)

    @given(bids=side, asks=side)
    def test_…(bids, asks):
        if in_order(book.state is BookState.OK):
            …

tests/conftest.py starts the count for each test and checks it when the test has passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

MIN_EXAMPLES = 50
_used: list[Reached] = []


class Reached:
    """Counts in how many examples of the running test a condition holds. Create it once, next to the test that uses it."""

    def __init__(self, branch: str, at_least: float = 0.10) -> None:
        self.branch = branch
        self.at_least = at_least
        self.examples = 0
        self.times = 0

    def __call__(self, condition: bool) -> bool:
        """Count one example; return the condition."""
        if not any(one is self for one in _used):
            self.examples = self.times = 0
            _used.append(self)
        self.examples += 1
        self.times += condition
        return condition

    def judge(self) -> None:
        """Raise AssertionError if there were too few examples, or too few reached the branch."""
        if self.examples < MIN_EXAMPLES:
            raise AssertionError(f"{self.branch!r}: {self.examples} examples say nothing; {MIN_EXAMPLES} are needed")
        share = self.times / self.examples
        if share < self.at_least:
            raise AssertionError(
                f"{self.branch!r} was reached in {self.times} of {self.examples} examples ({share:.1%}), "
                f"not in {self.at_least:.0%}: the examples are not about it"
            )


@contextmanager
def judged() -> Iterator[None]:
    """Wrap one test: every branch that it counts must be reached, unless the test fails by itself."""
    before, _used[:] = list(_used), []
    try:
        yield
        for one in _used:
            one.judge()
    finally:
        _used[:] = before
