"""Measures what we can see: every source that was declared or has sent, the legs it covers, and how far to trust it now.

The coverage of a leg is the weighted mean over its sources of freshness (1 within the expected gap, then decaying),
completeness (sequence gaps) and, for throttled liquidation feeds, the share of the liquidations that they can have shown.
Silence, an unplanned close and a refused subscription blind a source until it sends again. Where a feed states its claims
(what it asked for, channel by channel), it covers an asset only as far as the claims on its main channels do: a channel that
was refused, is silent or was not acknowledged stays uncovered until it itself gives proof, whatever its siblings on the socket
send. An acknowledgement without a word counts for less than half: a mute channel has it too.
If any source was declared for an asset, only declared sources count for it; a leg without a declared source is not
watched: the operator chose that, it is no blindness (docs/detection.md, "Fusion and coverage").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp

from monitor.correlator.own_lag import OwnLag
from monitor.incidents import Leg
from monitor.signals import TARGET_PREFIX, Signal, SignalKind

MAX_GAPS = 32
GAP_MEMORY_S = 60.0

BLINDING = {
    SignalKind.FEED_SILENT: "silent on an open socket",
    SignalKind.FEED_CLOSED: "closed",
    SignalKind.FEED_REJECTED: "subscription refused",
    SignalKind.HEAD_STALLED: "head stalled",
}
FLOODING = "flooding"
"""A feed that sent more than its share was closed by us: only this feed is blind."""
_NO_SIGN_OF_LIFE = frozenset(
    {
        SignalKind.EXPECT,
        SignalKind.FEED_OPENED,
        SignalKind.FEED_SHUTDOWN,
        SignalKind.MISSED_SLOT,
        SignalKind.FEED_GAP,
        SignalKind.MALFORMED,
    }
)
NOT_PLAIN = _NO_SIGN_OF_LIFE | BLINDING.keys()
_NO_SOURCE = frozenset({SignalKind.MARKET_LIQUIDATIONS, SignalKind.LOOP_LAG})
"""Another's count is no sight of ours, and that we did not listen is no source's silence."""
_LEG_OF_STREAM = {"liquidation": Leg.LIQUIDATION, "chain": Leg.MIGRATION}
_UNDECLARED_GAP_S = 60.0
DARK_BELOW = 1e-9
MAX_CLAIMS = 4096
"""Claims of one source: beyond, new ones are not kept, and what they would cover is uncovered."""
MIN_GAP_S = 1e-3
ACKNOWLEDGED_SIGHT = 0.4
"""What a channel covers that is acknowledged and has not spoken: less than calm needs (`false_coverage`). One that is mute and
one that has nothing to say look alike, so that such channels alone leave the leg unknown."""


def _reason(signal: Signal) -> str:
    """Why a source is blind, in words."""
    if signal.kind is SignalKind.FEED_CLOSED and str(signal.attributes.get("detail", "")).startswith(FLOODING):
        return FLOODING
    return BLINDING[signal.kind]


@dataclass(frozen=True, slots=True)
class SourceClaim:
    """The last word on one main channel of a source. `asset` None: the channel is of the whole venue. `sight`: 0..1."""

    asset: str | None
    sight: float
    reason: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSight:
    """How much of one source is seen now, 0..1, why not all of it, since when, and how many of its claims are borne out."""

    name: str
    seen: float
    reason: str
    since_s: float | None
    claims: int
    claims_seen: int


@dataclass(slots=True)
class SourceCoverage:
    """One source. `last_s` is its last sign of life, `down_s` since when it is known to be blind (None: it is not)."""

    name: str
    gap_s: float
    last_s: float
    down_s: float | None = None
    reason: str = ""
    idle: bool = False
    gaps: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_GAPS))
    claims: dict[tuple[str, str | None], SourceClaim] = field(default_factory=dict)
    """By channel and instrument. Empty: this source states no claims."""
    by_asset: dict[str | None, dict[tuple[str, str | None], SourceClaim]] = field(default_factory=dict)
    """The same claims by asset: a source may have one for each of hundreds of assets."""
    shares: dict[str | None, float] = field(default_factory=dict)
    """What `claimed` has worked out since the last claim of that asset."""

    def claim(self, signal: Signal, at_s: float) -> None:
        """Take the state of one channel; company on the socket of the main one does not count."""
        key = (str(signal.attributes.get("channel", "")), signal.subject.instrument)
        if signal.attributes.get("main") is not True or (key not in self.claims and len(self.claims) >= MAX_CLAIMS):
            return
        state, reason = (str(signal.attributes.get(one, "")) for one in ("state", "reason"))
        sight = float(signal.value >= 1.0)
        if sight and state == "acknowledged":
            sight, reason = ACKNOWLEDGED_SIGHT, reason or "but has not spoken"
        asset, before = signal.subject.asset, self.claims.get(key)
        if before is not None and before.asset != asset:
            del self.by_asset[before.asset][key]
            self.shares.clear()
        claim = SourceClaim(asset, sight, f"{key[0]} {state} {reason}".strip(), at_s)
        self.claims[key] = self.by_asset.setdefault(asset, {})[key] = claim
        if asset is None:
            self.shares.clear()
        self.shares.pop(asset, None)
        self.shares.pop(None, None)

    def _own(self, asset: str | None) -> list[SourceClaim]:
        if asset is None:
            return list(self.claims.values())
        if self.by_asset.get(None):  # of the whole venue: there are few
            return [one for one in self.claims.values() if one.asset in (None, asset)]
        return list(self.by_asset.get(asset, {}).values())

    def claimed(self, asset: str | None) -> float:
        """The share of the claims for an asset (None: of all) that can be seen, 0..1; 1 for a source without claims."""
        if not self.claims:
            return 1.0
        share = self.shares.get(asset)
        if share is None:
            own = self._own(asset)
            share = self.shares[asset] = sum(one.sight for one in own) / len(own) if own else 0.0
        return share

    def _uncovered(self, asset: str | None) -> SourceClaim | None:
        """The claim that is seen least, and of those the one for longest."""
        uncovered = [one for one in self._own(asset) if one.sight < 1.0]
        return min(uncovered, key=lambda one: (one.sight, one.since_s, one.reason), default=None)

    def coverage(self, now_s: float, own_lag_s: float = 0.0) -> float:
        """Freshness times completeness, 0..1. While we were late ourselves, nothing could be heard: that time does not count."""
        if self.down_s is not None:
            return 0.0
        age_s = now_s - self.last_s - own_lag_s
        fresh = 1.0 if age_s <= self.gap_s else exp(-(age_s - self.gap_s) / self.gap_s)
        if not self.gaps:
            return fresh
        recent = sum(1 for at_s in self.gaps if now_s - at_s <= GAP_MEMORY_S)
        return fresh * (1 - min(0.05 * recent, 0.5))

    def why(self, now_s: float, asset: str | None = None) -> str:
        """Why it is not trusted, for an asset (None: for any), in words."""
        if self.down_s is not None:
            return self.reason
        uncovered = self._uncovered(asset)
        if uncovered is not None:
            return uncovered.reason
        if self.claims and not self._own(asset):
            return "nothing was asked for"
        if now_s - self.last_s > self.gap_s:
            return f"nothing for {now_s - self.last_s:.0f} s"
        return "sequence gaps" if self.gaps else "throttled by the venue"

    def since_s(self, now_s: float, asset: str | None = None) -> float:
        """Since when it is not trusted, for an asset (None: for any)."""
        if self.down_s is not None:
            return self.down_s
        uncovered = self._uncovered(asset)
        if uncovered is not None:
            return uncovered.since_s
        return self.last_s if now_s - self.last_s > self.gap_s else now_s


class Coverage:
    """Every source, and the weight it has for each leg of each asset."""

    def __init__(self, own_lag: OwnLag | None = None, providers: Mapping[str, Sequence[str]] | None = None) -> None:
        self._own_lag = own_lag or OwnLag()
        self._provider_of = {venue: name for name, venues in (providers or {}).items() for venue in venues}
        """Venues that fail together, because one provider carries them: their stress counts once."""
        self.by_name: dict[str, SourceCoverage] = {}
        self._weights: dict[tuple[str, Leg], dict[str, float]] = {}
        self._sorted: dict[tuple[str, Leg], list[tuple[SourceCoverage, float]]] = {}
        self._of_venue: dict[str, list[SourceCoverage]] = {}
        self._venue_of: dict[str, str] = {}
        self._assets: tuple[str, ...] = ()
        self._known: set[str] = set()
        """The same assets."""
        self._seen_s: float | None = None
        """The second of `_seen`; None: a signal came since."""
        self._seen: dict[str, float] = {}
        """How much of each source is seen then, whatever its claims."""
        self._declared: set[str] = set()
        """Assets with declared sources: no other source counts for their coverage or their venues' shares."""
        self.venues: dict[str, dict[str, float]] = {}
        self.targets: dict[str, dict[str, float]] = {}
        """Asset -> the operator's own targets that it depends on, with their weights."""
        self.trust: dict[tuple[str, str], float] = {}
        """(source, asset) -> share of the liquidations that a throttled feed can have shown."""
        self.doubted: dict[tuple[str, str], float] = {}
        """(source, asset) -> what is left of a feed that shows nothing while others show many, or its interest falls."""
        self.checked: dict[str, float] = {}
        """Asset -> our share of the liquidations that another counted, where it is far too small."""

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset known, sorted."""
        return self._assets

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a signal as a sign of life, a loss of sight or a declaration of its source."""
        kind = signal.kind
        self._seen_s = None
        if kind is SignalKind.EXPECT:
            self._declare(signal, at_s)
            return
        if kind in _NO_SOURCE or (kind is SignalKind.FEED_SILENT and self._own_lag.explains(signal)):
            return
        source = self.by_name.get(signal.source)
        if source is None:
            source = self.by_name[signal.source] = SourceCoverage(signal.source, _UNDECLARED_GAP_S, last_s=at_s)
        if kind is SignalKind.CLAIM:  # of one channel, not of the socket: it heals and blinds nothing else
            source.claim(signal, at_s)
            return
        asset = signal.subject.asset
        if asset is not None and asset not in self._declared:
            self._add_undeclared(signal, asset)
        if kind not in NOT_PLAIN:
            if signal.attributes.get("ours") is not True:
                if at_s > source.last_s:
                    source.last_s = at_s
                source.down_s = None
        elif kind is SignalKind.FEED_GAP:
            source.gaps.append(at_s)
        elif kind in BLINDING and signal.attributes.get("planned") is not True and source.down_s is None:
            source.down_s, source.reason = at_s, _reason(signal)

    def _add_undeclared(self, signal: Signal, asset: str) -> None:
        leg = _LEG_OF_STREAM.get(signal.source.rpartition("/")[2], Leg.VENUE)
        if signal.source not in self._weights.get((asset, leg), ()):
            self._add(signal, asset, leg, 1.0)

    def _declare(self, signal: Signal, at_s: float) -> None:
        source = self.by_name.get(signal.source)
        if source is None:
            source = self.by_name[signal.source] = SourceCoverage(signal.source, signal.value, last_s=at_s)
        source.gap_s = max(signal.value, MIN_GAP_S)
        asset = signal.subject.asset
        if asset is None:
            return
        if asset not in self._declared:
            self._declared.add(asset)
            for one in Leg:
                self._weights.pop((asset, one), None)
                self._sorted.pop((asset, one), None)
            self.venues.pop(asset, None)
            self.targets.pop(asset, None)
        weight = signal.attributes.get("weight", 1.0)
        leg = Leg(str(signal.attributes.get("leg") or Leg.VENUE.value))
        self._add(signal, asset, leg, float(weight) if isinstance(weight, int | float) else 1.0)

    def _add(self, signal: Signal, asset: str, leg: Leg, weight: float) -> None:
        self._weights.setdefault((asset, leg), {})[signal.source] = weight
        self._sorted.pop((asset, leg), None)
        self._of_venue.clear()
        if asset not in self._known:
            self._known.add(asset)
            self._assets = tuple(sorted(self._known))
        venue = signal.subject.venue
        if venue is not None:
            self._venue_of[signal.source] = venue
            own = self.targets if venue.startswith(TARGET_PREFIX) else self.venues
            known = own.setdefault(asset, {})
            known[venue] = max(known.get(venue, 0.0), weight)

    def share(self, asset: str, venue: str) -> float:
        """The venue's part of the asset's venues, 0..1 by declared weight.

        A target of the operator's own counts like one more venue, and takes nothing from the shares of the venues.
        """
        weights = self.venues.get(asset, {})
        total = sum(weights.values())
        if venue.startswith(TARGET_PREFIX):
            own = self.targets.get(asset, {}).get(venue, 0.0)
            return own / (total + own) if own > 0 else 0.0
        return weights.get(venue, 0.0) / total if total > 0 else 0.0

    def place(self, asset: str, venue: str) -> tuple[str, int]:
        """Where a venue of an asset is, by its provider if it has one, and how many such places the asset has."""
        places = {self._provider_of.get(one, one) for one in self.venues.get(asset, {})}
        return self._provider_of.get(venue, venue), len(places)

    def trading(self, venue: str) -> tuple[str, ...]:
        """The assets that have a share at a venue, sorted."""
        return tuple(asset for asset in self._assets if self.share(asset, venue) > 0)

    def of_venue(self, venue: str) -> list[SourceCoverage]:
        """The sources that cover the venue leg of any asset at this venue, in order of name."""
        found = self._of_venue.get(venue)
        if found is None:
            covering = {name for (_, leg), names in self._weights.items() if leg is Leg.VENUE for name in names}
            found = [self.by_name[name] for name in sorted(covering) if self._venue_of.get(name) == venue]
            self._of_venue[venue] = found
        return found

    def watched(self, asset: str, leg: Leg) -> bool:
        """Whether a source was declared for this leg (or has sent, if none was declared for the asset)."""
        return (asset, leg) in self._weights

    def of_leg(
        self, asset: str, leg: Leg, now_s: float, as_shown: bool = False
    ) -> tuple[float, list[tuple[SourceCoverage, float]]]:
        """The coverage of a leg, 0..1, and each of its sources with its own; `as_shown`: as if a feed hid nothing."""
        seen = total = 0.0
        parts: list[tuple[SourceCoverage, float]] = []
        for source, weight in self._sources_of(asset, leg):
            own = self.seen(source, now_s, asset)
            if leg is Leg.LIQUIDATION and own > 0.0:
                key = (source.name, asset)
                hidden = 1.0 if as_shown else min(self.trust.get(key, 1.0), self.checked.get(asset, 1.0))
                own *= min(hidden, self.doubted.get(key, 1.0))
            parts.append((source, own))
            seen += weight * own
            total += weight
        return (seen / total if total > 0 else 0.0), parts

    def why(self, source: SourceCoverage, leg: Leg, asset: str, now_s: float) -> str:
        """Why a source is not trusted for a leg of an asset, in words."""
        if (
            leg is Leg.LIQUIDATION
            and (source.name, asset) in self.doubted
            and self.seen(source, now_s, asset) > DARK_BELOW
        ):
            return "shows nothing while others show many, or while its open interest falls"
        share = self.checked.get(asset)
        if leg is Leg.LIQUIDATION and share is not None and self.seen(source, now_s, asset) >= share:
            return f"shows {share:.0%} of what another counts"
        return source.why(now_s, asset)

    def seen(self, source: SourceCoverage, now_s: float, asset: str | None = None) -> float:
        """How much of a source is seen now for an asset (None: for all), 0..1, our own lag taken off."""
        if self._seen_s != now_s:
            self._seen_s = now_s
            self._seen.clear()
        seen = self._seen.get(source.name)
        if seen is None:
            seen = source.coverage(now_s, self._own_lag.between_s(source.last_s, now_s))
            self._seen[source.name] = seen
        return source.claimed(asset) * seen if source.claims else seen

    def sights(self, now_s: float) -> list[SourceSight]:
        """How much of each source is seen now, in order of name."""
        found = []
        for name in sorted(self.by_name):
            source = self.by_name[name]
            seen = self.seen(source, now_s)
            whole = seen >= 1.0
            found.append(
                SourceSight(
                    name=name,
                    seen=seen,
                    reason="" if whole else source.why(now_s),
                    since_s=None if whole else source.since_s(now_s),
                    claims=len(source.claims),
                    claims_seen=sum(one.sight >= 1.0 for one in source.claims.values()),
                )
            )
        return found

    def dark(self, now_s: float) -> bool:
        """Whether every source is idle, and none is seen any more, to nine digits."""
        return all(one.idle and self.seen(one, now_s) < DARK_BELOW for one in self.by_name.values())

    def _sources_of(self, asset: str, leg: Leg) -> list[tuple[SourceCoverage, float]]:
        """The sources of a leg in order of name, each with its weight."""
        found = self._sorted.get((asset, leg))
        if found is None:
            weights = self._weights.get((asset, leg), {})
            found = self._sorted[asset, leg] = [(self.by_name[name], weights[name]) for name in sorted(weights)]
        return found

    def idle_changes(self, now_s: float, gaps: float) -> list[tuple[str, bool]]:
        """Sources that became idle (True) or sent again (False) since the last call, in order of name."""
        changed = []
        for name in sorted(self.by_name):
            source = self.by_name[name]
            idle = now_s - source.last_s > gaps * source.gap_s
            if idle != source.idle:
                source.idle = idle
                changed.append((name, idle))
        return changed
