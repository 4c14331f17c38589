"""Windows of planned work: what they explain is recorded and not sent; when one ends, what is still open is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.maintenance import MaintenanceWindow, windows_of
from monitor.alerting.quiet import Quiet, Silence
from monitor.alerting.quiet_file import QuietFile
from monitor.incidents import IncidentChange, Leg, LegState, Level
from monitor.settings.maintenance import MaintenanceSettings
from monitor.signals import Subject
from tests.monitor.alerting.sinks.changes import INCIDENT, at, change, evidence, verdict
from tests.monitor.alerting.test_silences import END, told

OF_OKX = (evidence(subject=Subject(venue="okx")),)
OF_BTC = (evidence(subject=Subject(venue="okx", asset="BTC")),)


def window(from_s: float = -60.0, until_s: float = 100.0, **named: Any) -> MaintenanceWindow:
    return MaintenanceWindow(start=at(from_s), end=at(until_s), reason="new matching engine", **named)


def with_legs(*legs: Leg, level: Level = Level.SQUALL) -> IncidentChange:
    """An incident of BTC at okx in which exactly these legs are true."""
    ours = verdict()
    states = [replace(one, state=LegState.TRUE if one.leg in legs else LegState.FALSE) for one in ours.legs]
    return change(level=level, verdict=replace(ours, legs=tuple(states)), evidence=OF_OKX)


@pytest.mark.parametrize(
    ("named", "given", "holds"),
    [
        ({}, change(), True),
        ({}, change(scope="vantage:here", evidence=()), True),
        ({"assets": ("ETH", "BTC")}, change(), True),
        ({"assets": ("ETH",)}, change(), False),
        ({"assets": ("BTC",)}, change(scope="venue:okx", evidence=OF_BTC), True),
        ({"assets": ("BTC",)}, change(scope="venue:okx", evidence=OF_OKX), False),
        ({"assets": ("BTC",)}, change(scope="venue:okx", evidence=()), False),
        ({"venues": ("okx", "gate")}, change(evidence=OF_OKX), True),
        ({"venues": ("okx", "gate")}, change(evidence=(*OF_OKX, evidence(subject=Subject(venue="bybit")))), False),
        ({"venues": ("okx",)}, change(scope="venue:okx", evidence=()), True),
        ({"venues": ("target:api",)}, change(scope="target:api", evidence=()), True),
        ({"venues": ("okx",)}, change(scope="vantage:here", evidence=()), False),
        ({"legs": (Leg.VENUE,)}, with_legs(Leg.VENUE), True),
        ({"legs": (Leg.VENUE,)}, with_legs(Leg.VENUE, Leg.LIQUIDATION), False),
        ({"legs": (Leg.VENUE,)}, with_legs(), False),
        ({"legs": (Leg.VENUE,), "venues": ("gate",)}, with_legs(Leg.VENUE), False),
        ({"legs": (Leg.VENUE,)}, change(scope="venue:okx", verdict=None, evidence=()), True),
    ],
)
def test_a_window_holds_back_only_what_it_explains_alone(
    named: dict[str, Any], given: IncidentChange, holds: bool
) -> None:
    ours = Quiet(windows=(window(**named),))
    assert (ours.held_by(given, at(0)) is not None) is holds
    assert ours.held_by(given, at(-61)) is None, "before it begins"
    assert ours.held_by(given, at(100)) is None, "when it has ended"


def test_a_leg_that_nobody_can_see_is_not_explained_by_work_on_another() -> None:
    blind = with_legs(Leg.VENUE, level=Level.STORM_SUSPECTED)
    assert blind.verdict is not None
    legs = [one if one.state is LegState.TRUE else replace(one, state=LegState.UNKNOWN) for one in blind.verdict.legs]
    blind = replace(blind, verdict=replace(blind.verdict, legs=tuple(legs)))
    assert Quiet(windows=(window(legs=(Leg.VENUE,)),)).held_by(blind, at(0)) is None


def test_an_incident_in_a_window_is_told_once_when_it_ends_as_the_page_that_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = Quiet(windows=(window(assets=("BTC",)),))
    sink, ended = told(monkeypatch, tmp_path, [change(1), change(2, pages=False)], lambda: ours, (10.0, 130.0))
    assert [(one.change.revision, one.pages) for one in sink.notes] == [(2, True)]
    assert 100.0 <= sink.at_s[0] <= 106.0
    assert ended == [(1, "silenced"), (2, "silenced"), (2, "delivered")], "and it is in the log all the while"


def test_an_incident_that_begins_and_ends_in_a_window_pages_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = Quiet(windows=(window(),))
    sink, _ = told(monkeypatch, tmp_path, [change(1), END], lambda: ours, (130.0,))
    assert sink.notes == []


def test_of_a_silence_and_a_window_the_longer_one_counts_and_both_are_said() -> None:
    silence = Silence(id="s1", since=at(-60), until=at(200), author="Ann")
    ours = Quiet(silences=(silence,), windows=(window(), window(until_s=150.0)))
    assert ours.held_by(change(), at(0)) == silence
    words = "in maintenance until 2026-01-01 12:02:30 UTC: new matching engine"
    assert ours.remarks([change(), replace(END, incident_id="over")], at(0)) == {INCIDENT: f"{silence.words}, {words}"}
    assert ours.said_of([change()])[-1] == words


def test_windows_are_in_force_without_a_file_beside_what_another_process_writes_and_when_they_change(
    tmp_path: Path,
) -> None:
    settings = MaintenanceSettings(start=at(0), end=at(9), reason="work", venues=("okx",))
    [first] = windows_of([settings])
    file = QuietFile(tmp_path, (first,))
    assert file().windows == (first,)
    assert file() is file(), "nothing is read again while nothing changes"
    silence = Silence(id="s1", since=at(0), until=at(9), author="Ann")
    QuietFile(tmp_path).change(lambda quiet: replace(quiet, silences=(silence,)))
    assert file() == Quiet(silences=(silence,), windows=(first,))
    file.windows = ()
    assert file() == Quiet(silences=(silence,))
    file.windows = (first,)
    file.path.write_text("broken")
    assert file() == Quiet(windows=(first,)), "a file that cannot be read does not take the windows away"
