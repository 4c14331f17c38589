"""Counts the skipped tests by reason, so that a run shows what a machine lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest


def reasons(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """The number of skipped tests by reason."""
    found: Counter[str] = Counter()
    for one in reports:
        reason = one.longrepr[2] if isinstance(one.longrepr, tuple) else str(one.longrepr)
        found[reason.removeprefix("Skipped: ")] += 1
    return found


def grouped(counts: Counter[str]) -> list[str]:
    """A line for each reason, the most frequent first."""
    width = max((len(str(count)) for count in counts.values()), default=0)
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [f"{count:{width}} skipped: {why}" for why, count in ordered] or ["none skipped"]
