"""Pauses between attempts by docs/formats.md (Webhook): from 1 s to 5 minutes, at least the receiver's wait, an hour at most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Delivered, Note, Outcome, Refused, TryAgain
from monitor.alerting.sinks import Route
from monitor.incidents import ChangeKind
from tests.monitor.alerting.sinks.changes import Answering, change
from tests.monitor.jumping_time import elapsed_s, run_jumping

MINUTE_S = 60.0
HOUR_S = 3600.0


class Timed:
    """A sink that stores when it was called, and for which revision."""

    def __init__(self, answer: Callable[[int], Outcome]) -> None:
        self.at_s: list[float] = []
        self.revisions: list[int] = []
        self._answer = answer

    async def deliver(self, client: object, note: Note) -> Outcome:
        self.at_s.append(elapsed_s())
        self.revisions.append(note.change.revision)
        return self._answer(len(self.at_s))

    @property
    def pauses_s(self) -> list[float]:
        """Seconds between attempts."""
        return [later - sooner for sooner, later in zip(self.at_s, self.at_s[1:], strict=False)]


def delivered_by(
    monkeypatch: pytest.MonkeyPatch, sink: Timed, *revisions: int, for_s: float = 3 * HOUR_S, **bounds: float
) -> dict[str, int]:
    """Give a route these revisions, let it deliver for so long, and count each outcome."""

    async def work() -> dict[str, int]:
        ours = Deliveries([Route("desk", Rule(repeat_s=0), sink)], **bounds)  # type: ignore[arg-type]
        ours.on_changes([change(one) for one in revisions])
        task = asyncio.ensure_future(ours.run("desk"))
        await asyncio.sleep(for_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return ours.counts("desk")

    return run_jumping(monkeypatch, work())


def test_pauses_double_from_one_second_to_five_minutes_with_a_second_of_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 503") if attempt <= 11 else Delivered())
    delivered_by(monkeypatch, sink, 1)

    least = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert len(sink.pauses_s) == len(least)
    for pause_s, least_s in zip(sink.pauses_s, least, strict=True):
        assert least_s - 1e-6 <= pause_s <= min(least_s + 1, 300) + 1e-6


def test_pauses_of_two_runs_differ_so_that_monitors_do_not_retry_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (Timed(lambda attempt: TryAgain(why="x") if attempt <= 6 else Delivered()) for _ in range(2))
    delivered_by(monkeypatch, first, 1)
    delivered_by(monkeypatch, second, 1)

    assert first.pauses_s != second.pauses_s


def test_a_pause_has_jitter_up_to_the_first_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 503") if attempt <= 40 else Delivered())
    delivered_by(monkeypatch, sink, 1, first_pause_s=8.0, max_pause_s=16.0, for_s=HOUR_S)

    jitter_s = sink.pauses_s[0] - 8.0
    assert 0 < jitter_s <= 8.0
    assert [pause_s == pytest.approx(16.0) for pause_s in sink.pauses_s[1:]] == [True] * 39


@pytest.mark.parametrize("retry_after_s", [7.0, 299.0, 301.0, 3000.0])
def test_no_attempt_is_made_before_the_receiver_allows_it(
    monkeypatch: pytest.MonkeyPatch, retry_after_s: float
) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 429", after_s=retry_after_s) if attempt == 1 else Delivered())
    delivered_by(monkeypatch, sink, 1)

    assert sink.pauses_s == [pytest.approx(retry_after_s)]


def test_a_receiver_that_asks_for_less_than_the_pause_waits_for_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 429", after_s=0.5) if attempt <= 4 else Delivered())
    delivered_by(monkeypatch, sink, 1)

    assert [pause_s >= least_s for pause_s, least_s in zip(sink.pauses_s, (1, 2, 4, 8), strict=True)] == [True] * 4


def test_the_receivers_wait_applies_to_one_attempt_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(
        lambda attempt: Delivered() if attempt == 3 else TryAgain(why="x", after_s=50 if attempt == 1 else None)
    )
    delivered_by(monkeypatch, sink, 1)

    assert sink.pauses_s[0] == pytest.approx(50)
    assert 2 <= sink.pauses_s[1] <= 3


def test_a_note_is_given_up_after_an_hour_and_the_next_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="timeout"))
    counts = delivered_by(monkeypatch, sink, 1, 2, for_s=1.5 * HOUR_S)

    first = [at_s for at_s, revision in zip(sink.at_s, sink.revisions, strict=True) if revision == 1]
    assert HOUR_S <= first[-1] <= HOUR_S + 5 * MINUTE_S
    assert first[-2] < HOUR_S
    assert counts["given_up"] == 1
    assert counts["try_again"] == len(sink.at_s)
    assert sink.revisions == sorted(sink.revisions)
    assert sink.revisions[-1] == 2


def test_a_note_younger_than_the_limit_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="timeout"))
    counts = delivered_by(monkeypatch, sink, 1, for_s=HOUR_S - 1)

    assert "given_up" not in counts
    assert set(sink.revisions) == {1}


def test_the_attempt_exactly_at_the_limit_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda _attempt: TryAgain(why="timeout", after_s=50))
    counts = delivered_by(monkeypatch, sink, 1, give_up_s=100, max_pause_s=10)

    assert sink.at_s == [pytest.approx(0), pytest.approx(50), pytest.approx(100)]
    assert counts == {"try_again": 3, "given_up": 1}


def test_by_default_the_attempt_after_an_hour_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 429", after_s=3000 if attempt == 1 else 600))
    counts = delivered_by(monkeypatch, sink, 1)

    assert sink.at_s == [pytest.approx(0), pytest.approx(3000), pytest.approx(3600)]
    assert counts == {"try_again": 3, "given_up": 1}


@pytest.mark.parametrize(("failures", "given_up"), [(2, False), (3, True)])
async def test_a_note_is_given_up_after_three_failures_in_our_code(failures: int, given_up: bool) -> None:
    def answer(attempt: int) -> Outcome:
        if attempt <= failures:
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    ours = Deliveries([Route("desk", Rule(repeat_s=0), sink)])
    ours.on_changes([change(1), change(2)])
    for _ in range(failures):
        with pytest.raises(RuntimeError, match="ours"):
            await ours.run("desk")
    assert ours.waiting == {"desk": 1 if given_up else 2}
    task = asyncio.ensure_future(ours.run("desk"))
    assert await ours.drain(30) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sink.revisions == ([2] if given_up else [1, 2])
    assert ours.counts("desk")["failed"] == failures


async def test_failures_with_one_note_do_not_count_against_the_next() -> None:
    def answer(attempt: int) -> Outcome:
        if attempt in (1, 2, 4, 5):
            raise RuntimeError("ours")
        return Delivered()

    sink = Answering(answer)
    ours = Deliveries([Route("desk", Rule(repeat_s=0), sink)])
    ours.on_changes([change(1), change(2)])
    for _ in range(4):
        with pytest.raises(RuntimeError, match="ours"):
            await ours.run("desk")
    task = asyncio.ensure_future(ours.run("desk"))
    assert await ours.drain(30) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sink.revisions == [1, 2]


def test_each_note_begins_with_the_first_pause_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda attempt: Delivered() if attempt in (5, 7) else TryAgain(why="HTTP 503"))
    delivered_by(monkeypatch, sink, 1, 2)

    assert sink.revisions == [1, 1, 1, 1, 1, 2, 2]
    assert 1 <= sink.pauses_s[-1] <= 2


def test_a_drain_makes_no_pause_longer_than_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Timed(lambda attempt: TryAgain(why="HTTP 503") if attempt <= 8 else Delivered())

    async def work() -> int:
        ours = Deliveries([Route("desk", Rule(), sink)])
        ours.on_changes([change(1)])
        task = asyncio.ensure_future(ours.run("desk"))
        await asyncio.sleep(4.5)  # attempts 1 and 2 are over, the third pause goes on
        left = await ours.drain(60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return left

    assert run_jumping(monkeypatch, work()) == 0
    in_drain = [pause_s for at_s, pause_s in zip(sink.at_s, sink.pauses_s, strict=False) if at_s > 4.5]
    assert len(in_drain) >= 4
    assert in_drain == [pytest.approx(1.0)] * len(in_drain)


def test_a_queue_holds_256_changes_by_default_and_drops_the_257th_oldest() -> None:
    sink = Answering()
    ours = Deliveries([Route("desk", Rule(repeat_s=0), sink)])
    opened = [change(1, incident_id=f"i-{number}") for number in range(256)]
    ours.on_changes(opened)
    assert (ours.waiting, ours.dropped) == ({"desk": 256}, {"desk": 0})

    ours.on_changes([change(1, incident_id="i-last")])
    assert (ours.waiting, ours.dropped) == ({"desk": 256}, {"desk": 1})


async def test_a_full_queue_drops_the_oldest_update_and_keeps_the_order_of_the_rest() -> None:
    sink = Answering()
    ours = Deliveries([Route("desk", Rule(repeat_s=0), sink)], queue=4)
    ours.on_changes([change(1), change(2), change(3), change(4, kind=ChangeKind.AMENDED)])
    ours.on_changes([change(5, kind=ChangeKind.RAISED), change(6, kind=ChangeKind.LOWERED)])

    task = asyncio.ensure_future(ours.run("desk"))
    assert await ours.drain(30) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sink.revisions == [1, 4, 5, 6]


async def test_a_full_queue_of_one_sink_does_not_affect_another() -> None:
    class Waking(Answering):
        def __init__(self) -> None:
            super().__init__()
            self._more = asyncio.Event()

        async def deliver(self, client: object, note: Note) -> Outcome:
            self._more.set()
            return await super().deliver(client, note)

        async def came(self, revision: int) -> None:
            await self._more.wait()
            self._more.clear()
            assert self.revisions[-1] == revision

    full, free = Answering(lambda _attempt: TryAgain(why="HTTP 503")), Waking()
    ours = Deliveries([Route("full", Rule(repeat_s=0), full), Route("free", Rule(repeat_s=0), free)], queue=2)
    task = asyncio.ensure_future(ours.run("free"))
    for revision in range(1, 6):
        ours.on_changes([change(revision)])
        async with asyncio.timeout(30):
            await free.came(revision)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert free.revisions == [1, 2, 3, 4, 5]
    assert ours.dropped == {"full": 3, "free": 0}
    assert ours.waiting == {"full": 2, "free": 0}


async def test_a_full_queue_never_drops_the_note_in_delivery() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Answering):
        async def deliver(self, client: object, note: Note) -> Outcome:
            asked.set()
            await go_on.wait()
            return await super().deliver(client, note)

    sink = Slow()
    ours = Deliveries([Route("desk", Rule(repeat_s=0), sink)], queue=1)
    ours.on_changes([change(1)])
    task = asyncio.ensure_future(ours.run("desk"))
    await asked.wait()
    ours.on_changes([change(2), change(3)])
    assert (ours.waiting, ours.dropped) == ({"desk": 2}, {"desk": 1})
    go_on.set()
    assert await ours.drain(30) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sink.revisions == [1, 3]


@pytest.mark.parametrize(
    ("outcome", "level", "message"),
    [
        (Refused(why="HTTP 401"), "ERROR", "sink desk refuses"),
        (TryAgain(why="HTTP 503"), "ERROR", "sink desk gave up on"),
    ],
)
async def test_an_undeliverable_note_is_logged_as_an_error(
    caplog: pytest.LogCaptureFixture, outcome: Outcome, level: str, message: str
) -> None:
    ours = Deliveries([Route("desk", Rule(), Answering(lambda _attempt: outcome))], give_up_s=0)
    ours.on_changes([change(1)])
    task = asyncio.ensure_future(ours.run("desk"))
    assert await ours.drain(30) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    (error,) = [one for one in caplog.records if one.levelname == level]
    assert error.getMessage().startswith(message)
    assert ":1: HTTP" in error.getMessage()
