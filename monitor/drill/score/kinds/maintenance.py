"""One venue is closed for announced maintenance: known to be planned, a watch at most."""

from __future__ import annotations

from random import Random

from monitor.drill.score.case import Case, Kind, Stage
from monitor.drill.score.parts import LEAD_S
from monitor.drill.score.truth import Truth, VenueTruth
from monitor.drill.score.worlds import World
from monitor.incidents import Level


def make(world: World, rng: Random) -> Case:
    """The venue announces it, answers with its word for maintenance, and closes its feeds."""
    venue = rng.choice(world.names)
    end_s = LEAD_S + rng.uniform(300.0, 900.0)
    words = Stage(
        from_s=60.0,
        until_s=end_s,
        venues=(venue,),
        status=2.0,
        status_title="Scheduled system maintenance",
        planned=True,
    )
    closed = Stage(
        from_s=LEAD_S, until_s=end_s, venues=(venue,), failing=1.0, outcome="maintenance", cut=("book_ws", "liquidation"),
        planned=True,
    )  # fmt: skip
    truth = Truth(level=Level.WATCH, venues=(VenueTruth(venue=venue, onset_s=60.0, end_s=end_s),), faults=("venue",))
    return Case(length_s=end_s + 480.0, truth=truth, stages=(words, closed))


KIND = Kind(title="announced maintenance of one venue", make=make)
