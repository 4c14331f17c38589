"""Holds the evidence that counts now: what the producers put in, not withdrawn and not yet faded, by leg and asset.

Evidence has an id; putting it again renews it. Its weight halves each half-life from its `at`. Venue-wide evidence (no
asset in its subject) is one shared fact: it is held once and reaches each asset that trades at the venue, weighted by the
venue's share of the asset's venues; what several venues say at once is folded into one rate (`fold.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from monitor.correlator.coverage import Coverage
from monitor.correlator.fold import MAX_NATS, Fold, Stress, fold, rate_of_nats, reach
from monitor.detect.alarm_rate import MAX_PER_DAY, grade_of_rate
from monitor.incidents import Evidence, Leg
from monitor.signals import TARGET_PREFIX

FADED_NATS = 0.05
MAX_EVIDENCE = 4096
RAREST = 1e-12
"""No finding is measured to be rarer, a day."""
WITHIN = 1 - 1e-9
"""A rate that is the bound of its grade, but for the last digit, has that grade."""
NEXT = 0.5
"""How much of the second heaviest evidence of a leg counts."""

WAYS_OUT = frozenset({"withdrawals", "wallet_silence", "declared_open"})
"""Evidence that an asset cannot leave a venue."""
OFF_MARKET = frozenset({"price_away", "mark_off_index"})
"""Evidence that an asset has another price at a venue than elsewhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """A venue as one of `of` places of an asset: `name` is its own or its provider's, `share` the venue's own part, 0..1."""

    name: str
    share: float
    of: int


@dataclass(frozen=True, slots=True)
class WeighedEvidence:
    """Evidence and what it weighs now for one leg of one asset: `nats` after decay and reach.

    At one of the asset's venues: `place` says which, and `own` is its weight after decay alone.
    """

    nats: float
    evidence: Evidence
    place: Place | None = None
    own: float = 0.0


def fold_of(weighed: Iterable[WeighedEvidence]) -> Fold:
    """What the evidence at an asset's places says together. Of each place the heaviest counts in full, the next by half."""
    by_place, of = _by_place(weighed)
    return fold((one for name, some in by_place.items() for one in _stress(name, some)), of)


def grade_of_fold(weighed: Iterable[WeighedEvidence], together: Fold) -> int:
    """The grade of the joint rate of the places of a fold. Grades do not decay: a finding that is renewed changes none."""
    by_place, of = _by_place(weighed)
    gravest = []
    for name, some in by_place.items():
        if name in together.places:
            one = max(some, key=lambda each: each.evidence.grade)
            per_day = rate_of_nats(one.evidence.grade) * _beyond(one.evidence, one.evidence.grade)
            gravest.append(Stress(name, per_day, one.evidence.half_life_s, 1.0))
    return grade_of_rate(fold(gravest, of).per_day * WITHIN)


def _by_place(weighed: Iterable[WeighedEvidence]) -> tuple[dict[str, list[WeighedEvidence]], int]:
    by_place: dict[str, list[WeighedEvidence]] = {}
    of = 0
    for one in weighed:
        if one.place is not None and one.own > 0:
            of = one.place.of
            by_place.setdefault(one.place.name, []).append(one)
    return by_place, of


def _stress(name: str, weighed: list[WeighedEvidence]) -> Iterator[Stress]:
    """Each piece of evidence of a place, with half of the heaviest other one there."""
    first, *rest = sorted(weighed, key=lambda one: (-one.own, one.evidence.id))
    shares = {one.evidence.subject.venue: one.place.share for one in weighed if one.place is not None}
    for one in weighed:
        other = first if one is not first else rest[0] if rest else None
        left = min(one.own / one.evidence.weight, 1.0)
        nats = (one.own + (NEXT * other.own if other else 0.0)) / left
        per_day = rate_of_nats(min(nats, MAX_NATS)) * _beyond(one.evidence, one.evidence.weight)
        yield Stress(name, per_day, one.evidence.half_life_s, min(sum(shares.values()), 1.0), left)


def _beyond(evidence: Evidence, nats: float) -> float:
    """How much rarer than the gravest grade a finding was measured to be, 0..1: nats end there, rates do not."""
    return min(1.0, max(evidence.far_per_day, RAREST) / MAX_PER_DAY[-1]) if nats >= MAX_NATS else 1.0


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
                one = self._weighed(asset, self._by_id[evidence_id][1], self._nats(evidence_id, now_s))
                if one is not None:
                    found.append(one)
        if leg is Leg.VENUE and found:
            found = _reached(found)
        found.sort(key=lambda one: (-one.nats, -one.own, one.evidence.id))
        return found

    def _weighed(self, asset: str, evidence: Evidence, nats: float) -> WeighedEvidence | None:
        """Evidence for an asset, the reach of its place not yet taken off; None: it does not concern the asset."""
        venue = evidence.subject.venue
        if evidence.leg is not Leg.VENUE or venue is None:
            return WeighedEvidence(nats, evidence) if evidence.subject.asset == asset else None
        share = self._coverage.share(asset, venue)
        if share <= 0:
            return None
        if venue.startswith(TARGET_PREFIX):
            return WeighedEvidence(nats * min(1.0, 2 * share), evidence)
        name, of = self._coverage.place(asset, venue)
        return WeighedEvidence(nats, evidence, Place(name, share, of), nats)

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

    def about_venues(self, now_s: float) -> dict[str, list[WeighedEvidence]]:
        """As `shared`, with what keeps an asset in one of its venues alone, or gives it another price there alone.

        At several venues either is that asset's own matter.
        """
        found = self.shared(now_s)
        for asset in sorted(asset for leg, asset in self._ids if leg is Leg.VENUE and asset is not None):
            if len(self._coverage.venues.get(asset, ())) < 2:
                continue
            for matter in (WAYS_OUT, OFF_MARKET):
                ids = sorted(one for one in self._ids[Leg.VENUE, asset] if self._by_id[one][1].name in matter)
                facts = [WeighedEvidence(self._nats(one, now_s), self._by_id[one][1]) for one in ids]
                venues = {one.evidence.subject.venue for one in facts}
                if len(venues) == 1:
                    found.setdefault(str(venues.pop()), []).extend(facts)
        for some in found.values():
            some.sort(key=lambda one: (-one.nats, one.evidence.id))
        return {venue: found[venue] for venue in sorted(found)}

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


def _reached(found: list[WeighedEvidence]) -> list[WeighedEvidence]:
    """Each with the reach of its place: of the set of places that says most together, or alone."""
    together = fold_of(found)
    return [
        one
        if one.place is None
        else replace(
            one,
            nats=one.own * (together.reach if one.place.name in together.places else reach(one.place.share, 1)),
        )
        for one in found
    ]
