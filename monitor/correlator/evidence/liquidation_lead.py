"""Finds forced orders that lead the price: the price follows them, so it is they that move it, and says by how many seconds.

The signed flow of forced orders and the returns of the price are correlated over ten minutes of five-second steps, for every
lead of up to a minute either way (Pearson; Fisher's transformation gives the chance, times the number of leads and looks a day).
Grade 2 at most: what leads may have a common cause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import atanh, erfc, log, sqrt
from statistics import correlation, median

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.alarm_rate import grade_of_rate
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

STEP_S = 5.0
STEPS = 120
MAX_LEAD = 12
MIN_BUSY = 24
"""Steps with forced orders in the window: fewer show no rhythm."""
MIN_CORRELATION = 0.4
AHEAD = 0.1
"""By so much the correlation with the later price must exceed that with the present and the earlier."""
LOOKS_PER_DAY = 86400.0 / (STEPS * STEP_S) * (2 * MAX_LEAD + 1)
"""Windows that do not overlap, times the leads that are tried."""
JUDGED_EVERY = 3
MAX_GRADE = 2
MAX_INSTRUMENTS = 64


@dataclass(slots=True)
class _Asset:
    """Mids by instrument; the flow of this step in USD (longs sold: negative); past flows and prices, the newest last."""

    mids: dict[str, float] = field(default_factory=dict)
    flow: float = 0.0
    flows: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS))
    prices: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS + 1))
    steps: int = 0


class LiquidationLeadEvidence:
    """The forced orders and the price of each asset."""

    kinds = frozenset({SignalKind.BOOK, SignalKind.LIQUIDATION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a book's middle, or a forced order."""
        name, attributes = signal.subject.asset, signal.attributes
        if name is None:
            return
        asset = self._assets.setdefault(name, _Asset())
        if signal.kind is SignalKind.LIQUIDATION:
            if attributes.get("backlog") is not True:
                asset.flow += -signal.value if attributes.get("side") == "long" else signal.value
            return
        mid, key = attributes.get("mid"), f"{signal.subject.venue}/{signal.subject.instrument}"
        if attributes.get("state") != "ok" or not isinstance(mid, int | float) or mid <= 0:
            return
        if key in asset.mids or len(asset.mids) < MAX_INSTRUMENTS:
            asset.mids[key] = float(mid)

    def on_second(self, now_s: float) -> None:
        """End a step of every asset."""
        if now_s % STEP_S >= 1:
            return
        for name in sorted(self._assets):
            asset = self._assets[name]
            if not asset.mids:
                asset.flow = 0.0
                continue
            asset.flows.append(asset.flow)
            asset.prices.append(median(asset.mids.values()))
            asset.flow = 0.0
            asset.steps += 1
            busy = asset.steps % JUDGED_EVERY == 0 and len(asset.prices) > STEPS
            if busy and sum(1 for one in asset.flows if one) >= MIN_BUSY:
                self._judge(name, asset, now_s)

    def _judge(self, name: str, asset: _Asset, now_s: float) -> None:
        prices, flows = list(asset.prices), [_root(one) for one in asset.flows]
        returns = [log(after / before) for before, after in pairwise(prices)]
        found = {lead: _correlated(flows, returns, lead) for lead in range(-MAX_LEAD, MAX_LEAD + 1)}
        lead = max(range(1, MAX_LEAD + 1), key=lambda one: found[one])
        best, others = found[lead], max(found[one] for one in range(-MAX_LEAD, 1))
        if best < MIN_CORRELATION or best < others + AHEAD:
            return
        chance = 0.5 * erfc(atanh(min(best, 0.999)) * sqrt(STEPS - lead - 3) / sqrt(2))
        per_day = LOOKS_PER_DAY * chance
        grade = min(grade_of_rate(per_day), MAX_GRADE)
        if not grade:
            return
        self._board.put(
            Finding(
                name="liquidation_lead",
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=name),
                grade=grade,
                far_per_day=per_day,
                onset_s=now_s,
                at_s=now_s,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=lead * STEP_S,
                normal=0.0,
                unit="s",
                said=f"the price of {name} follows forced orders by {lead * STEP_S:.0f} s (correlation {best:.2f})",
            )
        )


def _root(usd: float) -> float:
    """The signed square root: one order of a million is not a thousand of a thousand."""
    return sqrt(usd) if usd >= 0 else -sqrt(-usd)


def _correlated(flows: Sequence[float], returns: Sequence[float], lead: int) -> float:
    """The correlation of flows with the returns `lead` steps later; 0 where one of them does not change."""
    later = flows[: len(flows) - lead] if lead >= 0 else flows[-lead:]
    moves = returns[lead:] if lead >= 0 else returns[:lead]
    if len(set(later)) < 2 or len(set(moves)) < 2:
        return 0.0
    return correlation(later, moves)


PRODUCER = LiquidationLeadEvidence
