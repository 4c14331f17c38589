"""Tests of the daemon's clock: it judges a second soon after its end, and ticks once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from chain.events import ChainEvent
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.pipeline import Pipeline
from monitor.settings import NetworkSettings, NodeRef, Settings
from monitor.signals import Signal, SignalKind
from probes.readings import Reading
from tests.monitor.correlator.storm import DRILL, START, Story
from tests.monitor.correlator.test_slices import storm_second
from tests.monitor.daemon.test_sources import Nowhere
from tests.monitor.jumping_time import BEGIN_S, run_jumping

LASTS_S = 40


def now() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time() - BEGIN_S)


@dataclass
class Watching:
    """Recorder and output: the signals, and how long after its second each change came."""

    taken: list[Signal] = field(default_factory=list)
    after_s: list[float] = field(default_factory=list)

    def record(self, reading: Reading) -> str | None:
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        return None

    def signals(self, signals: Sequence[Signal]) -> None:
        self.taken += signals

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        self.after_s += [(now() - one.at).total_seconds() for one in changes]


async def play(pipeline: Pipeline) -> None:
    """Give the pipeline a story's signals, but for its ticks, each at its time."""
    for one in Story(LASTS_S).trouble(20, LASTS_S).surge(22, LASTS_S).upgrade(24).migrate(26).signals():
        if one.kind is not SignalKind.TICK:
            await asyncio.sleep(max((one.received_at - now()).total_seconds(), 0))
            pipeline.take([one])


async def watched() -> Watching:
    """What an observer sees of the story while the daemon's clock runs."""
    node = NodeRef(url="http://127.0.0.1:1")
    settings = Settings(networks={"local": NetworkSettings(nodes=(node,))})
    watching = Watching()
    pipeline = Pipeline(intake_of(settings), Correlator(DRILL), watching, watching)
    parts = Sources(settings, {}, now, pipeline=pipeline, checkpoints=Nowhere()).parts()
    running = [asyncio.ensure_future(parts[name]()) for name in ("clock", "seconds")]
    await play(pipeline)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return watching


def test_a_second_is_judged_within_four_tenths_of_its_end_and_the_clock_ticks_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching = run_jumping(monkeypatch, watched())
    assert watching.after_s
    assert min(watching.after_s) >= 0.2
    assert max(watching.after_s) < 0.4
    assert sum(one.kind is SignalKind.TICK for one in watching.taken) == LASTS_S


async def steps_of_a_storm(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many signals of a second of 1,000 liquidations are judged in each step of the loop that judges any."""
    steps: list[int] = []
    count = 0
    take = Correlator._take

    def counted(self: Correlator, signal: Signal) -> None:
        nonlocal count
        count += 1
        take(self, signal)

    monkeypatch.setattr(Correlator, "_take", counted)
    node = NodeRef(url="http://127.0.0.1:1")
    pipeline = Pipeline(Intake(vantage="here", assets=("BTC",)), Correlator(DRILL), Watching(), Watching())
    settings = Settings(networks={"local": NetworkSettings(nodes=(node,))})
    parts = Sources(settings, {}, now, pipeline=pipeline, checkpoints=Nowhere()).parts()
    pipeline.take(storm_second(1000)[:-1])
    await asyncio.sleep(12)
    running = asyncio.ensure_future(parts["seconds"]())
    while sum(steps) + count < 1000:
        await asyncio.sleep(0)  # the loop gives each of the two a turn
        steps += [count] if count else []
        count = 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return steps


def test_a_second_of_a_storm_is_judged_in_many_steps_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = run_jumping(monkeypatch, steps_of_a_storm(monkeypatch))
    assert sum(steps) == 1000
    assert max(steps) <= 200
