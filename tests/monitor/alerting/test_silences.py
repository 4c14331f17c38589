"""Silences and acknowledgements: what is silenced is held back and told when the silence ends; an end is always told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.quiet import Acknowledgement, Quiet, Silence
from monitor.alerting.quiet_file import QuietFile, acknowledged_by
from monitor.alerting.sink import Delivered
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Level
from monitor.signals import Subject
from tests.monitor.alerting.logged import SetClock, Timed, append, desk, opened, results, running
from tests.monitor.alerting.sinks.changes import INCIDENT, START, at, change, evidence
from tests.monitor.jumping_time import run_jumping

END = change(3, kind=ChangeKind.ENDED, state=IncidentState.ENDED, level=Level.CALM, pages=False)


def silence(until_s: float = 100.0, **changed: object) -> Silence:
    """A silence of everything from an hour before the start."""
    return replace(Silence(id="s1", since=at(-3600), until=at(until_s), author="Ann"), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "changed", "holds"),
    [
        ({}, {}, True),
        ({"asset": "BTC"}, {}, True),
        ({"asset": "ETH"}, {}, False),
        ({"venue": "bybit"}, {}, True),
        ({"venue": "bybit"}, {"evidence": (evidence(), evidence(subject=Subject(venue="okx")))}, False),
        ({"venue": "bybit"}, {"evidence": ()}, False),
        ({"venue": "bybit"}, {"scope": "venue:bybit", "evidence": ()}, True),
        ({"venue": "target:api"}, {"scope": "target:api", "evidence": ()}, True),
        ({"level": Level.SQUALL}, {}, False),
        ({"level": Level.SQUALL}, {"level": Level.SQUALL}, True),
    ],
)
def test_a_silence_holds_back_only_what_every_matcher_names(
    given: dict[str, object], changed: dict[str, object], holds: bool
) -> None:
    assert silence(**given).holds(change(**changed), at(0)) is holds  # type: ignore[arg-type]


def test_a_silence_holds_from_its_beginning_until_before_its_end_and_the_longest_is_named() -> None:
    long = silence(200.0, id="s2", comment="upgrade", asset="BTC", level=Level.SQUALL)
    ours = Quiet(silences=(silence(), long))
    assert ours.silence_of(change(level=Level.WATCH), at(0)) == long
    assert ours.silence_of(change(level=Level.WATCH), at(200)) is None
    assert ours.silence_of(change(), at(-3601)) is None
    assert long.words == "silenced until 2026-01-01 12:03:20 UTC by Ann: upgrade"
    known = Quiet(silences=(silence(),), acknowledged={INCIDENT: Acknowledgement(by="Bo", at=at(0))})
    assert known.remarks([change(incident_id="other"), END], at(0)) == {
        INCIDENT: "acknowledged by Bo at 2026-01-01 12:00:00 UTC",
        "other": "silenced until 2026-01-01 12:01:40 UTC by Ann",
    }
    assert Quiet().remarks([change()], at(0)) == {}
    assert (silence().matchers, long.matchers) == ("everything", "asset BTC, up to squall")


def test_what_people_said_of_an_incident_while_it_was_open_is_known_for_good() -> None:
    known = Quiet(
        silences=(
            silence(200.0, comment="upgrade"),
            silence(id="s2", asset="ETH"),
            silence(id="s3", since=at(301), until=at(400)),
            silence(id="s4", since=at(-9), until=at(-5)),
        ),
        acknowledged={INCIDENT: Acknowledgement(by="Bo", at=at(9)), "other": Acknowledgement(by="Cy", at=at(9))},
    )
    over = replace(END, opened_at=at(0), at=at(300))
    said = ("acknowledged by Bo at 2026-01-01 12:00:09 UTC", "silenced until 2026-01-01 12:03:20 UTC by Ann: upgrade")
    assert known.said_of([change(1, opened_at=at(0)), over]) == said
    assert len(known.said_of([change(1, opened_at=at(0))])) == 3, "what is open may meet a silence to come"
    assert Quiet().said_of([over]) == ()


def told(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    changes: list[IncidentChange],
    quiet: Callable[[], Quiet],
    runs: tuple[float, ...],
) -> tuple[Timed, list[tuple[int, str]]]:
    """Deliver once for each of `runs`, so many seconds, with reminders each 60 s; and what the log says of it."""
    sink = Timed(lambda _attempt: Delivered())
    ended: list[tuple[int, str]] = []

    async def write() -> None:
        async with opened(folder, SetClock()) as log:
            await append(log, *changes)

    async def work(for_s: float) -> None:
        clock = SetClock(START)
        clock.follow()
        async with opened(folder, clock) as log:
            ours = Deliveries([replace(desk(sink), remind_s=60.0)], log, clock=clock, quiet=quiet)
            async with running(ours):
                await asyncio.sleep(for_s)
            ended[:] = [(one.revision, one.outcome) for one in await results(log)]

    asyncio.run(write())
    for for_s in runs:
        run_jumping(monkeypatch, work(for_s))
    return sink, ended


@pytest.mark.parametrize("runs", [(130.0,), (10.0, 130.0)], ids=["one run", "a restart within the silence"])
def test_a_silenced_incident_is_told_once_when_the_silence_ends_as_the_page_that_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runs: tuple[float, ...]
) -> None:
    ours = Quiet(silences=(silence(),))
    sink, ended = told(monkeypatch, tmp_path, [change(1), change(2, pages=False)], lambda: ours, runs)
    assert [(one.change.revision, one.pages, one.missed) for one in sink.notes] == [(2, True, None)]
    assert 100.0 <= sink.at_s[0] <= 106.0
    assert ended == [(1, "silenced"), (2, "silenced"), (2, "delivered")]


def test_an_incident_that_began_and_ended_in_silence_is_never_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = Quiet(silences=(silence(),))
    sink, _ = told(monkeypatch, tmp_path, [change(1), END], lambda: ours, (130.0,))
    assert sink.notes == []


def test_the_end_of_what_was_told_is_told_in_a_silence_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[int] = []

    def after_the_first() -> Quiet:
        calls.append(1)
        return Quiet() if len(calls) == 1 else Quiet(silences=(silence(),))

    sink, _ = told(monkeypatch, tmp_path, [change(1), change(2), END], after_the_first, (50.0,))
    assert sink.revisions == [1, 3]


def test_an_acknowledged_incident_is_not_reminded_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = Quiet(acknowledged={INCIDENT: Acknowledgement(by="Ann", at=at(0))})
    sink, _ = told(monkeypatch, tmp_path, [change(1)], lambda: given, (200.0,))
    assert [one.reminded_at for one in sink.notes] == [None]


def test_a_file_that_another_process_writes_is_in_force_at_once_and_a_broken_one_silences_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daemon, command = QuietFile(tmp_path / "store"), QuietFile(tmp_path / "store")
    assert daemon() == Quiet()
    assert not daemon.path.parent.exists(), "reading makes nothing"
    command.change(lambda quiet: replace(quiet, silences=(silence(),)))
    assert daemon().silences == (silence(),)
    command.change(lambda quiet: acknowledged_by(quiet, INCIDENT, Acknowledgement(by="Ann", at=at(0))))
    assert daemon() == Quiet(silences=(silence(),), acknowledged={INCIDENT: Acknowledgement(by="Ann", at=at(0))})
    daemon.path.write_text('{"version": 9}')
    assert daemon() == Quiet() == daemon()
    assert caplog.text.count("are not in force") == 1
