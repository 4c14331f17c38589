"""Finds leverage that makes a storm likelier and worse, but never makes one: context under the legs.

Compares perp volume with spot volume and open interest with the depth of the books (how many times it would consume them),
and finds extreme funding and one-sided positions. Each adds a little, by how far it is beyond its bound (a hundred times: twice
as much); all together at most the cap in the settings (docs/detection.md, "Fusion and coverage").
"""

from __future__ import annotations

from math import log10

from monitor.correlator.producer import FORGOTTEN_S, EvidenceBoard, Finding, fully_seen, in_eight_hours
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
DEPTH_FRESH_S = 120.0
"""Books are sampled every 30 s or faster."""
FRESH_S = 600.0
"""Funding, open interest and positions are asked for every five minutes or faster."""
MAX_INSTRUMENTS = 512
"""Of each figure of an asset."""

_Newest = dict[tuple[str, str], tuple[float, float]]
"""(venue and instrument, market) -> unix seconds and the figure, the last renewed at the end."""


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
        self._volume: dict[str, _Newest] = {}
        self._interest: dict[str, _Newest] = {}
        self._depth: dict[str, _Newest] = {}
        self._funding: dict[str, _Newest] = {}
        self._longs: dict[str, _Newest] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Remember each instrument's newest figure."""
        asset = signal.subject.asset
        if asset is None:
            return
        key = f"{signal.subject.venue}/{signal.subject.instrument}"
        if signal.kind is SignalKind.BOOK:
            bid = signal.attributes.get("bid_depth_200_usd")
            if isinstance(bid, int | float):
                _keep(self._depth, asset, (key, ""), at_s, float(bid))
        elif signal.kind is SignalKind.VOLUME:
            _keep(self._volume, asset, (key, str(signal.attributes.get("market", ""))), at_s, signal.value)
        elif signal.kind is SignalKind.OPEN_INTEREST:
            _keep(self._interest, asset, (key, ""), at_s, signal.value)
        elif signal.kind is SignalKind.FUNDING:
            _keep(self._funding, asset, (key, ""), at_s, in_eight_hours(signal))
        else:
            _keep(self._longs, asset, (key, ""), at_s, signal.value)

    def on_second(self, now_s: float) -> None:
        """Put what is extreme on the board."""
        if int(now_s) % EVERY_S:
            return
        assets = {*self._volume, *self._interest, *self._funding, *self._longs}
        for asset in sorted(assets):
            self._judge(asset, now_s)

    def _judge(self, asset: str, now_s: float) -> None:
        volumes, depths, interests, rates, longs = (
            one.get(asset, {}) for one in (self._volume, self._depth, self._interest, self._funding, self._longs)
        )
        for newest in (volumes, depths, interests, rates, longs):
            for gone in [key for key, (at_s, _) in newest.items() if now_s - at_s > FORGOTTEN_S]:
                del newest[gone]
        spot = sum(usd for (_, market), (_, usd) in volumes.items() if market == "spot")
        perp = sum(usd for (_, market), (_, usd) in volumes.items() if market == "perp")
        if spot > 0:
            seen = _seen(volumes, now_s) and any(market == "perp" for _, market in volumes)
            self._check(asset, "perp_over_spot", perp / spot, PERP_OVER_SPOT, "perp volume {:.1f}x spot volume", now_s)
            if seen:
                self._board.note(asset, "perp_over_spot", perp / spot, now_s)
        depth = sum(usd for _, usd in depths.values())
        interest = sum(usd for _, usd in interests.values())
        if depth > 0:
            words = "open interest would eat the visible bids {:.0f} times"
            seen = _seen(depths, now_s, DEPTH_FRESH_S) and _seen(interests, now_s)
            self._check(asset, "interest_over_depth", interest / depth, INTEREST_OVER_DEPTH, words, now_s)
            if seen:
                self._board.note(asset, "interest_over_depth", interest / depth, now_s)
        if rates:
            extreme = max((rate for _, rate in rates.values()), key=abs)
            words = "funding {:.4%} in eight hours"
            self._check(asset, "funding", abs(extreme), FUNDING, words, now_s)
            if _seen(rates, now_s):
                self._board.note(asset, "funding", abs(extreme), now_s)
        ratios = [max(one, 1 / one) for _, one in longs.values() if one > 0]
        if ratios:
            words = "positions {:.1f} to one on one side"
            self._check(asset, "one_sided", max(ratios), ONE_SIDED, words, now_s)
            if _seen(longs, now_s):
                self._board.note(asset, "one_sided", max(ratios), now_s)

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


def _keep(figures: dict[str, _Newest], asset: str, key: tuple[str, str], at_s: float, value: float) -> None:
    newest = figures.setdefault(asset, {})
    newest.pop(key, None)
    if len(newest) >= MAX_INSTRUMENTS:
        newest.pop(next(iter(newest)))
    newest[key] = (at_s, value)


def _seen(newest: _Newest, now_s: float, fresh_s: float = FRESH_S) -> bool:
    return fully_seen((at_s for at_s, _ in newest.values()), now_s, fresh_s)


PRODUCER = FragilityEvidence
