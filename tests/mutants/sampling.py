"""Draws a seeded sample of all edits, spread over the modules by their number of statements."""

from __future__ import annotations

import random
import sys
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatch

from tests.mutants.operators import Edit, difference, edits
from tests.mutants.targets import ROOT, dotted, modules, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One edit of one module, the module's source after it, and the lines that differ."""

    path: str
    room: str
    edit: Edit
    source: str
    difference: str

    @property
    def module(self) -> str:
        """The name by which the module is imported."""
        return dotted(self.path)

    @property
    def place(self) -> str:
        """Path and line, as editors read them."""
        return f"{self.path}:{self.edit.line}"

    def mutated(self) -> str:
        """The first line that the edit wrote, without its indent; it identifies an accepted survivor."""
        added = [line[1:].strip() for line in self.difference.splitlines() if line.startswith("+")]
        return added[0] if added else "(removed)"


def sample(seed: int, count: int, only: tuple[str, ...] = ()) -> list[Mutant]:
    """`count` mutants, or fewer if there are not so many; the same for the same seed and source."""
    chosen = {path: room for path, room in modules().items() if not only or any(fnmatch(path, glob) for glob in only)}
    if not chosen:
        raise SystemExit(f"--only {' '.join(only)} names no module of tests/mutants/targets.py")
    shares = spread({path: statements(path) for path in chosen}, count)
    return [mutant for path, room in chosen.items() for mutant in _of(path, room, seed, shares[path])]


def spread(sizes: dict[str, int], count: int) -> dict[str, int]:
    """`count` divided in proportion to the sizes, by largest remainder; the sum is `count`."""
    total = sum(sizes.values())
    exact = {name: count * size / total for name, size in sizes.items()}
    shares = {name: int(share) for name, share in exact.items()}
    for name in sorted(exact, key=lambda one: (shares[one] - exact[one], one))[: count - sum(shares.values())]:
        shares[name] += 1
    return shares


def all_within(path: str, functions: Collection[str]) -> list[Mutant]:
    """Every mutant of these functions of one module; its room is left empty."""
    source = (ROOT / path).read_text(encoding="utf-8")
    return _made(path, "", source, [one for one in edits(source) if one.function in functions], sys.maxsize)


def _of(path: str, room: str, seed: int, count: int) -> list[Mutant]:
    source = (ROOT / path).read_text(encoding="utf-8")
    found = edits(source)
    random.Random(f"{seed} {path}").shuffle(found)
    return _made(path, room, source, found, count)


def _made(path: str, room: str, source: str, found: list[Edit], count: int) -> list[Mutant]:
    mutants: list[Mutant] = []
    for edit in found:
        if len(mutants) == count:
            break
        after = edit.applied(source)
        if after is not None:
            mutants.append(Mutant(path=path, room=room, edit=edit, source=after, difference=difference(source, after)))
    return sorted(mutants, key=lambda one: one.edit.start)
