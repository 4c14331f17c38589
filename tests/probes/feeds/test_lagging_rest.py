"""A venue whose REST side is behind its stream: the book is found with few requests, and what it waits with stays bounded."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.feeds.books import FeedBooks
from probes.feeds.resync import (
    CHANGE_BYTES,
    LEVEL_BYTES,
    MAX_BYTES,
    KeptChanges,
    SnapshotAllowance,
    SnapshotWait,
    size_of,
)
from probes.readings import BookState, FeedEvent, VenueId
from probes.venue import BookDelta, BookSnapshot, Budget

T0 = datetime(2026, 11, 1, tzinfo=UTC)
STEP_S = 0.1
PRICES = [99.0, 99.5, 99.9, 100.0]


@dataclass
class LateVenue:
    """A stream of changes with a burst now and then, and a REST side that shows the book of `lag_s` ago."""

    lag_s: float
    seed: int
    named: bool = False
    lost: frozenset[int] = frozenset()
    """Steps (tenths of a second) of which the change does not come."""
    sent: list[tuple[float, BookDelta]] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw, last_id = Random(self.seed), 1_000  # a scripted stream
        for step in range(1, 2_401):
            ids = draw.randint(1, 20) * (4 if step // 20 % 5 == 0 else 1)
            levels = [(draw.choice(PRICES), float(draw.randint(0, 3))) for _ in range(draw.randint(0, 3))]
            self.sent.append(
                (
                    step * STEP_S,
                    BookDelta(
                        instrument="BTC", first_id=last_id + 1, last_id=last_id + ids,
                        prev_id=last_id if self.named else None, event_time=T0 + timedelta(seconds=step * STEP_S),
                        bids=levels, asks=[],
                    ),
                )
            )  # fmt: skip
            last_id += ids

    def book_at(self, last_id: int) -> dict[float, float]:
        """The true bids once every change up to this id is in."""
        bids: dict[float, float] = {90.0: 1.0}
        for _, change in self.sent:
            if change.last_id <= last_id:
                for price, size in change.bids:
                    bids.pop(price, None)
                    if size:
                        bids[price] = size
        return bids

    def answer(self, at_s: float) -> BookSnapshot:
        last_id = max((one.last_id for sent_s, one in self.sent if sent_s <= at_s - self.lag_s), default=1_000)
        bids = list(self.book_at(last_id).items())
        return BookSnapshot(instrument="BTC", last_id=last_id, event_time=None, bids=bids, asks=[(200.0, 1e4)])


@dataclass
class Listened:
    """What came of listening for a while: when requests were sent, and when the book was in step."""

    held: FeedBooks
    requests: list[float] = field(default_factory=list)
    synced_s: float | None = None
    events: list[FeedEvent] = field(default_factory=list)


def listen(venue: LateVenue, from_s: float = 60.0, until_s: float = 200.0) -> Listened:
    """Listen from a moment of the stream on; each second a due snapshot is requested and answered 0.2 s later."""
    heard = Listened(FeedBooks(VenueId("made"), "book_ws", based=True))
    answers: list[tuple[float, BookSnapshot]] = []
    for step in range(round(from_s / STEP_S), round(until_s / STEP_S)):
        now_s = step * STEP_S
        now = T0 + timedelta(seconds=now_s)
        while answers and answers[0][0] <= now_s:
            heard.events += [one.event for one in heard.held.snapshot(answers.pop(0)[1], now, now_s)]
        if step not in venue.lost:
            heard.events += [one.event for one in heard.held.change(venue.sent[step - 1][1], now, now_s)]
        if step % 10 == 0 and heard.held.snapshots_needed(now_s):
            heard.held.requested("BTC")
            heard.requests.append(now_s)
            answers.append((now_s + 0.2, venue.answer(now_s)))
        book = heard.held._tracked["BTC"].book
        if (book.synced and heard.synced_s is None) or step % 100 == 0:
            assert not book.synced or book.bids == venue.book_at(book.last_id or 0)
        heard.synced_s = None if not book.synced else now_s if heard.synced_s is None else heard.synced_s
    return heard


@pytest.mark.parametrize("lag_s", [0.0, 0.5, 1.6, 2.0, 5.0, 10.0, 20.0, 30.0])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.slow
def test_a_book_is_in_step_after_three_requests_however_late_rest_is(lag_s: float, named: bool, seed: int) -> None:
    heard = listen(LateVenue(lag_s, seed, named))
    assert heard.synced_s is not None
    assert heard.synced_s - 60.0 <= 2.5 * lag_s + 10.0
    assert len(heard.requests) <= 3
    assert heard.events == [], "nothing was lost"


@pytest.mark.parametrize(("lag_s", "within_s"), [(2.0, 6.0), (10.0, 24.0), (30.0, 45.0)])
def test_streams_with_bursts_need_three_requests_at_each_lag(lag_s: float, within_s: float) -> None:
    for seed in range(110, 122):
        heard = listen(LateVenue(lag_s, seed), until_s=60.0 + within_s)
        assert heard.synced_s is not None, seed
        assert len(heard.requests) <= 3, seed


@pytest.mark.parametrize("lag_s", [0.5, 10.0, 30.0])
def test_a_gap_under_a_late_rest_is_reported_once_and_mended_in_three_requests(lag_s: float) -> None:
    heard = listen(LateVenue(lag_s, 1, lost=frozenset({1_400})), until_s=239.0)
    assert heard.events == [FeedEvent.GAP, FeedEvent.RESYNCED]
    assert len([at_s for at_s in heard.requests if at_s >= 140.0]) <= 3
    assert heard.held.measure_all(T0, 239.0, 60.0)[0].state is not BookState.UNSYNCED


@settings(max_examples=25, deadline=None)
@given(
    lag_s=st.floats(0.0, 30.0), seed=st.integers(0, 2**16), named=st.booleans(),
    lost=st.frozensets(st.integers(610, 1_200), max_size=4),
)  # fmt: skip
def test_any_book_ends_in_step_with_the_truth_and_no_minute_sees_more_than_six_requests_a_gap(
    lag_s: float, seed: int, named: bool, lost: frozenset[int]
) -> None:
    heard = listen(LateVenue(lag_s, seed, named, lost), until_s=239.0)
    assert heard.synced_s is not None
    assert len(heard.requests) <= 6 * (1 + len(lost))


def test_a_rest_side_that_never_moves_is_asked_ever_more_seldom() -> None:
    held, sent = FeedBooks(VenueId("made"), "book_ws", based=True), []
    stuck = BookSnapshot(instrument="BTC", last_id=1, event_time=None, bids=[(100.0, 1.0)], asks=[(101.0, 1.0)])
    for second in range(600):
        held.change(delta(100 + second), T0, second)
        if held.snapshots_needed(second):
            held.requested("BTC")
            sent.append(second)
            held.snapshot(stuck, T0, second)
    assert len(sent) <= 15
    assert all(len([one for one in sent if at <= one < at + 60]) <= 7 for at in sent)
    assert max(later - at for at, later in itertools.pairwise(sent)) <= 61


def delta(last_id: int, at_s: float | None = None, levels: int = 0) -> BookDelta:
    stamp = None if at_s is None else T0 + timedelta(seconds=at_s)
    return BookDelta(
        instrument="BTC", first_id=last_id, last_id=last_id, prev_id=None, event_time=stamp,
        bids=[(99.0, 1.0)] * levels, asks=[],
    )  # fmt: skip


def test_the_bytes_of_kept_changes_are_bounded_and_counted() -> None:
    kept = KeptChanges()
    for number in range(1, 400):
        kept.add(delta(number, levels=1_000), 0.0)
    size = CHANGE_BYTES + 1_000 * LEVEL_BYTES
    assert size_of(delta(1, levels=1_000)) == size
    assert kept.bytes == size * len(kept.changes) <= MAX_BYTES < kept.bytes + size
    assert kept.changes[-1][1].last_id == 399
    kept.clear()
    kept.add(delta(500, levels=200_000), 0.0)
    assert len(kept.changes) == 1, "one change is kept, however large"
    kept.add(delta(501), 0.0)
    assert [one.last_id for _, one in kept.changes] == [501]
    assert kept.bytes == CHANGE_BYTES


def test_what_lies_before_a_gap_is_not_kept_and_an_old_change_neither() -> None:
    kept = KeptChanges()
    for number in (11, 12, 20, 19, 21):
        kept.add(delta(number), 0.0)
    assert [one.last_id for _, one in kept.changes] == [20, 21]


@pytest.mark.parametrize("stamped", [True, False])
def test_kept_changes_begin_anew_with_a_sequence_that_does(stamped: bool) -> None:
    kept = KeptChanges()
    kept.add(delta(1_000, 1.0 if stamped else None), 1.0)
    for number in range(1, 11):
        kept.add(delta(number, 1.0 + number if stamped else None), 1.0 + number)
    assert [one.last_id for _, one in kept.changes] == list(range(1 if stamped else 8, 11))


def test_nothing_is_missing_where_nothing_is_kept_and_one_moment_has_no_speed() -> None:
    kept = KeptChanges()
    assert (kept.missing(5), kept.ids_per_s()) == (0, None)
    kept.add(delta(10), 3.0)
    assert (kept.missing(5), kept.missing(None), kept.ids_per_s()) == (4, 0, None)
    kept.add(delta(11), 3.0)
    assert kept.ids_per_s() is None
    kept.add(delta(12), 4.0)
    assert kept.ids_per_s() == 2.0


def test_a_failed_request_waits_twice_as_long_each_time_up_to_a_minute() -> None:
    wait, waits = SnapshotWait(), []
    for _ in range(9):
        wait.failed(100.0)
        waits.append(wait.due_s - 100.0)
        assert not wait.is_due(wait.due_s - 0.01)
        assert wait.is_due(wait.due_s)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert wait.is_due(-1_000.0), "the clock was set back: no wait is longer than a minute"
    wait.over()
    assert wait.is_due(0.0)


def test_a_stale_snapshot_waits_as_long_as_its_measured_lag_and_a_margin() -> None:
    kept = KeptChanges()
    kept.add(delta(1_001), 0.0)
    for number in range(1_002, 1_012):
        kept.add(delta(number), (number - 1_001) / 10)  # ten a second
    wait = SnapshotWait()
    wait.stale(900, kept, 1.0)
    assert wait.due_s == pytest.approx(1.0 + 10.0 * 1.25 + 0.5)
    far = SnapshotWait()
    far.stale(0, kept, 1.0)
    assert far.due_s == 1.0 + 15.0, "a first measure of 100 s is not believed"
    wait.stale(920, kept, 11.0)  # REST itself counts two a second
    assert wait.due_s == pytest.approx(11.0 + 40.0 * 1.25 + 0.5), "the measure itself is longer than doubt"
    wait.stale(920, kept, 11.0)
    assert wait.due_s == pytest.approx(11.0 + 21.0 * 1.25 + 0.5), (
        "thrice 8 s, but doubt ends where changes are 32 s old"
    )
    wait.stale(960, kept, 11.0)
    assert wait.due_s == pytest.approx(11.0 + 12.0 * 1.25 + 0.5), "thrice 4 s"
    wait.stale(920, kept, 11.0)
    wait.stale(990, kept, 41.0)
    assert wait.due_s == pytest.approx(41.0 + 20.5 * 1.25 + 0.5), "half as long again as the oldest change is old"
    assert KeptChanges().age_s(5.0) == 0.0


def test_snapshots_of_a_venue_take_half_of_its_budget_and_sixty_requests_a_minute_at_most() -> None:
    allowance = SnapshotAllowance(
        (Budget(name="ip", limit=2400, window_s=60), Budget(name="tiny", limit=1, window_s=1))
    )
    assert [allowance.take("ip", 250, 0.0) for _ in range(6)] == [True] * 4 + [False] * 2
    assert not allowance.take("ip", 250, 59.9)
    assert allowance.take("ip", 250, 60.0)
    assert [allowance.take("other", 1, 60.0) for _ in range(61)] == [True] * 59 + [False] * 2
    assert allowance.take("tiny", 50, 200.0), "a budget smaller than one request does not forbid it"
    assert not allowance.take("tiny", 50, 200.0)
    assert allowance.take("tiny", 50, 100.0), "the clock was set back"
