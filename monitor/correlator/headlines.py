"""Writes the headline of an incident: one line of bounded length with the strongest finding of each leg. Pure text.

What does not fit stands in the change beside it: evidence, blind sources, the rate of false alarms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from monitor.correlator.producer import brief
from monitor.correlator.venues import VenueAssessment
from monitor.incidents import (
    DRILL_PREFIX,
    LEVEL_NAMES,
    MAX_HEADLINE,
    Blindness,
    Evidence,
    Fault,
    LegState,
    Level,
    Verdict,
    brief_usd,
)
from monitor.signals import TARGET_PREFIX

ROOM = MAX_HEADLINE - len(DRILL_PREFIX)
"""A drill says the same words as the real thing, so the place of its prefix is always kept free."""
MAX_BLIND_NAMED = 3
MAX_ASSETS = 8
FEW_ASSETS = 3
MAX_NAME = 24
"""Characters of the name of a venue or a vantage."""
MAX_ASSET = 20
"""Characters of an asset's name: beside it there is room for the onset and the name of every leg."""
MIN_WORDS = 3
"""Fewer characters behind the name of a leg say nothing."""
NAME_ALONE = 2
"""The third of the choices for a finding has no value."""
NOTHING = "nothing strong now"
_WHOSE = {
    Fault.MARKET: "; most venues are in stress at once: the market",
    Fault.PROVIDER: "; most venues of its provider are in stress, few elsewhere: the provider",
    Fault.PATH: "; another vantage reaches it: the path there",
    Fault.LOCAL: "; our own network is down: not judged now",
}
_WHOSE_BRIEFLY = {
    Fault.MARKET: "; the market",
    Fault.PROVIDER: "; its provider",
    Fault.PATH: "; the path there",
    Fault.LOCAL: "; our own network is down",
}
_ASIDE = re.compile(r" ?\([^()]*\)")


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a headline may say of one finding: in full, without asides, or by its name."""

    said: str
    onset: datetime | None
    measured: Sequence[str] = ()
    """The name with the present value, then the name alone."""
    of: str = ""
    """Whom the title names already."""
    leg: str = ""
    """The leg that has to be named, by the finding's own words or before them; empty if none has."""

    @property
    def briefly(self) -> str:
        return _ASIDE.sub("", self.said.removeprefix(f"{self.of} "))

    def since(self, words: str) -> str:
        text = self._naming(words)
        return text if self.onset is None else f"{text} since {self.onset:%H:%M:%S}"

    def choices(self) -> list[str]:
        """The onset to the minute with the words, with the name and the value, or with the name alone: best first."""
        candidates = (self.briefly, *self.measured)
        return [self._when + self._naming(words) for words in candidates if words] or [self._when + self.leg]

    def within(self, width: int) -> str:
        """The best choice that fits, else the onset and the first words."""
        fitting = next((one for one in self.choices() if len(one) <= width), "")
        if fitting:
            return fitting
        room = width - len(self._when)
        begun = cut(self.briefly, room)
        if self._names(begun):
            return self._when + begun
        left = room - len(self.leg) - 2
        return self._when + (f"{self.leg}: {cut(self.briefly, left)}" if left > MIN_WORDS else self.leg)

    @property
    def _when(self) -> str:
        return "" if self.onset is None else f"{self.onset:%H:%M} "

    def _naming(self, words: str) -> str:
        if self._names(words):
            return words
        return f"{self.leg}: {words}" if words else self.leg

    def _names(self, words: str) -> bool:
        return self.leg in words.lower()


def headline(verdict: Verdict, level: Level, evidence: Iterable[Evidence] = (), dissent: str = "") -> str:
    """One line of an asset: level, the strongest evidence of each TRUE leg in order of onset, legs and sources not seen.

    `evidence` gives the values of what is named; `dissent` says which vantages see it otherwise.
    """
    known = {one.id: one for one in evidence}
    true = [leg for leg in verdict.legs if leg.state is LegState.TRUE]
    heaviest = [(leg.contributions[0], leg) for leg in true]
    named = [  # the onset of what is named, no other
        (_Finding(one.said, one.onset or leg.onset, _measured(known.get(one.evidence_id)), leg=str(leg.leg)), leg.leg)
        for one, leg in heaviest
    ]
    named.sort(key=lambda one: (one[0].onset is None, one[0].onset, one[1]))
    unseen = ", ".join(str(one.leg) for one in verdict.legs if one.state is LegState.UNKNOWN)
    cannot, briefly = (f"; {words}: {unseen}" if unseen else "" for words in ("cannot see", "unseen"))
    tail = cannot + (f"; {dissent}" if dissent else "")
    tails = [tail + _blind(verdict.blind, count) for count in (MAX_BLIND_NAMED, 1, 0)] + [tail, cannot, briefly]
    return _fitting(_title(level, cut(verdict.asset, MAX_ASSET), verdict.level), [one for one, _ in named], tails)


def venue_headline(level: Level, seen: VenueAssessment, strongest: Evidence | None) -> str:
    """One line of a venue: level, strongest evidence, the fault if not its own, who dissents, assets, blind sources.

    `level` is the incident's, `seen` what is seen now.
    """
    venue, assets, blind = seen.venue, seen.assets, seen.blind
    own = venue.startswith(TARGET_PREFIX)
    findings = [] if strongest is None else [_Finding(strongest.said, strongest.onset, _measured(strongest), venue)]
    whose, briefly = (words.get(seen.fault, "") for words in (_WHOSE, _WHOSE_BRIEFLY))
    many, few, count = (_affects(assets, own, most) for most in (MAX_ASSETS, FEW_ASSETS, 0))
    tails = []
    for otherwise in (f"; {seen.dissent}", "") if seen.dissent else ("",):
        tails += [whose + otherwise + many + _blind(blind, MAX_BLIND_NAMED)]
        tails += [briefly + otherwise + one + _blind(blind, named) for named in (1, 0) for one in (few, count) if blind]
        tails += [one + otherwise + many for one in (whose, briefly)]
        tails += [briefly + otherwise + one for one in (few, count, "" if otherwise else count)]
    name = cut(venue, MAX_NAME)
    return _fitting(_title(level, name if own else f"venue {name}", seen.level), findings, tails)


