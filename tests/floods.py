"""Floods one venue and shows what the others notice: `python -m tests.floods [--seconds 60] [--kind ping]`.

The daemon's real sources, intake and correlator watch two quiet venues of the drill's world and one hostile venue, all on
loopback and in processes of their own. It exits with 1 when a bar is missed: an incident about another venue, the 99th
percentile of the other venues' lateness above 50 ms, or one step of the event loop above 100 ms of CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import thread_time
from typing import Any

from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.drill.rehearsal import rehearsal
from monitor.drill.world_link import WorldLink
from monitor.incidents import IncidentChange
from monitor.pipeline import Pipeline
from monitor.settings.tree import Settings
from monitor.signals import Signal
from probes.readings import FeedChanged, FeedEvent, Liquidation, Reading, RequestTimed
from probes.rest.http import utc_now
from tests.flood_venue import FLOODS, FloodVenue, flood_venue
from tests.monitor.daemon.test_sources import Counting

HOSTILE = "binance_usdm"
QUIET = ("gate", "okx")
LATE_S = 0.05
HOLD_S = 0.1
SETTLE_S = 5.0
QUIET_EVERY_S = 0.1
"""How often the quiet venues are asked: a percentile of few requests is one request."""
WORLD = """name = "calm"
title = "a quiet market"
length_s = "3600s"
seed = 7
asset = "BTC"
price = 2.5
[expect]
level = "calm"
at_most = true
[[stages]]
at_s = 0
title = "a quiet market"
"""


class Nowhere:
    """Checkpoints of no network."""

    async def load(self, network: str) -> bytes | None:
        return None

    def save(self, network: str, body: bytes) -> None:
        return


@dataclass(slots=True)
class Seen:
    """What the monitor saw. A recorder and an observer of its pipeline."""

    late_s: list[float] = field(default_factory=list)
    usual_s: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    liquidations: int = 0
    changes: list[IncidentChange] = field(default_factory=list)
    own_lag_s: list[float] = field(default_factory=list)
    lags: Counter[str] = field(default_factory=Counter)

    def record(self, reading: Reading) -> str | None:
        match reading:
            case RequestTimed() if reading.venue in QUIET and reading.refusal is None:
                self.late_s.append(reading.latency_s)
            case RequestTimed() if reading.venue == HOSTILE and reading.refusal is not None:
                self.refused[f"{reading.check}: {reading.refusal.value}"] += 1
            case FeedChanged() if reading.venue == HOSTILE and reading.event is FeedEvent.CLOSED:
                self.refused[f"{reading.feed}: {reading.detail}"] += 1
            case Liquidation() if reading.venue == HOSTILE:
                self.liquidations += 1
            case _:
                pass
        return None

    def record_chain(self, event: object) -> str | None:
        return None

    def record_change(self, change: IncidentChange) -> str:
        return ""

    def on_signals(self, signals: Sequence[Signal]) -> None:
        self.own_lag_s += [one.value for one in signals if one.kind.value == "loop_lag"]

    def on_changes(self, changes: Sequence[IncidentChange]) -> None:
        self.changes += changes

    def about_others(self) -> list[str]:
        """The scopes of incidents that name another venue or our own network."""
        return sorted(
            {one.scope for one in self.changes if one.scope.startswith(("venue:", "vantage:"))} - {f"venue:{HOSTILE}"}
        )


class Holds:
    """The longest steps of the event loop, in CPU seconds, by what ran."""

    def __init__(self) -> None:
        self.max_s: dict[str, float] = {}
        self._run: Any = asyncio.Handle._run

    def __enter__(self) -> Holds:
        max_s, run = self.max_s, self._run

        def measured(handle: Any) -> None:
            what = handle._callback
            began_s = thread_time()
            run(handle)
            took_s = thread_time() - began_s
            if took_s > 0.01:
                name = _name(what)
                max_s[name] = max(max_s.get(name, 0.0), took_s)

        asyncio.Handle._run = measured  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.Handle._run = self._run  # type: ignore[method-assign]


def _name(callback: Any) -> str:
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"{owner.get_name()} {getattr(owner.get_coro(), '__qualname__', '')}"
    return str(getattr(callback, "__qualname__", callback))


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile by rank; infinite where there are no values: nothing was read."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("inf")


async def settings_of(world: WorldLink, folder: Path, kind: str, port: int) -> Settings:
    """The world's settings, with one venue replaced by the hostile one."""
    given = rehearsal(await world.start(), folder)
    place = f"127.0.0.1:{port}"
    hosts = {
        name: f"{url.partition('://')[0]}://{place}" if kind == "1xx" or url.startswith("ws") else url
        for name, url in given.venues[HOSTILE].hosts.items()
    }
    often = {"server_time": QUIET_EVERY_S}
    venues = {name: replace(given.venues[name], every_s={**given.venues[name].every_s, **often}) for name in QUIET}
    venues[HOSTILE] = replace(given.venues[HOSTILE], hosts=hosts)
    return replace(given, venues=venues, networks={}, sinks={})


