"""`drill --routes`: what each of the desk's sinks answered, and nothing that stays behind on anybody's pager."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.alerting.concern import Drills, Filters
from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, Refused, TryAgain
from monitor.alerting.sinks import Route, made
from monitor.cli.app import app
from monitor.cli.render.drill import print_routes
from monitor.drill.routes import OVER, answers_of, sinks_of, taken_back
from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentState, Level
from tests.monitor.alerting.logged import LONG_S, SHORT, SetClock, append, opened, running
from tests.monitor.alerting.sinks.changes import Answering, at, change

NAMES = ("away", "desk", "never", "shut")


async def test_every_sink_says_what_it_answered_and_how_long_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sinks = {
        "away": Answering(lambda _attempt: TryAgain(why="HTTP 503")),
        "desk": Answering(lambda attempt: TryAgain(why="HTTP 429") if attempt == 1 else Delivered()),
        "never": Answering(),
        "shut": Answering(lambda _attempt: Refused(why="HTTP 401")),
    }
    rules = {"never": Rule(filters=Filters(drill=Drills.NEVER))}
    routes = [Route(name, rules.get(name, Rule()), one, type="webhook") for name, one in sinks.items()]
    clock = SetClock()
    async with opened(tmp_path, clock, *NAMES) as log:
        ours = Deliveries(routes, log, clock=clock, pauses=SHORT)
        async with running(ours):
            drill = change(1, drill=True)
            await append(log, drill, replace(drill, kind=ChangeKind.ENDED, state=IncidentState.ENDED, revision=2))
            assert await ours.drain(1.0) == ("away",)
        away, desk, never, shut = answers_of(ours, (*NAMES, "gone"))

    assert (desk.works, desk.delivered, desk.failed, desk.said) == (True, 2, 1, "delivered")
    assert desk.median_s is not None
    assert desk.max_s is not None
    assert 0 <= desk.median_s <= desk.max_s < LONG_S
    assert desk.latency_s == 0.0
    assert (away.works, away.delivered, away.said) == (False, 0, "try again: HTTP 503")
    assert (shut.works, shut.said, shut.latency_s) == (False, "refused: HTTP 401", None)
    assert (never.works, never.delivered, never.median_s) == (None, 0, None)
    assert never.said == "nothing was sent: it is a drill, and this route accepts none"

    print_routes([away, desk, never, shut])
    shown = capsys.readouterr().out
    assert "HTTP 401" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_a_rehearsal_leaves_open_is_taken_back_as_newer_than_anything_that_follows() -> None:
    ended = change(2, kind=ChangeKind.ENDED, state=IncidentState.ENDED)
    held = change(7, state=IncidentState.HELD_BLIND, incident_id="other")

    first, second = taken_back([change(3, drill=True), ended, held], at(500))

    assert (first.kind, first.state, first.level) == (ChangeKind.RETRACTED, IncidentState.RETRACTED, Level.CALM)
    assert (first.revision, first.at, first.pages, first.drill) == (3 + OVER, at(500), False, True)
    assert first.headline.startswith("DRILL: it is over")
    assert second.incident_id == "other"


def test_a_sink_that_asks_for_assets_of_its_desk_is_rehearsed_too() -> None:
    tables = {
        "desk": {"type": "console", "assets": ["BTC"], "venues": ["okx"], "legs": ["venue"], "min_level": "squall"}
    }
    (route,) = made(sinks_of(tables), {})

    assert (route.rule.filters.assets, route.rule.filters.venues) == (frozenset(), frozenset())
    assert (len(route.rule.filters.legs), route.rule.min_level) == (1, Level.SQUALL)


@pytest.mark.parametrize(
    ("sinks", "key"),
    [
        ("[sinks.console]\nenabled = false\n", "--routes"),
        ('[sinks.slack]\nurl_env = "NOT_SET"\n', "sinks.slack.url_env"),
    ],
)
def test_without_a_sink_that_can_be_asked_nothing_is_played(sinks: str, key: str, tmp_path: Path) -> None:
    config = tmp_path / "set.toml"
    config.write_text(f"[assets.BTC]\n[venues.bybit]\n{sinks}")
    result = CliRunner().invoke(app, ["drill", "perfect-storm", "--routes", "-c", str(config), "-o", str(tmp_path)])

    assert isinstance(result.exception, OperatorError)
    assert result.exception.key == key