def local_headline(vantage: str, back: bool, asked: bool = True) -> str:
    """One line about a vantage: our own network failed or recovered, or nobody has asked for too long."""
    whose = f"LOCAL {cut(vantage, MAX_NAME)}"
    if not asked:
        return f"{whose}: nothing was asked for too long; whether our own network is back is unknown"
    if back:
        return f"{whose}: our own network answers again"
    return f"{whose}: nearly every venue and control fails at once; our own network, not the venues"


def ended_unwatched(name: str) -> str:
    """One line about a scope that is not watched any more."""
    return f"{cut(name, MAX_NAME)} is not watched any more: how this ended is unknown"


def cut(text: str, width: int) -> str:
    """The text in at most `width` characters (at least one): whole words while there are some, and "…" where it is cut."""
    if len(text) <= width:
        return text
    kept = text[: max(width, 1) - 1]
    if not text[len(kept)].isspace() and " " in kept:
        kept = kept.rpartition(" ")[0]
    return kept.rstrip(" ,;:(") + "…"


def _fitting(title: str, findings: Sequence[_Finding], tails: Sequence[str]) -> str:
    """The first that fits: with the richest tail and the words in full, then with less of both, at last in equal shares."""
    for tail in tails:
        for words in ([one.said for one in findings], [one.briefly for one in findings]):
            text = "; ".join(one.since(said) for one, said in zip(findings, words, strict=True))
            line = f"{title}{text or NOTHING}{tail}"
            if len(line) <= ROOM:
                return line
    for tail in tails[-2:]:
        chosen = _chosen(findings, ROOM - len(title) - len(tail))
        if chosen:
            return f"{title}{chosen}{tail}"
    room = ROOM - len(title) - len(tails[-1]) - 2 * (len(findings) - 1)
    return cut(title + "; ".join(_in_shares(findings, room)) + tails[-1], ROOM)


def _chosen(findings: Sequence[_Finding], room: int) -> str:
    """Of each finding the best words that fit together: first no value is left out, then no words; empty if none fit."""
    choices = product(*(enumerate(one.choices()) for one in findings))
    fitting = [(many, text) for many in choices if len(text := "; ".join(one for _, one in many)) <= room]
    ranks = [
        (sum(rank == NAME_ALONE for rank, _ in many), sum(rank for rank, _ in many), text) for many, text in fitting
    ]
    return min(ranks, default=(0, 0, ""))[2]


def _in_shares(findings: Sequence[_Finding], room: int) -> list[str]:
    """Each finding in its share of the room; what a short one leaves goes to the longer ones."""
    written: dict[int, str] = {}
    for index in sorted(range(len(findings)), key=lambda one: len(findings[one].briefly)):
        written[index] = findings[index].within(room // (len(findings) - len(written)))
        room -= len(written[index])
    return [written[index] for index in range(len(findings))]


def _measured(evidence: Evidence | None) -> tuple[str, ...]:
    """The finding's name with its present value ("kraken failures 80%") or with what it is about, and the name alone."""
    if evidence is None:
        return ()
    subject, shown = evidence.subject, _shown(evidence.value, evidence.unit)
    name = evidence.name.replace("_", " ")
    if subject.venue:
        name = f"{subject.venue} {name.removeprefix('venue ')}"
    about = shown or brief(subject.contract or subject.pool or "")
    return (f"{name} {about}", name) if about else (name,)


def _shown(value: float, unit: str) -> str:
    """The value as a person reads it; empty where the unit says nothing to a person."""
    if unit.startswith(("share", "fraction")):
        return f"{value:.0%}"
    if unit == "USD":
        return brief_usd(value)
    if unit in ("1/s", "1/min"):
        return f"{value:.3g}{unit[1:]}"
    return f"{value:.3g} {unit}" if unit in ("s", "bps") else ""


def _title(level: Level, whose: str, seen: Level) -> str:
    """The level and whose it is; an incident that is held above what can be seen now says so."""
    name, now = (LEVEL_NAMES[one].replace("-", " ") for one in (level, seen))
    return f"{name.upper()} {whose}{f' (seen now: {now})' if seen < level else ''}: "


def _blind(blind: Sequence[Blindness], named: int) -> str:
    """The first blind sources, and how many more; only how many if none is to be named."""
    if blind and not named:
        return f"; blind: {len(blind)} source{'s' if len(blind) != 1 else ''}"
    words = [f"{one.source} ({one.reason})" for one in blind[:named]]
    more = f" and {len(blind) - named} more" if len(blind) > named else ""
    return f"; blind: {', '.join(words)}{more}" if words else ""


def _affects(assets: Sequence[str], own: bool, named: int) -> str:
    """The assets that a venue's trouble touches: how many, the first `named`, and how many more."""
    if not assets:
        return "; no watched asset depends on it" if own else "; no watched asset trades there"
    count = f"; affects {len(assets)} asset{'s' if len(assets) != 1 else ''}"
    if not named:
        return count
    more = f" and {len(assets) - named} more" if len(assets) > named else ""
    return f"{count}: {', '.join(assets[:named])}{more}"
