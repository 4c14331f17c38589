"""Prints a run: figures by module, every survivor, and the accepted ones with their reason."""

from __future__ import annotations

import os
import platform
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.judging import ALIVE, Fate, Judged
from tests.mutants.targets import WORK

ACCEPTED = Path(__file__).with_name("accepted.toml")
LEAST_KILLED = 0.95


@dataclass(frozen=True, slots=True)
class Accepted:
    """A survivor that is not a gap in the tests: identified by its module, its function and the line it writes."""

    module: str
    function: str
    mutated: str
    reason: str

    def is_for(self, judged: Judged) -> bool:
        """Whether this entry is about that mutant."""
        mutant = judged.mutant
        return (self.module, self.function, self.mutated) == (mutant.module, mutant.edit.function, mutant.mutated())


def accepted(path: Path = ACCEPTED) -> list[Accepted]:
    """The table of accepted survivors. Every entry needs a reason."""
    rows = tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", [])
    entries = [Accepted(row["module"], row["function"], row["mutated"], row["reason"]) for row in rows]
    for one in entries:
        if len(one.reason.split()) < 4:
            raise SystemExit(f"{path.name}: {one.module} {one.function}: a reason is a sentence")
    return entries


def machine() -> str:
    """The machine on which it ran."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def print_report(judged: list[Judged], entries: list[Accepted], took_s: float) -> int:
    """Print figures and survivors, write the survivors to files; return 0 if enough were killed and the rest is accepted."""
    alive = [one for one in judged if one.fate in ALIVE]
    open_ones = [one for one in alive if not any(entry.is_for(one) for entry in entries)]
    _table(judged)
    text = "\n".join(shown(one) for one in open_ones)
    for room in sorted({one.mutant.room for one in judged}):
        mine = "\n".join(shown(one) for one in open_ones if one.mutant.room == room)
        (WORK / f"survivors-{room}.txt").write_text(mine, encoding="utf-8")
    print(f"\n{len(open_ones)} survivors that are not accepted (also in {WORK.name}/survivors-ROOM.txt):\n{text}")
    killed = len(judged) - len(alive)
    share = killed / len(judged) if judged else 1.0
    fates = ", ".join(f"{count} {fate}" for fate, count in Counter(one.fate for one in judged).most_common())
    print(f"{killed} of {len(judged)} mutants killed ({share:.1%}; {fates}); {len(alive) - len(open_ones)} accepted")
    print(f"in {took_s:.0f} s on {machine()}")
    return 0 if share >= LEAST_KILLED and not open_ones else 1


def shown(judged: Judged) -> str:
    """A survivor: place, function, and the difference."""
    mutant = judged.mutant
    why = "" if judged.fate is Fate.SURVIVED else f"  ({judged.fate})"
    return f"{mutant.place}  {mutant.edit.function}  [{mutant.edit.operator}]{why}\n{mutant.difference}\n"


def _table(judged: list[Judged]) -> None:
    modules = sorted({one.mutant.path for one in judged})
    print(f"\n{'module':46} {'mutants':>8} {'killed':>7} {'share':>7}")
    for module in modules:
        mine = [one for one in judged if one.mutant.path == module]
        killed = sum(one.fate not in ALIVE for one in mine)
        print(f"{module:46} {len(mine):8} {killed:7} {killed / len(mine):7.0%}")
