"""Computes how fragile an asset is, from 0 to 100, out of ratios that say how far a shock would carry. Pure.

Each part has points: 0 at its calm value, 50 at the bound from which it is evidence, 100 as far again, by the logarithm. Parts
join as independent chances of half their points, so that one more never makes an asset look firmer. A part that nobody sees adds
nothing to the index and its whole to what the index may be at most (the scale is this project's own: docs/detection.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log, prod

WEIGHT = 0.5
"""The chance that a part of 100 points stands for."""
FRESH_S = 60.0
"""Ratios are noted every 15 s; one that was not noted for so long is not known now."""

Noted = Mapping[str, tuple[float, float]]
"""Name of a part -> unix seconds and its value."""


@dataclass(frozen=True, slots=True)
class PartKind:
    """What a part compares; `calm` has no points, `bound` has 50."""

    name: str
    what: str
    calm: float
    bound: float

    def points(self, value: float) -> float:
        """The points of a value, 0 to 100."""
        if value <= self.calm:
            return 0.0
        return min(50 * log(value / self.calm) / log(self.bound / self.calm), 100.0)


PARTS = (
    PartKind("perp_over_spot", "perpetual over spot volume", 0.8, 8.0),
    PartKind("interest_over_depth", "open interest over the visible bids", 20.0, 200.0),
    PartKind("funding", "funding in eight hours, whichever side pays", 0.00005, 0.0005),
    PartKind("one_sided", "positions on the fuller side for one on the other", 1.0, 2.5),
    PartKind("interest_growth", "open interest over that of an hour ago", 1.0, 1.5),
    PartKind("concentration", "places with depth within an hour over those now", 1.0, 1.5),
    PartKind("exit", "usual exit capacity over that of now", 1.0, 2.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FragilityPart:
    """One ratio: `value`, `points` (0 to 100) and what the index would lose without it; all None where it is not known."""

    name: str
    what: str
    bound: float
    value: float | None
    points: float | None
    adds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragility:
    """How fragile an asset is: `index` by what is known (None if nothing is), `at_most` if all that is unknown were extreme."""

    asset: str
    at: datetime
    index: float | None
    at_most: float
    parts: tuple[FragilityPart, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The parts that nobody sees."""
        return tuple(one.name for one in self.parts if one.points is None)

    @property
    def known(self) -> tuple[FragilityPart, ...]:
        """The parts that are known, what adds most first."""
        return tuple(sorted((one for one in self.parts if one.adds is not None), key=lambda one: -(one.adds or 0.0)))


def fragility_of(asset: str, noted: Noted, now_s: float) -> Fragility:
    """The index of one asset from the values that are fresh at `now_s` (unix seconds)."""
    values = {
        kind.name: noted[kind.name][1]
        for kind in PARTS
        if kind.name in noted and 0 <= now_s - noted[kind.name][0] <= FRESH_S
    }
    points = {kind.name: kind.points(values[kind.name]) for kind in PARTS if kind.name in values}
    index = _joined(points.values())
    parts = tuple(
        FragilityPart(
            name=kind.name,
            what=kind.what,
            bound=kind.bound,
            value=values.get(kind.name),
            points=_rounded(points.get(kind.name)),
            adds=_rounded(
                index - _joined(one for name, one in points.items() if name != kind.name)
                if kind.name in points
                else None
            ),
        )
        for kind in PARTS
    )
    most = _joined(points.get(kind.name, 100.0) for kind in PARTS)
    return Fragility(
        asset=asset,
        at=datetime.fromtimestamp(now_s, UTC),
        index=round(index, 1) if points else None,
        at_most=round(most, 1),
        parts=parts,
    )


def ranked(found: Iterable[Fragility]) -> list[Fragility]:
    """Which breaks next: by the index, then by what it may be at most, then by name; of whom nothing is known last."""
    return sorted(found, key=lambda one: (one.index is None, -(one.index or 0.0), -one.at_most, one.asset))


def _joined(points: Iterable[float]) -> float:
    return 100 * (1 - prod(1 - WEIGHT * one / 100 for one in points))


def _rounded(points: float | None) -> float | None:
    return None if points is None else round(points, 1)
