"""Cuts what the board shows down to what a screen of text can hold, so that its JSON stays small whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from monitor.incidents import IncidentChange, IncidentState, Verdict
from monitor.signals.plain_text import one_line
from monitor.web.board.contents import Contents

MAX_INCIDENTS = 20
MAX_CHANGES = 8
"""Of a timeline: its first change and the latest ones."""
MAX_ASSETS = 400
MAX_SOURCES = 2000
MAX_BLIND = 40
"""Of one asset."""
MAX_TEXT = 400
_LIVE = (IncidentState.OPEN, IncidentState.HELD_BLIND)


def brief(board: Contents) -> Contents:
    """The same board without evidence, contributions and old changes. Open and grave incidents come before others."""
    order = sorted(
        board.incidents, key=lambda one: (one[-1].state not in _LIVE, -one[-1].level if one[-1].state in _LIVE else 0)
    )
    verdicts = sorted(board.verdicts.values(), key=lambda one: (-one.level, one.asset))[:MAX_ASSETS]
    return replace(
        board,
        verdicts={one.asset: _verdict(one) for one in verdicts},
        exits={one.asset: board.exits[one.asset] for one in verdicts if one.asset in board.exits},
        sources=tuple(islice(board.sources, MAX_SOURCES)),
        incidents=tuple(_timeline(one) for one in order[:MAX_INCIDENTS]),
    )


def _verdict(verdict: Verdict) -> Verdict:
    legs = tuple(replace(one, contributions=()) for one in verdict.legs)
    blind = sorted(verdict.blind, key=lambda one: (one.coverage, one.source))[:MAX_BLIND]
    return replace(
        verdict, legs=legs, blind=tuple(replace(one, reason=one_line(one.reason, MAX_TEXT)) for one in blind)
    )


def _timeline(changes: Sequence[IncidentChange]) -> Sequence[IncidentChange]:
    kept = changes if len(changes) <= MAX_CHANGES else (changes[0], *changes[-MAX_CHANGES + 1 :])
    return tuple(
        replace(
            one, verdict=None, evidence=(), counter_evidence=(), blind=(), rejected_causes=(),
            headline=one_line(one.headline, MAX_TEXT), exit=one.exit if one is changes[-1] else None,
        )
        for one in kept
    )  # fmt: skip
