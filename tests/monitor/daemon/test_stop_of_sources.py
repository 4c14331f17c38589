"""A stop loses nothing that is on the raw tape: every recorded answer and frame has its readings in the live log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from chain.events import ChainEvent
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.daemon.supervisor import Supervisor
from monitor.incidents import IncidentChange
from monitor.pipeline import Pipeline
from monitor.settings.tree import AssetSettings, Settings, VenueSettings
from monitor.signals import Signal
from probes import venues
from probes.prober import Prober, ProberSettings
from probes.readings import EngineLag, FeedChanged, FeedEvent, Reading, RequestTimed, VenueId
from probes.rest.http import utc_now
from probes.tape import HttpExchange
from tests.probes.loopback import Loopback, say, serving

PATIENCE_S = 30.0
GATE = VenueId("gate")
PERP = {"name": "BTC_USDT", "quanto_multiplier": "0.0001", "mark_price": "100"}
ANSWERS = {
    "/futures/usdt/contracts": say(json.dumps([PERP])),
    "/spot/currency_pairs": say(json.dumps([{"id": "BTC_USDT", "base": "BTC", "quote": "USDT"}])),
    "/spot/time": say('{"server_time":1793491200000}'),
}


class StoppingTape:
    """A tape that cancels the part at its n-th answer, or when the first connection is opened (`at_answer` 0)."""

    def __init__(self, at_answer: int) -> None:
        self.at_answer = at_answer
        self.part: asyncio.Task[None] | None = None
        self.answers: list[tuple[str, datetime]] = []
        self.opened: list[str] = []

    def answer(
        self, venue: VenueId, check: str, path: str, instrument: str | None, scheduled_at: datetime, got: HttpExchange
    ) -> None:
        self.answers.append((check, got.received_at))
        if len(self.answers) == self.at_answer:
            self._stop()

    def frame(self, venue: VenueId, feed: str, received_at: datetime, raw: bytes) -> None:
        return

    def connection(self, change: FeedChanged) -> None:
        if change.event is FeedEvent.OPENED:
            self.opened.append(change.feed)
            if self.at_answer == 0:
                self._stop()

    def _stop(self) -> None:
        assert self.part is not None
        self.part.cancel()


class Log:
    """Stores every reading that reached the pipeline; with a tape, fails from the moment that tape stops the part."""

    def __init__(self, fails_after_stop: StoppingTape | None = None) -> None:
        self.readings: list[Reading] = []
        self._fails = fails_after_stop

    def record(self, reading: Reading) -> str | None:
        if self._fails is not None and len(self._fails.answers) >= self._fails.at_answer:
            raise RuntimeError("ours")
        self.readings.append(reading)
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        return None

    def signals(self, signals: Sequence[Signal]) -> None:
        return

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        return


async def run_until_stopped(served: Loopback, tape: StoppingTape, log: Log) -> None:
    """Run the part of venue gate under a supervisor until the tape stops it."""
    hosts = {"rest": served.url, "ws_spot": served.ws_url, "ws_futures": served.ws_url}
    venue = VenueSettings(hosts=hosts, every_s={"server_time": 0.02}, timeout_s=5.0)
    settings = Settings(assets={"BTC": AssetSettings()}, venues={"gate": venue})
    intake = intake_of(settings)
    pipeline = Pipeline(intake, Correlator(settings.correlator, vantage="here"), log, log)
    sources = Sources(settings, {}, utc_now, pipeline=pipeline, checkpoints=NoCheckpoints(), tape=tape)
    part = sources.parts()["venue gate"]
    tape.part = asyncio.ensure_future(Supervisor(utc_now).run("venue gate", part))
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(asyncio.CancelledError):
            await tape.part


class NoCheckpoints:
    """A network is not followed here."""

    async def load(self, network: str) -> bytes | None:
        return None

    def save(self, network: str, body: bytes) -> None:
        return


async def silent(socket: web.WebSocketResponse, number: int) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("at_answer", [1, 2, 3, 6])
async def test_an_answer_recorded_at_the_moment_of_the_stop_is_in_the_live_log(at_answer: int) -> None:
    async with serving(ANSWERS, silent) as served:
        tape, log = StoppingTape(at_answer), Log()
        await run_until_stopped(served, tape, log)

    assert len(tape.answers) >= at_answer
    logged = [(one.check, one.received_at) for one in log.readings if isinstance(one, RequestTimed)]
    assert logged == tape.answers


async def test_a_connection_recorded_at_the_moment_of_the_stop_is_in_the_live_log() -> None:
    async with serving(ANSWERS, silent) as served:
        tape, log = StoppingTape(at_answer=0), Log()
        await run_until_stopped(served, tape, log)

    logged = [one.feed for one in log.readings if isinstance(one, FeedChanged) and one.event is FeedEvent.OPENED]
    assert logged == tape.opened
    assert logged


async def test_a_failure_in_our_code_during_the_final_drain_does_not_block_the_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(ANSWERS, silent) as served:
        tape = StoppingTape(1)
        await run_until_stopped(served, tape, Log(fails_after_stop=tape))

    assert "readings of gate that waited at the end were not taken" in caplog.text


@pytest.mark.parametrize("taken_before", [1, 255, 256, 257, 599])
async def test_readings_left_at_a_stop_are_drained_in_order(taken_before: int) -> None:
    prober = Prober(venues.declared("gate"), ProberSettings(assets=["BTC"], hosts={"rest": "http://127.0.0.1:1"}))
    came = [
        EngineLag(venue=GATE, feed="book_ws", instrument=None, received_at=utc_now(), lag_s=float(number))
        for number in range(600)
    ]
    for one in came:
        prober.queue.put(one)
    taken: list[Reading] = []

    async def take() -> None:
        task = asyncio.current_task()
        assert task is not None
        async for reading in prober.readings():
            taken.append(reading)
            if len(taken) == taken_before:
                task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(take())
    assert [one for one in [*taken, *prober.remaining()] if isinstance(one, EngineLag)] == came
    assert prober.remaining() == []


async def test_readings_that_a_full_queue_drops_are_counted_by_venue_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small(Prober):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.queue._max_readings = 1

    class FirstTold(Log):
        """Says when the first reading came: the others of the same answer were dropped before it."""

        first = asyncio.Event()

        def record(self, reading: Reading) -> str | None:
            self.first.set()
            return super().record(reading)

    monkeypatch.setattr("monitor.daemon.sources.Prober", Small)
    async with serving(ANSWERS, silent) as served:
        settings = Settings(assets={"BTC": AssetSettings()}, venues={"gate": VenueSettings(hosts={"rest": served.url})})
        log = FirstTold()
        pipeline = Pipeline(intake_of(settings), Correlator(settings.correlator, vantage="here"), log, log)
        part = asyncio.ensure_future(
            Sources(settings, {}, utc_now, pipeline=pipeline, checkpoints=NoCheckpoints()).parts()["venue gate"]()
        )
        async with asyncio.timeout(PATIENCE_S):
            await log.first.wait()
        part.cancel()
        await asyncio.gather(part, return_exceptions=True)
    assert pipeline.not_seen().dropped
    assert all(one.startswith("gate ") for one in pipeline.not_seen().dropped)
