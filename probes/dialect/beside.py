"""Reads what is declared of a venue without code from the TOML file beside it: names, addresses, budgets, gaps, codes.

Read once, when the venue is imported: the file is a part of the venue, and changes with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from probes.dialect.codes import codes
from probes.readings import Refusal, VenueId
from probes.venue import Budget, Feed, RestCheck, Venue


class Facts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The file's tables: as the fields of `Venue` of the same names, and `codes` by the words of `Refusal`."""

    title: str
    docs: str
    hosts: dict[str, str]
    budgets: tuple[Budget, ...]
    none: dict[str, tuple[str, ...]] = {}
    not_yet: dict[str, tuple[str, ...]] = {}
    codes: dict[Refusal, str | tuple[str, ...]] = {}


@cache
def facts_beside(venue_file: str) -> Facts:
    """The facts of a venue. Raises OSError without the file, ValueError if it is no TOML or no such facts."""
    at = _place(venue_file)
    return msgspec.convert(tomllib.loads(at.with_name(f"{at.name}.toml").read_text(encoding="utf-8")), Facts)


def _place(venue_file: str) -> Path:
    """Where a venue stands, by its name: its file without the ending, or its folder if it has several."""
    file = Path(venue_file)
    return file.parent if file.stem == "__init__" else file.with_suffix("")


def codes_beside(venue_file: str) -> Mapping[str, Refusal]:
    """A venue's table of error codes, for `Errors.refusals` and `Frames.refusals`."""
    return codes(facts_beside(venue_file).codes)


def venue(venue_file: str, checks: Sequence[RestCheck], feeds: Sequence[Feed], **more: Any) -> Venue:
    """The venue of this file, named after it or after its folder. `more`: the functions of `Venue`."""
    facts = facts_beside(venue_file)
    return Venue(
        id=VenueId(_place(venue_file).name),
        title=facts.title,
        docs=facts.docs,
        hosts=facts.hosts,
        budgets=facts.budgets,
        checks=tuple(replace(one, docs=one.docs or facts.docs) for one in checks),
        feeds=tuple(replace(one, docs=one.docs or facts.docs) for one in feeds),
        none=facts.none,
        not_yet=facts.not_yet,
        **more,
    )
