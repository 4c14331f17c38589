"""The supervisor's pauses and counts: 1, 2, 4 … 60 s, reset after a minute without failure; five in five minutes loop."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from monitor.daemon.supervisor import Supervisor
from monitor.errors import OperatorError
from tests.monitor.jumping_time import elapsed_s, run_jumping

START = datetime(2026, 1, 1, tzinfo=UTC)


def clock() -> datetime:
    """The loop's own time as a date."""
    return START + timedelta(seconds=elapsed_s())


def starts_s(monkeypatch: pytest.MonkeyPatch, lives_s: list[float], supervisor: Supervisor) -> list[float]:
    """When a part was started that fails after each of these lives, and returns at the end."""
    begun: list[float] = []

    async def part() -> None:
        begun.append(elapsed_s())
        if len(begun) <= len(lives_s):
            await asyncio.sleep(lives_s[len(begun) - 1])
            raise RuntimeError("ours")

    run_jumping(monkeypatch, supervisor.run("watcher", part))
    return begun


def pauses_s(monkeypatch: pytest.MonkeyPatch, lives_s: list[float]) -> list[float]:
    """The pauses between a failure and the next start."""
    begun = starts_s(monkeypatch, lives_s, Supervisor(clock))
    return [round(later - sooner - lived, 6) for sooner, later, lived in zip(begun, begun[1:], lives_s, strict=False)]


def test_pauses_double_from_one_second_to_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pauses_s(monkeypatch, [0.0] * 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_part_that_ran_longer_than_a_minute_restarts_with_the_first_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pauses_s(monkeypatch, [0, 0, 0, 60, 61, 0]) == [1, 2, 4, 8, 1, 2]


@pytest.mark.parametrize(("restarts", "looping"), [(4, []), (5, ["watcher"]), (6, ["watcher"])])
def test_the_fifth_restart_within_five_minutes_makes_a_loop(
    monkeypatch: pytest.MonkeyPatch, restarts: int, looping: list[str]
) -> None:
    supervisor = Supervisor(lambda: START, first_pause_s=0)
    starts_s(monkeypatch, [0.0] * restarts, supervisor)
    assert supervisor.looping() == looping
    assert supervisor.restarts == {"watcher": restarts}


@pytest.mark.parametrize(("since_s", "looping"), [(299.9, True), (300.0, False)])
def test_a_loop_ends_five_minutes_after_its_first_restart(
    monkeypatch: pytest.MonkeyPatch, since_s: float, looping: bool
) -> None:
    now = [START]
    supervisor = Supervisor(lambda: now[0], first_pause_s=0)
    starts_s(monkeypatch, [0.0] * 5, supervisor)
    now[0] += timedelta(seconds=since_s)
    assert bool(supervisor.looping()) is looping


@pytest.mark.parametrize(("since_s", "looping"), [(99.9, True), (100.0, False)])
def test_the_five_minutes_of_a_loop_begin_with_the_first_of_the_five(
    monkeypatch: pytest.MonkeyPatch, since_s: float, looping: bool
) -> None:
    now = [START]
    supervisor = Supervisor(lambda: now[0], first_pause_s=0)
    starts_s(monkeypatch, [0.0], supervisor)
    now[0] += timedelta(seconds=200)
    starts_s(monkeypatch, [0.0] * 4, supervisor)
    now[0] += timedelta(seconds=since_s)
    assert bool(supervisor.looping()) is looping


def test_only_the_last_five_restarts_count_for_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [START]
    supervisor = Supervisor(lambda: now[0], first_pause_s=0)
    starts_s(monkeypatch, [0.0], supervisor)
    now[0] += timedelta(minutes=10)
    starts_s(monkeypatch, [0.0] * 5, supervisor)
    assert supervisor.looping() == ["watcher"]
    assert supervisor.restarts == {"watcher": 6}


def test_a_failure_is_logged_with_its_part_and_its_pause(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    starts_s(monkeypatch, [0.0, 0.0], Supervisor(clock))
    errors = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert [one.getMessage() for one in errors] == [
        "part watcher failed and starts again in 1 s",
        "part watcher failed and starts again in 2 s",
    ]
    assert all(one.exc_info is not None and one.exc_info[0] is RuntimeError for one in errors)


@pytest.mark.parametrize("error", [OperatorError("a", "b", "c", "d"), asyncio.CancelledError()])
async def test_an_operator_error_or_a_cancellation_is_not_a_restart(error: BaseException) -> None:
    supervisor = Supervisor(clock)

    async def part() -> None:
        raise error

    with pytest.raises(type(error)):
        await supervisor.run("store", part)
    assert supervisor.restarts == {}
    assert supervisor.looping() == []


def test_a_failed_part_does_not_affect_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor(clock)
    tries: list[float] = []

    async def failing() -> None:
        tries.append(elapsed_s())
        if len(tries) <= 3:
            raise RuntimeError("ours")

    async def steady() -> float:
        await asyncio.sleep(100)
        return elapsed_s()

    async def both() -> None:
        async def part() -> None:
            assert await steady() == pytest.approx(100)

        await asyncio.gather(supervisor.run("bad", failing), supervisor.run("good", part))

    run_jumping(monkeypatch, both())
    assert tries == [0, pytest.approx(1), pytest.approx(3), pytest.approx(7)]
    assert supervisor.restarts == {"bad": 3}
