"""Writes an incident in words: headline, counter-evidence, rejected causes. Pure text from verdict and evidence."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.incidents import LEVEL_NAMES, Blindness, Evidence, Fault, Leg, LegState, Level, Verdict
from monitor.signals import TARGET_PREFIX

MAX_BLIND_NAMED = 3
MAX_ASSETS = 8
_WHOSE = {
    Fault.MARKET: "; most venues are in stress at once: the market",
    Fault.PROVIDER: "; most venues of its provider are in stress, few elsewhere: the provider",
    Fault.PATH: "; another vantage reaches it: the path there",
    Fault.LOCAL: "; our own network is down: not judged now",
}


def headline(verdict: Verdict, level: Level) -> str:
    """One line: the incident's level, asset, the strongest evidence of each TRUE leg in order of onset, the blind sources."""
    true = [leg for leg in verdict.legs if leg.state is LegState.TRUE]
    heaviest = [(leg.contributions[0].onset or leg.onset, leg) for leg in true]  # the onset of what is named, no other
    findings = [
        f"{leg.contributions[0].said} since {onset:%H:%M:%S}"
        for onset, leg in sorted(heaviest, key=lambda one: (one[0] is None, one[0], one[1].leg))
    ]
    unseen = [str(one.leg) for one in verdict.legs if one.state is LegState.UNKNOWN]
    text = _title(level, verdict.asset, verdict.level) + ("; ".join(findings) or "nothing strong now")
    if unseen:
        text += f"; cannot see: {', '.join(unseen)}"
    return text + _blind(verdict.blind)


def _title(level: Level, whose: str, seen: Level) -> str:
    """The level and whose it is; an incident that is held above what can be seen now says so."""
    name, now = (LEVEL_NAMES[one].replace("-", " ") for one in (level, seen))
    return f"{name.upper()} {whose}{f' (seen now: {now})' if seen < level else ''}: "


def _blind(blind: Sequence[Blindness]) -> str:
    words = [f"{one.source} ({one.reason})" for one in blind[:MAX_BLIND_NAMED]]
    return f"; blind: {', '.join(words)}" if words else ""


def venue_headline(
    venue: str,
    levels: tuple[Level, Level],
    strongest: Evidence | None,
    fault: Fault,
    assets: Sequence[str],
    blind: Sequence[Blindness],
) -> str:
    """One line: level, venue, its strongest evidence, the fault if not its own, the assets affected, the blind sources.

    `levels` are the incident's and what is seen now.
    """
    finding = "nothing strong now" if strongest is None else f"{strongest.said} since {strongest.onset:%H:%M:%S}"
    count = f"{len(assets)} asset{'s' if len(assets) != 1 else ''}"
    more = f" and {len(assets) - MAX_ASSETS} more" if len(assets) > MAX_ASSETS else ""
    own = venue.startswith(TARGET_PREFIX)
    nobody = "no watched asset depends on it" if own else "no watched asset trades there"
    affects = f"affects {count}: {', '.join(assets[:MAX_ASSETS])}{more}" if assets else nobody
    whose = venue if own else f"venue {venue}"
    level, seen = levels
    return f"{_title(level, whose, seen)}{finding}{_WHOSE.get(fault, '')}; {affects}{_blind(blind)}"


def counter_evidence(verdict: Verdict) -> tuple[str, ...]:
    """What argues against a storm: the legs that are calm, with their coverage."""
    return tuple(
        f"{leg.leg} seen calm with coverage {leg.coverage:.0%}" for leg in verdict.legs if leg.state is LegState.FALSE
    )


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


def local_headline(vantage: str, back: bool, asked: bool = True) -> str:
    """One line about a vantage: our own network failed or recovered, or nobody has asked for too long."""
    if not asked:
        return f"LOCAL {vantage}: nothing was asked for too long; whether our own network is back is unknown"
    if back:
        return f"LOCAL {vantage}: our own network answers again"
    return f"LOCAL {vantage}: nearly every venue and control fails at once; our own network, not the venues"


def runbook(base: str, level: Level, fault: Fault) -> str:
    """The runbook for this level."""
    return f"{base}{'local' if fault is Fault.LOCAL else LEVEL_NAMES[level]}.md"


def venue_runbook(base: str, fault: Fault) -> str:
    """The runbook for a venue's incident."""
    return f"{base}{'local' if fault is Fault.LOCAL else 'venue'}.md"
