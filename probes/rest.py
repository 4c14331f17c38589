"""Asks a venue one check: within its budget, signed where need be, timed from its schedule, read by its dialect.

Whatever the venue does comes back as readings, exactly one RequestTimed among them. Latency counts from the scheduled time; a
time-out is a censored value. Knows no schedule and no feed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

import aiohttp
import msgspec

from probes.book import Book
from probes.budget import Budgets
from probes.classify import by_answer, retry_after_s
from probes.clock_offset import ClockOffset
from probes.exchange import Clock, Exchange, exchange
from probes.readings import (
    Headroom,
    Instrument,
    InstrumentsListed,
    Reading,
    Refusal,
    RequestTimed,
    ServerTime,
    VenueClock,
)
from probes.venue import BookSnapshot, Call, Context, Keys, Malformed, Refused, RestCheck, Venue

DETAIL_LENGTH = 200
HEADROOM_EVERY_S = 5.0
UNTOLD_WAIT_S = {Refusal.THROTTLED: 5.0, Refusal.BANNED: 120.0}
"""How long nothing is asked where a venue throttles or bans and says no time (OKX never does; Binance bans from two minutes)."""


@dataclass(slots=True)
class VenueState:
    """What one venue's checks and feeds share: known instruments, clock offset, budgets."""

    venue: Venue
    instruments: dict[str, Instrument] = field(default_factory=dict)
    clock_offset: ClockOffset = field(default_factory=ClockOffset)
    budgets: Budgets = field(init=False)

    def __post_init__(self) -> None:
        self.budgets = Budgets(self.venue.id, self.venue.budgets)


