"""Says how dear and how slow a network is at a head, against its own past: base fee and seconds a block. Pure.

The usual value is a mean of logarithms over block time with a half-life of six hours, known once an hour was seen. Spikes of a
single block move it little, and a base fee can be compared between networks only as a ratio to its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import exp, log

from chain.events.network import HeadSeen
from monitor.signals import Scalar

HALF_LIFE_S = 6 * 3600.0
KNOWN_S = 3600.0
GWEI = 1e9
MAX_GAP_S = 600.0
"""A head so long after the last one teaches as much as one this long after."""


@dataclass(slots=True)
class _Usual:
    mean: float = 0.0
    seen_s: float = 0.0

    def ratio(self, value: float, passed_s: float) -> float | None:
        """The value over the usual one before it (None: not known yet); then it is learned."""
        logarithm = log(value)
        known = exp(logarithm - self.mean) if self.seen_s >= KNOWN_S else None
        self.seen_s += passed_s
        share = max(1 - exp(-log(2) * passed_s / HALF_LIFE_S), passed_s / self.seen_s)  # a plain mean at first
        self.mean += share * (logarithm - self.mean)
        return known


@dataclass(slots=True)
class _Network:
    number: int
    time: datetime
    fee: _Usual = field(default_factory=_Usual)
    block: _Usual = field(default_factory=_Usual)


class Congestion:
    """The heads of each network so far."""

    def __init__(self) -> None:
        self._networks: dict[str, _Network] = {}

    def of(self, head: HeadSeen) -> dict[str, Scalar]:
        """Attributes of this head; None for what is not known, such as a base fee where the network has none."""
        last = self._networks.setdefault(head.network, _Network(head.block_number, head.block_time))
        blocks = head.block_number - last.number
        passed_s = (head.block_time - last.time).total_seconds()
        last.number, last.time = head.block_number, head.block_time
        forward = blocks > 0 and passed_s > 0  # not after a reorg, and not where blocks share a second
        block_s = passed_s / blocks if forward else None
        learned_s = min(passed_s, MAX_GAP_S) if forward else 0.0
        fee = None if head.base_fee is None else head.base_fee / GWEI
        return {
            "base_fee_gwei": fee,
            "base_fee_ratio": last.fee.ratio(fee, learned_s) if fee and learned_s else None,
            "block_s": block_s,
            "block_ratio": None if block_s is None else last.block.ratio(block_s, learned_s),
        }
