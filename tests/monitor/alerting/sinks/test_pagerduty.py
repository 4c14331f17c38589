"""PagerDuty: one alert an incident, updated by its key, resolved only by an end that was seen (Events API v2)."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerting.sink import Delivered, Refused, TryAgain, note_of, reminder_of
from monitor.alerting.sinks.pagerduty import MAX_SUMMARY, PagerDutySettings, PagerDutySink, event_of
from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentState, Level
from tests.monitor.alerting.sinks.changes import INCIDENT, change
from tests.monitor.alerting.sinks.receiver import delivered, receiving

ENV = {"PD": "r0utingkey"}


def event(**changed: Any) -> dict[str, Any]:
    return event_of(note_of(change(2, **changed), Level.WATCH))


async def test_the_life_of_an_incident_is_one_alert_by_its_key() -> None:
    async with receiving() as receiver:
        sink = PagerDutySink(PagerDutySettings(routing_key_env="PD", url=f"{receiver.url}/v2/enqueue"), ENV)
        end = change(3, kind=ChangeKind.ENDED, state=IncidentState.ENDED, level=Level.CALM)
        outcomes = await delivered(sink, *(note_of(one, Level.WATCH) for one in (change(1), change(2), end)))

    assert outcomes == [Delivered()] * 3
    bodies = [one.body for one in receiver.came]
    assert [one["event_action"] for one in bodies] == ["trigger", "trigger", "resolve"]
    assert {one["dedup_key"] for one in bodies} == {INCIDENT}
    assert {one["routing_key"] for one in bodies} == {"r0utingkey"}
    first = bodies[0]["payload"]
    assert (first["severity"], first["class"], first["component"]) == ("critical", "perfect-storm", "BTC")
    assert first["timestamp"] == "2026-01-01T12:00:30.000000Z"
    assert "client_url" not in bodies[0]


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (Level.PERFECT_STORM, "critical"),
        (Level.STORM_SUSPECTED, "error"),
        (Level.SQUALL, "warning"),
        (Level.WATCH, "info"),
    ],
)
def test_each_level_has_its_severity(level: Level, severity: str) -> None:
    assert event(level=level)["payload"]["severity"] == severity


def test_an_incident_that_ended_unknown_is_not_resolved() -> None:
    ended = event(kind=ChangeKind.ENDED_UNKNOWN, state=IncidentState.ENDED_UNKNOWN, level=Level.CALM)
    assert (ended["event_action"], ended["payload"]["severity"]) == ("trigger", "warning")
    assert event(kind=ChangeKind.RETRACTED, level=Level.CALM)["event_action"] == "resolve"


def test_a_long_headline_with_escape_bytes_is_one_short_line() -> None:
    summary = event(headline="\x1b[31mred\nline " + "x" * 3000)["payload"]["summary"]
    assert len(summary) == MAX_SUMMARY
    assert summary.isprintable()


async def test_the_board_is_linked_where_there_is_one() -> None:
    async with receiving() as receiver:
        settings = PagerDutySettings(routing_key_env="PD", url=receiver.url, board_url="http://127.0.0.1:9464/")
        await delivered(PagerDutySink(settings, ENV), note_of(change(), Level.WATCH))
    assert receiver.came[0].body["client_url"] == "http://127.0.0.1:9464/"


async def test_a_rate_limit_is_tried_again_and_a_bad_key_is_refused() -> None:
    async with receiving() as receiver:
        receiver.answers = [(429, {"Retry-After": "7"}), (400, {})]
        sink = PagerDutySink(PagerDutySettings(routing_key_env="PD", url=receiver.url), ENV)
        outcomes = await delivered(sink, *[note_of(change(), Level.WATCH)] * 2)
    assert outcomes == [TryAgain(why="HTTP 429", after_s=7.0), Refused(why="HTTP 400")]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (PagerDutySettings(), "sinks.pagerduty.routing_key_env"),
        (PagerDutySettings(routing_key_env="NOT_SET"), "sinks.pagerduty.routing_key_env"),
        (PagerDutySettings(routing_key_env="PD", url="events.pagerduty.com"), "sinks.pagerduty.url"),
        (PagerDutySettings(routing_key_env="PD", timeout_s=0), "sinks.pagerduty.timeout_s"),
    ],
)
def test_a_mistake_names_the_key_and_never_the_secret(settings: PagerDutySettings, key: str) -> None:
    with pytest.raises(OperatorError) as caught:
        PagerDutySink(settings, ENV)
    assert caught.value.key == key
    assert "r0utingkey" not in str(caught.value)


def test_a_reminder_pages_nobody_and_says_so() -> None:
    reminder = reminder_of(change(2), Level.WATCH, change(9).at)
    assert not reminder.pages
    assert event_of(reminder)["payload"]["summary"].startswith("STILL OPEN PERFECT STORM asset:BTC")
    assert event_of(reminder)["dedup_key"] == INCIDENT
