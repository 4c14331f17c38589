"""A storm whose feeds die two minutes after its last leg: it may not end as resolved while nobody can see."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from monitor.drill.score.case import FEEDS, Case, Kind, Stage
from monitor.drill.score.storms import storm
from monitor.drill.score.truth import Spell
from monitor.drill.score.worlds import World


def make(world: World, rng: Random) -> Case:
    """Every WebSocket of every venue is cut, or falls silent, until the storm is over."""
    whole = storm(world, rng, lasts_s=900.0)
    dark = Spell(onset_s=whole.peak_s + 120.0, end_s=whole.end_s)
    cut = rng.random() < 0.5
    stage = Stage(from_s=dark.onset_s, until_s=dark.end_s, cut=FEEDS if cut else (), mute=() if cut else FEEDS)
    case = replace(whole, stages=(*whole.stages, stage)).case()
    return replace(case, truth=replace(case.truth, blind=(dark,)))


KIND = Kind(title="a storm whose feeds die at the peak", make=make)
