"""Makes docs/evidence.md: which reader of the correlator reads each attribute of each kind of signal, and who needs it.

The readers are found in their folder, and what they read in their code. What nobody reads is excused in writing, or is a gap.
`python -m monitor.drill.evidence_table` prints the page.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from monitor.correlator.attribution import Attribution
from monitor.correlator.coverage import Coverage
from monitor.correlator.evidence import names
from monitor.correlator.own_lag import OwnLag
from monitor.correlator.own_path import OwnPath
from monitor.drill import scenario as scenarios
from monitor.drill.evidence_excuses import EXCUSED, NO_EVIDENCE
from monitor.drill.evidence_reads import VALUE, reads_of
from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS

FOLDER = "monitor.correlator.evidence"
HEAD = """# What is judged

Each row is one figure that Stormwatch reads: the value or an attribute of a kind of signal ([formats.md](formats.md) says what it
means). `read by` names the producers of evidence (`monitor/correlator/evidence/`, one file each), or coverage, attribution,
own_lag and own_path, which judge whether we see and whose fault it is. `scenario` names the shipped scenarios
(`stormwatch drill list`) whose verdict needs a finding of that reader. What nobody reads says why. The page is made from the code
by `python -m monitor.drill.evidence_table`; a test fails if a figure is neither read nor excused, or if this page is old.

"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One attribute of one kind: who reads it, and the excuse if nobody does ("": there is none)."""

    kind: SignalKind
    name: str
    readers: tuple[str, ...]
    excuse: str


def readers() -> Mapping[str, type]:
    """Every reader by its name: the producers of evidence, found by their folder, and who judges our own sight."""
    found = {name: import_module(f"{FOLDER}.{name}").PRODUCER for name in names()}
    return found | {"coverage": Coverage, "attribution": Attribution, "own_lag": OwnLag, "own_path": OwnPath}


def cells() -> Iterator[Cell]:
    """Every cell of the table, in the order of the formats."""
    read: dict[tuple[SignalKind, str], list[str]] = {}
    for reader, kind_of in readers().items():
        for kind in sorted(getattr(kind_of, "kinds", SignalKind)):
            for name in reads_of(kind_of, kind):
                read.setdefault((kind, name), []).append(reader)
    for kind, declared in KINDS.items():
        for name in (VALUE, *declared.attributes):
            found = tuple(sorted(read.get((kind, name), ())))
            yield Cell(kind, name, found, "" if found else excuse_of(kind, name))


def excuse_of(kind: SignalKind, name: str) -> str:
    """Why nobody need read it; "" if nothing is written."""
    if name == VALUE and KINDS[kind].value.startswith("always "):
        return "it is always the same"
    return NO_EVIDENCE.get(kind) or EXCUSED.get((kind, name)) or EXCUSED.get((None, name), "")


def needed_by() -> Mapping[str, tuple[str, ...]]:
    """Reader -> the shipped scenarios whose verdict needs one of its findings, in order of name."""
    shipped = [scenarios.load(name) for name in scenarios.names()]
    return {
        reader: tuple(one.name for one in shipped if any(finds(kind_of, each) for each in one.expect.findings))
        for reader, kind_of in readers().items()
    }


def finds(reader: type, finding: str) -> bool:
    """Whether a reader's module names this finding."""
    return f'"{finding}"' in inspect.getsource(sys.modules[reader.__module__])


def page() -> str:
    """The whole page."""
    needed, lines = needed_by(), [HEAD]
    before = None
    for cell in cells():
        if cell.kind is not before:
            lines.append(f"## `{cell.kind}`\n\n| figure | read by | scenario |\n| --- | --- | --- |\n")
            before = cell.kind
        by = ", ".join(f"`{one}`" for one in cell.readers) or (
            f"nobody: {cell.excuse}" if cell.excuse else "**nobody**"
        )
        wanted = sorted({one for reader in cell.readers for one in needed.get(reader, ())})
        last = cell.name == (VALUE, *KINDS[cell.kind].attributes)[-1]
        lines.append(f"| {cell.name} | {by} | {', '.join(wanted)} |\n" + ("\n" if last else ""))
    return "".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
