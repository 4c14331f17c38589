"""What every test stands on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chain.nodes.web3_node import load_web3
from tests.branches import judged
from tests.skips import grouped, reasons

load_web3()  # before any test imports it by itself: it would raise the recursion limit for all


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that names the branch it is about must have reached it."""
    with judged():
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last word of a run: what was not tested on this machine, by reason."""
    terminalreporter.section("not tested here")
    for line in grouped(reasons(terminalreporter.stats.get("skipped", []))):
        terminalreporter.line(line)
