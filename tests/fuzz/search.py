"""Runs made cases and lets what they say guide the next: a message that makes the product say something new is changed further.

New is a word of the closed form of `surfaces.Trace` or, of every fiftieth case, a pair of lines of `probes/` that ran in turn.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import probes
from tests.fuzz.making import Maker
from tests.fuzz.seeds import Seeds
from tests.fuzz.surfaces import Case, Fault, Trace, run

ROOM = str(Path(next(iter(probes.__path__))))
ARCS_EVERY = 50
SLOW_S = 2.0
MOST_WORDS = 200_000
MOST_FAULTS = 50


@dataclass(slots=True)
class Outcome:
    """What a search found: cases and bodies sent, readings judged, words and arcs reached, each fault's first case."""

    cases: int = 0
    bodies: int = 0
    readings: int = 0
    admitting: int = 0
    """Cases of which something was admitted."""
    words: set[str] = field(default_factory=set)
    arcs: set[tuple[int, int]] = field(default_factory=set)
    faults: dict[str, tuple[Case, str]] = field(default_factory=dict)
    seconds: float = 0.0


class _Arcs:
    """Collects the pairs of lines that run in turn within `probes/`."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int]] = set()

    def __enter__(self) -> _Arcs:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(ROOM):
            return None
        key, last = hash((code.co_filename, code.co_firstlineno)), [0]

        def line(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line":
                self.seen.add((key, last[0] << 16 | frame.f_lineno))
                last[0] = frame.f_lineno
            return line

        return line


def search(seeds: Seeds, count: int, seed: int, *, until_s: float = float("inf"), arcs: bool = True) -> Outcome:
    """Run `count` cases of one venue, or as many as there is time for (`until_s` of the steady clock)."""
    outcome, began_s = Outcome(), time.perf_counter()
    maker = Maker(seeds, Random(f"{seeds.venue.id} {seed}"))
    for number, case in enumerate(maker.cases()):
        if number >= count or (number % 100 == 0 and time.monotonic() >= until_s) or len(outcome.faults) >= MOST_FAULTS:
            break
        outcome.cases += 1
        outcome.bodies += sum(bool(one.body) for one in case.parts)
        _one(case, seeds, maker, outcome, traced=arcs and number % ARCS_EVERY == 0)
    outcome.seconds = time.perf_counter() - began_s
    return outcome


def _one(case: Case, seeds: Seeds, maker: Maker, outcome: Outcome, *, traced: bool) -> None:
    since_s = time.perf_counter()
    try:
        if traced:
            with _Arcs() as arcs:
                trace = run(case, seeds)
        else:
            arcs, trace = None, run(case, seeds)
    except Fault as fault:
        outcome.faults.setdefault(fault.kind, (case, str(fault)))
        return
    if time.perf_counter() - since_s > SLOW_S and (took_s := _alone_s(case, seeds)) > SLOW_S:
        outcome.faults.setdefault(f"slow {case.subject}", (case, f"{took_s:.1f} s"))
    outcome.readings += trace.readings
    outcome.admitting += trace.admitted > 0
    if _is_new(case, trace, arcs, outcome):
        maker.keep(case)


def _alone_s(case: Case, seeds: Seeds) -> float:
    """The processor's seconds of a case that seemed slow: the machine may have been busy."""
    since_s = time.process_time()
    run(case, seeds)
    return time.process_time() - since_s


def _is_new(case: Case, trace: Trace, arcs: _Arcs | None, outcome: Outcome) -> bool:
    said = {f"{case.subject} {word}" for word in trace.words} - outcome.words
    lines = set() if arcs is None else arcs.seen - outcome.arcs
    if len(outcome.words) < MOST_WORDS:
        outcome.words |= said
    outcome.arcs |= lines
    return bool(said or lines)
