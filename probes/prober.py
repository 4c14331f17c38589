"""Probes one venue: its listing first, then every check on its schedule and every feed, until cancelled.

Only this file knows which instruments are watched. Its readings pass through one bounded queue.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic, thread_time

import aiohttp

from probes.fair_shares.allowance import READINGS, Pace
from probes.feeds.resync import SnapshotAllowance
from probes.feeds.runner import FeedRunner
from probes.feeds.settings import FeedSetting, feed_url
from probes.instruments import choose, guessed
from probes.reading_queue import ReadingQueue
from probes.readings import Instrument, InstrumentsListed, Reading, Refusal, RequestTimed, SlotMissed
from probes.rest.client import RestAccess, RestClient
from probes.rest.http import USER_AGENT, Clock, session, tls_context, utc_now
from probes.rest.schedule import on_schedule, phase_s
from probes.rest.venue_state import VenueState
from probes.tape import Tape
from probes.venue import BookSnapshot, Feed, Keys, Per, RestCheck, Venue

YIELD_EVERY = 256
SLICE_S = 0.002
"""CPU time that one venue's readings may take before the others have their turn."""
PATIENCE_S, TURN_S = 30.0, 0.1
"""How long one question of the operator waits for its turn within a budget, and how often it looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProberSettings:
    """The settings of one venue's prober. `every_s` overrides intervals by check name; `interval_scale` multiplies them all."""

    assets: Sequence[str]
    hosts: Mapping[str, str] = field(default_factory=dict)
    instruments: Sequence[str] = ()
    disabled: Sequence[str] = ()
    every_s: Mapping[str, float] = field(default_factory=dict)
    interval_scale: float = 1.0
    timeout_s: float | None = None
    keys: Keys | None = None
    ca_file: str = ""
    seed: int | None = None
    relist_s: float = 30.0
    """How often to look for new instruments, and to request again a listing that never came."""

    def access(self) -> RestAccess:
        """The part of the settings that the REST client needs."""
        return RestAccess(hosts=self.hosts, keys=self.keys, timeout_s=self.timeout_s)


