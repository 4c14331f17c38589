"""Which addition a removal became: the score of a pair, and the pairs taken, best first, each unit used once.

score = w_tx·[same transaction] + w_own·[same owner, or money of the removal in the owner's or the pool's hands]
+ w_amt·exp(−|ln(a/r)|/0.1) + w_dt·2^(−Δt/1 h) + w_flow·[its money went into the pool]·2^(−Δt/6 h)
+ w_mig·[through a known migrator], capped at 1; from 0.6 on (facts on detection, §5; the flow is ours). The weights are
such that without a common owner, its money or a common transaction no pair gets there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from chain.sides import Side

SAME_TRANSACTION, SAME_OWNER, AMOUNT, SOON, FLOW, MIGRATOR = 0.4, 0.4, 0.25, 0.25, 0.25, 0.2
LEAST_SCORE = 0.6
AMOUNT_SCALE = 0.1
HALF_LIFE_S = 3600.0
FLOW_HALF_LIFE_S = 6 * 3600.0


def score_of(removal: Side, addition: Side, hands: Collection[str]) -> float:
    """How well they fit, 0..1; 0 where nothing is left of one of them. `hands` got something of the same removal."""
    if not removal.left or not addition.left:
        return 0.0
    score = AMOUNT * math.exp(-abs(math.log(addition.left / removal.left)) / AMOUNT_SCALE)
    after_s = max(addition.time_s - removal.time_s, 0.0)
    flowed = addition.teller != removal.teller and addition.teller in hands
    of_one_hand = addition.owner is not None and (addition.owner == removal.owner or addition.owner in hands)
    score += SOON * 2 ** (-after_s / HALF_LIFE_S) + FLOW * flowed * 2 ** (-after_s / FLOW_HALF_LIFE_S)
    score += SAME_OWNER * (of_one_hand or flowed)
    if addition.transaction is not None and addition.transaction == removal.transaction:
        score += SAME_TRANSACTION + MIGRATOR * removal.migrated
    return min(score, 1.0)


def pairs(removals: Sequence[Side], additions: Sequence[Side]) -> Iterator[tuple[float, Side, Side, int]]:
    """Score, removal, addition and the units they share, best first. The units are taken from both `left`."""
    open_by_token: dict[str, list[Side]] = {}
    hands: dict[str, set[str]] = {}  # whoever got one token of a removal may well have got the others
    for one in removals:
        open_by_token.setdefault(one.token, []).append(one)
        hands.setdefault(one.event_id, set()).update(one.held)
    scored = [
        (score, removal, addition)
        for addition in additions
        for removal in open_by_token.get(addition.token, ())
        if (score := score_of(removal, addition, hands[removal.event_id])) >= LEAST_SCORE
    ]
    scored.sort(key=lambda one: (-one[0], one[1].time_s, one[1].event_id, one[2].event_id))
    for score, removal, addition in scored:
        amount = min(removal.left, addition.left)
        if amount:
            removal.left -= amount
            addition.left -= amount
            yield score, removal, addition, amount
