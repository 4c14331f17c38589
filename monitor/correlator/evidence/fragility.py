"""Finds leverage that makes a storm likelier and worse, but never makes one: context under the legs.

Compares perp volume with spot volume and open interest with the depth of the books (how many times it would consume them),
and finds extreme funding and one-sided positions. Each adds a little, by how far it is beyond its bound (a hundred times: twice
as much); all together at most the cap in the settings (docs/detection.md, "Fusion and coverage").
"""

from __future__ import annotations

from math import log10

from monitor.correlator.producer import EvidenceBoard, Finding, in_eight_hours
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

EVERY_S = 15
NATS = 0.2
"""At the bound."""
MORE_PER_TENFOLD, MOST = 0.5, 2.0
"""Ten times the bound weighs by half more, a hundred times and beyond twice as much."""
PERP_OVER_SPOT = 8.0
INTEREST_OVER_DEPTH = 200.0
FUNDING = 0.0005
"""In eight hours."""
ONE_SIDED = 2.5


class FragilityEvidence:
    """Four ratios of each asset, checked every fifteen seconds."""

    kinds = frozenset(
        {
            SignalKind.VOLUME,
            SignalKind.OPEN_INTEREST,
            SignalKind.BOOK,
            SignalKind.FUNDING,
            SignalKind.LONG_SHORT_RATIO,
        }
    )

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._volume: dict[str, dict[tuple[str, str], float]] = {}
        self._interest: dict[str, dict[str, float]] = {}
        self._depth: dict[str, dict[str, float]] = {}
        self._funding: dict[str, dict[str, float]] = {}
        self._longs: dict[str, dict[str, float]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Remember each instrument's newest figure."""
        asset = signal.subject.asset
        if asset is None:
            return
        key = f"{signal.subject.venue}/{signal.subject.instrument}"
        if signal.kind is SignalKind.BOOK:
            bid = signal.attributes.get("bid_depth_200_usd")
            if isinstance(bid, int | float):
                self._depth.setdefault(asset, {})[key] = float(bid)
        elif signal.kind is SignalKind.VOLUME:
            self._volume.setdefault(asset, {})[key, str(signal.attributes.get("market", ""))] = signal.value
        elif signal.kind is SignalKind.OPEN_INTEREST:
            self._interest.setdefault(asset, {})[key] = signal.value
        elif signal.kind is SignalKind.FUNDING:
            self._funding.setdefault(asset, {})[key] = in_eight_hours(signal)
        else:
            self._longs.setdefault(asset, {})[key] = signal.value

    def on_second(self, now_s: float) -> None:
        """Put what is extreme on the board."""
        if int(now_s) % EVERY_S:
            return
        assets = {*self._volume, *self._interest, *self._funding, *self._longs}
        for asset in sorted(assets):
            self._judge(asset, now_s)

    def _judge(self, asset: str, now_s: float) -> None:
        volumes = self._volume.get(asset, {})
        spot = sum(usd for (_, market), usd in volumes.items() if market == "spot")
        perp = sum(usd for (_, market), usd in volumes.items() if market == "perp")
        if spot > 0:
            self._check(asset, "perp_over_spot", perp / spot, PERP_OVER_SPOT, "perp volume {:.1f}x spot volume", now_s)
        depth = sum(self._depth.get(asset, {}).values())
        interest = sum(self._interest.get(asset, {}).values())
        if depth > 0:
            words = "open interest would eat the visible bids {:.0f} times"
            self._check(asset, "interest_over_depth", interest / depth, INTEREST_OVER_DEPTH, words, now_s)
        rates = self._funding.get(asset, {}).values()
        if rates:
            extreme = max(rates, key=abs)
            self._check(asset, "funding", abs(extreme), FUNDING, "funding {:.4%} in eight hours", now_s)
        ratios = [max(one, 1 / one) for one in self._longs.get(asset, {}).values() if one > 0]
        if ratios:
            self._check(asset, "one_sided", max(ratios), ONE_SIDED, "positions {:.1f} to one on one side", now_s)

    def _check(self, asset: str, name: str, value: float, threshold: float, words: str, now_s: float) -> None:
        if value >= threshold:
            self._board.put(
                Finding(
                    name=name,
                    leg=Leg.FRAGILITY,
                    subject=Subject(asset=asset),
                    grade=1,
                    weight=NATS * min(1 + MORE_PER_TENFOLD * log10(value / threshold), MOST),
                    onset_s=now_s,
                    at_s=now_s,
                    half_life_s=120.0,
                    value=value,
                    normal=threshold,
                    unit="ratio",
                    said=words.format(value),
                )
            )


PRODUCER = FragilityEvidence