class Prober:
    """Probes one venue. `tape` records raw frames and answers."""

    def __init__(
        self, venue: Venue, settings: ProberSettings, *, clock: Clock = utc_now, tape: Tape | None = None
    ) -> None:
        self.venue = venue
        self.settings = settings
        self._clock = clock
        self._tape = tape
        self._random = random.Random(settings.seed)  # noqa: S311  # jitter, not secrecy
        self.state = VenueState(venue)
        self.queue = ReadingQueue()
        self._snapshots = SnapshotAllowance(venue.budgets)
        self.instruments: list[Instrument] = []
        self._listed: set[int] = set()

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """All readings of the venue, for ever. Raises a failure of our own code in any part.

        A reading leaves the queue only when the caller takes it: after a stop, `remaining` gives those not yet taken.
        """
        client = session(tls_context(self.settings.ca_file), USER_AGENT)
        work = asyncio.create_task(self._work(client))
        filled = asyncio.create_task(self.queue.filled())
        pace = Pace(READINGS)
        try:
            while True:
                await asyncio.wait({filled, work}, return_when=asyncio.FIRST_COMPLETED)
                if not filled.done():
                    work.result()
                while len(self.queue):
                    began_s, taken = thread_time(), 0
                    while len(self.queue) and taken < YIELD_EVERY and thread_time() - began_s < SLICE_S:
                        yield self.queue.take()  # our caller's work counts too
                        taken += 1
                    await asyncio.sleep(pace.wait_s(taken, monotonic()))
                filled = asyncio.create_task(self.queue.filled())
        finally:
            work.cancel()
            filled.cancel()
            await asyncio.gather(work, filled, return_exceptions=True)
            await client.close()

    def remaining(self) -> list[Reading]:
        """The readings that were received before `readings` ended and not taken: each raw answer on the tape has its readings."""
        return self.queue.drain()

    async def _work(self, client: aiohttp.ClientSession) -> None:
        rest = RestClient(self.state, client, self._clock, self.settings.access(), tape=self._tape)
        while True:
            await self.list_instruments(rest)
            tasks = [asyncio.create_task(work) for work in self._works(rest, client)]
            try:  # no TaskGroup: before Python 3.13 one that is failing swallows a cancellation from outside
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()  # raises a failure of our own; only `_new_instruments` ends well, and then everything restarts

    def _works(self, rest: RestClient, client: aiohttp.ClientSession) -> list[Coroutine[None, None, None]]:
        start = self._clock()
        works = [self._new_instruments(rest)]
        for check in self.checks():
            works += [self._scheduled(rest, check, instrument, start) for instrument in self.subjects(check)]
        for feed in self.feeds():
            works += [self.run_feed(rest, client, feed, batch) for batch in self.batches(feed)]
        return works

    async def _new_instruments(self, rest: RestClient) -> None:
        """Return when there is something else to watch: a listing that failed at the start has come, or has a new instrument.

        Or when an instrument has ended for a whole round, so that its claims have said so.
        """
        ended: set[str] = set()
        while True:
            await asyncio.sleep(self.settings.relist_s)
            await self._ask_listings(rest)
            before, ended = ended, self._ended()
            if self._chosen() - {one.symbol for one in self.instruments} or ended & before:
                return

    def _ended(self) -> set[str]:
        """The watched instruments that the venue does not list as trading; one that the operator named stays."""
        known = self.state.instruments
        return {
            one.symbol
            for one in self.instruments
            if one.symbol in known and not known[one.symbol].trading and one.symbol not in self.settings.instruments
        }

    def checks(self) -> list[RestCheck]:
        """The checks that will run: the enabled ones, and signed ones only with keys."""
        return [
            check
            for check in self.venue.checks
            if check.name not in self.settings.disabled and (self.settings.keys is not None or not _is_signed(check))
        ]

    def feeds(self) -> list[Feed]:
        """The feeds that will run."""
        return [feed for feed in self.venue.feeds if feed.name not in self.settings.disabled]

    async def list_instruments(self, rest: RestClient) -> None:
        """Request the venue's instruments; for a market that it does not list, take those that its symbols suggest."""
        await self._ask_listings(rest)
        listed = self.state.instruments.values()
        markets = {one.market for one in listed}
        chosen = choose(listed, self.settings.assets, self.settings.instruments)
        chosen += [one for one in guessed(self.venue, self.settings.assets) if one.market not in markets]
        self.instruments = chosen
        for one in chosen:
            self.state.instruments.setdefault(one.symbol, one)

    async def _ask_listings(self, rest: RestClient) -> None:
        """Request every listing that never came; the others are repeated on their own schedule."""
        for check in self.checks():
            if check.name == "instruments" and id(check) not in self._listed:
                readings = await rest.ask(check, None)
                for reading in readings:
                    self.queue.put(reading)
                if any(isinstance(one, InstrumentsListed) for one in readings):
                    self._listed.add(id(check))

    def _chosen(self) -> set[str]:
        listed = self.state.instruments.values()
        return {one.symbol for one in choose(listed, self.settings.assets, self.settings.instruments)}

    def subjects(self, check: RestCheck) -> Sequence[Instrument | None]:
        """The subjects of a check: each instrument of its market, or the venue as a whole (None)."""
        if check.per is Per.VENUE:
            return (None,)
        return [one for one in self.instruments if check.market in (None, one.market)]

    def batches(self, feed: Feed) -> list[list[Instrument]]:
        """A feed's instruments, split into as many as one connection takes."""
        wanted = [one for one in self.instruments if feed.market in (None, one.market)]
        return [wanted[at : at + feed.max_instruments] for at in range(0, len(wanted), feed.max_instruments)]

    async def _scheduled(
        self, rest: RestClient, check: RestCheck, instrument: Instrument | None, start: datetime
    ) -> None:
        every_s = self.settings.every_s.get(check.name, check.every_s * self.settings.interval_scale)
        name = f"{self.venue.id}/{check.name}/{instrument.symbol if instrument else ''}"
        first_at = start + timedelta(seconds=phase_s(name, every_s))

        cut = False
        report = self._missed(check, instrument)

        async def act(due: datetime) -> None:
            nonlocal cut
            try:
                readings = await rest.ask(check, instrument, due)
            except asyncio.CancelledError:
                report(due, 1, 0.0, True)  # given up on its way: nobody knows what the venue would have said
                raise
            cut = any(isinstance(one, RequestTimed) and one.censored for one in readings)
            for reading in readings:
                self.queue.put(reading)

        def missed(due: datetime, count: int) -> None:
            report(due, count, every_s, cut)

        await on_schedule(every_s, first_at, act, missed, clock=self._clock)

    def _missed(self, check: RestCheck, instrument: Instrument | None) -> Callable[[datetime, int, float, bool], None]:
        def missed(due: datetime, count: int, every_s: float, censored: bool) -> None:
            self.queue.put(
                SlotMissed(
                    venue=self.venue.id, check=check.name, instrument=instrument.symbol if instrument else None,
                    scheduled_at=due, received_at=self._clock(), missed=count, every_s=every_s, censored=censored,
                )
            )  # fmt: skip

        return missed

    async def run_feed(
        self, rest: RestClient, client: aiohttp.ClientSession, feed: Feed, instruments: Sequence[Instrument]
    ) -> None:
        """Hold one feed open for ever, for these instruments."""
        hosts = {**self.venue.hosts, **self.settings.hosts}

        async def base(instrument: Instrument) -> BookSnapshot | None:
            check = next(
                one
                for one in self.venue.checks
                if one.name == feed.book_base and one.market in (None, instrument.market)
            )
            call = check.call(instrument)
            if not self._snapshots.take(call.budget, call.cost, self._clock().timestamp()):
                return None  # asked again later
            readings, snapshot = await rest.ask_unmeasured(check, instrument)
            for reading in readings:
                self.queue.put(reading)
            return snapshot

        setting = FeedSetting(
            url=feed_url(feed.host, feed, instruments, hosts), client=client, clock=self._clock,
            emit=self.queue.put, base=base if feed.book_base else None, tape=self._tape,
            seed=self._random.getrandbits(32), instruments=instruments,
        )  # fmt: skip
        await FeedRunner(self.state, feed, setting).run()


