"""Defines a feature that users rely on, by the smallest edit that removes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: the function that implements it, and either a new `body` for it or `swaps` of text in it."""

    name: str
    module: str
    function: str
    body: str | None = None
    swaps: tuple[tuple[str, str], ...] = ()


def swap(name: str, module: str, function: str, old: str, new: str) -> Feature:
    """A feature that is removed by other text in one place of a function."""
    return Feature(name, module, function, swaps=((old, new),))
