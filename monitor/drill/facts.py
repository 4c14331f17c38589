"""Declares what a replay is written from: documented facts with their sources and grades, and what had to be assumed.

A fact stands in our own words. Only a fact with a source may be played; what nobody published is an assumption and says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.errors import OperatorError

_WHEN = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?")
COMPRESSED = "compressed"
"""The word that the title of a replay in compressed time must have."""


class Grade(StrEnum):
    """How well a fact is documented."""

    A = "A"
    """The operator's post-mortem, a stamp on a chain, or recorded data."""
    B = "B"
    """Several independent reports, or one that quotes the operator's words."""
    C = "C"
    """One secondary page."""
    K = "K"
    """General knowledge, in no source found: it explains, and is never played."""


GRADES = {
    Grade.A: "the operator's own account, a chain's stamp, or recorded data",
    Grade.B: "several independent reports, or one that quotes the operator",
    Grade.C: "one secondary page",
    Grade.K: "general knowledge, without a source",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact. `when`: UTC, "2025-04-13" or "2025-04-13 18:00[:30]"; `at_s`: the scenario's second that plays it, None: none."""

    when: str
    said: str
    grade: Grade
    sources: tuple[str, ...] = ()
    at_s: float | None = None


def check_facts(facts: Sequence[Fact], length_s: float) -> None:
    """Check each fact. Raises OperatorError with the key."""
    for index, fact in enumerate(facts):
        key = f"facts[{index}]"
        if not _WHEN.fullmatch(fact.when):
            raise OperatorError(f"{key}.when", fact.when, 'UTC, such as "2025-04-13 18:00"', "correct it")
        if not fact.said.strip():
            raise OperatorError(f"{key}.said", fact.said, "a sentence", "say what happened")
        if fact.at_s is not None and fact.at_s > length_s:
            raise OperatorError(
                f"{key}.at_s", fact.at_s, f"a number from 0 to {length_s:g}", "put it within the scenario"
            )
        if fact.grade is Grade.K and fact.at_s is not None:
            raise OperatorError(
                f"{key}.at_s", fact.at_s, "a fact of grade A, B or C", "a fact without a source is not played"
            )
        if fact.grade is not Grade.K and not any(one.strip() for one in fact.sources):
            raise OperatorError(
                f"{key}.sources", "none", "a page, an account or a data file", f"a fact of grade {fact.grade} has one"
            )


def check_pace(compressed: float, title: str) -> None:
    """Check that a replay faster than its incident says so in its title. Raises OperatorError."""
    if compressed < 1:
        raise OperatorError(
            "compressed", compressed, "1 or more", "give the seconds of the incident in one of the scenario"
        )
    if compressed > 1 and COMPRESSED not in title:
        raise OperatorError("title", title, f'a title with the word "{COMPRESSED}"', "say that its time is compressed")