async def watch(kind: str, seconds: float, hostile: FloodVenue) -> tuple[Seen, Holds]:
    """Watch the flood for so long."""
    seen, holds = Seen(), Holds()
    with tempfile.TemporaryDirectory(prefix="floods-") as folder:
        (Path(folder) / "calm.toml").write_text(WORLD)
        world = WorldLink(Path(folder) / "calm.toml", "none")
        try:
            settings = await settings_of(world, Path(folder), kind, hostile.port)
            await world.begin()
            correlator = Correlator(settings.correlator, vantage=settings.vantage)
            pipeline = Pipeline(intake_of(settings), correlator, seen, Counting(), (seen,))
            sources = Sources(settings, {}, utc_now, pipeline=pipeline, checkpoints=Nowhere())
            tasks = [asyncio.ensure_future(part()) for part in sources.parts().values()]
            await asyncio.sleep(SETTLE_S)
            seen.usual_s, seen.late_s = seen.late_s, []
            hostile.begin()
            with holds:  # not the end: a stop takes what waits in each queue at once, and nobody is watched any more
                await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            pipeline.finish()
        finally:
            await world.end()
    return seen, holds


def show(kind: str, seen: Seen, holds: Holds) -> bool:
    """Print one flood's figures. Returns whether all bars hold."""
    about, late_s = seen.about_others(), percentile(seen.late_s, 0.99)
    longest = sorted(holds.max_s.items(), key=lambda one: -one[1])[:3]
    hold_s = longest[0][1] if longest else 0.0
    refused = any("flooding" in one for one in seen.refused)
    good = not about and late_s <= LATE_S and hold_s <= HOLD_S and refused
    print(f"{kind}: {'holds' if good else 'MISSED'}")
    print(f"  incidents about other venues: {len(about)} {' '.join(about)}")
    print(f"  all incidents: {' '.join(sorted({one.scope for one in seen.changes})) or 'none'}")
    middle_s, usual_s = percentile(seen.late_s, 0.5), percentile(seen.usual_s, 0.99)
    print(
        f"  other venues' lateness: p50 {middle_s * 1e3:.1f} ms, p99 {late_s * 1e3:.1f} ms of {len(seen.late_s)} requests"
        f" (before the flood: p99 {usual_s * 1e3:.1f} ms of {len(seen.usual_s)})"
    )
    print(
        f"  longest step of the loop: {', '.join(f'{took * 1e3:.0f} ms {what}' for what, took in longest) or '< 10 ms'}"
    )
    print(
        f"  seconds in which we were late: {len(seen.own_lag_s)}, at most {max(seen.own_lag_s, default=0.0) * 1e3:.0f} ms"
    )
    print(f"  liquidations taken: {seen.liquidations}")
    print(f"  refused: {dict(seen.refused)}")
    return good


def main() -> int:
    """Returns the exit code: 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kind", choices=tuple(FLOODS), action="append")
    given = parser.parse_args()
    good = True
    for kind in given.kind or FLOODS:
        with flood_venue(kind) as hostile:
            good &= show(kind, *asyncio.run(watch(kind, given.seconds, hostile)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
