"""The supervisor: our own failures restart a part, an operator's mistake ends everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.daemon.supervisor import Supervisor
from monitor.errors import OperatorError

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_part_that_fails_is_started_again_and_counted() -> None:
    supervisor = Supervisor(lambda: START, first_pause_s=0)
    tries = []

    async def part() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("ours")

    await supervisor.run("prober bybit", part)

    assert len(tries) == 3
    assert supervisor.restarts == {"prober bybit": 2}
    assert supervisor.looping() == []


async def test_an_operators_mistake_is_not_retried() -> None:
    async def part() -> None:
        raise OperatorError("store.dsn", "x", "a DSN", "correct it")

    with pytest.raises(OperatorError, match=r"store\.dsn"):
        await Supervisor(lambda: START).run("store", part)


async def test_five_restarts_in_five_minutes_are_a_loop() -> None:
    supervisor = Supervisor(lambda: START, first_pause_s=0)
    tries = []

    async def part() -> None:
        tries.append(1)
        if len(tries) < 6:
            raise RuntimeError("ours")

    await supervisor.run("watcher", part)

    assert supervisor.looping() == ["watcher"]


async def test_restarts_long_ago_are_no_loop() -> None:
    now = [START]
    supervisor = Supervisor(lambda: now[0], first_pause_s=0)
    tries = []

    async def part() -> None:
        tries.append(1)
        now[0] += timedelta(minutes=3)
        if len(tries) < 6:
            raise RuntimeError("ours")

    await supervisor.run("watcher", part)

    assert supervisor.looping() == []
