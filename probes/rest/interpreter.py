"""Turns an answer into a refusal or readings, and updates budgets, clock offset and instruments from them. Pure.

Each exchange gives exactly one RequestTimed, first; live probing and replay use the same code. Latency counts from the
scheduled time; a time-out is a censored value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from probes.instruments import by_asset, in_units
from probes.readings import (
    Headroom,
    Instrument,
    InstrumentsListed,
    Reading,
    Refusal,
    RequestTimed,
    RowsMalformed,
    ServerTime,
    VenueClock,
    VenueId,
)
from probes.readings.admission import OddRowTally, book_refused, instrument_refused, refused
from probes.readings.dollars import in_dollars
from probes.rest.refusals import REDIRECTS, by_answer, retry_after_s
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import (
    AnswerWord,
    BookSnapshot,
    Context,
    FundingIntervals,
    Malformed,
    OddRows,
    Refused,
    RestCall,
    RestCheck,
)

DETAIL_LENGTH = 200
HEADROOM_EVERY_S = 5.0
DEFAULT_WAIT_S = {Refusal.THROTTLED: 5.0, Refusal.BANNED: 120.0}
"""How long we wait if a venue throttles or bans without a time (OKX gives none; Binance bans for at least two minutes)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of a check's schedule. `instrument` is the venue's symbol, None for the venue as a whole."""

    venue: VenueId
    check: str
    instrument: str | None
    scheduled_at: datetime

    @classmethod
    def of(cls, venue: VenueId, check: str, instrument: Instrument | None, scheduled_at: datetime) -> Slot:
        """The slot of a check that is asked for this instrument."""
        return cls(venue, check, None if instrument is None else instrument.symbol, scheduled_at)


class AnswerReader:
    """Reads the answers of one venue."""

    def __init__(self, state: VenueState) -> None:
        self.state = state
        self._headroom_s = float("-inf")

    def read(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime, got: HttpExchange
    ) -> tuple[list[Reading], BookSnapshot | None]:
        """The readings of one exchange, and the snapshot if it carried a book."""
        call = check.call(instrument)
        refusal, detail, words = self._judge(check, call, instrument, got)
        odd = OddRowTally()
        found = [in_dollars(one, self.state.instruments) for one in _admitted(words, odd, got, self.state.instruments)]
        self.state.funding = next((one for one in found if isinstance(one, FundingIntervals)), self.state.funding)
        malformed = odd.take(self.state.venue.id, check.name, got.received_at)
        if malformed and not found:  # nothing of it is believed: the check has failed
            refusal, detail = Refusal.MALFORMED, f"{malformed[0].reason}: {malformed[0].path}"[:DETAIL_LENGTH]
        snapshot = next((one for one in found if isinstance(one, BookSnapshot)), None)
        readings: list[Reading] = [
            request_reading(Slot.of(self.state.venue.id, check.name, instrument, scheduled_at), got, refusal, detail),
            *(one for one in found if not isinstance(one, BookSnapshot | FundingIntervals)),
            *malformed,
        ]
        if refusal is None:
            self.state.budgets.answered(call, got.sent_at.timestamp())
        self._learn(readings, call, got)
        return readings + self._headroom(got), snapshot

    def _judge(
        self, check: RestCheck, call: RestCall, instrument: Instrument | None, got: HttpExchange
    ) -> tuple[Refusal | None, str, Sequence[AnswerWord]]:
        if got.refusal is not None or got.status is None:
            return got.refusal, got.detail, ()
        if got.status in REDIRECTS:  # whoever answered, it was not the API: the dialect is not asked
            return by_answer(got.status, got.body), f"HTTP {got.status}, redirect refused", ()
        refusal = self.state.venue.refuse(got.status, got.headers, got.body, got.received_at)
        if refusal is None and (kind := by_answer(got.status, got.body)) is not None:
            refusal = Refused(kind, f"HTTP {got.status}", retry_after_s=retry_after_s(got.headers, got.received_at))
        if refusal is None:
            context = Context(
                venue=self.state.venue.id,
                check=check.name,
                received_at=got.received_at,
                instrument=instrument,
                instruments=self.state.instruments,
                headers=got.headers,
                funding=self.state.funding,
            )
            try:
                return None, "", check.read(got.body, context)
            except Refused as error:
                refusal = error
            except Malformed as error:
                return Refusal.MALFORMED, error.path[:DETAIL_LENGTH], ()
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return Refusal.MALFORMED, str(error)[:DETAIL_LENGTH], ()
        self._back_off(refusal, call, got)
        return refusal.kind, refusal.detail[:DETAIL_LENGTH], ()

    def _back_off(self, refused: Refused, call: RestCall, got: HttpExchange) -> None:
        now_s = got.received_at.timestamp()
        if refused.kind is Refusal.WAF_BLOCKED:
            stated_s = refused.retry_after_s or retry_after_s(got.headers, got.received_at) or 0.0
            self.state.budgets.firewalled(call, now_s, stated_s)
            return
        wait_s = refused.retry_after_s
        if wait_s is None and refused.kind in (Refusal.THROTTLED, Refusal.BANNED):
            wait_s = retry_after_s(got.headers, got.received_at)
            if wait_s is None and refused.until is None:
                wait_s = DEFAULT_WAIT_S[refused.kind]
        if wait_s is not None:
            self.state.budgets.wait_until(now_s + wait_s, call, now_s, refused.kind)
        if refused.until is not None:
            self.state.budgets.wait_until(refused.until.timestamp(), call, now_s, refused.kind)

    def _learn(self, readings: list[Reading], call: RestCall, got: HttpExchange) -> None:
        now_s = got.received_at.timestamp()
        for usage in self.state.venue.usage(got.headers, got.received_at):
            self.state.budgets.learn(usage, call, now_s, got.sent_at.timestamp())
        for reading in tuple(readings):
            if isinstance(reading, InstrumentsListed):
                whole = not any(isinstance(one, RowsMalformed) for one in readings)
                self.state.list_instruments(reading.instruments, whole=whole)
            elif isinstance(reading, ServerTime):
                sent_s = now_s - _round_trip_s(got)
                self.state.clock_offset.sample(sent_s, now_s, reading.event_time.timestamp(), reading.resolution_s)
                best = self.state.clock_offset.best(now_s)
                assert best is not None
                readings.append(
                    VenueClock(
                        venue=self.state.venue.id, received_at=got.received_at, offset_s=best.offset_s,
                        bound_s=best.bound_s, samples=best.samples, origin=best.origin,
                    )
                )  # fmt: skip

    def _headroom(self, got: HttpExchange) -> list[Headroom]:
        now_s = got.received_at.timestamp()
        if now_s - self._headroom_s < HEADROOM_EVERY_S:
            return []
        self._headroom_s = now_s
        return self.state.budgets.headroom(now_s, got.received_at)


def _admitted(
    words: Sequence[AnswerWord],
    odd: OddRowTally,
    got: HttpExchange,
    known: Mapping[str, Instrument],
) -> list[Reading | BookSnapshot | FundingIntervals]:
    """What passes the gate, in units of the assets; the rest is counted."""
    kept: list[Reading | BookSnapshot | FundingIntervals] = []
    for one in words:
        if isinstance(one, FundingIntervals):
            kept.append(one)
            continue
        if isinstance(one, OddRows):
            odd.add(one.reason, one.path, one.count)
            continue
        if isinstance(one, InstrumentsListed):
            kept += [replace(good, instruments=tuple(map(by_asset, good.instruments))) for good in _listed(one, odd)]
            continue
        reason = book_refused(one, got.received_at) if isinstance(one, BookSnapshot) else refused(one)
        if reason is None:
            kept.append(in_units(one, known.get(getattr(one, "instrument", None) or "")))
        else:
            odd.add(reason, f"{type(one).__name__} of {getattr(one, 'instrument', None) or 'the venue'}")
    return kept


def _listed(listing: InstrumentsListed, odd: OddRowTally) -> list[InstrumentsListed]:
    """The listing without the instruments that the gate refuses; none at all if it refuses every one."""
    reasons = [instrument_refused(one) for one in listing.instruments]
    if not any(reasons):
        return [listing]
    good = []
    for one, reason in zip(listing.instruments, reasons, strict=True):
        if reason is None:
            good.append(one)
        else:
            odd.add(reason, f"Instrument {one.symbol[:40]!r}")
    return [replace(listing, instruments=tuple(good))] if good else []


def _round_trip_s(got: HttpExchange) -> float:
    """The seconds from sending the request to the end of its answer: the round trip of a clock sample."""
    return sum(one.duration_s for one in got.phases if one.name in ("wait", "receive", "send"))


def request_reading(slot: Slot, got: HttpExchange, refusal: Refusal | None, detail: str) -> RequestTimed:
    """The reading of a request sent for this slot."""
    return RequestTimed(
        venue=slot.venue,
        check=slot.check,
        instrument=slot.instrument,
        scheduled_at=slot.scheduled_at,
        sent_at=got.sent_at,
        received_at=got.received_at,
        latency_s=max((got.received_at - slot.scheduled_at).total_seconds(), 0.0),
        service_s=max((got.received_at - got.sent_at).total_seconds(), 0.0),
        phases=got.phases,
        cold=got.cold,
        status=got.status,
        refusal=refusal,
        censored=refusal is Refusal.TIMEOUT,
        body_bytes=len(got.body),
        detail=detail,
        method=got.method,
        url=got.url,
    )
