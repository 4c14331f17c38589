"""Sets up every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chain.nodes.web3_node import load_web3
from tests.branches import judged
from tests.skips import grouped, reasons

load_web3()  # before any test imports it by itself: it would raise the recursion limit for all


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Check that a test reached the branch that it names."""
    with judged():
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End a run with the tests that were skipped on this machine, by reason."""
    terminalreporter.section("not tested here")
    for line in grouped(reasons(terminalreporter.stats.get("skipped", []))):
        terminalreporter.line(line)
