"""Makes the storms of several kinds: a cascade, venues in trouble and a contract's trouble, in random order within minutes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from monitor.drill.score.case import Case, ChainFact, Stage
from monitor.drill.score.parts import LEAD_S, cascade, contract_trouble, some_venues, surge_factor, venues_fail
from monitor.drill.score.truth import LegTruth, Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Leg, Level

BLOCK_S = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """A storm before its case is made: its stages, chain facts and legs, and when its facts end."""

    stages: tuple[Stage, ...]
    chain: tuple[ChainFact, ...]
    legs: tuple[LegTruth, ...]
    venues: tuple[VenueTruth, ...]
    end_s: float

    @property
    def peak_s(self) -> float:
        """The onset of its last leg."""
        return max(one.onset_s for one in self.legs)

    def case(self, level: Level = Level.PERFECT_STORM, after_s: float = 480.0) -> Case:
        """The case in which it happens, and `after_s` of calm behind it."""
        truth = Truth(level=level, legs=self.legs, venues=self.venues, faults=("venue", "market", "provider"))
        return Case(length_s=self.end_s + after_s, truth=truth, stages=self.stages, chain=self.chain)


def storm(world: World, rng: Random, *, from_s: float = LEAD_S, lasts_s: float | None = None) -> Storm:
    """A storm whose legs begin within about four minutes of each other and hold for `lasts_s` after the last."""
    onsets = [from_s, from_s + rng.uniform(10.0, 90.0), from_s + rng.uniform(60.0, 240.0)]
    rng.shuffle(onsets)
    surge_s, fail_s, change_s = onsets
    end_s = max(onsets) + (rng.uniform(240.0, 600.0) if lasts_s is None else lasts_s)
    venues = some_venues(world, rng, 0.4, 1.0)
    block_s = -(-change_s // BLOCK_S) * BLOCK_S
    chain = contract_trouble(rng, change_s)
    return Storm(
        stages=(
            *cascade(world, rng, surge_s, end_s, surge_factor(world, rng)),
            *venues_fail(rng, fail_s, end_s, venues),
        ),
        chain=chain,
        legs=(
            LegTruth(leg=Leg.LIQUIDATION, onset_s=surge_s, end_s=end_s),
            LegTruth(leg=Leg.VENUE, onset_s=fail_s, end_s=end_s),
            LegTruth(leg=Leg.MIGRATION, onset_s=block_s, end_s=end_s + 3600.0),
        ),
        venues=tuple(VenueTruth(venue=one, onset_s=fail_s, end_s=end_s) for one in venues),
        end_s=end_s,
    )
