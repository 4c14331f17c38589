"""Makes what a correlator might have said, for the tests of the scorer."""

from __future__ import annotations

from monitor.drill.score.trial import SecondSaid, TimedChange, Trial
from monitor.incidents import Fault, Leg, Level

ASSET = "RIFT"
SCOPE = f"asset:{ASSET}"


def told(
    at_s: float, kind: str, level: Level, *, incident: str = "one", scope: str = SCOPE, fault: Fault = Fault.NONE
) -> TimedChange:
    """A change; it pages from storm-suspected on."""
    return TimedChange(at_s, incident, scope, kind, level, fault, level >= Level.STORM_SUSPECTED)


def trial(
    *changes: TimedChange, seconds: range = range(0), p: float = 0.0, true: dict[Leg, range] | None = None
) -> Trial:
    """A trial in which `p` was said for each second, and each leg of `true` was TRUE in its seconds."""
    legs = true or {}
    said = [
        SecondSaid(second + 0.5, float(second), p, frozenset(leg for leg, some in legs.items() if second in some))
        for second in seconds
    ]
    return Trial(told=list(changes), seconds={ASSET: said})
