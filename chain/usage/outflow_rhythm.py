"""Learns the gaps between a stream's outflows, and computes the silence they allow. Pure; seconds of block time in and out.

Poisson thresholds do not hold for clustered streams, so only the tail of the gaps is modelled: the longest `TAIL` gaps seen
exceed the next longest by exponential amounts (a cluster process has such a tail too), and the silence that comes at a
stated rate follows from their sum S: a gap beyond u + S ((k / n / p) ** (1 / k) - 1) has probability p, the uncertainty
of the estimate included (the ratio of a new exponential to the sum of k of them has survival (1 + x) ** -k). Old gaps are
forgotten by half: two spans are remembered, and the older is dropped when the younger is full. A reported silence is learned
only up to the allowed length, so that a halt does not hide the next.
"""

from __future__ import annotations

from itertools import chain

import msgspec

TAIL = 24
"""k: the gaps in the tail."""
WARM_GAPS = 100
WARM_S = 86_400
"""No silence is computed before this many gaps and a whole day: nights are slower than days."""
SPAN_S = 5 * 86_400
"""Seconds of observation in one span; between one and two spans are remembered."""
MIN_SPREAD = 0.05
"""Mean excess of the tail over the next longest gap, as a share of it: a lower bound."""
DAY_S = 86_400.0


class Span(msgspec.Struct):
    """Some days of gaps: how many, over how long, and the longest of them (s, longest first)."""

    gaps: int = 0
    seconds: int = 0
    longest: list[int] = []

    def learn(self, gap_s: int) -> None:
        """Take one gap."""
        self.gaps += 1
        self.seconds += gap_s
        if len(self.longest) <= TAIL or gap_s > self.longest[-1]:
            self.longest = sorted((*self.longest, gap_s), reverse=True)[: TAIL + 1]


class OutflowRhythm(msgspec.Struct):
    """One stream's gaps. Values are bounded: fifty figures whatever the stream."""

    young: Span = msgspec.field(default_factory=Span)
    old: Span = msgspec.field(default_factory=Span)

    @property
    def rate_per_day(self) -> float:
        """Outflows a day, over what is remembered."""
        return (self.young.gaps + self.old.gaps) / max(self.young.seconds + self.old.seconds, 1) * DAY_S

    @property
    def warm(self) -> bool:
        """Whether enough gaps were seen to compute a silence."""
        seconds = self.young.seconds + self.old.seconds
        return self.young.gaps + self.old.gaps >= WARM_GAPS and seconds >= WARM_S

    def learn(self, gap_s: int) -> None:
        """Take the seconds between two outflows."""
        self.young.learn(gap_s)
        if self.young.seconds >= SPAN_S:
            self.old, self.young = self.young, Span()

    def allowed_s(self, per_day: float) -> float | None:
        """The silence exceeded by chance `per_day` times a day; None while too few gaps were seen."""
        if not self.warm:
            return None
        longest = sorted(chain(self.young.longest, self.old.longest), reverse=True)[: TAIL + 1]
        *tail, least = longest
        beyond = max(sum(gap - least for gap in tail), TAIL * MIN_SPREAD * least)
        share = TAIL / (self.young.gaps + self.old.gaps)
        wanted = per_day / self.rate_per_day
        if wanted >= share:
            return float(least)
        return float(least + beyond * ((share / wanted) ** (1 / TAIL) - 1))
