"""Sends made messages to everything that reads bytes from venues: `python -m tests.fuzz`. `make fuzz` calls it.

No bytes may raise anything but the documented refusals, and no changed field may pass the gate as nonsense. A case that breaks
this is made smaller, stored under `.fuzz/` and printed as a test; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from probes import venues
from tests.fuzz.minimal import as_test, fails, minimised, read_back, stored
from tests.fuzz.search import Outcome, search
from tests.fuzz.seeds import Seeds, seeds_of

ROUND = 20_000
"""Cases of one venue before the next has its turn: what is kept to guide the search begins anew with each."""


def main() -> int:
    """Run what the command line says; return the exit code."""
    arguments = _arguments()
    if arguments.replay:
        return _replayed(arguments.replay)
    names = [one for one in venues.NAMES if not arguments.venue or one in arguments.venue]
    until_s = time.monotonic() + arguments.minutes * 60 if arguments.minutes else float("inf")
    total, left, number, since_s = Outcome(), arguments.count, arguments.seed, time.monotonic()
    while left > 0 and time.monotonic() < until_s:
        each = max(1, min(ROUND, left // len(names) or 1))
        for name in names:
            if left <= 0 or time.monotonic() >= until_s:
                break
            seeds = seeds_of(name, not arguments.fixtures)
            found = search(seeds, min(each, left), number, until_s=until_s)
            left -= found.cases
            _report(name, number, found, seeds, total, arguments.folder)
            per_s = total.cases / max(time.monotonic() - since_s, 1e-9)
            sent = f"{total.cases} cases of {total.bodies} bodies, {per_s:.0f} cases a second"
            print(f"{name}, seed {number}: {sent}, {len(total.faults)} faults", flush=True)
        number += 1
    print(
        f"{total.cases} cases of {total.bodies} bodies, {total.admitting} admitted in part, {total.readings} readings judged"
    )
    print(f"{len(total.words)} answers told apart, {len(total.arcs)} arcs, {len(total.faults)} faults")
    return 1 if total.faults else 0


def _report(name: str, number: int, found: Outcome, seeds: Seeds, total: Outcome, folder: Path) -> None:
    """Add what was found to the total, and print each new fault."""
    total.cases += found.cases
    total.bodies += found.bodies
    total.readings += found.readings
    total.admitting += found.admitting
    total.words |= found.words
    total.arcs |= found.arcs
    for kind, (case, why) in found.faults.items():
        if kind in total.faults:
            continue
        total.faults[kind] = (case, why)
        small = minimised(case, seeds)
        print(f"\nfault of {name}, seed {number}: {why}\n{stored(small, folder)}\n{as_test(small, why)}", flush=True)


def _replayed(file: Path) -> int:
    case = read_back(file.read_bytes())
    kind = fails(case, None if case.surface == "target" else seeds_of(case.venue))
    print(kind or "no fault")
    return 1 if kind else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="how many cases, over all venues")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other cases")
    parser.add_argument("--venue", action="append", default=[], choices=venues.NAMES, help="this venue alone")
    parser.add_argument("--minutes", type=float, default=0.0, help="stop after so many minutes (0: never)")
    parser.add_argument(
        "--fixtures", action="store_true", help="change the fixtures alone, not the recordings beside them"
    )
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="where failing cases are written")
    parser.add_argument("--replay", type=Path, help="run one stored case")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
