"""A sink that was away gets one note an incident about what it missed, with the present state, and never a stale page."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.lag import Lag
from monitor.alerting.sink import Delivered, Note, TryAgain
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Level
from monitor.log.settings import LogSettings
from tests.monitor.alerting.logged import (
    LONG_S,
    SetClock,
    Timed,
    append,
    delivered_once,
    desk,
    opened,
    outcomes,
    results,
    running,
)
from tests.monitor.alerting.sinks.changes import INCIDENT, START, Answering, at, change, evidence
from tests.monitor.jumping_time import run_jumping

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def ended(revision: int, incident_id: str = INCIDENT) -> IncidentChange:
    """The end of the storm."""
    return change(
        revision,
        incident_id=incident_id,
        kind=ChangeKind.ENDED,
        state=IncidentState.ENDED,
        level=Level.CALM,
        pages=False,
    )


async def told_later(
    folder: Path, after: timedelta, *given: IncidentChange, **rule: Any
) -> tuple[list[Note], list[str]]:
    """The notes that a sink gets which begins to read so long after these changes, and the outcomes in the log."""
    sink, clock = Answering(), SetClock()
    async with opened(folder, clock) as log:
        await append(log, *given)
        clock.now += after
        await delivered_once(log, clock, desk(sink, **rule))
        return sink.notes, [outcome for _sink, _revision, outcome in outcomes(await results(log))]


async def test_changes_that_are_too_old_become_one_note_with_the_present_state(tmp_path: Path) -> None:
    raised = change(2, kind=ChangeKind.RAISED, pages=False)
    (note,), appended = await told_later(tmp_path, 2 * HOUR, change(1), raised, change(3), ended(4))

    assert note.change == ended(4)
    assert note.key == f"{INCIDENT}:4"
    assert note.missed is not None
    assert (note.missed.changes, note.missed.pages, note.missed.late) == (4, 2, True)
    assert (note.missed.first_at, note.missed.last_at) == (at(30), at(120))
    assert note.title == "CALM asset:BTC ended (4 changes missed, 2 pages)"
    assert note.text.splitlines()[0] == (
        "missed: 4 changes (2 pages), from 2026-01-01 12:00:30 to 2026-01-01 12:02:00 UTC, not sent in time;"
        " this is the present state"
    )
    assert appended == ["missed"]


async def test_the_present_state_has_its_evidence_and_its_verdict(tmp_path: Path) -> None:
    (note,), _ = await told_later(tmp_path, 2 * HOUR, change(1), change(2))

    assert note.change == change(2)
    assert note.change.evidence == (evidence(),)


@pytest.mark.parametrize(("after", "missed"), [(HOUR, False), (HOUR + SECOND, True)])
async def test_a_change_is_too_old_once_it_is_older_than_an_hour(
    tmp_path: Path, after: timedelta, missed: bool
) -> None:
    (note,), appended = await told_later(tmp_path, after, change(1))

    assert (note.missed is not None) == missed
    assert note.pages == (not missed)
    assert (" PAGE " in note.title) == (not missed)
    assert appended == ["missed" if missed else "delivered"]


async def test_a_route_decides_when_a_change_is_too_old_for_it(tmp_path: Path) -> None:
    (note,), _ = await told_later(tmp_path, timedelta(seconds=61), change(1), stale_after_s=60.0)

    assert note.missed is not None


async def test_each_incident_gets_a_note_of_its_own_in_the_order_of_what_was_missed(tmp_path: Path) -> None:
    notes, appended = await told_later(
        tmp_path,
        2 * HOUR,
        change(1, incident_id="a"),
        change(1, incident_id="b"),
        change(2, incident_id="a"),
        ended(2, "b"),
    )

    assert [(note.change.incident_id, note.change.revision) for note in notes] == [("a", 2), ("b", 2)]
    assert [note.missed and note.missed.changes for note in notes] == [2, 2]
    assert appended == ["missed", "missed"]


async def test_an_incident_that_ended_meanwhile_is_told_only_if_the_route_would_have_got_one_of_its_changes(
    tmp_path: Path,
) -> None:
    low = change(1, incident_id="low", level=Level.WATCH)
    notes, _ = await told_later(tmp_path, 2 * HOUR, low, ended(2, "low"), change(1), ended(2), min_level=Level.SQUALL)

    assert [note.change.incident_id for note in notes] == [INCIDENT]
    assert notes[0].missed is not None
    assert (notes[0].missed.changes, notes[0].missed.pages) == (2, 1)


async def test_only_changes_that_the_route_would_have_got_are_counted(tmp_path: Path) -> None:
    (note,), _ = await told_later(
        tmp_path, 2 * HOUR, change(1), change(2), change(3), ended(4), changed_level_only=True
    )

    assert note.missed is not None
    assert note.missed.changes == 2


async def test_a_change_in_time_behind_late_ones_is_the_present_state_and_is_not_told_twice(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2))
        clock.now += 2 * HOUR
        await append(log, change(3), change(4))
        await delivered_once(log, clock, desk(sink))
        await append(log, change(5))
        await delivered_once(log, clock, desk(sink))

    assert sink.revisions == [4, 5]
    first, second = sink.notes
    assert first.missed is not None
    assert (first.missed.changes, first.missed.pages, first.missed.late) == (3, 3, False)
    assert first.title == "PERFECT STORM PAGE asset:BTC updated (3 changes missed, 3 pages)"
    assert first.pages
    assert second.missed is None


async def test_a_kill_between_two_notes_about_missed_changes_repeats_none_that_was_acknowledged(tmp_path: Path) -> None:
    took = asyncio.Event()

    class Half(Answering):
        async def deliver(self, client: object, note: Note) -> Delivered:
            await super().deliver(client, note)
            if len(self.notes) == 2:
                took.set()
                await asyncio.Event().wait()
            return Delivered()

    before, after, clock = Half(), Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1, incident_id="a"), change(1, incident_id="b"), change(2, incident_id="a"))
        clock.now += 2 * HOUR
        async with running(Deliveries([desk(before)], log, clock=clock)):
            await asyncio.wait_for(took.wait(), LONG_S)
    async with opened(tmp_path, clock) as log:
        await delivered_once(log, clock, desk(after))

    assert [note.key for note in before.notes] == ["a:2", "b:1"]
    assert [note.key for note in after.notes] == ["b:1"]


async def test_what_was_told_before_is_not_missed(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    async with opened(tmp_path, clock) as log:
        await append(log, change(1), change(2))
        await delivered_once(log, clock, desk(sink))
        await append(log, ended(3))
        clock.now += 2 * HOUR
        await delivered_once(log, clock, desk(sink))

    assert sink.revisions == [1, 2, 3]
    assert sink.notes[-1].missed is not None
    assert (sink.notes[-1].missed.changes, sink.notes[-1].missed.pages) == (1, 0)
    assert "1 change (0 pages), 2026-01-01 12:01:30 UTC" in sink.notes[-1].text


def test_a_note_that_was_not_accepted_in_time_is_told_as_missed_with_what_came_since(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = Timed(lambda attempt: Delivered() if attempt > 1 and sink.at_s[-1] > 5000 else TryAgain(why="HTTP 503"))

    async def work() -> tuple[Lag, Lag]:
        clock = SetClock(START)
        async with opened(tmp_path, clock) as log:
            await append(log, change(1))
            clock.follow()
            ours = Deliveries([desk(sink)], log, clock=clock)
            async with running(ours):
                await asyncio.sleep(4000)
                waiting = ours.lag("desk")
                await append(log, change(2))
                await asyncio.sleep(3000)
                return waiting, ours.lag("desk")

    waiting, after = run_jumping(monkeypatch, work())

    assert waiting.why == "HTTP 503; 1 owed, because the receiver did not accept them in time"
    assert waiting.oldest_s == pytest.approx(400.0), "since it made way"
    assert (after.why, after.oldest_s) == ("", None)
    delivered = [note for at_s, note in zip(sink.at_s, sink.notes, strict=True) if at_s > 5000]
    assert [note.change.revision for note in delivered] == [2]
    assert delivered[0].missed is not None
    assert delivered[0].missed.changes >= 1


def test_a_note_that_is_owed_is_told_after_a_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    away, back = Timed(lambda _attempt: TryAgain(why="HTTP 503")), Timed(lambda _attempt: Delivered())

    async def work() -> list[str]:
        clock = SetClock(START)
        async with opened(tmp_path, clock) as log:
            await append(log, change(1))
            clock.follow()
            async with running(Deliveries([desk(away)], log, clock=clock)):
                await asyncio.sleep(4000)
            assert log.place("sink desk").position == 0, "the log keeps what is owed"
        async with opened(tmp_path, clock) as log:
            async with running(Deliveries([desk(back)], log, clock=clock)):
                await asyncio.sleep(600)
            return [outcome for _sink, _revision, outcome in outcomes(await results(log))]

    assert run_jumping(monkeypatch, work()) == ["missed"]
    (note,) = back.notes
    assert note.missed is not None
    assert (note.change.revision, note.missed.pages) == (1, 1)


async def without_its_first_segment(folder: Path, clock: SetClock, *behind: IncidentChange) -> int:
    """A log whose first segment, with the entries up to the returned position, was removed; `behind` is still held."""
    small = LogSettings(group_s=0.001, segment_mb=1)
    async with opened(folder, clock, settings=small) as log:
        await append(log, change(1), change(2, headline="x" * 1_200_000))
        end = log.end
    async with opened(folder, clock, settings=small) as log:
        await append(log, *behind)
    first, _second = sorted(folder.glob("*.sqlite"))  # noqa: ASYNC240
    first.unlink()
    return end


async def test_what_the_log_no_longer_holds_is_told_once_with_the_next_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink, clock = Answering(), SetClock()
    removed = await without_its_first_segment(tmp_path, clock, change(1, incident_id="a"), change(1, incident_id="b"))
    async with opened(tmp_path, clock) as log:
        await delivered_once(log, clock, desk(sink))

    assert [(note.change.incident_id, note.lost) for note in sink.notes] == [("a", removed), ("b", 0)]
    lost = f"changes may have been lost: the log no longer holds {removed} entries that were not read"
    assert sink.notes[0].text.splitlines()[0] == lost
    assert [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR] == [f"sink desk: {lost}"]


async def test_a_loss_that_no_note_has_told_yet_survives_a_restart_and_is_said_meanwhile(tmp_path: Path) -> None:
    sink, clock = Answering(), SetClock()
    removed = await without_its_first_segment(tmp_path, clock, change(1, incident_id="low", level=Level.WATCH))
    async with opened(tmp_path, clock) as log:
        ours = await delivered_once(log, clock, desk(sink, min_level=Level.SQUALL))
        assert "changes may have been lost" in ours.lag("desk").why
    async with opened(tmp_path, clock) as log:
        await append(log, change(3))
        ours = await delivered_once(log, clock, desk(sink, min_level=Level.SQUALL))
        assert ours.lag("desk").why == ""

    assert [(note.change.revision, note.lost) for note in sink.notes] == [(3, removed)]
