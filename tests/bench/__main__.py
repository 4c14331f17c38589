"""Prints the machine and every figure with its target and its peer: `python -m tests.bench [NAME…] [--json] [--strict]`.

A missed target is printed as MISSED. The exit code is 1 only with --strict: a slow machine is not a broken program.
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
    """The machine on which the figures are measured."""
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


def figure_text(figure: Figure) -> str:
    """The text of a figure, in two or three lines."""
    verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
    first = f"  {figure.name:<61}{shown(figure.value):>12} {figure.unit:<11}{figure.aim:<12}{verdict}".rstrip()
    lines = [first]
    if figure.peer:
        lines.append(f"      beside: {figure.peer:<53}{shown(figure.peer_value):>12} {figure.unit}")
    lines.append(f"      simulated: {figure.simulated}" + (f"; {figure.note}" if figure.note else ""))
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(measures.names()))
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - set(measures.names())
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(measures.names())}")
    found: dict[str, list[Figure]] = {}
    if not given.json:
        print(", ".join(f"{key} {value}" for key, value in machine().items()), flush=True)
    for name in given.names or measures.names():
        began = perf_counter()
        found[name] = measures.declared(name)()
        if not given.json:
            print(f"\n{name} ({perf_counter() - began:.0f} s)", *map(figure_text, found[name]), sep="\n", flush=True)
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
