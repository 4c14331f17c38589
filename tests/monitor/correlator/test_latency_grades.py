"""Tests of a lag's grade: the lag must be far from normal and also long enough to matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.signals import Signal, SignalKind, Subject

T0 = datetime(2026, 11, 1, tzinfo=UTC)


def graded(lag_s: float) -> int:
    """The grade of a feed that normally lags one millisecond and lags `lag_s` for a minute."""
    correlator = Correlator(CorrelatorSettings(warm_s=15))
    for second in range(180):
        at = T0 + timedelta(seconds=second)
        value = 0.001 if second < 120 else lag_s
        subject = Subject(asset="BTC", venue="bybit", instrument="BTCUSDT")
        correlator.on_signal(
            Signal(SignalKind.FEED_LAG, subject, at, at, "bybit/book_ws", second, value, {"bound_s": 0.0})
        )
    correlator.finish()
    return max((one.grade for one in correlator._evidence.everything()), default=0)


@pytest.mark.parametrize(("lag_s", "grade"), [(0.05, 0), (0.2, 1), (0.4, 2), (0.8, 3), (2.5, 4)])
def test_a_lag_is_graded_by_what_it_costs(lag_s: float, grade: int) -> None:
    assert graded(lag_s) == grade
