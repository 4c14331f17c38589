"""The evidence board: what every detector has found and not withdrawn, decaying, by scope.

Evidence has an id; putting it again renews it. Its weight halves each half-life from its `at`. Venue-wide evidence (no
asset in its subject) is one shared fact: it stands once and reaches each asset that trades there, weighted by the venue's
share of the asset's venues (two of four in full, one of four by half).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.correlator.sources import Sources
from monitor.incidents import Evidence, Leg

FADED_NATS = 0.05
MOST_EVIDENCE = 4096


@dataclass(frozen=True, slots=True)
class Weighed:
    """Evidence as one asset's leg sees it now: `nats` after decay and share."""

    nats: float
    evidence: Evidence


def utc(at_s: float) -> datetime:
    """A time on the numeric side as the aware UTC time it stands for, rounded to the microsecond."""
    return datetime.fromtimestamp(round(at_s, 6), UTC)


class Board:
    """All standing evidence. Bounded: beyond `MOST_EVIDENCE` the most faded goes first."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._standing: dict[str, tuple[float, Evidence]] = {}
        self.retracted: list[Evidence] = []
        self.links: dict[str, str] = {}

    def put(self, evidence: Evidence) -> None:
        """Pin evidence, or renew what has the same id: the first onset and the higher grade of both stay."""
        old = self._standing.get(evidence.id)
        if old is not None and old[1].at > evidence.at:
            return
        self._standing[evidence.id] = (evidence.at.timestamp(), evidence)
        if len(self._standing) > MOST_EVIDENCE:
            now_s = evidence.at.timestamp()
            del self._standing[min(self._standing, key=lambda one: (self._nats(one, now_s), one))]

    def withdraw(self, evidence_id: str, *, retracted: bool = False) -> None:
        """Take evidence down; `retracted` where it was never true (a reorg)."""
        held = self._standing.pop(evidence_id, None)
        if held is not None and retracted:
            self.retracted.append(held[1])

    def get(self, evidence_id: str) -> Evidence | None:
        """The evidence of this id, if it stands."""
        held = self._standing.get(evidence_id)
        return None if held is None else held[1]

    def _nats(self, evidence_id: str, now_s: float) -> float:
        at_s, evidence = self._standing[evidence_id]
        return evidence.weight * 2 ** (-max(now_s - at_s, 0.0) / evidence.half_life_s)

    def fade(self, now_s: float) -> None:
        """Drop what has decayed to nothing."""
        for evidence_id in [one for one in self._standing if abs(self._nats(one, now_s)) < FADED_NATS]:
            del self._standing[evidence_id]

    def of(self, asset: str, leg: Leg, now_s: float) -> list[Weighed]:
        """What bears on one leg of one asset, heaviest first."""
        found = []
        for evidence_id, (_, evidence) in self._standing.items():
            if evidence.leg is not leg:
                continue
            share = self._reach(asset, evidence)
            if share > 0:
                found.append(Weighed(self._nats(evidence_id, now_s) * share, evidence))
        found.sort(key=lambda one: (-one.nats, one.evidence.id))
        return found

    def _reach(self, asset: str, evidence: Evidence) -> float:
        subject = evidence.subject
        if subject.asset is not None and subject.asset != asset:
            return 0.0
        if evidence.leg is Leg.VENUE and subject.venue is not None:
            return min(1.0, 2 * self._sources.share(asset, subject.venue))
        return 1.0 if subject.asset == asset else 0.0

    def everything(self) -> Iterator[Evidence]:
        """All standing evidence in order of id."""
        for evidence_id in sorted(self._standing):
            yield self._standing[evidence_id][1]
