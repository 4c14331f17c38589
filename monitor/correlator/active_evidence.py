"""The evidence board: what every detector has found and not withdrawn, decaying, by scope.

Evidence has an id; putting it again renews it. Its weight halves each half-life from its `at`. Venue-wide evidence (no
asset in its subject) is one shared fact: it stands once and reaches each asset that trades there, weighted by the venue's
share of the asset's venues (two of four in full, one of four by half).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.correlator.coverage import Coverage
from monitor.incidents import Evidence, Leg

FADED_NATS = 0.05
MAX_EVIDENCE = 4096


@dataclass(frozen=True, slots=True)
class WeighedEvidence:
    """Evidence as one asset's leg sees it now: `nats` after decay and share."""

    nats: float
    evidence: Evidence


def utc(at_s: float) -> datetime:
    """A time on the numeric side as the aware UTC time it stands for, rounded to the microsecond."""
    return datetime.fromtimestamp(round(at_s, 6), UTC)


class ActiveEvidence:
    """All standing evidence. Bounded: beyond `MAX_EVIDENCE` the most faded goes first."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._standing: dict[str, tuple[float, Evidence]] = {}
        self._places: dict[tuple[Leg, str | None], dict[str, None]] = {}
        """(leg, asset or None for shared facts) -> the ids that stand there."""
        self.retracted: list[Evidence] = []

    def put(self, evidence: Evidence) -> None:
        """Pin evidence, or renew what has the same id: what weighs more now stays, so a renewal never takes away."""
        now_s = evidence.at.timestamp()
        if evidence.id in self._standing and self._nats(evidence.id, now_s) > evidence.weight:
            return
        self._standing[evidence.id] = (now_s, evidence)
        self._places.setdefault((evidence.leg, evidence.subject.asset), {})[evidence.id] = None
        if len(self._standing) > MAX_EVIDENCE:
            self._drop(min(self._standing, key=lambda one: (self._nats(one, now_s), one)))

    def _drop(self, evidence_id: str) -> Evidence:
        _, evidence = self._standing.pop(evidence_id)
        place = (evidence.leg, evidence.subject.asset)
        del self._places[place][evidence_id]
        if not self._places[place]:
            del self._places[place]
        return evidence

    def withdraw(self, evidence_id: str, *, retracted: bool = False) -> None:
        """Take evidence down; `retracted` where it was never true (a reorg)."""
        if evidence_id in self._standing:
            evidence = self._drop(evidence_id)
            if retracted:
                self.retracted.append(evidence)

    def disown(self, leg: Leg, since_s: float) -> None:
        """Take down what was found in a leg since then: the finder could not be believed."""
        for evidence_id in [one for one, (at_s, held) in self._standing.items() if held.leg is leg and at_s >= since_s]:
            self._drop(evidence_id)

    def get(self, evidence_id: str) -> Evidence | None:
        """The evidence of this id, if it stands."""
        held = self._standing.get(evidence_id)
        return None if held is None else held[1]

    def _nats(self, evidence_id: str, now_s: float) -> float:
        at_s, evidence = self._standing[evidence_id]
        return evidence.weight * 2 ** (-max(now_s - at_s, 0.0) / evidence.half_life_s)

    def fade(self, now_s: float) -> None:
        """Drop what has decayed to nothing."""
        for evidence_id in [one for one in self._standing if self._nats(one, now_s) < FADED_NATS]:
            self._drop(evidence_id)

    def of(self, asset: str, leg: Leg, now_s: float) -> list[WeighedEvidence]:
        """What bears on one leg of one asset, heaviest first."""
        found = []
        for place in ((leg, asset), (leg, None)):
            for evidence_id in self._places.get(place, ()):
                evidence = self._standing[evidence_id][1]
                share = self._reach(asset, evidence)
                if share > 0:
                    found.append(WeighedEvidence(self._nats(evidence_id, now_s) * share, evidence))
        found.sort(key=lambda one: (-one.nats, one.evidence.id))
        return found

    def shared(self, now_s: float) -> dict[str, list[WeighedEvidence]]:
        """Venue -> its shared facts, whole and heaviest first; venues in order of name."""
        found: dict[str, list[WeighedEvidence]] = {}
        for evidence_id in sorted(self._places.get((Leg.VENUE, None), ())):
            evidence = self._standing[evidence_id][1]
            found.setdefault(str(evidence.subject.venue), []).append(
                WeighedEvidence(self._nats(evidence_id, now_s), evidence)
            )
        for facts in found.values():
            facts.sort(key=lambda one: (-one.nats, one.evidence.id))
        return {venue: found[venue] for venue in sorted(found)}

    def _reach(self, asset: str, evidence: Evidence) -> float:
        subject = evidence.subject
        if evidence.leg is Leg.VENUE and subject.venue is not None:
            return min(1.0, 2 * self._coverage.share(asset, subject.venue))
        return 1.0 if subject.asset == asset else 0.0

    def everything(self) -> Iterator[Evidence]:
        """All standing evidence in order of id."""
        for evidence_id in sorted(self._standing):
            yield self._standing[evidence_id][1]
