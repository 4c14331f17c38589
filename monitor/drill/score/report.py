"""Defines what `stormwatch score` prints as JSON, and makes it from results: sets of seeds, figures by kind and by size."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from monitor.drill.score.campaign import Order, Result, cores, grouped, parameters
from monitor.drill.score.compare import Change, Incident
from monitor.drill.score.summary import Figures, figures, mistakes
from monitor.version import stormwatch_version


class Mistaken(msgspec.Struct, frozen=True, kw_only=True):
    """A seed whose case or quiet twin was judged wrongly, and what was wrong."""

    seed: int
    kind: str
    venues: int
    twin: bool
    what: tuple[str, ...]


class SetScore(msgspec.Struct, frozen=True, kw_only=True):
    """The score of one set of seeds: of all its cases and twins together, of the twins alone, by kind, by number of venues."""

    name: str
    first_seed: int
    seeds: int
    settings: str
    together: Figures
    quiet: Figures
    by_kind: dict[str, Figures]
    by_venues: dict[str, Figures]
    mistakes: tuple[Mistaken, ...]
    signals: int
    cpu_s: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `stormwatch score --json`. `parameters` is a hash of the settings and of the code that judges."""

    version: str
    at: datetime
    machine: str
    cores: int
    jobs: int
    took_s: float
    parameters: str
    without: tuple[str, ...]
    kinds: tuple[str, ...]
    venues: tuple[int, ...]
    sets: tuple[SetScore, ...]


class RecordingScore(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `stormwatch score RECORDING --json`: incidents, figures by asset if there is a truth, and what changes."""

    recording: str
    signals: int
    incidents: tuple[Incident, ...]
    figures: dict[str, Figures]
    changes: tuple[Change, ...] | None
    figures_after: dict[str, Figures]


def set_score(name: str, first_seed: int, settings: str, found: Sequence[Result]) -> SetScore:
    """The score of one set of results."""
    return SetScore(
        name=name,
        first_seed=first_seed,
        seeds=len(found),
        settings=settings,
        together=figures([one for result in found for one in (result.event, result.quiet)]),
        quiet=figures([one.quiet for one in found]),
        by_kind=_events(grouped(found, lambda one: one.kind)),
        by_venues=_both(grouped(found, lambda one: f"{one.venues:>3}")),
        mistakes=tuple(_mistaken(found)),
        signals=sum(one.signals for one in found),
        cpu_s=sum(one.cpu_s for one in found),
    )


def _mistaken(found: Sequence[Result]) -> Iterator[Mistaken]:
    for one in found:
        for twin, marks in ((False, one.event), (True, one.quiet)):
            what = mistakes(marks)
            if what:
                yield Mistaken(seed=one.seed, kind=one.kind, venues=one.venues, twin=twin, what=what)


def _events(groups: Mapping[str, Sequence[Result]]) -> dict[str, Figures]:
    return {name: figures([one.event for one in found]) for name, found in groups.items()}


def _both(groups: Mapping[str, Sequence[Result]]) -> dict[str, Figures]:
    return {
        name.strip(): figures([m for one in found for m in (one.event, one.quiet)]) for name, found in groups.items()
    }


def score_of(order: Order, kinds: Sequence[str], sets: Sequence[SetScore], took_s: float) -> Score:
    """The whole output of a run."""
    return Score(
        version=stormwatch_version(),
        at=datetime.now(UTC),
        machine=machine(),
        cores=cores(),
        jobs=order.jobs,
        took_s=round(took_s, 1),
        parameters=parameters(order.settings),
        without=tuple(sorted(one.value for one in order.without)),
        kinds=tuple(kinds),
        venues=order.venues,
        sets=tuple(sets),
    )


def machine() -> str:
    """The machine in a few words: processor and Python."""
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        lines = (one.partition(":")[2].strip() for one in cpus.read_text().splitlines() if one.startswith("model name"))
        model = next(lines, model)
    return f"{model}, Python {platform.python_version()}"
