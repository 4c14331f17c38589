"""Pauses between attempts by docs/formats.md (Webhook): from 1 s to 5 minutes, at least the receiver's wait, an hour at most.

The hour is the route's `stale_after_s`. A note that is not accepted by then makes way for the next, and is tried again every
five minutes while nothing else waits. No pause takes real time.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.alerting.attempts import PAUSES, Pauses
from monitor.alerting.delivery import Deliveries
from monitor.alerting.sink import Delivered, TryAgain
from monitor.alerting.sinks import STALE_AFTER_S
from monitor.incidents import IncidentChange
from tests.monitor.alerting.logged import SetClock, Timed, append, desk, opened, running
from tests.monitor.alerting.sinks.changes import START, change
from tests.monitor.jumping_time import elapsed_s, run_jumping

HOUR_S = 3600.0


def delivered_by(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    sink: Timed,
    *given: IncidentChange | int,
    for_s: float = 1.5 * HOUR_S,
    stale_after_s: float = STALE_AFTER_S,
    pauses: Pauses = PAUSES,
) -> dict[str, int]:
    """Give a route these changes at the start, let it deliver for so long, and count each outcome."""
    changes = [change(one) if isinstance(one, int) else one for one in given]

    async def write() -> None:
        async with opened(folder, SetClock()) as log:
            await append(log, *changes)

    async def work() -> dict[str, int]:
        clock = SetClock(START)
        clock.follow()
        async with opened(folder, clock) as log:
            ours = Deliveries([desk(sink, stale_after_s=stale_after_s)], log, clock=clock, pauses=pauses)
            async with running(ours):
                await asyncio.sleep(for_s)
            return ours.counts("desk")

    asyncio.run(write())
    return run_jumping(monkeypatch, work())


def test_pauses_double_from_one_second_to_five_minutes_with_a_second_of_jitter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 503") if attempt <= 11 else Delivered())
    delivered_by(monkeypatch, tmp_path, sink, 1)

    least = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert len(sink.pauses_s) == len(least)
    for pause_s, least_s in zip(sink.pauses_s, least, strict=True):
        assert least_s - 1e-6 <= pause_s <= min(least_s + 1, 300) + 1e-6


def test_pauses_of_two_runs_differ_so_that_monitors_do_not_retry_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    first, second = (Timed(lambda attempt: TryAgain(why="x") if attempt <= 6 else Delivered()) for _ in range(2))
    delivered_by(monkeypatch, tmp_path / "first", first, 1)
    delivered_by(monkeypatch, tmp_path / "second", second, 1)

    assert first.pauses_s != second.pauses_s


def test_a_pause_has_jitter_up_to_the_first_pause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 503") if attempt <= 40 else Delivered())
    delivered_by(monkeypatch, tmp_path, sink, 1, pauses=Pauses(first_s=8.0, max_s=16.0))

    jitter_s = sink.pauses_s[0] - 8.0
    assert 0 < jitter_s <= 8.0
    assert [pause_s == pytest.approx(16.0) for pause_s in sink.pauses_s[1:]] == [True] * 39


@pytest.mark.parametrize("retry_after_s", [7.0, 299.0, 301.0, 3000.0])
def test_no_attempt_is_made_before_the_receiver_allows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, retry_after_s: float
) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 429", after_s=retry_after_s) if attempt == 1 else Delivered())
    delivered_by(monkeypatch, tmp_path, sink, 1)

    assert sink.pauses_s == [pytest.approx(retry_after_s)]


def test_a_receiver_that_asks_for_less_than_the_pause_waits_for_the_pause(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 429", after_s=0.5) if attempt <= 4 else Delivered())
    delivered_by(monkeypatch, tmp_path, sink, 1)

    assert [pause_s >= least_s for pause_s, least_s in zip(sink.pauses_s, (1, 2, 4, 8), strict=True)] == [True] * 4


def test_the_receivers_wait_applies_to_one_attempt_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Timed(
        lambda attempt: Delivered() if attempt == 3 else TryAgain(why="x", after_s=50 if attempt == 1 else None)
    )
    delivered_by(monkeypatch, tmp_path, sink, 1)

    assert sink.pauses_s[0] == pytest.approx(50)
    assert 2 <= sink.pauses_s[1] <= 3


def test_each_note_begins_with_the_first_pause_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Timed(lambda attempt: Delivered() if attempt in (5, 7) else TryAgain(why="HTTP 503"))
    delivered_by(monkeypatch, tmp_path, sink, 1, 2)

    assert sink.revisions == [1, 1, 1, 1, 1, 2, 2]
    assert 1 <= sink.pauses_s[-1] <= 2


@pytest.mark.parametrize(
    ("asks_s", "called_at_s"), [(3600.0, [0, 3600]), (2000.0, [0, 2000, 3600]), (1500.0, [0, 1500, 3000, 3600])]
)
def test_a_note_makes_way_an_hour_after_the_first_attempt_and_no_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asks_s: float, called_at_s: list[float]
) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="HTTP 429", after_s=asks_s))
    counts = delivered_by(monkeypatch, tmp_path, sink, 1, for_s=HOUR_S + 1)

    assert sink.at_s == pytest.approx(called_at_s)
    assert counts == {"try_again": len(called_at_s), "given_up": 1}


@pytest.mark.parametrize(("limit_s", "calls_s"), [(60.0, [0.0, 25.0, 50.0, 60.0]), (25.0, [0.0, 25.0])])
def test_the_limit_of_a_route_is_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit_s: float, calls_s: list[float]
) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="HTTP 429", after_s=25.0))
    counts = delivered_by(monkeypatch, tmp_path, sink, 1, stale_after_s=limit_s, for_s=limit_s + 1)

    assert sink.at_s == pytest.approx(calls_s)
    assert counts["given_up"] == 1


def test_a_note_younger_than_the_limit_is_not_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="timeout"))
    counts = delivered_by(monkeypatch, tmp_path, sink, change(1), change(1, incident_id="b"), for_s=HOUR_S - 1)

    assert "given_up" not in counts
    assert {note.change.incident_id for note in sink.notes} == {change().incident_id}


def test_a_note_that_no_receiver_accepts_lets_the_next_go_and_is_tried_every_five_minutes_for_a_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def answer(_attempt: int) -> Delivered | TryAgain:
        return TryAgain(why="HTTP 500") if sink.notes[-1].change.incident_id == "poison" else Delivered()

    sink = Timed(answer)
    counts = delivered_by(
        monkeypatch, tmp_path, sink, change(1, incident_id="poison"), change(1, incident_id="good"), for_s=50 * HOUR_S
    )

    good_at_s = [at_s for at_s, note in zip(sink.at_s, sink.notes, strict=True) if note.change.incident_id == "good"]
    assert good_at_s == [pytest.approx(HOUR_S, abs=1)]
    assert counts["given_up"] == 1
    later_s = [at_s for at_s in sink.at_s if at_s > HOUR_S + 1]
    assert {round(later - sooner) for sooner, later in pairwise(later_s)} == {300}
    assert 25 * HOUR_S <= later_s[-1] <= 25 * HOUR_S + 600


def test_a_receiver_that_was_away_all_night_gets_every_incident_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def answer(_attempt: int) -> Delivered | TryAgain:
        return Delivered() if elapsed_s() > 9 * HOUR_S else TryAgain(why="HTTP 503")

    sink = Timed(answer)
    given = [change(1, incident_id=f"i-{number:02d}") for number in range(20)]
    counts = delivered_by(monkeypatch, tmp_path, sink, *given, for_s=12 * HOUR_S)

    told = [note for at_s, note in zip(sink.at_s, sink.notes, strict=True) if at_s > 9 * HOUR_S]
    assert {note.change.incident_id for note in told} == {one.incident_id for one in given}
    assert len(told) == len(given)
    assert all(note.missed is not None and note.missed.pages == 1 and not note.pages for note in told)
    assert counts["missed"] == 20


def test_a_drain_makes_no_pause_longer_than_the_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 503", after_s=40) if attempt <= 8 else Delivered())

    async def work() -> tuple[str, ...]:
        clock = SetClock(START)
        async with opened(tmp_path, clock) as log:
            await append(log, change(1))
            clock.follow()
            ours = Deliveries([desk(sink)], log, clock=clock)
            async with running(ours):
                await asyncio.sleep(44.5)  # attempts 1 and 2 are over, the second pause goes on
                return await ours.drain(60)

    assert run_jumping(monkeypatch, work()) == ()
    in_drain = [pause_s for at_s, pause_s in zip(sink.at_s[1:], sink.pauses_s[1:], strict=False) if at_s > 44.5]
    assert len(in_drain) >= 4
    assert in_drain == [pytest.approx(1.0)] * len(in_drain)
