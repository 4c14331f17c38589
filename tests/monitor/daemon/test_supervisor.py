"""The supervisor: failures in our code restart a part, an operator error ends the daemon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.daemon.supervisor import Supervisor
from monitor.errors import OperatorError

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_failed_part_is_restarted_and_counted() -> None:
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


async def test_an_operator_error_is_not_retried() -> None:
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


async def test_old_restarts_are_not_counted_as_a_loop() -> None:
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
