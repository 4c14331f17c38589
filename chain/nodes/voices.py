"""Counts the voices of providers: each provider has one, and its endpoints share it. No I/O.

Two endpoints of one provider that tell the same lie are one voice, and against one honest provider they decide nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def voices(choices: Mapping[str, T], providers: Mapping[str, str]) -> dict[T, Fraction]:
    """Return the voices of each choice. `choices`: by node; `providers`: by node, a node without one is its own.

    A provider whose endpoints choose differently divides its voice among them equally.
    """
    endpoints = Counter(providers.get(name, name) for name in choices)
    found: dict[T, Fraction] = {}
    for name, choice in choices.items():
        found[choice] = found.get(choice, Fraction(0)) + Fraction(1, endpoints[providers.get(name, name)])
    return found


def majority(choices: Mapping[str, T], providers: Mapping[str, str]) -> T | None:
    """Return the choice of more than half of all providers; None if there is none.

    A provider whose endpoints choose differently has none: half an honest voice must not decide for a liar.
    """
    chosen: dict[str, set[T]] = {}
    for name, choice in choices.items():
        chosen.setdefault(providers.get(name, name), set()).add(choice)
    counted = Counter(choice for some in chosen.values() if len(some) == 1 for choice in some)
    return next((choice for choice, some in counted.items() if some * 2 > len(chosen)), None)
