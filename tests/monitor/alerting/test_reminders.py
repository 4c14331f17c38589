"""Reminders: a sink is told again of an incident that is still open, and never of one that has ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.alerting import reminders
from monitor.alerting.delivery import Deliveries
from monitor.alerting.reminders import Reminders
from monitor.alerting.sink import Delivered, Outcome, TryAgain, reminder_of
from monitor.alerting.sinks import made
from monitor.alerting.sinks.webhook import REMINDER, missed_headers
from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Level
from tests.monitor.alerting.logged import SetClock, Timed, append, desk, opened, running
from tests.monitor.alerting.sinks.changes import INCIDENT, START, change
from tests.monitor.jumping_time import run_jumping

END = change(2, kind=ChangeKind.ENDED, state=IncidentState.ENDED, level=Level.CALM, pages=False)


def test_an_open_incident_is_due_after_each_period_and_an_ended_one_never() -> None:
    ours = Reminders(60.0)
    ours.sent(change(1), 100.0)
    ours.sent(change(1, incident_id="other"), 130.0)
    assert ours.due_s == 160.0
    assert ours.due(159.9) == []
    assert ours.due(160.0) == [change(1)]
    ours.sent(change(2), 170.0)
    assert ours.due_s == 190.0
    assert [one.incident_id for one in ours.due(230.0)] == ["other", INCIDENT]
    ours.sent(END, 231.0)
    assert [one.incident_id for one in ours.due(999.0)] == ["other"]


def test_a_period_of_zero_reminds_of_nothing() -> None:
    assert Reminders(60.0).due_s is None
    ours = Reminders(0.0)
    ours.sent(change(1), 0.0)
    assert ours.due_s is None


def test_remembered_incidents_are_bounded_and_the_longest_told_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "MAX_INCIDENTS", 2)
    ours = Reminders(1.0)
    for name in "abc":
        ours.sent(change(1, incident_id=name), 0.0)
    assert [one.incident_id for one in ours.due(1.0)] == ["b", "c"]


def test_a_reminder_is_marked_has_a_key_of_its_own_and_pages_nobody() -> None:
    note = reminder_of(change(3), Level.WATCH, change(9).at)
    assert note.title == "STILL OPEN PERFECT STORM asset:BTC updated"
    assert note.key == f"{INCIDENT}:3:reminder-1767269070"
    assert not note.pages
    assert note.change == change(3)
    assert missed_headers(note) == {REMINDER: "2026-01-01T12:04:30Z"}


def reminded(
    monkeypatch: pytest.MonkeyPatch, folder: Path, runs: list[tuple[list[IncidentChange], float]], every_s: float
) -> Timed:
    """Run the deliveries once for each of `runs`: these changes are in the log when it starts, and it lasts so long."""
    sink = Timed(lambda _attempt: Delivered())

    async def write(changes: list[IncidentChange]) -> None:
        async with opened(folder, SetClock()) as log:
            await append(log, *changes)

    async def work(for_s: float) -> None:
        clock = SetClock(START)
        clock.follow()
        async with opened(folder, clock) as log:
            ours = Deliveries([replace(desk(sink), remind_s=every_s)], log, clock=clock)
            async with running(ours):
                await asyncio.sleep(for_s)

    for changes, for_s in runs:
        if changes:
            asyncio.run(write(changes))
        run_jumping(monkeypatch, work(for_s))
    return sink


def test_an_open_incident_is_told_again_each_period(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = reminded(monkeypatch, tmp_path, [([change(1)], 200.0)], 60.0)
    assert [one.reminded_at is not None for one in sink.notes] == [False, True, True, True]
    assert {one.change.revision for one in sink.notes} == {1}
    assert [round(one) for one in sink.at_s[1:]] == [60, 120, 180]


def test_an_ended_incident_is_not_told_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = reminded(monkeypatch, tmp_path, [([change(1), END], 200.0)], 60.0)
    assert [one.change.revision for one in sink.notes] == [1, 2]


def test_reminding_goes_on_after_a_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = reminded(monkeypatch, tmp_path, [([change(1)], 1.0), ([], 70.0)], 60.0)
    assert [(one.change.revision, one.reminded_at is not None) for one in sink.notes] == [(1, False), (1, True)]


def test_a_restart_does_not_remind_of_what_ended_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = reminded(monkeypatch, tmp_path, [([change(1), END], 1.0), ([], 70.0)], 60.0)
    assert len(sink.notes) == 2


def test_a_receiver_that_is_away_gets_the_reminder_at_its_next_turn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers: list[Outcome] = [Delivered(), TryAgain(why="HTTP 503"), Delivered()]
    sink = Timed(lambda attempt: answers[attempt - 1])

    async def work() -> None:
        clock = SetClock(START)
        clock.follow()
        async with opened(tmp_path, clock) as log:
            ours = Deliveries([replace(desk(sink), remind_s=60.0)], log, clock=clock)
            async with running(ours):
                await asyncio.sleep(150.0)

    async def write() -> None:
        async with opened(tmp_path, SetClock()) as log:
            await append(log, change(1))

    asyncio.run(write())
    run_jumping(monkeypatch, work())
    assert [round(one) for one in sink.at_s[1:]] == [60, 120]


def test_the_operator_sets_the_period_and_a_sink_may_have_one_of_its_own() -> None:
    env = {"U": "https://desk.example/x"}
    tables = {
        "console": {},
        "slack": {"url_env": "U", "remind_s": "30m"},
        "alertmanager": {"url": "http://127.0.0.1:9093"},
    }
    periods = {one.name: one.remind_s for one in made(tables, env)}
    assert periods == {"console": 0.0, "slack": 1800.0, "alertmanager": 60.0}
    with pytest.raises(OperatorError) as caught:
        made({"console": {"remind_s": "often"}}, env)
    assert caught.value.key == "sinks.console.remind_s"
