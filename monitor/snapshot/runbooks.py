"""Finds the runbooks that ship with Stormwatch, and reads from one what to do first."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

_NAME = re.compile(r"[a-z0-9-]{1,64}\.md")
_ITEM = re.compile(r"(\d{1,2})\. +(.*)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*\*|`")


def name_of(runbook: str) -> str:
    """The file name in an incident's runbook link: "ops/runbooks/squall.md" gives "squall.md"."""
    return PurePosixPath(runbook).name


def shipped(names: Iterable[str]) -> dict[str, str]:
    """The text of each of these runbooks that ships with the program, by file name; the others are left out."""
    found = {}
    for name in sorted(set(names)):
        text = _text(name) if _NAME.fullmatch(name) else None
        if text is not None:
            found[name] = text
    return found


def first_steps(text: str) -> list[str]:
    """The steps of a runbook's first numbered list, each on one line and without markup."""
    steps: list[str] = []
    within = False
    for line in text.splitlines():
        item = _ITEM.fullmatch(line)
        if item is not None:
            steps.append(item[2])
            within = True
        elif within and line.startswith("   "):
            steps[-1] += f" {line.strip()}"
        elif steps and line.strip():  # a paragraph ends the list
            break
    return [_MARKS.sub("", _LINK.sub(r"\1", one)) for one in steps]


@cache
def _text(name: str) -> str | None:
    """The text of a runbook: beside the source, or where the wheel has put it."""
    places = [Path(__file__).parents[2] / "ops" / "runbooks"]
    places += [
        Path(sysconfig.get_path("data", scheme)) / "share" / "stormwatch" / "runbooks"
        for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    ]
    for place in places:
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    return None
