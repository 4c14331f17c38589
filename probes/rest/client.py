"""Asks a venue one check: within its budget, signed where need be, timed from its schedule.

Whatever the venue does comes back as readings (see `answer_ear.py`). Knows no schedule and no feed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

import aiohttp

from probes.book import Book
from probes.readings import Instrument, Reading, Refusal, RequestTimed
from probes.rest.http import Clock, exchange
from probes.rest.interpreter import AnswerReader, Slot, timed
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange, Tape
from probes.venue import BookSnapshot, Keys, RestCall, RestCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAccess:
    """How the operator reaches a venue. `hosts` overrides the dialect's base URLs, `timeout_s` every check's own."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    keys: Keys | None = None
    timeout_s: float | None = None


class RestClient:
    """One venue's REST side."""

    def __init__(
        self,
        state: VenueState,
        client: aiohttp.ClientSession,
        clock: Clock,
        access: RestAccess,
        *,
        tape: Tape | None = None,
    ) -> None:
        self.state = state
        self._ear = AnswerReader(state)
        self._tape = tape
        self._client = client
        self._clock = clock
        self._hosts = {**state.venue.hosts, **access.hosts}
        self._keys = access.keys
        self._timeout_s = access.timeout_s

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
        if self._tape is not None and not call.signed:
            self._tape.answer(self.state.venue.id, check.name, call.path, _symbol(instrument), scheduled_at, got)
        return self._ear.heard(check, instrument, scheduled_at, got)

    def _request(self, call: RestCall, now: datetime) -> tuple[str, Mapping[str, str]]:
        base = self._hosts[call.host].rstrip("/") + call.path
        if call.signed:
            assert self._keys is not None, "signed checks run with keys only"
            assert self.state.venue.sign is not None, "a venue with signed checks can sign"
            signed = self.state.venue.sign(call, self._keys, now)
            return (f"{base}?{signed.query}" if signed.query else base), signed.headers
        return (f"{base}?{urlencode(call.query)}" if call.query else base), {}

    def _unasked(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime, now: datetime
    ) -> RequestTimed:
        waits_s = self.state.budgets.waits_s(now.timestamp())
        detail = f"waiting {waits_s:.0f} s as told" if waits_s else "the last tenth is kept"
        nothing = HttpExchange(
            sent_at=now, received_at=now, phases=(), cold=False, status=None, headers={}, body=b"",
            refusal=Refusal.BUDGET, detail=detail,
        )  # fmt: skip
        slot = Slot.of(self.state.venue.id, check.name, instrument, scheduled_at)
        return timed(slot, nothing, Refusal.BUDGET, detail)


def _symbol(instrument: Instrument | None) -> str | None:
    return None if instrument is None else instrument.symbol