def _is_signed(check: RestCheck) -> bool:
    return check.per is Per.VENUE and check.call(None).signed


async def probe_once(
    venue: Venue, check_name: str | None, settings: ProberSettings, *, clock: Clock = utc_now, feed_s: float = 5.0
) -> list[Reading]:
    """Send each check of this name (all if None) once, or read the feed of this name for `feed_s` seconds."""
    prober = Prober(venue, settings, clock=clock)
    client = session(tls_context(settings.ca_file), USER_AGENT)
    readings: list[Reading] = []
    try:
        rest = RestClient(prober.state, client, clock, settings.access())
        await prober.list_instruments(rest)
        readings += prober.queue.drain()
        if check_name not in (None, "instruments"):
            readings = []
        for check in prober.checks():
            if check.name != "instruments" and check_name in (None, check.name):
                for instrument in prober.subjects(check):
                    readings += await _asked_in_time(rest, check, instrument, clock)
        for feed in prober.feeds():
            if feed.name == check_name:
                for batch in prober.batches(feed):
                    try:
                        async with asyncio.timeout(feed_s):
                            await prober.run_feed(rest, client, feed, batch)
                    except TimeoutError:
                        readings += prober.queue.drain()
    finally:
        await client.close()
    return readings


async def _asked_in_time(
    rest: RestClient, check: RestCheck, instrument: Instrument | None, clock: Clock
) -> list[Reading]:
    """As `ask`; where only the requests just before it have used the budget, it waits for its turn, `PATIENCE_S` at most."""
    until = clock() + timedelta(seconds=PATIENCE_S)
    while True:
        readings = await rest.ask(check, instrument)
        passed_over = isinstance(readings[0], RequestTimed) and readings[0].refusal is Refusal.BUDGET
        waits_for_the_venue = rest.state.budgets.wait_left_s(clock().timestamp(), check.call(instrument)) > 0
        if not passed_over or waits_for_the_venue or clock() >= until:
            return readings
        await asyncio.sleep(TURN_S)
