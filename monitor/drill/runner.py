"""Runs a drill: the world in its own process, the daemon's real code in this one, then verdict, snapshot and replay."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from monitor.daemon.daemon import Daemon
from monitor.drill.regions import watching
from monitor.drill.rehearsal import SECRET_ENV, of_region, rehearsal
from monitor.drill.routes import OVER, answers_of, taken_back
from monitor.drill.scenario import Scenario
from monitor.drill.verdict import DrillVerdict, TimedChange, flagged, judge
from monitor.drill.world_link import WorldLink
from monitor.incidents import LEVEL_NAMES, IncidentChange
from monitor.log import Stream
from monitor.log.change_json import decode_change
from monitor.recordings.log_copy import LogCopy
from monitor.recordings.replay import replay_file
from monitor.recordings.signals import header_of
from monitor.settings.tree import Settings
from monitor.signals import Signal
from monitor.snapshot.collect import snapshot_incident
from monitor.version import stormwatch_version
from probes.rest.http import utc_now

SETTLE_S = 6.0

Outcome = TypeVar("Outcome")


@dataclass(slots=True)
class Progress:
    """The progress of a drill, for a display."""

    scenario: Scenario
    stage: str = "the world starts"
    begun_at: datetime | None = None
    signals: int = 0
    changes: list[TimedChange] = field(default_factory=list)
    daemon: Daemon | None = None

    def on_signals(self, signals: Sequence[Signal]) -> None:
        """Count the signals."""
        self.signals += len(signals)

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        """Record every change with the time of its emission."""
        now = utc_now()
        self.changes += [TimedChange(now, change) for change in changes]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOrder:
    """The order for a drill: the scenario's file, the folder for the results, the operator's own sinks and collector.

    `quiet`: `scenario` is the quiet twin of the one in the file.
    """

    scenario: Scenario
    file: Path
    out: Path
    sinks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    otlp_endpoint: str = ""
    quiet: bool = False
    must_deliver: bool = False
    """Whether a sink of the desk that does not take the rehearsal makes it fail."""


async def run_drill(order: DrillOrder, show: Callable[[Progress], None] = lambda _: None) -> DrillVerdict:
    """Play the scenario through the whole program. Raises OperatorError if it cannot begin."""
    progress = Progress(order.scenario)
    secret = secrets.token_hex(16)
    world = WorldLink(order.file, secret, order.scenario.venues, quiet=order.quiet)
    folder = order.out / f"drill-{order.scenario.name}"
    recording = folder / "recording.jsonl.gz"
    with tempfile.TemporaryDirectory(prefix="stormwatch-drill-") as store_folder:
        try:
            ready = await world.start()
            settings = rehearsal(
                ready,
                Path(store_folder),
                otlp_endpoint=order.otlp_endpoint,
                own_sinks=order.sinks,
                providers=order.scenario.providers,
            )
            regions = [of_region(settings, ready, one) for one in ready.regions]
            settings = regions[0] if regions else settings
            header = header_of(settings.correlator, settings.vantage, stormwatch_version(), utc_now())
            daemon = Daemon(
                settings,
                env={**os.environ, SECRET_ENV: secret},
                observers=(progress,),
                copies=(LogCopy(recording, header),),
            )
            progress.daemon = daemon
            show(progress)
            webhooks = await _play(daemon, world, progress, regions[1:], take_back=bool(order.sinks))
            rss_mb = peak_memory_mb()
        finally:
            await world.end()
        assert progress.begun_at is not None
        snapshot = await _snapshot(daemon, settings, progress.changes, folder)
    replay = replay_file(recording)
    for _ in replay.changes():
        pass
    judged = judge(order.scenario, progress.changes, progress.begun_at)
    why = list(judged.why)
    if replay.correlator.digest() != daemon.correlator.digest():
        why.append("the recording's replay gave another digest")
    routes = answers_of(daemon.deliveries, order.sinks)
    if order.must_deliver:
        why += [f"sink {one.sink} did not take it: {one.said}" for one in routes if one.works is False]
    worst = _worst(progress.changes)
    return DrillVerdict(
        scenario=order.scenario.name,
        held=not why,
        why=tuple(why),
        expected=order.scenario.expect.words(),
        highest=LEVEL_NAMES[judged.highest],
        flagged_after_s=None if judged.flagged_after_s is None else round(judged.flagged_after_s, 1),
        within_s=order.scenario.expect.within_s,
        changes=flagged(progress.changes, progress.begun_at),
        webhooks=len(webhooks),
        webhooks_signed=sum(1 for one in webhooks if one.get("signed") is True),
        signals=progress.signals,
        digest=daemon.correlator.digest(),
        replay_digest=replay.correlator.digest(),
        recording=str(recording),
        snapshot=None if snapshot is None else str(snapshot),
        incident_id=None if worst is None else worst.incident_id,
        store_rows=0 if daemon.database is None else daemon.database.lag().written,
        rss_mb=round(rss_mb, 1),
        routes=routes,
    )


def peak_memory_mb() -> float:
    """The peak memory of this process in MB. Outside Linux it includes that of the process it was started from."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _play(
    daemon: Daemon, world: WorldLink, progress: Progress, others: Sequence[Settings], *, take_back: bool
) -> list[dict[str, Any]]:
    """Run the daemon, and `others` beside it, while the world plays. Returns the webhooks that the world received.

    With `take_back`, what is open at the end is retracted: the pager of a desk must not keep it.
    """
    stop = asyncio.Event()
    running = asyncio.Event()
    task = asyncio.create_task(daemon.run(stop, running.set))
    try:
        await _first(task, running.wait())
        async with watching(daemon, others, (progress,)):
            progress.stage = "feeds open, listings are read"
            await _first(task, asyncio.sleep(SETTLE_S))
            progress.begun_at = utc_now()
            await world.begin()
            await _first(task, _follow_stages(world, progress))
        progress.stage = "the daemon stops"
        if take_back:
            latest = [decode_change(one.body) for one in daemon.log.latest(Stream.CHANGE).values()]
            daemon.log.changes(taken_back(latest, utc_now()))
        stop.set()
        await task
        return await world.finish()
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)


async def _follow_stages(world: WorldLink, progress: Progress) -> None:
    """Follow the world's stages to the end of the scenario."""
    try:
        async with asyncio.timeout(progress.scenario.length_s):
            while (message := await world.next_message()) is not None:
                progress.stage = str(message.get("stage", progress.stage))
    except TimeoutError:
        return


async def _first(task: asyncio.Task[None], work: Awaitable[Outcome]) -> Outcome:
    """Returns the outcome of `work`. Raises the daemon's failure if the daemon ends first."""
    other = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, other}, return_when=asyncio.FIRST_COMPLETED)
        if not other.done():
            task.result()
            raise AssertionError("the daemon ended by itself")
        return other.result()
    finally:
        other.cancel()


def _worst(timed: Sequence[TimedChange]) -> IncidentChange | None:
    changes = [one.change for one in timed]
    return max(changes, key=lambda one: (one.scope.startswith("asset:"), one.level), default=None)


async def _snapshot(daemon: Daemon, settings: Settings, timed: Sequence[TimedChange], folder: Path) -> Path | None:
    """Take a snapshot of the worst incident from the store, as an operator would."""
    worst = _worst(timed)
    if worst is None:
        return None
    await daemon.store.open()
    try:
        changes = await daemon.store.incident(worst.incident_id)
        changes = [one for one in changes if one.revision < OVER]  # the incident as it was, not that it was a drill
        assert changes, "every emitted change is in the store"
        return await snapshot_incident(daemon.store, changes, settings, folder)
    finally:
        await daemon.store.close()
