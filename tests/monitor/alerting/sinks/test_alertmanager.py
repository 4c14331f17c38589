"""Alertmanager: an alert fires while its incident is open and ends with it.

Tried against a loopback receiver, and against the real program where it is installed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.alerting.sink import Delivered, Note, Refused, note_of, reminder_of
from monitor.alerting.sinks import alertmanager
from monitor.alerting.sinks.alertmanager import AlertmanagerSettings, AlertmanagerSink
from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentState, Level
from tests.monitor.alerting.sinks.changes import INCIDENT, START, change
from tests.monitor.alerting.sinks.receiver import Receiver, delivered, receiving

NOW = START + timedelta(seconds=300)
PROGRAM = (
    os.environ.get("STORMWATCH_ALERTMANAGER") or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
)
ENDED = {"kind": ChangeKind.ENDED, "state": IncidentState.ENDED, "level": Level.CALM, "pages": False}


def note(revision: int, **changed: Any) -> Note:
    return note_of(change(revision, **changed), Level.WATCH)


def sink_for(receiver: Receiver, **settings: Any) -> AlertmanagerSink:
    return AlertmanagerSink(AlertmanagerSettings(url=receiver.url, **settings), {}, clock=NOW.timestamp)


def shape(body: list[dict[str, Any]]) -> list[tuple[str, str, bool]]:
    """Name, severity, and whether it fires, of each alert of a request."""
    return [
        (one["labels"]["alertname"], one["labels"]["severity"], datetime.fromisoformat(one["endsAt"]) > NOW)
        for one in body
    ]


async def test_an_open_incident_fires_until_well_after_the_next_post() -> None:
    async with receiving() as receiver:
        sink = sink_for(receiver, board_url="http://127.0.0.1:9464/")
        assert await delivered(sink, note(1), reminder_of(change(1), Level.WATCH, NOW)) == [Delivered()] * 2

    first, second = receiver.came
    assert first.path == "/api/v2/alerts"
    [alert] = first.body
    assert alert["labels"] == {
        "alertname": "StormwatchIncident",
        "incident": INCIDENT,
        "scope": "asset",
        "asset": "BTC",
        "severity": "critical",
    }
    assert alert["startsAt"] == "2026-01-01T12:00:00.000000Z"
    assert alert["endsAt"] == "2026-01-01T12:15:00.000000Z"  # ten minutes from now
    assert alert["generatorURL"] == "http://127.0.0.1:9464/"
    assert alert["annotations"]["level"] == "perfect-storm"
    assert second.body[0]["labels"] == alert["labels"]


async def test_an_end_ends_the_alert_that_fired() -> None:
    async with receiving() as receiver:
        await delivered(sink_for(receiver), note(1, level=Level.SQUALL), note(2, **ENDED))
    assert [shape(one.body) for one in receiver.came] == [
        [("StormwatchIncident", "warning", True)],
        [("StormwatchIncident", "warning", False)],
    ]


async def test_another_severity_fires_and_ends_the_old_one_in_the_same_request() -> None:
    async with receiving() as receiver:
        await delivered(sink_for(receiver), note(1, level=Level.WATCH), note(2), note(3, level=Level.STORM_SUSPECTED))
    assert [shape(one.body) for one in receiver.came[1:]] == [
        [("StormwatchIncident", "critical", True), ("StormwatchIncident", "info", False)],
        [("StormwatchIncident", "critical", True)],
    ]


async def test_after_a_restart_an_end_ends_every_severity_that_may_fire() -> None:
    async with receiving() as receiver:
        await delivered(sink_for(receiver), note(2, **ENDED))
    assert sorted(shape(receiver.came[0].body)) == [
        ("StormwatchIncident", one, False) for one in ("critical", "info", "warning")
    ]


async def test_an_incident_that_ended_unknown_goes_on_as_an_alert_of_its_own() -> None:
    async with receiving() as receiver:
        unknown = note(2, kind=ChangeKind.ENDED_UNKNOWN, state=IncidentState.ENDED_UNKNOWN, level=Level.CALM)
        await delivered(sink_for(receiver), note(1), unknown)
    assert shape(receiver.came[1].body) == [
        ("StormwatchIncident", "critical", False),
        ("StormwatchEndedUnknown", "warning", True),
    ]


async def test_what_was_not_accepted_is_not_taken_for_firing() -> None:
    async with receiving() as receiver:
        receiver.answers = [(400, {})]
        sink = sink_for(receiver)
        assert await delivered(sink, note(1, level=Level.WATCH)) == [Refused(why="HTTP 400")]
        await delivered(sink, note(2))
    assert shape(receiver.came[1].body) == [("StormwatchIncident", "critical", True)]


async def test_remembered_alerts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "MAX_INCIDENTS", 1)
    async with receiving() as receiver:
        notes = (note(1, incident_id="a"), note(1, incident_id="b"), note(2, incident_id="a", **ENDED))
        await delivered(sink_for(receiver), *notes)
    assert len(receiver.came[2].body) == 3


async def test_a_scope_without_a_name_and_hostile_words_make_valid_labels() -> None:
    async with receiving() as receiver:
        await delivered(sink_for(receiver), note(1, scope="vantage:"), note(1, incident_id="x", scope="venue:a\nb\x1b"))
    assert "vantage" not in receiver.came[0].body[0]["labels"]
    assert receiver.came[1].body[0]["labels"]["venue"] == "a b "


async def test_a_drill_and_the_vantage_are_labels() -> None:
    async with receiving() as receiver:
        await delivered(sink_for(receiver), note(1, drill=True, vantage="tokyo"))
    labels = receiver.came[0].body[0]["labels"]
    assert (labels["drill"], labels["vantage"]) == ("true", "tokyo")


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"url": ""}, "url"),
        ({"url": "127.0.0.1:9093"}, "url"),
        ({"hold_s": 60.0}, "hold_s"),
        ({"timeout_s": 0.0}, "timeout_s"),
    ],
)
def test_a_mistake_names_its_key(settings: dict[str, Any], key: str) -> None:
    given = {"url": "http://127.0.0.1:9093", **settings}
    with pytest.raises(OperatorError) as caught:
        AlertmanagerSink(AlertmanagerSettings(**given), {})
    assert caught.value.key == f"sinks.alertmanager.{key}"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


CONFIG = """
route: {receiver: desk, group_by: [incident], group_wait: 100ms, group_interval: 100ms, repeat_interval: 1h}
receivers: [{name: desk, webhook_configs: [{url: "URL/desk", send_resolved: true}]}]
"""


@asynccontextmanager
async def real(folder: Path, receiver: Receiver) -> AsyncIterator[str]:
    """The real Alertmanager, which notifies the receiver; its URL."""
    assert PROGRAM is not None
    (folder / "am.yml").write_text(CONFIG.replace("URL", receiver.url))
    url = f"http://127.0.0.1:{free_port()}"
    words = ["--config.file", str(folder / "am.yml"), "--storage.path", str(folder / "am"), "--cluster.listen-address="]
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *words,
        "--web.listen-address",
        url[7:],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as client, asyncio.timeout(30):
            while True:
                try:
                    async with client.get(f"{url}/-/ready") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def notified(receiver: Receiver, status: str) -> Any:
    """What Alertmanager sends to the desk when the alert has this status."""
    async with asyncio.timeout(30):
        while True:
            for one in receiver.came:
                if one.body["status"] == status:
                    return one.body
            await asyncio.sleep(0.05)


@pytest.mark.skipif(PROGRAM is None, reason="Alertmanager is not installed (apt install prometheus-alertmanager)")
async def test_the_real_alertmanager_fires_once_and_resolves_at_the_end(tmp_path: Path) -> None:
    opened_at = datetime.now(UTC)
    async with receiving() as receiver, real(tmp_path, receiver) as url:
        sink = AlertmanagerSink(AlertmanagerSettings(url=url), {})
        opening = note(1, opened_at=opened_at, at=opened_at)
        assert await delivered(sink, opening, note(2, opened_at=opened_at, at=opened_at)) == [Delivered()] * 2
        firing = await notified(receiver, "firing")
        assert firing["alerts"][0]["labels"]["incident"] == INCIDENT
        assert firing["alerts"][0]["labels"]["severity"] == "critical"
        assert await delivered(sink, note(3, opened_at=opened_at, at=opened_at, **ENDED)) == [Delivered()]
        resolved = await notified(receiver, "resolved")
    assert len(resolved["alerts"]) == 1
    assert [one.body["status"] for one in receiver.came] == ["firing", "resolved"]
