"""`stormwatch silence add|list|end` and `stormwatch ack`, as an operator types them: what they write, say and refuse."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor.alerting.quiet import Quiet
from monitor.alerting.quiet_file import QuietFile
from monitor.cli.app import app
from monitor.errors import OperatorError, SeveralMistakes
from monitor.incidents import Level
from tests.monitor.alerting.logged import SetClock, append, opened
from tests.monitor.alerting.sinks.changes import INCIDENT, change


def soon(hours: float = 1.0) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store's folder of settings that watch BTC, and a target of the operator's own."""
    monkeypatch.chdir(tmp_path)
    Path("stormwatch.toml").write_text(
        '[store]\nfolder = "store"\n[assets.BTC]\n[targets.api]\nurl = "https://api.example/"\n'
    )
    return tmp_path / "store"


def ran(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: str) -> OperatorError:
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, OperatorError), result.output
    return result.exception


def in_force(store: Path) -> Quiet:
    return QuietFile(store).read()


def test_a_silence_is_added_listed_and_ended(store: Path) -> None:
    until = soon()
    silence_id = ran(
        "silence", "add", "--until", until, "--by", "Ann", "--asset", "BTC", "--level", "squall", "--comment", "[b]up"
    ).stdout.strip()

    [silence] = in_force(store).silences
    assert (silence.id, silence.author, silence.asset, silence.level) == (silence_id, "Ann", "BTC", Level.SQUALL)
    assert silence.until == datetime.fromisoformat(until)
    listed = ran("silence", "list").stdout
    assert all(word in listed for word in (silence_id, "asset BTC, up to squall", "Ann", "[b]up"))
    [line] = ran("silence", "list", "--json").stdout.splitlines()
    assert json.loads(line).items() >= {"id": silence_id, "by": "Ann", "level": "squall", "venue": ""}.items()

    assert ran("silence", "end", silence_id).stdout == f"ended {silence_id}\n"
    assert in_force(store) == Quiet()
    assert "nothing found" in ran("silence", "list").stdout


def test_ending_one_silence_leaves_the_others_and_the_acknowledgements(store: Path) -> None:
    first = ran("silence", "add", "--until", soon(), "--by", "Ann").stdout.strip()
    second = ran("silence", "add", "--until", soon(2), "--by", "Bo", "--venue", "target:api").stdout.strip()
    ran("ack", INCIDENT, "--by", "Cy")

    ran("silence", "end", first)

    left = in_force(store)
    assert [one.id for one in left.silences] == [second]
    assert left.acknowledged[INCIDENT].by == "Cy"
    assert second in str(refused("silence", "end", first)), "the ids that there are are named"


def test_every_mistake_of_a_silence_is_told_at_once_and_nothing_is_written(store: Path) -> None:
    error = refused(
        "silence", "add", "--until", "2026-01-01T00:00", "--by", " ", "--asset", "BTCC", "--venue", "okxx", "--level",
        "storm", "--comment", "x" * 201,
    )  # fmt: skip

    assert isinstance(error, SeveralMistakes)
    assert {one.key for one in error.mistakes} == {"--until", "--by", "--asset", "--venue", "--level", "--comment"}
    assert not store.exists()


@pytest.mark.parametrize(
    "until", ["2020-01-01T00:00Z", pytest.param(soon(91 * 24), id="in 91 days"), "soon", "2099-01-01", ""]
)
def test_a_silence_ends_at_a_time_to_come_that_names_its_zone(store: Path, until: str) -> None:
    assert refused("silence", "add", "--until", until, "--by", "Ann").key == "--until"
    assert not store.exists()


def test_an_acknowledgement_is_kept_and_a_doubtful_incident_is_said_to_be_one(store: Path) -> None:
    async def write() -> None:
        async with opened(store / "log", SetClock()) as log:
            await append(log, change())

    asyncio.run(write())
    other = INCIDENT.replace("abc123", "abc124")

    assert "local log" not in ran("ack", INCIDENT, "--by", "Ann").stderr
    assert f"the local log holds no change of {other}" in ran("ack", other, "--by", "Ann").stderr
    assert set(in_force(store).acknowledged) == {INCIDENT, other}


def test_what_is_no_incident_cannot_be_acknowledged(store: Path) -> None:
    error = refused("ack", "BTC", "--by", "")

    assert isinstance(error, SeveralMistakes)
    assert [one.key for one in error.mistakes] == ["ID", "--by"]
    assert not store.exists()
