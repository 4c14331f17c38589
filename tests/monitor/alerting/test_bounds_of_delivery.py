"""Two bounds of a sink: how long a note is tried, and which notes a full queue gives up. No pause takes real time."""

from __future__ import annotations

import asyncio

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, Note, Outcome, TryAgain
from monitor.alerting.sinks import Route
from monitor.incidents import ChangeKind, IncidentChange
from tests.monitor.alerting.sinks.changes import Answering, change
from tests.monitor.jumping_time import elapsed_s, run_jumping

DAY_S = 86_400.0
MOST_CALLS = 20


class Closed:
    """A receiver that never accepts `closed_to` and asks for a pause. It fails on a call that no bound allows."""

    def __init__(self, closed_to: int, asks_s: float) -> None:
        self.calls: list[tuple[int, float]] = []
        """Revision and second of each call."""
        self._closed_to = closed_to
        self._asks_s = asks_s

    async def deliver(self, client: object, note: Note) -> Outcome:
        if len(self.calls) == MOST_CALLS:
            raise RuntimeError("called for ever")
        revision = note.change.revision
        self.calls.append((revision, round(elapsed_s(), 3)))
        return TryAgain(why="HTTP 503", after_s=self._asks_s) if revision == self._closed_to else Delivered()


def run_for_a_day(
    monkeypatch: pytest.MonkeyPatch, sink: Closed, changes: list[IncidentChange], **bounds: float
) -> tuple[list[str], dict[str, int]]:
    """Deliver these changes for a day: the outcomes in order, and the notes that still wait."""
    outcomes: list[str] = []

    async def work() -> dict[str, int]:
        deliveries = Deliveries(
            [Route("desk", Rule(repeat_s=0), sink)],
            on_outcome=lambda _sink, outcome: outcomes.append(outcome),
            **bounds,  # type: ignore[arg-type]
        )
        deliveries.on_changes(changes)
        task = asyncio.ensure_future(deliveries.run("desk"))
        await asyncio.sleep(DAY_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return deliveries.waiting

    return outcomes, run_jumping(monkeypatch, work())


def test_a_note_that_is_not_accepted_for_an_hour_makes_way_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Closed(closed_to=1, asks_s=1800.0)

    outcomes, waiting = run_for_a_day(monkeypatch, sink, [change(1), change(2)])

    assert sink.calls == [(1, 0.0), (1, 1800.0), (1, 3600.0), (2, 3600.0)]
    assert outcomes == ["try_again", "try_again", "try_again", "given_up", "delivered"]
    assert waiting == {"desk": 0}


@pytest.mark.parametrize(("give_up_s", "calls_s"), [(60.0, [0.0, 25.0, 50.0, 60.0]), (25.0, [0.0, 25.0]), (0.0, [0.0])])
def test_a_receiver_that_stays_closed_is_called_no_later_than_the_bound(
    monkeypatch: pytest.MonkeyPatch, give_up_s: float, calls_s: list[float]
) -> None:
    sink = Closed(closed_to=1, asks_s=25.0)

    outcomes, waiting = run_for_a_day(monkeypatch, sink, [change(1)], give_up_s=give_up_s)

    assert [at_s for _revision, at_s in sink.calls] == calls_s
    assert outcomes == ["try_again"] * len(calls_s) + ["given_up"]
    assert waiting == {"desk": 0}


def test_the_hour_of_a_note_begins_with_its_own_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Closed(closed_to=2, asks_s=2400.0)

    outcomes, _waiting = run_for_a_day(monkeypatch, sink, [change(1), change(2), change(3)])

    assert sink.calls == [(1, 0.0), (2, 0.0), (2, 2400.0), (2, 3600.0), (3, 3600.0)]
    assert outcomes.count("given_up") == 1


async def delivered(queue: int, *changes: IncidentChange) -> list[tuple[str, int]]:
    """What a route delivers if all of these changes come before its first attempt."""
    sink = Answering()
    deliveries = Deliveries([Route("desk", Rule(repeat_s=0), sink)], queue=queue)
    deliveries.on_changes(changes)
    task = asyncio.ensure_future(deliveries.run("desk"))
    assert await deliveries.drain(30) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert deliveries.dropped == {"desk": len(changes) - queue}
    return [(note.change.incident_id, note.change.revision) for note in sink.notes]


async def test_many_updates_never_push_the_opening_out_of_a_full_queue() -> None:
    updates = [change(revision, incident_id="a") for revision in range(2, 11)]

    assert await delivered(4, change(1, incident_id="a"), *updates) == [("a", 1), ("a", 8), ("a", 9), ("a", 10)]


async def test_a_full_queue_gives_up_an_update_to_make_room_for_another_incident() -> None:
    kept = await delivered(2, change(1, incident_id="a"), change(2, incident_id="a"), change(1, incident_id="b"))

    assert kept == [("a", 1), ("b", 1)]


async def test_a_full_queue_without_updates_gives_up_an_amendment_before_an_older_opening() -> None:
    amended = change(2, incident_id="a", kind=ChangeKind.AMENDED)
    raised = change(3, incident_id="a", kind=ChangeKind.RAISED)

    assert await delivered(2, change(1, incident_id="a"), amended, raised) == [("a", 1), ("a", 3)]


async def test_a_newer_update_goes_before_an_older_amendment() -> None:
    amended = change(2, incident_id="a", kind=ChangeKind.AMENDED)
    ended = change(4, incident_id="a", kind=ChangeKind.ENDED)

    assert await delivered(2, amended, change(3, incident_id="a"), ended) == [("a", 2), ("a", 4)]
