"""Finds pools whose reserves or depth collapse, and pools that become one-sided: nobody wants what is left in them.

Summed over the watched pools of a token, so that what moves from one watched pool to another is no fall. 50, 80 and 95 % under
the median report of six hours are grades 1 to 3. A pool whose two sides are 4, 20 or 400 times further from each other than usual
has grade 1 to 3. A reorg that undoes a report withdraws what it showed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from statistics import median

from monitor.correlator.producer import EvidenceBoard, Finding, brief, graded
from monitor.detect.level import RobustLevel
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject

FALLS = (0.5, 0.8, 0.95, float("inf"))
TILTS = (log(4), log(20), log(400), float("inf"))
WINDOW_S = 6 * 3600.0
EVERY_S = 10.0
PERCENTS = (1, 2, 5)
MAX_POOLS = 512
MAX_POINTS = 256
MIN_SHARE = 0.01
"""A pool with less of its token's depth says nothing of the token."""
LEVEL_S = 6 * 3600.0
WARM = 4
"""Reports of a pool before its usual sides are known."""


@dataclass(slots=True)
class _Pool:
    """One pool: newest figures of each token and their block's time; the usual logarithm of one side over the other."""

    event_id: str = ""
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    tilt: RobustLevel = field(default_factory=lambda: RobustLevel(LEVEL_S, 0.2, WARM))


@dataclass(slots=True)
class _Token:
    """What the pools of one token hold together, over the last hours: (when, how many pools, figure -> amount)."""

    past: deque[tuple[float, int, dict[str, float]]] = field(default_factory=lambda: deque(maxlen=MAX_POINTS))
    fallen_s: float | None = None


class PoolReservesEvidence:
    """The reserves and the depth of each asset's watched pools."""

    kinds = frozenset({SignalKind.POOL_DEPTH, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._pools: dict[tuple[str, str, str], _Pool] = {}
        self._tokens: dict[tuple[str, str, str], _Token] = {}
        self._changed: set[tuple[str, str, str]] = set()

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take what a pool holds."""
        asset, attributes = signal.subject.asset, signal.attributes
        if signal.kind is SignalKind.RETRACTION:
            self._retract(str(attributes.get("retracts", "")))
            return
        if asset is None or signal.subject.pool is None:
            return
        network = signal.subject.network or ""
        key = (asset, network, signal.subject.pool)
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= MAX_POOLS:
                self._pools.pop(next(iter(self._pools)))
            pool = self._pools[key] = _Pool()
        pool.event_id = str(attributes.get("event_id", ""))
        shares = []
        for place in (0, 1):
            token = attributes.get(f"token{place}")
            if isinstance(token, str):
                pool.figures[token] = _figures(attributes, place)
                self._changed.add((asset, network, token))
            share = attributes.get(f"share{place}")
            shares.append(share if isinstance(share, int | float) else 0.0)
        if max(shares) >= MIN_SHARE:
            self._sides(pool, signal.subject, attributes, at_s)

    def on_second(self, now_s: float) -> None:
        """Compare the tokens of which something changed, six times a minute."""
        if now_s % EVERY_S >= 1:
            return
        for key in sorted(self._changed):
            self._compare(key, now_s)
        self._changed.clear()

    def _retract(self, event_id: str) -> None:
        for (asset, _, address), pool in self._pools.items():
            if event_id and pool.event_id == event_id:
                pool.event_id = ""
                for evidence_id in (
                    f"pool_one_sided:{asset}:{address}",
                    *(f"pool_reserves:{asset}:{token}" for token in pool.figures),
                ):
                    self._board.withdraw(evidence_id, retracted=True)

    def _sides(self, pool: _Pool, subject: Subject, attributes: Mapping[str, Scalar], at_s: float) -> None:
        one, other = (_figure(attributes.get(f"reserve{place}")) for place in (0, 1))
        tilt = log(max(one, 1.0) / max(other, 1.0))
        away = tilt - pool.tilt.level if pool.tilt.seen >= WARM else 0.0
        grade = graded(abs(away) + 1e-9, TILTS)
        if not grade:
            pool.tilt.learn(tilt, at_s)
            self._board.withdraw(f"pool_one_sided:{subject.asset}:{subject.pool}")
            return
        left = attributes.get("token0") if away > 0 else attributes.get("token1")
        self._board.put(
            Finding(
                name="pool_one_sided",
                leg=Leg.MIGRATION,
                subject=Subject(asset=subject.asset, pool=subject.pool),
                grade=grade,
                onset_s=at_s,
                at_s=at_s,
                half_life_s=self._board.settings.liquidity_half_life_s,
                value=exp(abs(away)),
                normal=1.0,
                unit="times",
                said=f"pool {brief(subject.pool)} became one-sided: {exp(abs(away)):,.0f} times more of {brief(left)} than usual",
            )
        )

    def _compare(self, key: tuple[str, str, str], now_s: float) -> None:
        asset, network, token = key
        if key not in self._tokens and len(self._tokens) >= 2 * MAX_POOLS:
            self._tokens.pop(next(iter(self._tokens)))
        known = self._tokens.setdefault(key, _Token())
        pools = [
            one.figures[token]
            for (whose, where, _), one in self._pools.items()
            if (whose, where) == (asset, network) and token in one.figures
        ]
        now = {name: sum(one.get(name, 0.0) for one in pools) for name in pools[0]} if pools else {}
        while known.past and known.past[0][0] < now_s - WINDOW_S:
            known.past.popleft()
        usual = {name: median([one[2].get(name, 0.0) for one in known.past] or [0.0]) for name in now}
        known.past.append((now_s, len(pools), now))
        falls = {name: 1 - now[name] / usual[name] for name in now if usual[name] > 0}
        name = max(falls, key=lambda one: falls[one], default="")
        grade = graded(round(falls[name], 9), FALLS) if name else 0
        evidence_id = f"pool_reserves:{asset}:{token}"
        if not grade:
            known.fallen_s = None
            self._board.withdraw(evidence_id)
            return
        known.fallen_s = now_s if known.fallen_s is None else known.fallen_s
        self._board.put(
            Finding(
                name="pool_reserves",
                leg=Leg.MIGRATION,
                subject=Subject(asset=asset, contract=token),
                grade=grade,
                onset_s=known.fallen_s,
                at_s=now_s,
                half_life_s=self._board.settings.liquidity_half_life_s,
                value=now[name],
                normal=usual[name],
                unit="smallest units",
                said=f"the watched pools of {asset} hold {falls[name]:.0%} less of {brief(token)} ({name}) than usual",
            )
        )


def _figures(attributes: Mapping[str, Scalar], place: int) -> dict[str, float]:
    """The reserve of one token, and its depth within 1, 2 and 5 %."""
    found = {"reserve": _figure(attributes.get(f"reserve{place}"))}
    for percent in PERCENTS:
        found[f"depth {percent} %"] = _figure(attributes.get(f"depth{place}_{percent}"))
    return found


def _figure(one: Scalar) -> float:
    return float(one) if isinstance(one, int | float) and one > 0 else 0.0


PRODUCER = PoolReservesEvidence
