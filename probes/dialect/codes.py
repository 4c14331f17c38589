"""Reads a venue's table of error codes: single codes, whole numbers from one to another, and names with a star.

A code that is listed by itself counts before a family that it belongs to, and of names with a star the one with more before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from probes.readings import Refusal


def codes(by_kind: Mapping[Refusal, str | Sequence[str]]) -> Mapping[str, Refusal]:
    """A table for `Errors.refusals`: for each kind its codes, apart by blanks, or a sequence where codes have blanks."""
    return {
        code: kind
        for kind, listed in by_kind.items()
        for code in (listed.split() if isinstance(listed, str) else listed)
    }


def meaning(table: Mapping[str, Refusal]) -> Callable[[str], Refusal | None]:
    """What a code means by the table: "-1121", "-1199..-1100" (both included) or "INVALID_*". None if it has no such code."""
    families = [(one, kind) for one, kind in table.items() if ".." in one]
    stars = [(one, kind) for one, kind in table.items() if "*" in one]
    families += sorted(stars, key=lambda star: star[0].index("*"), reverse=True)

    def kind_of(code: str) -> Refusal | None:
        if code in table:
            return table[code]
        return next((kind for one, kind in families if _belongs(code, one)), None)

    return kind_of


def _belongs(code: str, family: str) -> bool:
    first, dots, last = family.partition("..")
    if not dots:
        return fnmatchcase(code, family)
    digits = code.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 10 and int(first) <= int(code) <= int(last)
