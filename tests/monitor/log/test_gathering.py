"""Tests of how long the log's writing thread gathers before a group."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.log.settings import LogSettings
from tests.monitor.alerting.sinks.changes import signal
from tests.monitor.log.test_sqlite_log import opened


def test_a_group_gathers_for_a_third_of_its_time_less_what_the_last_one_took() -> None:
    settings = LogSettings(group_s=0.06)
    assert settings.gather_s(0.0) == pytest.approx(0.02)
    assert settings.gather_s(0.008) == pytest.approx(0.012)
    assert settings.gather_s(0.05) == pytest.approx(0.006), (
        "behind a slow commit what came meanwhile has waited already"
    )


async def test_the_time_since_the_last_group_was_begun_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    gather_s = LogSettings.gather_s

    def noted(self: LogSettings, since_s: float) -> float:
        asked.append(since_s)
        return gather_s(self, since_s)

    monkeypatch.setattr(LogSettings, "gather_s", noted)
    async with opened(tmp_path) as log:
        for number in range(3):
            log.signals([signal(number)])
            await log.wait(number)
    assert len(asked) >= 3
    assert min(asked) > 0
