"""Three years of real liquidations of one token at one lender: the crashes are found, and little else.

The shared folder lies beside a checkout of the project; where it is not there, this is skipped and says so.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from monitor.correlator.settings import CorrelatorSettings
from monitor.detect.alarm_rate import grade_of_rate
from monitor.detect.surge import SurgeDetector

RECORD = Path(__file__).parents[4] / "shared/data/liquidations/aave_wbtc_2020-12_2023-12.csv.gz"
DAY_S = 86_400
HOUR_S = 3600
QUARTERS = 12
CRASH = 10
"""Liquidations of a day: the usual is two."""

pytestmark = pytest.mark.skipif(not RECORD.exists(), reason="the recorded liquidations are not here")


@cache
def times() -> tuple[int, ...]:
    """The unix seconds of all liquidations."""
    with gzip.open(RECORD, "rt", encoding="utf-8") as lines:
        return tuple(sorted(int(row["timestamp"]) for row in csv.DictReader(lines)))


def day_of(at_s: int) -> date:
    return datetime.fromtimestamp(at_s, UTC).date()


@cache
def by_day() -> Counter[date]:
    return Counter(map(day_of, times()))


def alarms(since_s: int, until_s: int) -> list[int]:
    """When alarms of grade 3 began, an hour of quiet apart."""
    s = CorrelatorSettings()
    detector = SurgeDetector(s.background_half_life_s, s.rate_floor, s.warm_s, s.mu_min, since_s)
    found: list[int] = []
    last_s = 0
    for second, count in sorted(Counter(one for one in times() if since_s <= one < until_s).items()):
        detector.pass_to(second)
        if grade_of_rate(detector.add(second, float(count)).per_day) >= 3:
            if second - last_s > HOUR_S:
                found.append(second)
            last_s = second
    return found


@pytest.mark.parametrize("history_days", [10, 11, 40, 200, 800])
@pytest.mark.parametrize("rank", range(5))
@pytest.mark.slow
def test_each_of_the_five_busiest_days_is_found_within_an_hour_of_its_surge(rank: int, history_days: int) -> None:
    crash, _ = by_day().most_common(5)[rank]
    begin_s = int(datetime(crash.year, crash.month, crash.day, tzinfo=UTC).timestamp())
    own = [one for one in times() if begin_s <= one < begin_s + DAY_S]
    busiest_s = max(own, key=lambda at_s: (sum(at_s <= one < at_s + HOUR_S for one in own), -at_s))
    dense_s = next(one for one, fifth in zip(own, own[4:], strict=False) if fifth - one <= HOUR_S)
    found = alarms(begin_s - history_days * DAY_S, begin_s + DAY_S)
    assert any(abs(one - busiest_s) <= HOUR_S or 0 <= one - dense_s <= HOUR_S for one in found)


def test_at_most_one_ordinary_day_a_quarter_has_an_alarm() -> None:
    days = {day_of(one) for one in alarms(times()[0] - 10 * DAY_S, times()[-1] + 1)}
    assert sum(by_day()[one] < CRASH for one in days) <= QUARTERS
    assert sum(by_day()[one] >= CRASH for one in days) >= 20
