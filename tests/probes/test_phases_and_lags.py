"""The phases of an exchange from the hooks that fired, the maximum lag of a second, how a feed ends, and a check's own slots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

import aiohttp
import pytest

from probes.clock_offset import ClockOffset
from probes.feeds.connection import EndedError, ending
from probes.feeds.lag import LagMeter
from probes.readings import EngineLag, FeedLag, VenueId
from probes.rest.http import _phases, tls_context
from probes.rest.schedule import on_schedule, phase_s

START = datetime(2026, 11, 1, tzinfo=UTC)
COLD = {
    "resolve": 101.0,
    "create": 100.5,
    "resolved": 103.0,
    "tls": 106.0,
    "created": 110.0,
    "sent": 115.0,
    "answered": 121.0,
}


def phases(at: dict[str, float]) -> list[tuple[str, float, float]]:
    """Name, start and length, in seconds from the sending, of an exchange that began at 100 and ended at 128."""
    return [
        (one.name, (one.started_at - START).total_seconds(), one.duration_s) for one in _phases(at, 100.0, 128.0, START)
    ]


def test_a_cold_exchange_over_tls_has_six_phases_that_follow_each_other() -> None:
    assert phases(COLD) == [
        ("resolve", 1, 2), ("connect", 3, 3), ("tls", 6, 4), ("send", 10, 5), ("wait", 15, 6), ("receive", 21, 7)
    ]  # fmt: skip


def test_without_tls_the_connect_phase_lasts_until_the_connection_and_without_a_name_it_begins_at_once() -> None:
    plain = {name: when for name, when in COLD.items() if name not in ("tls", "resolve", "resolved")}
    assert phases(plain) == [("connect", 0.5, 9.5), ("send", 10, 5), ("wait", 15, 6), ("receive", 21, 7)]


def test_a_reused_connection_has_no_name_connect_or_handshake_phase() -> None:
    again = {"reused": 102.0, "sent": 104.0, "answered": 121.0}
    assert phases(again) == [("send", 2, 2), ("wait", 4, 17), ("receive", 21, 7)]


@pytest.mark.parametrize(
    ("fired", "last"),
    [
        ({"create": 100.5, "resolve": 101.0, "resolved": 103.0}, ("connect", 3, 25)),
        ({"create": 100.5, "resolve": 101.0, "resolved": 103.0, "tls": 106.0}, ("tls", 6, 22)),
        ({"create": 100.5, "created": 110.0}, ("send", 10, 18)),
        ({"create": 100.5, "created": 110.0, "sent": 115.0}, ("wait", 15, 13)),
    ],
)
def test_a_phase_that_never_ended_lasts_until_the_end_of_the_exchange(
    fired: dict[str, float], last: tuple[str, float, float]
) -> None:
    name, start_s, length_s = phases(fired)[-1]
    assert name == last[0]
    assert (start_s, length_s) == pytest.approx(last[1:])


def test_an_unresolved_name_is_a_phase_until_the_end_of_the_exchange() -> None:
    assert phases({"create": 100.5, "resolve": 101.0}) == [("resolve", 1, 27)]


def test_a_request_that_waited_for_the_look_up_of_another_waited_for_the_name() -> None:
    assert phases({"create": 100.5, "socket": 104.5, "created": 110.0, "sent": 111.0})[:2] == [
        ("resolve", 0.5, 4), ("connect", 4.5, 5.5)
    ]  # fmt: skip
    assert phases({"create": 100.5}) == [("resolve", 0.5, 27.5)]
    assert phases({"create": 100.5, "socket": 100.5}) == [("connect", 0.5, 27.5)]


def test_an_exchange_that_never_began_has_no_phases_and_none_is_of_negative_length() -> None:
    assert phases({}) == []
    assert phases({"reused": 102.0, "sent": 130.0}) == [("send", 2, 28), ("wait", 30, 0)]


def test_our_client_verifies_certificates_and_names() -> None:
    context = tls_context()
    assert (context.verify_mode.name, context.check_hostname) == ("CERT_REQUIRED", True)


def lags(*stamps: tuple[str, float, float, float | None]) -> list[tuple[str, str | None, float]]:
    """The lags of a second by a clock that is three seconds ahead."""
    offset = ClockOffset()
    offset.sample(sent_s=99.5, received_s=100.5, venue_s=103.0, resolution_s=0.0)
    meter = LagMeter(VenueId("made"), "news", offset)
    for stamp in stamps:
        meter.stamp(*stamp)
    readings = meter.readings(START, 101.0)
    assert {one.bound_s for one in readings if isinstance(one, FeedLag)} <= {0.5}
    assert {(one.venue, one.feed, one.received_at) for one in readings} <= {("made", "news", START)}
    assert meter.readings(START, 101.0) == []
    return [(type(one).__name__, one.instrument, round(one.lag_s, 6)) for one in readings]


def test_the_maximum_lag_is_reported_whatever_the_order_of_frames() -> None:
    assert lags(("A", 100.0, 102.0, 101.5), ("A", 100.0, 102.5, 101.75)) == [
        ("EngineLag", "A", 0.75),
        ("FeedLag", "A", 1.0),
    ]
    assert lags(("A", 100.0, 102.5, 101.75), ("A", 100.0, 102.0, 101.5)) == [
        ("EngineLag", "A", 0.75),
        ("FeedLag", "A", 1.0),
    ]


def test_a_negative_lag_is_reported_unchanged() -> None:
    assert lags(("A", 100.0, 104.0, 104.5)) == [("EngineLag", "A", -0.5), ("FeedLag", "A", -1.0)]


def test_without_a_clock_only_the_engine_lag_is_reported() -> None:
    class _NoClock(ClockOffset):
        """A clock without an estimate."""

        def frame(self, received_s: float, venue_s: float) -> None:
            """Take nothing."""

    meter = LagMeter(VenueId("made"), "news", _NoClock())
    meter.stamp("A", 100.0, 99.0, 98.5)
    (lag,) = meter.readings(START, 101.0)
    assert isinstance(lag, EngineLag)
    assert lag.lag_s == 0.5


def test_a_failure_in_our_own_code_is_raised_even_if_the_venue_announced_a_shutdown() -> None:
    for failures in ([EndedError("over"), ValueError("ours")], [ConnectionResetError(), ValueError("ours")]):
        with pytest.raises(ValueError, match="ours"):
            ending(failures)


@pytest.mark.parametrize("failure", [ConnectionResetError(), aiohttp.ClientPayloadError(), BrokenPipeError()])
def test_a_failed_connection_ends_unplanned_with_the_name_of_the_failure(failure: BaseException) -> None:
    ended = ending([failure])
    assert (ended.detail, ended.planned) == (type(failure).__name__, False)


def test_the_first_of_several_reasons_counts() -> None:
    assert ending([EndedError("a"), EndedError("b", planned=True)]).detail == "a"
    assert ending([None, EndedError("b", planned=True)]).planned


@pytest.mark.parametrize(("every_s", "within_s"), [(1.0, 1.0), (60.0, 60.0), (3600.0, 60.0)])
def test_a_checks_offset_is_the_share_of_its_name_in_its_interval_and_at_most_a_minute(
    every_s: float, within_s: float
) -> None:
    for name in ("made/a/", "made/b/BTC"):
        assert phase_s(name, every_s) == pytest.approx(crc32(name.encode()) / 4_294_967_296 * within_s)
    many = [phase_s(f"made/{number}", every_s) / within_s for number in range(200)]
    assert min(many) < 0.1
    assert 0.9 < max(many) < 1


class _Over(Exception):
    """Ends a schedule that would run for ever."""


async def run(acts_s: list[float], every_s: float, begin_s: float = 0.0) -> list[str]:
    """What a schedule does, in words: it begins at `begin_s`, its first slot is at 0, its actions take this long."""
    now_s, log, left = begin_s, list[str](), list(acts_s)

    async def sleep(seconds: float) -> None:
        nonlocal now_s
        assert seconds > 0
        now_s += seconds
        log.append(f"slept {seconds:g}")

    async def act(due: datetime) -> None:
        nonlocal now_s
        if not left:
            raise _Over
        log.append(f"slot {(due - START).total_seconds():g} at {now_s:g}")
        now_s += left.pop(0)

    def missed(due: datetime, count: int) -> None:
        log.append(f"{count} missed after {(due - START).total_seconds():g}")

    with pytest.raises(_Over):
        await on_schedule(every_s, START, act, missed, clock=lambda: START + timedelta(seconds=now_s), sleep=sleep)
    return log


async def test_a_short_overrun_misses_one_slot_and_waits_for_the_next() -> None:
    assert await run([10.5, 1.0], 5.0) == ["slot 0 at 0", "2 missed after 0", "slept 4.5", "slot 15 at 15", "slept 4"]


async def test_a_slot_due_exactly_at_the_end_of_an_action_is_run() -> None:
    assert await run([10.0, 1.0], 5.0) == ["slot 0 at 0", "1 missed after 0", "slot 10 at 10", "slept 4"]


async def test_an_action_within_its_interval_misses_nothing_and_the_slots_do_not_shift() -> None:
    log = await run([4.5, 0.5, 3.0], 5.0)
    assert log == ["slot 0 at 0", "slept 0.5", "slot 5 at 5", "slept 4.5", "slot 10 at 10", "slept 2"]


async def test_a_schedule_waits_for_its_first_slot_and_runs_a_slot_that_has_begun_late() -> None:
    assert (await run([1.0], 5.0, begin_s=-2.0))[:2] == ["slept 2", "slot 0 at 0"]
    assert (await run([1.0], 5.0, begin_s=3.0))[:1] == ["slot 0 at 3"]
