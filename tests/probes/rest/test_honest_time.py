"""A server that stalls for a minute, asked once a second: the share of slow checks that the metric shows is the true one.

Time is simulated; the schedule, the readings and the metric are the real ones. The truth is what each slot would have taken if it
had been asked alone, whatever the others did.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from monitor.telemetry.telemetry import Telemetry
from probes.prober import Prober, ProberSettings
from probes.readings import Refusal, RequestTimed, SlotMissed, VenueId
from probes.rest.interpreter import Slot, request_reading
from probes.rest.schedule import on_schedule
from probes.tape import HttpExchange
from probes.venue import RestCall, RestCheck, Venue
from tests.monitor.telemetry.samples import bare

START = datetime(2026, 11, 1, tzinfo=UTC)
MADE = VenueId("made")
USUAL_S = 0.05
SLOTS = 600
CHECK = RestCheck(
    name="server_time", call=lambda _one: RestCall(path="/"), read=lambda _body, _context: (), every_s=1.0
)


class _Over(Exception):
    """Ends a schedule that would run for ever."""


class Stalling:
    """A clock that only waiting moves, and a server that answers nothing between two moments, and then all at once."""

    def __init__(self, from_s: float, length_s: float, timeout_s: float) -> None:
        self.now_s = 0.0
        self.from_s, self.until_s, self.timeout_s = from_s, from_s + length_s, timeout_s

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.now_s)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def answer_s(self, asked_s: float) -> float:
        """When a request that is asked then is answered."""
        return (self.until_s if self.from_s <= asked_s < self.until_s else asked_s) + USUAL_S

    def true_share(self, above_s: float) -> float:
        slow = sum(min(self.answer_s(slot) - slot, self.timeout_s) >= above_s for slot in range(SLOTS))
        return slow / SLOTS


async def measured(server: Stalling) -> Telemetry:
    """The metric after `SLOTS` slots."""
    telemetry = bare()
    prober = Prober(
        Venue(id=MADE, title="", docs="", hosts={}, budgets=(), checks=(), feeds=()), ProberSettings(assets=[])
    )
    prober._clock = server.clock
    report, cut = prober._missed(CHECK, None), False

    async def act(due: datetime) -> None:
        nonlocal cut
        if server.now_s >= SLOTS:
            raise _Over
        sent_at, ends_s = server.clock(), min(server.answer_s(server.now_s), server.now_s + server.timeout_s)
        cut = ends_s < server.answer_s(server.now_s)
        server.now_s = ends_s
        got = HttpExchange(
            sent_at=sent_at, received_at=server.clock(), phases=(), cold=False, status=None if cut else 200, headers={},
            body=b"", refusal=Refusal.TIMEOUT if cut else None, detail="",
        )  # fmt: skip
        telemetry.record(request_reading(Slot.of(MADE, CHECK.name, None, due), got, got.refusal, ""))

    def missed(due: datetime, count: int) -> None:
        report(due, count, 1.0, cut)

    with pytest.raises(_Over):
        await on_schedule(1.0, START, act, missed, clock=server.clock, sleep=server.sleep)
    for reading in prober.queue.drain():
        telemetry.record(reading)
    return telemetry


def share_above(telemetry: Telemetry, above_s: float) -> tuple[float, int]:
    """The share of all observations above a bucket's bound, and how many there are, by the text of `/metrics`."""
    body = telemetry.prometheus()[0].decode()
    name = "stormwatch_check_duration_seconds"
    within = sum(float(one) for one in re.findall(rf'^{name}_bucket{{.*le="{above_s}".*}} (\S+)$', body, re.MULTILINE))
    total = sum(float(one) for one in re.findall(rf"^{name}_count{{.*}} (\S+)$", body, re.MULTILINE))
    return 1 - within / total, int(total)


@pytest.mark.parametrize("timeout_s", [5.0, 7.3, 120.0])
@pytest.mark.parametrize("from_s", [100.0, 100.4, 100.97])
async def test_through_a_stall_of_a_minute_the_share_of_checks_above_a_second_is_the_true_one(
    from_s: float, timeout_s: float
) -> None:
    server = Stalling(from_s, 60.0, timeout_s)
    share, total = share_above(await measured(server), 1.0)
    assert total == SLOTS, "each slot counts once: with a request of its own, or missed"
    assert share == pytest.approx(server.true_share(1.0), rel=0.01)
    assert server.true_share(1.0) == pytest.approx(0.1, abs=0.003)


async def test_of_a_stall_without_time_outs_every_share_is_the_true_one() -> None:
    server = Stalling(100.0, 60.0, 120.0)
    telemetry = await measured(server)
    for above_s in (1.0, 2.5, 5.0, 10.0, 30.0):
        assert share_above(telemetry, above_s)[0] == pytest.approx(server.true_share(above_s), abs=0.002)


def test_a_missed_slot_lasts_as_long_as_what_was_left_of_the_request_that_held_it() -> None:
    def missed(count: int, every_s: float, *, censored: bool) -> SlotMissed:
        return SlotMissed(
            venue=MADE, check="x", instrument=None, scheduled_at=START, received_at=START + timedelta(seconds=3.5),
            missed=count, every_s=every_s, censored=censored,
        )  # fmt: skip

    assert missed(3, 1.0, censored=False).latencies_s(9) == [2.5, 1.5, 0.5]
    assert missed(3, 1.0, censored=False).latencies_s(2) == [2.5, 1.5]
    assert missed(3, 1.0, censored=True).latencies_s(9) == [3.5] * 3
    assert missed(1, 0.0, censored=True).latencies_s(9) == [3.5], "a request that was given up"
    assert missed(5, 1.0, censored=False).latencies_s(9)[3:] == [0.0, 0.0]


def test_a_time_out_is_a_lower_bound() -> None:
    got = HttpExchange(
        sent_at=START, received_at=START + timedelta(seconds=5), phases=(), cold=False, status=None, headers={}, body=b"",
        refusal=Refusal.TIMEOUT, detail="",
    )  # fmt: skip
    due = START - timedelta(seconds=1)
    reading = request_reading(Slot.of(MADE, "x", None, due), got, Refusal.TIMEOUT, "")
    assert isinstance(reading, RequestTimed)
    assert (reading.censored, reading.latency_s) == (True, 6.0)
