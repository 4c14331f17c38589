"""Runs many seeds over all kinds of case: warm worlds made once, cases and their quiet twins judged on several cores.

A seed chooses its kind, world and numbers by itself, so that any part of a run can be run again alone. Seeds of two ranges that
never meet are for fitting and for judging.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing import active_children, get_context
from pathlib import Path
from random import Random

import msgspec

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.correlator.parts import Part
from monitor.drill.score.case import KINDS, Case
from monitor.drill.score.marks import Marks, judge
from monitor.drill.score.simulation import Simulation
from monitor.drill.score.trial import run
from monitor.drill.score.truth import Spell, Truth
from monitor.drill.score.worlds import ASSET, VANTAGE, VARIANTS, World, world_of
from monitor.incidents import LEVEL_NAMES
from monitor.recordings.signals import RecordingWriter, header_of
from monitor.signals import Signal
from monitor.version import stormwatch_version

FIRST_TRAINING, FIRST_JUDGED = 1, 1_000_001
"""The first seed of each range; a range has at most a million."""
MAX_SEEDS = 1_000_000
VENUES = (1, 4, 14)
"""Sizes of worlds that a score judges."""
WARM_S = 3600.0
"""So much of a world's quiet past is judged before its cases begin."""
MORE_WARM_S = 120.0
MAX_MORE_WARM_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run. `venues` are the sizes of worlds; `without` is what the judgement has to do without."""

    settings: CorrelatorSettings = field(default_factory=CorrelatorSettings)
    kinds: tuple[str, ...] = ()
    venues: tuple[int, ...] = VENUES
    without: frozenset[Part] = frozenset()
    warm_s: float = WARM_S
    jobs: int = 1


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The marks of one seed's case and of its quiet twin, and what they cost."""

    seed: int
    kind: str
    venues: int
    variant: int
    event: Marks
    quiet: Marks
    signals: int
    cpu_s: float


