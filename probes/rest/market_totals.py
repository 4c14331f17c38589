"""Asks CoinGlass for the liquidations of each asset over several venues, with the operator's key, on a fixed schedule.

Off without a key. Each question gives one RequestTimed, and each interval one MarketLiquidations; what became of the questions is
one claim.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import aiohttp
import msgspec

from probes.reading_queue import ReadingQueue
from probes.readings import ClaimChanged, ClaimState, MarketLiquidations, Reading, Refusal
from probes.rest.http import USER_AGENT, Clock, get_once, session, tls_context, utc_now
from probes.rest.interpreter import Slot, request_reading
from probes.rest.liquidation_totals import CHECK, COINGLASS, PATH, Asked, newest_total
from probes.rest.refusals import by_answer, retry_after_s
from probes.rest.schedule import on_schedule, phase_s
from probes.rest.target import claim_state
from probes.tape import HttpExchange
from probes.venue import Malformed, Refused

HOST = "https://open-api-v4.coinglass.com"
MAX_BYTES = 1_000_000
DEFAULT_PAUSE_S = 60.0
MAX_PAUSE_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinGlassAccess:
    """The operator's access. `key` is sent in the header CG-API-KEY; no `repr` contains it."""

    key: str = field(repr=False)
    url: str = HOST
    interval: str = "30m"
    exchanges: tuple[str, ...] = ()
    every_s: float = 300.0
    timeout_s: float = 10.0

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of each request."""
        return {"CG-API-KEY": self.key, "Accept": "application/json"}


class MarketTotals:
    """Asks for each asset in turn, for ever."""

    def __init__(self, assets: Sequence[str], access: CoinGlassAccess, *, clock: Clock = utc_now) -> None:
        self._assets = tuple(sorted(assets))
        self._access = access
        self._clock = clock
        self._queue = ReadingQueue()
        self._reported: dict[str, datetime] = {}
        self._claimed: tuple[ClaimState, str] | None = None
        self._not_before: datetime | None = None

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """The readings of each answer, for ever."""
        self._claim(ClaimState.ASKED, "", self._clock())
        client = session(tls_context(), USER_AGENT)
        tasks = [asyncio.create_task(self._ask_for_ever(client, asset)) for asset in self._assets]
        try:
            while True:
                yield await self._queue.get_from(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()

    async def _ask_for_ever(self, client: aiohttp.ClientSession, asset: str) -> None:
        asked = Asked(asset=asset, interval=self._access.interval, exchanges=self._access.exchanges)

        async def act(due: datetime) -> None:
            if self._not_before is None or due >= self._not_before:
                await self._ask(client, asked, due)

        first_at = self._clock() + timedelta(seconds=phase_s(asset, self._access.every_s))
        await on_schedule(self._access.every_s, first_at, act, lambda _due, _count: None, clock=self._clock)

    async def _ask(self, client: aiohttp.ClientSession, asked: Asked, due: datetime) -> None:
        url = f"{self._access.url.rstrip('/')}{PATH}?{urlencode(asked.query)}"
        got = await get_once(
            client, url, headers=self._access.headers, timeout_s=self._access.timeout_s, max_bytes=MAX_BYTES,
            clock=self._clock,
        )  # fmt: skip
        total, refusal, detail = _read(asked, got)
        if refusal is Refusal.THROTTLED:
            wait_s = retry_after_s(got.headers, got.received_at) or DEFAULT_PAUSE_S
            self._not_before = got.received_at + timedelta(seconds=min(wait_s, MAX_PAUSE_S))
        self._queue.put(request_reading(Slot(COINGLASS, CHECK, None, due), got, refusal, detail))
        self._claim(claim_state(refusal), detail, got.received_at)
        if total is not None and self._reported.get(asked.asset) != total.begins_at:
            self._reported[asked.asset] = total.begins_at
            self._queue.put(total)

    def _claim(self, state: ClaimState, reason: str, at: datetime) -> None:
        if self._claimed == (state, reason):
            return
        self._claimed = (state, reason)
        self._queue.put(
            ClaimChanged(
                venue=COINGLASS, feed=CHECK, channel=CHECK, instrument=None, received_at=at, state=state,
                covers=state is ClaimState.SPEAKING, main=True, reason=reason,
            )
        )  # fmt: skip


def _read(asked: Asked, got: HttpExchange) -> tuple[MarketLiquidations | None, Refusal | None, str]:
    """The total of an answer, or why there is none, with a detail that is safe to show."""
    if got.refusal is not None or got.status is None:
        return None, got.refusal, got.detail
    refusal = by_answer(got.status, got.body)
    if refusal is not None:
        kind = Refusal.UNAUTHORIZED if got.status == 403 else refusal
        return None, kind, f"HTTP {got.status}"
    try:
        return newest_total(got.body, asked, got.received_at), None, ""
    except Refused as error:
        return None, error.kind, error.detail
    except Malformed as error:
        return None, Refusal.MALFORMED, error.path[:200]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, Refusal.MALFORMED, str(error)[:200]
