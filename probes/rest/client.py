"""Sends one check to a venue: within its budget, signed if it must be, timed from its schedule.

Whatever the venue does becomes readings (see `interpreter.py`). This file knows no schedule and no feed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

import aiohttp

from probes.book import Book
from probes.readings import Instrument, Reading, Refusal, RequestTimed
from probes.rest.http import Clock, Request, exchange
from probes.rest.interpreter import AnswerReader, Slot, request_reading
from probes.rest.key_rights import KeyRights
from probes.rest.priority import priority_of
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange, Tape
from probes.venue import BookSnapshot, Keys, RestCall, RestCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAccess:
    """The operator's access to a venue. `hosts` overrides the dialect's base URLs, `timeout_s` the time-out of every check."""

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
        self._reader = AnswerReader(state)
        self._tape = tape
        self._client = client
        self._clock = clock
        self._hosts = {**state.venue.hosts, **access.hosts}
        self._keys = access.keys
        self._rights = None if access.keys is None else KeyRights(state.venue, access.keys)
        self._timeout_s = access.timeout_s

    async def ask(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime | None = None
    ) -> list[Reading]:
        """Send one check once. Returns its RequestTimed first, then the readings of the answer."""
        readings, snapshot = await self.ask_unmeasured(check, instrument, scheduled_at)
        if snapshot is not None:
            received_at = readings[0].received_at
            book = Book(self.state.venue.id, snapshot.instrument)
            book.snapshot(snapshot, received_at.timestamp(), from_rest=True)
            readings.append(book.measure(received_at, received_at.timestamp(), "rest"))
        return readings

    async def ask_unmeasured(
        self, check: RestCheck, instrument: Instrument | None, scheduled_at: datetime | None = None
    ) -> tuple[list[Reading], BookSnapshot | None]:
        """As `ask`, but returns a book as a snapshot, not measured."""
        scheduled_at = scheduled_at or self._clock()
        call = check.call(instrument)
        if not call.signed:
            return await self._send(check, call, instrument, scheduled_at)
        assert self._rights is not None, "signed checks run with keys only"
        why, beside = await self._rights.refused(self._ask_rights, self._clock())
        if why:
            slot = Slot.of(self.state.venue.id, check.name, instrument, scheduled_at)
            return [self._unsent(slot, Refusal.KEY_RIGHTS, why, self._clock()), *beside], None
        readings, snapshot = await self._send(check, call, instrument, scheduled_at)
        return [*readings, *beside], snapshot

    async def _ask_rights(self, check: RestCheck) -> list[Reading]:
        readings, _ = await self._send(check, check.call(None), None, self._clock())
        return readings

    async def _send(
        self, check: RestCheck, call: RestCall, instrument: Instrument | None, scheduled_at: datetime
    ) -> tuple[list[Reading], BookSnapshot | None]:
        """Send a check within its budget."""
        now = self._clock()
        if not self.state.budgets.allows(call, priority_of(check.name), now.timestamp()):
            slot = Slot.of(self.state.venue.id, check.name, instrument, scheduled_at)
            return [self._over_budget(slot, call, now)], None
        self.state.budgets.spend(call, now.timestamp())
        got = await exchange(
            self._client,
            self._request(call, now),
            timeout_s=self._timeout_s or check.timeout_s,
            max_bytes=check.max_bytes,
            clock=self._clock,
        )
        if self._tape is not None and not call.signed:
            self._tape.answer(self.state.venue.id, check.name, call.subject, _symbol(instrument), scheduled_at, got)
        return self._reader.read(check, instrument, scheduled_at, got)

    def _request(self, call: RestCall, now: datetime) -> Request:
        base = self._hosts[call.host].rstrip("/") + call.path
        if call.signed:
            assert self._keys is not None, "signed checks run with keys only"
            assert call.body is None, "a signed call is a GET"
            assert self.state.venue.sign is not None, "a venue with signed checks can sign"
            signed = self.state.venue.sign(call, self._keys, now)
            return Request(url=f"{base}?{signed.query}" if signed.query else base, headers=signed.headers)
        body = None if call.body is None else json.dumps(call.body).encode()
        return Request(url=f"{base}?{urlencode(call.query)}" if call.query else base, body=body)

    def _over_budget(self, slot: Slot, call: RestCall, now: datetime) -> RequestTimed:
        wait_s = self.state.budgets.wait_left_s(now.timestamp(), call)
        detail = f"waiting {wait_s:.0f} s after a refusal" if wait_s else "what is left of the budget is reserved"
        return self._unsent(slot, Refusal.BUDGET, detail, now)

    @staticmethod
    def _unsent(slot: Slot, refusal: Refusal, detail: str, now: datetime) -> RequestTimed:
        unsent = HttpExchange(
            sent_at=now, received_at=now, phases=(), cold=False, status=None, headers={}, body=b"", refusal=refusal,
            detail=detail,
        )  # fmt: skip
        return request_reading(slot, unsent, refusal, detail)


def _symbol(instrument: Instrument | None) -> str | None:
    return None if instrument is None else instrument.symbol