class Asker:
    """One venue's REST side. `hosts` overrides the dialect's base URLs."""

    def __init__(
        self,
        state: VenueState,
        client: aiohttp.ClientSession,
        clock: Clock,
        *,
        hosts: Mapping[str, str] | None = None,
        keys: Keys | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self.state = state
        self._client = client
        self._clock = clock
        self._hosts = {**state.venue.hosts, **(hosts or {})}
        self._keys = keys
        self._timeout_s = timeout_s
        self._headroom_s = float("-inf")

    async def ask(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime | None = None
    ) -> list[Reading]:
        """One check once: its RequestTimed first, then what the answer said."""
        readings, snapshot = await self.ask_raw(check, instrument, scheduled_at)
        if snapshot is not None:
            received_at = readings[0].received_at
            book = Book(self.state.venue.id, snapshot.instrument)
            book.snapshot(snapshot, received_at.timestamp(), from_rest=True)
            readings.append(book.measure(received_at, received_at.timestamp(), "rest"))
        return readings

    async def ask_raw(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime | None = None
    ) -> tuple[list[Reading], BookSnapshot | None]:
        """As `ask`, with a book as the snapshot it is."""
        scheduled_at = scheduled_at or self._clock()
        call = check.call(instrument)
        now = self._clock()
        if not self.state.budgets.may(call.budget, call.cost, now.timestamp()):
            return [self._unasked(check, instrument, scheduled_at, now)], None
        self.state.budgets.spend(call.budget, call.cost, now.timestamp())
        url, headers = self._request(call, now)
        got = await exchange(
            self._client,
            url,
            headers=headers,
            timeout_s=self._timeout_s or check.timeout_s,
            max_bytes=check.max_bytes,
            clock=self._clock,
        )
        refusal, detail, words = self._judge(check, instrument, got)
        timed = _timed(self.state.venue, check, instrument, scheduled_at, got, refusal, detail)
        snapshot = next((one for one in words if isinstance(one, BookSnapshot)), None)
        readings: list[Reading] = [timed, *(one for one in words if not isinstance(one, BookSnapshot))]
        self._learn(readings, got)
        return readings + self._headroom(got), snapshot

    def _request(self, call: Call, now: datetime) -> tuple[str, Mapping[str, str]]:
        base = self._hosts[call.host].rstrip("/") + call.path
        if call.signed:
            assert self._keys is not None, "signed checks run with keys only"
            assert self.state.venue.sign is not None, "a venue with signed checks can sign"
            signed = self.state.venue.sign(call, self._keys, now)
            return (f"{base}?{signed.query}" if signed.query else base), signed.headers
        return (f"{base}?{urlencode(call.query)}" if call.query else base), {}

    def _judge(
        self, check: RestCheck, instrument: Instrument | None, got: Exchange
    ) -> tuple[Refusal | None, str, Sequence[Reading | BookSnapshot]]:
        if got.refusal is not None or got.status is None:
            return got.refusal, got.detail, ()
        refused = self.state.venue.refuse(got.status, got.headers, got.body, got.received_at)
        if refused is None and (kind := by_answer(got.status, got.body)) is not None:
            refused = Refused(kind, f"HTTP {got.status}", retry_after_s=retry_after_s(got.headers, got.received_at))
        if refused is None:
            context = Context(
                venue=self.state.venue.id,
                check=check.name,
                received_at=got.received_at,
                instrument=instrument,
                instruments=self.state.instruments,
                headers=got.headers,
            )
            try:
                return None, "", check.read(got.body, context)
            except Refused as error:
                refused = error
            except Malformed as error:
                return Refusal.MALFORMED, error.path[:DETAIL_LENGTH], ()
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return Refusal.MALFORMED, str(error)[:DETAIL_LENGTH], ()
        self._back_off(refused, got)
        return refused.kind, refused.detail[:DETAIL_LENGTH], ()

    def _back_off(self, refused: Refused, got: Exchange) -> None:
        now_s = got.received_at.timestamp()
        wait_s = refused.retry_after_s
        if wait_s is None and refused.kind in (Refusal.THROTTLED, Refusal.BANNED):
            wait_s = retry_after_s(got.headers, got.received_at)
            if wait_s is None and refused.until is None:
                wait_s = UNTOLD_WAIT_S[refused.kind]
        if wait_s is not None:
            self.state.budgets.wait(now_s + wait_s, now_s)
        if refused.until is not None:
            self.state.budgets.wait(refused.until.timestamp(), now_s)

    def _learn(self, readings: list[Reading], got: Exchange) -> None:
        now_s = got.received_at.timestamp()
        for usage in self.state.venue.usage(got.headers, got.received_at):
            self.state.budgets.learn(usage, now_s)
        for reading in tuple(readings):
            if isinstance(reading, InstrumentsListed):
                self.state.instruments.update((one.symbol, one) for one in reading.instruments)
            elif isinstance(reading, ServerTime):
                sent_s = now_s - _on_the_wire_s(got)
                self.state.clock_offset.sample(sent_s, now_s, reading.event_time.timestamp(), reading.resolution_s)
                best = self.state.clock_offset.best(now_s)
                assert best is not None
                readings.append(
                    VenueClock(
                        venue=self.state.venue.id, received_at=got.received_at, offset_s=best.offset_s,
                        bound_s=best.bound_s, samples=best.samples, origin=best.origin,
                    )
                )  # fmt: skip

    def _headroom(self, got: Exchange) -> list[Headroom]:
        now_s = got.received_at.timestamp()
        if now_s - self._headroom_s < HEADROOM_EVERY_S:
            return []
        self._headroom_s = now_s
        return self.state.budgets.headroom(now_s, got.received_at)

    def _unasked(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime, now: datetime
    ) -> RequestTimed:
        waits_s = self.state.budgets.waits_s(now.timestamp())
        detail = f"waiting {waits_s:.0f} s as told" if waits_s else "the last tenth is kept"
        nothing = Exchange(
            sent_at=now, received_at=now, phases=(), cold=False, status=None, headers={}, body=b"",
            refusal=Refusal.BUDGET, detail=detail,
        )  # fmt: skip
        return _timed(self.state.venue, check, instrument, scheduled_at, nothing, Refusal.BUDGET, detail)


def _on_the_wire_s(got: Exchange) -> float:
    """Seconds between sending the request and having its answer's head: the round trip a clock sample is good for."""
    return sum(one.duration_s for one in got.phases if one.name in ("wait", "receive", "send"))


def _timed(
    venue: Venue,
    check: RestCheck,
    instrument: Instrument | None,
    scheduled_at: datetime,
    got: Exchange,
    refusal: Refusal | None,
    detail: str,
) -> RequestTimed:
    return RequestTimed(
        venue=venue.id,
        check=check.name,
        instrument=None if instrument is None else instrument.symbol,
        scheduled_at=scheduled_at,
        sent_at=got.sent_at,
        received_at=got.received_at,
        latency_s=max((got.received_at - scheduled_at).total_seconds(), 0.0),
        service_s=max((got.received_at - got.sent_at).total_seconds(), 0.0),
        phases=got.phases,
        cold=got.cold,
        status=got.status,
        refusal=refusal,
        censored=refusal is Refusal.TIMEOUT,
        body_bytes=len(got.body),
        detail=detail,
    )
