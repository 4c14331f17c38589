"""Records the configured sources to a file: the daemon's sources and correlator, without store, sinks and web."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from chain.events import ChainEvent
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.daemon.supervisor import Supervisor
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.pipeline import Pipeline
from monitor.recordings.frames import RawTapeWriter, raw_header_of
from monitor.recordings.signals import RecordingWriter, header_of
from monitor.settings.tree import Settings
from monitor.signals import Signal
from monitor.version import stormwatch_version
from probes.readings import Reading
from probes.rest.http import utc_now


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of a recording."""

    signals: int
    digest: str


class _NoTelemetry:
    """Records no telemetry: a recording needs none."""

    def record(self, reading: Reading) -> str | None:
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        return None


class _Nowhere:
    """Keeps nothing: for a look at the settings."""

    def signals(self, signals: Sequence[Signal]) -> None:
        return

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        return


class _NoCheckpoints:
    """Saves no checkpoints: a recording starts at the head."""

    async def load(self, network: str) -> bytes | None:
        return None

    def save(self, network: str, body: bytes) -> None:
        return


async def record_sources(
    settings: Settings, env: Mapping[str, str], out: Path, stop: asyncio.Event, raw: Path | None = None
) -> Recorded:
    """Record until `stop` is set; into `raw` all that the venues sent. Raises OperatorError for unusable settings."""
    correlator = Correlator(settings.correlator, vantage=settings.vantage)
    intake = intake_of(settings)
    nowhere = Pipeline(intake, correlator, _NoTelemetry(), _Nowhere())
    Sources(settings, env, utc_now, pipeline=nowhere, checkpoints=_NoCheckpoints()).parts()  # before a file is made
    started_at, version = utc_now(), stormwatch_version()
    with ExitStack() as open_files:
        try:
            header = header_of(settings.correlator, settings.vantage, version, started_at)
            writer = open_files.enter_context(RecordingWriter(out, header))
            tape = None if raw is None else RawTapeWriter(raw, raw_header_of(settings, version, started_at))
        except OSError as error:
            raise OperatorError(
                "--out", f"{error.filename}", "a place that can be written", str(error.strerror)
            ) from None
        if tape is not None:
            open_files.callback(tape.close)
        pipeline = Pipeline(intake, correlator, _NoTelemetry(), writer)
        sources = Sources(settings, env, utc_now, pipeline=pipeline, checkpoints=_NoCheckpoints(), tape=tape)
        supervisor = Supervisor(utc_now)
        parts = sources.parts()
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(supervisor.run(name, part)) for name, part in parts.items()]
            await stop.wait()
            for task in begun:
                task.cancel()
        pipeline.finish()
    return Recorded(pipeline.heard, correlator.digest())
