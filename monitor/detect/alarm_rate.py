"""Grades a finding by its false-alarm rate: how often chance alone would make a finding as grave, on the stream's own quiet past.

Grades 1 to 4 are at most one false alarm an hour, a day, a week, a quarter; the weight in nats goes on between them
(docs/detection.md, "Rates and grades").
"""

from __future__ import annotations

from bisect import bisect_right
from math import log

MAX_PER_DAY = (24.0, 1.0, 1 / 7, 1 / 91)
"""The most false alarms a day of grades 1 to 4."""
_LOGS = tuple(-log(one) for one in MAX_PER_DAY)


def grade_of_rate(per_day: float) -> int:
    """The grade, 0 to 4, of a finding that chance makes `per_day` times a day. A rate that is not a number has grade 0."""
    if not per_day >= 0:
        return 0
    return bisect_right(_LOGS, -log(per_day)) if per_day > 0 else len(_LOGS)


def nats_of_rate(per_day: float) -> float:
    """The weight in nats of a finding that chance makes `per_day` times a day: 1, 2, 3, 4 at the bounds of the grades.

    Linear in the logarithm between them; 0 above one an hour, 4 at most.
    """
    grade = grade_of_rate(per_day)
    if grade in (0, len(_LOGS)):
        return float(grade)
    low, high = _LOGS[grade - 1], _LOGS[grade]
    return grade + (-log(per_day) - low) / (high - low)
