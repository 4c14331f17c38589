"""Declares where an answer's error codes stand, and reads a venue's table of them: single codes, ranges, names with a star.

A code that is listed by itself counts before a family that it belongs to, and of names with a star the one with more before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from probes.readings import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """The error codes of an answer. `code`: the paths where one may be; `good`: codes that are no error.

    `refusals` maps codes (as text) and families of them to kinds (`codes.py`). A code that it does not have counts by the HTTP
    status, and in a good status as `Refusal.UNKNOWN_CODE`. `resets_at`: a header with the end of a throttling, unix seconds;
    `resets_in`: one with the milliseconds until then. `banned_until`: the words before the end of a ban in the text, unix
    milliseconds, of a venue that bans by HTTP 418; there 418 and 429 mean what they say, whatever the code.
    """

    code: tuple[str, ...]
    good: frozenset[str] = frozenset()
    text: tuple[str, ...] = ()
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    resets_at: str = ""
    resets_in: str = ""
    banned_until: str = ""


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
