"""Finds the provider that carries the stress of venues: one cloud or one operator fails, and takes its venues along. Pure.

A provider carries it when at least two of its venues and two thirds of them are in stress, while of the venues elsewhere at
most a fifth are: so many have trouble of their own on any bad day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

LEAST = 2
WITHIN = 2 / 3
ELSEWHERE = 0.2
_ROUNDED = 1e-9


def carrier(stressed: Collection[str], venues: Collection[str], providers: Mapping[str, Collection[str]]) -> str | None:
    """The provider that carries the stress among `venues`; None if none does, or if there is no venue elsewhere to compare.

    Of several, that with most venues in stress; then by name.
    """
    found: list[tuple[int, str]] = []
    for name, carries in providers.items():
        within = set(venues) & set(carries)
        elsewhere = set(venues) - within
        hit, outside = len(within & set(stressed)), len(elsewhere & set(stressed))
        if not elsewhere or hit < LEAST or hit < WITHIN * len(within) - _ROUNDED:
            continue
        if outside <= ELSEWHERE * len(elsewhere) + _ROUNDED:
            found.append((-hit, name))
    return min(found)[1] if found else None
