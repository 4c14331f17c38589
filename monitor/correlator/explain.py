"""Says what argues against an incident: counter-evidence and rejected causes; and names its runbook. Pure text."""

from __future__ import annotations

from monitor.incidents import LEVEL_NAMES, Blindness, Fault, Leg, LegState, Level, Verdict


def counter_evidence(verdict: Verdict, dissent: str = "") -> tuple[str, ...]:
    """What argues against a storm: the legs that are calm, with their coverage, and the vantages that see it otherwise."""
    calm = [
        f"{leg.leg} seen calm with coverage {leg.coverage:.0%}" for leg in verdict.legs if leg.state is LegState.FALSE
    ]
    return (*calm, dissent) if dissent else tuple(calm)


def rejected_causes(fault: Fault, controls_good: bool) -> tuple[str, ...]:
    """The other explanations, and why each is rejected."""
    rejected = []
    if fault is not Fault.LOCAL:
        reason = "other targets answer" if controls_good else "too few targets fail at once"
        rejected.append(f"local: {reason}")
    if fault is not Fault.MARKET:
        rejected.append("market: fewer than most venues are in stress")
    return tuple(rejected)


def blindness_order(one: Blindness) -> tuple[float, str, Leg]:
    """The order of blind sources: least coverage first, then by name."""
    return one.coverage, one.source, one.leg


def runbook(base: str, level: Level, fault: Fault) -> str:
    """The runbook for this level."""
    return f"{base}{'local' if fault is Fault.LOCAL else LEVEL_NAMES[level]}.md"


def venue_runbook(base: str, fault: Fault) -> str:
    """The runbook for a venue's incident."""
    return f"{base}{'local' if fault is Fault.LOCAL else 'venue'}.md"
