"""Holds the evidence that counts now: what the producers put in, not withdrawn and not yet faded, by leg and asset.

Evidence has an id; putting it again renews it. Its weight halves each half-life from its `at`. Venue-wide evidence (no
asset in its subject) is one shared fact: it is held once and reaches each asset that trades at the venue, weighted by the
venue's share of the asset's venues (two of four in full, one of four by half).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.correlator.coverage import Coverage
from monitor.incidents import Evidence, Leg

FADED_NATS = 0.05
MAX_EVIDENCE = 4096
NEXT = 0.5
"""How much of the second heaviest evidence of a leg counts."""


@dataclass(frozen=True, slots=True)
class WeighedEvidence:
    """Evidence and what it weighs now for one leg of one asset: `nats` after decay and share."""

    nats: float
    evidence: Evidence


def utc(at_s: float) -> datetime:
    """Unix seconds as an aware UTC time, rounded to the microsecond."""
    return datetime.fromtimestamp(round(at_s, 6), UTC)


class ActiveEvidence:
    """All evidence that counts now. Bounded: beyond `MAX_EVIDENCE` the most faded is dropped first."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._by_id: dict[str, tuple[float, Evidence]] = {}
        self._ids: dict[tuple[Leg, str | None], dict[str, None]] = {}
        """(leg, asset or None for shared facts) -> the ids of its evidence."""
        self.retracted: list[Evidence] = []

    def put(self, evidence: Evidence) -> None:
        """Add evidence, or renew what has the same id. The heavier of the two stays, so a renewal never lowers a weight."""
        now_s = evidence.at.timestamp()
        if evidence.id in self._by_id and self._nats(evidence.id, now_s) > evidence.weight:
            return
        self._by_id[evidence.id] = (now_s, evidence)
        self._ids.setdefault((evidence.leg, evidence.subject.asset), {})[evidence.id] = None
        if len(self._by_id) > MAX_EVIDENCE:
            self._drop(min(self._by_id, key=lambda one: (self._nats(one, now_s), one)))

    def _drop(self, evidence_id: str) -> Evidence:
        _, evidence = self._by_id.pop(evidence_id)
        key = (evidence.leg, evidence.subject.asset)
        del self._ids[key][evidence_id]
        if not self._ids[key]:
            del self._ids[key]
        return evidence

    def withdraw(self, evidence_id: str, *, retracted: bool = False) -> None:
        """Remove evidence; `retracted` if it was never true (a reorg undid it)."""
        if evidence_id in self._by_id:
            evidence = self._drop(evidence_id)
            if retracted:
                self.retracted.append(evidence)

    def discard(self, leg: Leg, since_s: float) -> None:
        """Remove the evidence that a leg got since then: its source could not be trusted."""
        for evidence_id in [
            one for one, (at_s, evidence) in self._by_id.items() if evidence.leg is leg and at_s >= since_s
        ]:
            self._drop(evidence_id)

    def get(self, evidence_id: str) -> Evidence | None:
        """The evidence with this id, if it counts now."""
        found = self._by_id.get(evidence_id)
        return None if found is None else found[1]

    def _nats(self, evidence_id: str, now_s: float) -> float:
        at_s, evidence = self._by_id[evidence_id]
        return evidence.weight * 2 ** (-max(now_s - at_s, 0.0) / evidence.half_life_s)

    def fade(self, now_s: float) -> None:
        """Remove what has decayed to nothing."""
        for evidence_id in [one for one in self._by_id if self._nats(one, now_s) < FADED_NATS]:
            self._drop(evidence_id)

    def of(self, asset: str, leg: Leg, now_s: float) -> list[WeighedEvidence]:
        """The evidence for one leg of one asset, heaviest first."""
        found = []
        for key in ((leg, asset), (leg, None)):
            for evidence_id in self._ids.get(key, ()):
                evidence = self._by_id[evidence_id][1]
                share = self._reach(asset, evidence)
                if share > 0:
                    found.append(WeighedEvidence(self._nats(evidence_id, now_s) * share, evidence))
        found.sort(key=lambda one: (-one.nats, one.evidence.id))
        return self._together(asset, found, now_s) if leg is Leg.VENUE else found

    def _together(self, asset: str, found: list[WeighedEvidence], now_s: float) -> list[WeighedEvidence]:
        """Venues under stress at once reach an asset by the sum of their shares, if that is more than each by its own.

        Of many venues none has a share that matters alone, though all of them fail. The heaviest piece speaks for them.
        """
        heaviest: dict[str, float] = {}
        for one in found:
            if (venue := one.evidence.subject.venue) is not None:
                heaviest[venue] = max(heaviest.get(venue, 0.0), self._nats(one.evidence.id, now_s))
        share = together = 0.0
        for venue, nats in sorted(heaviest.items(), key=lambda one: (-one[1], one[0])):
            share += self._coverage.share(asset, venue)
            together = max(together, nats * min(1.0, 2 * share))
        next_nats = NEXT * found[1].nats if len(found) > 1 else 0.0
        if not found or together <= found[0].nats + next_nats:
            return found
        return [WeighedEvidence(together - next_nats, found[0].evidence), *found[1:]]

    def shared(self, now_s: float) -> dict[str, list[WeighedEvidence]]:
        """Venue -> its shared evidence with its full weight, heaviest first; venues in order of name."""
        found: dict[str, list[WeighedEvidence]] = {}
        for evidence_id in sorted(self._ids.get((Leg.VENUE, None), ())):
            evidence = self._by_id[evidence_id][1]
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

    def steady(self, since_s: float) -> bool:
        """Whether, with no source seen, the evidence can only fade: what was put since then is about watched legs of assets."""
        return all(
            one.subject.asset is not None and self._coverage.watched(one.subject.asset, one.leg)
            for at_s, one in self._by_id.values()
            if at_s > since_s
        )

    def everything(self) -> Iterator[Evidence]:
        """All evidence in order of id."""
        for evidence_id in sorted(self._by_id):
            yield self._by_id[evidence_id][1]
