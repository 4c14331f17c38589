"""A broken sink is reported once to every other sink, and once more when it works again; what was not tried says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alerting.broken import BrokenSinks, SinkHealth, Watched
from monitor.alerting.concern import Drills, Filters
from monitor.alerting.routing import Rule, decide
from monitor.incidents import ChangeKind, IncidentState, Leg, Level
from tests.monitor.alerting.sinks.changes import at, change

FAILING = SinkHealth(works=False, failing_since=at(0), why="HTTP 503")
WORKS = SinkHealth(works=True)


def sinks(health: SinkHealth, name: str = "desk") -> list[Watched]:
    return [
        Watched(name=name, health=health, broken_after_s=300.0),
        Watched(name="chat", health=WORKS, broken_after_s=300.0),
    ]


def test_a_sink_that_fails_is_told_once_after_its_time_and_once_when_it_works() -> None:
    ours = BrokenSinks("https://desk/runbooks/")

    assert ours.look(sinks(FAILING), at(299)) == []
    assert ours.why("desk") is None
    (broke,) = ours.look(sinks(FAILING), at(300))
    assert ours.look(sinks(FAILING), at(9000)) == []
    assert ours.why("desk") == "sink desk is broken: nothing delivered since 01-01 12:00:00 UTC (HTTP 503)"
    (again,) = ours.look(sinks(WORKS), at(9060))

    assert (broke.scope, broke.kind, broke.state, broke.revision) == (
        "sink:desk",
        ChangeKind.OPENED,
        IncidentState.OPEN,
        1,
    )
    assert (broke.level, broke.pages, broke.opened_at, broke.at) == (Level.WATCH, False, at(0), at(300))
    assert broke.runbook == "https://desk/runbooks/sink.md"
    assert (again.incident_id, again.kind, again.state, again.revision) == (
        broke.incident_id,
        ChangeKind.ENDED,
        IncidentState.ENDED,
        2,
    )
    assert again.headline == "sink desk works again, after 151 min"
    assert ours.why("desk") is None
    assert ours.look(sinks(WORKS), at(9061)) == []


def test_a_place_that_was_lost_is_told_at_once_and_is_over_when_a_note_has_said_so() -> None:
    ours = BrokenSinks("")
    lost = SinkHealth(works=True, lost=12)

    (broke,) = ours.look(sinks(lost), at(0))
    assert "its place in the log was lost, and 12 entries with it" in broke.headline
    assert ours.look(sinks(lost), at(1)) == []
    assert [one.headline for one in ours.look(sinks(WORKS), at(61))] == ["sink desk works again, after 61 s"]


def test_a_restart_tells_nothing_twice_and_takes_no_silence_for_success() -> None:
    before, after = BrokenSinks(""), BrokenSinks("")
    (broke,) = before.look(sinks(FAILING), at(300))
    after.resume(
        [
            change(),
            replace(broke, headline=f"DRILL: {broke.headline}"),
            replace(broke, scope="sink:old", state=IncidentState.ENDED),
        ]
    )

    assert after.look(sinks(SinkHealth()), at(400)) == []
    assert str(after.why("desk")).startswith("sink desk is broken: ")
    assert [one.revision for one in after.look(sinks(WORKS), at(500))] == [2]


def test_the_headline_fits_its_room_whatever_the_names_and_reasons_are() -> None:
    (broke,) = BrokenSinks("").look(sinks(replace(FAILING, why="x" * 200), "n" * 60), at(300))

    assert len(f"DRILL: {broke.headline}") <= 120


def test_the_next_break_is_another_incident() -> None:
    ours = BrokenSinks("")
    (first,) = ours.look(sinks(FAILING), at(300))
    ours.look(sinks(WORKS), at(301))
    (second,) = ours.look(sinks(replace(FAILING, failing_since=at(400))), at(700))

    assert second.incident_id != first.incident_id


def test_a_broken_sink_that_is_taken_out_of_the_settings_is_over() -> None:
    ours = BrokenSinks("")
    ours.look(sinks(FAILING, "old"), at(300))

    (end,) = ours.look(sinks(WORKS), at(310))
    assert (end.scope, end.kind) == ("sink:old", ChangeKind.ENDED)
    assert end.headline == "sink old is no longer in the settings, after 5 min"


@pytest.mark.parametrize(
    ("rule", "goes"),
    [
        (Rule(min_level=Level.PERFECT_STORM, pages_only=True), True),
        (
            Rule(
                filters=Filters(legs=frozenset({Leg.MIGRATION}), assets=frozenset({"ETH"}), venues=frozenset({"okx"}))
            ),
            True,
        ),
        (Rule(own_scope="sink:desk"), False),
        (Rule(own_scope="sink:chat"), True),
        (Rule(filters=Filters(drill=Drills.ONLY)), False),
    ],
)
def test_every_other_sink_is_told_whatever_it_asks_for_but_a_drill_stays_a_drill(rule: Rule, goes: bool) -> None:
    (broke,) = BrokenSinks("").look(sinks(FAILING), at(300))

    assert decide(rule, None, broke).goes is goes
