"""`python -m tests.bench [NAME…] [--json] [--strict]`: the machine, then every figure beside its aim and its peer.

A missed aim is printed as MISSED and ends with 1 only under --strict: a slow machine is no broken program.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from tests.bench import measures
from tests.bench.figures import Figure, shown


def machine() -> dict[str, str | int]:
    """The machine the figures are of."""
    cpu = platform.processor() or platform.machine()
    known = Path("/proc/cpuinfo")
    if known.exists():
        lines = (line.partition(":") for line in known.read_text(encoding="utf-8").splitlines())
        cpu = next((value.strip() for key, _, value in lines if key.strip() == "model name"), cpu)
    return {
        "cpu": cpu,
        "cores": os.cpu_count() or 0,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f} before",
    }


def told(figure: Figure) -> str:
    """A figure in two or three lines."""
    verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
    first = f"  {figure.name:<61}{shown(figure.value):>12} {figure.unit:<11}{figure.aim:<12}{verdict}".rstrip()
    lines = [first]
    if figure.peer:
        lines.append(f"      beside: {figure.peer:<53}{shown(figure.peer_value):>12} {figure.unit}")
    lines.append(f"      simulated: {figure.simulated}" + (f"; {figure.note}" if figure.note else ""))
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Run what is named, or all."""
    form = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    form.add_argument("names", nargs="*", metavar="NAME", help=", ".join(measures.names()))
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--strict", action="store_true", help="exit 1 where an aim is missed")
    given = form.parse_args(words)
    unknown = set(given.names) - set(measures.names())
    if unknown:
        form.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(measures.names())}")
    found: dict[str, list[Figure]] = {}
    if not given.json:
        print(", ".join(f"{key} {value}" for key, value in machine().items()), flush=True)
    for name in given.names or measures.names():
        began = perf_counter()
        found[name] = measures.declared(name)()
        if not given.json:
            print(f"\n{name} ({perf_counter() - began:.0f} s)", *map(told, found[name]), sep="\n", flush=True)
    figures = [figure for some in found.values() for figure in some]
    missed = [figure.name for figure in figures if figure.met is False]
    if given.json:
        rows = [{"bench": name, **asdict(figure), "met": figure.met} for name, some in found.items() for figure in some]
        print(json.dumps({"machine": machine(), "figures": rows}))
    elif missed:
        print(f"\nMISSED: {'; '.join(missed)}")
    return 1 if missed and given.strict else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