def chosen(seed: int, kinds: Sequence[str], venues: Sequence[int]) -> tuple[str, World]:
    """The kind and world of a seed: kinds and sizes in turn, so that any run of seeds has each of them alike."""
    kind = kinds[seed % len(kinds)]
    size = venues[seed // len(kinds) % len(venues)]
    variant = Random(f"variant/{seed}").randrange(VARIANTS)  # noqa: S311  # no secret: a seeded world
    if KINDS.get(kind).throttled:
        variant |= 1
    return kind, world_of(size, variant)


def case_of(seed: int, kind: str, world: World) -> Case:
    """The case that a seed makes of a kind in a world."""
    return KINDS.get(kind).make(world, Random(f"case/{seed}"))  # noqa: S311


@dataclass(frozen=True, slots=True)
class WarmPast:
    """A correlator that has judged a world's quiet past, and when cases go on from there, unix seconds."""

    image: bytes
    end_s: float


def trial_of(seed: int, order: Order, past: WarmPast | None = None) -> Result:
    """Judge one seed's case and its twin, behind `past` (None: it is judged here)."""
    began = time.process_time()
    kind, world = chosen(seed, order.kinds or KINDS.names(), order.venues)
    case = case_of(seed, kind, world)
    past = warm_past(world, order) if past is None else past
    marks, signals = [], 0
    for one in (case, case.twin()):
        trial = run(Correlator.thaw(past.image), Simulation(world, one, str(seed), start_s=past.end_s).steps())
        marks.append(judge(trial, one.truth.moved(past.end_s), ASSET, past.end_s))
        signals += trial.signals
    return Result(
        seed=seed, kind=kind, venues=len(world.venues), variant=world.variant, event=marks[0], quiet=marks[1],
        signals=signals, cpu_s=time.process_time() - began,
    )  # fmt: skip


def warm_past(world: World, order: Order) -> WarmPast:
    """Judge a world's quiet past for `order.warm_s`, and on until no incident is open, at most `MAX_MORE_WARM_S` more."""
    correlator = Correlator(order.settings, vantage=VANTAGE, without=order.without)
    steps = _past(world, order.warm_s).steps()
    end_s = world.start_s
    while True:
        run(correlator, _until(steps, end_s), ends=False)
        if not correlator.open_incidents() or end_s >= world.start_s + MAX_MORE_WARM_S:
            return WarmPast(correlator.freeze(), end_s)
        end_s += MORE_WARM_S


def _until(steps: Iterator[tuple[float, list[Signal]]], end_s: float) -> Iterator[tuple[float, list[Signal]]]:
    for at_s, signals in steps:
        yield at_s, signals
        if at_s >= end_s:
            return


def _past(world: World, warm_s: float) -> Simulation:
    seed = f"past/{world.variant}/{len(world.venues)}"
    past = Case(length_s=warm_s + MAX_MORE_WARM_S, truth=Truth())
    return Simulation(world, past, seed, start_s=world.start_s - warm_s, begins=True)


def results(seeds: Iterable[int], order: Order, show: Callable[[Result], None] = lambda _: None) -> list[Result]:
    """Judge seeds on `order.jobs` cores; `show` is called for each as it is done. In order of seed."""
    found = []
    for one in _results(list(seeds), order):
        show(one)
        found.append(one)
    return sorted(found, key=lambda one: one.seed)


def _results(seeds: Sequence[int], order: Order) -> Iterator[Result]:
    """Judge the pasts of all worlds first, then the seeds, those with the most to judge first."""
    kinds = order.kinds or KINDS.names()
    runs = {seed: chosen(seed, kinds, order.venues) for seed in seeds}
    worlds = list(dict.fromkeys(world for _, world in runs.values()))
    runs = dict(sorted(runs.items(), key=lambda one: -size_of(one[0], order)))
    if order.jobs <= 1:
        pasts = {world: warm_past(world, order) for world in worlds}
        for seed, (_, world) in runs.items():
            yield trial_of(seed, order, pasts[world])
        return
    with ProcessPoolExecutor(order.jobs, mp_context=get_context("spawn"), initializer=_end_silently) as pool:
        try:
            warming = pool.map(warm_past, worlds, [order] * len(worlds))
            pasts = dict(zip(worlds, warming, strict=True))
            for future in as_completed(
                [pool.submit(trial_of, seed, order, pasts[world]) for seed, (_, world) in runs.items()]
            ):
                yield future.result()
        except BaseException:  # an interrupt must not wait for seeds that nobody wants any more
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                worker.terminate()
            raise


def _end_silently() -> None:
    """In a worker: an interrupt from the terminal ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def size_of(seed: int, order: Order) -> float:
    """About how much there is to judge in a seed: seconds times venues, where a second costs as much as three venues."""
    kind, world = chosen(seed, order.kinds or KINDS.names(), order.venues)
    return case_of(seed, kind, world).length_s * (3 + len(world.venues))


def parameters(settings: CorrelatorSettings) -> str:
    """A hash of all that was fixed before a run: the settings, and the code that judges (constants stand in it)."""
    digest = sha256(msgspec.json.encode(settings, order="deterministic"))
    room = Path(__file__).parents[2]
    for folder in ("correlator", "detect"):
        for path in sorted((room / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def grouped(found: Iterable[Result], key: Callable[[Result], str]) -> Mapping[str, list[Result]]:
    """Results by a key, in order of the key."""
    groups: dict[str, list[Result]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return {name: groups[name] for name in sorted(groups)}


def saved(seed: int, order: Order, out: Path) -> Path:
    """Write a seed's signals, with the world's quiet past in front, as a recording, and its truth beside it. Raises OSError."""
    kind, world = chosen(seed, order.kinds or KINDS.names(), order.venues)
    case = case_of(seed, kind, world)
    end_s = warm_past(world, order).end_s
    header = header_of(order.settings, VANTAGE, stormwatch_version(), datetime.fromtimestamp(end_s, UTC))
    with RecordingWriter(out, header) as writer:
        for _, signals in _until(_past(world, order.warm_s).steps(), end_s):
            writer.signals(signals)
        for _, signals in Simulation(world, case, str(seed), start_s=end_s).steps():
            writer.signals(signals)
    beside = out.with_name(f"{out.name.removesuffix('.gz').removesuffix('.jsonl')}.truth.toml")
    beside.write_text(truth_text(ASSET, case.truth.moved(end_s)), encoding="utf-8")
    return beside


def truth_text(asset: str, truth: Truth) -> str:
    """A truth as the file that `--truth` reads."""
    lines = ["[[assets]]", f'asset = "{asset}"', f'level = "{LEVEL_NAMES[truth.level]}"']
    lines.append(f"faults = {list(truth.faults)}".replace("'", '"'))
    for leg in truth.legs:
        lines += ["[[assets.legs]]", f'leg = "{leg.leg.value}"', f"blind = {str(leg.blind).lower()}", *_times(leg)]
    for venue in truth.venues:
        lines += ["[[assets.venues]]", f'venue = "{venue.venue}"', *_times(venue)]
    for spell in truth.blind:
        lines += ["[[assets.blind]]", *_times(spell)]
    return "\n".join(lines) + "\n"


def _times(spell: Spell) -> list[str]:
    at = (datetime.fromtimestamp(one, UTC).isoformat() for one in (spell.onset_s, spell.end_s))
    return [f"{name} = {value}" for name, value in zip(("onset", "end"), at, strict=True)]
