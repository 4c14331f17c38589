"""Matches removals with additions: the score of a pair, and the matched pairs, best first, each unit used once.

score = w_tx·[same transaction] + w_own·[same owner, or the owner or the pool got units of the removal]
+ w_amt·exp(−|ln(a/r)|/0.1) + w_dt·2^(−Δt/1 h) + w_flow·[that transaction brought its units to the pool]·2^(−Δt/2 d)
+ w_mig·[through a known migrator]. A pair matches from 0.6 on, and its score is reported as at most 1
(`docs/detection.md`, "Rates and grades"). The weights are such that no pair matches without a common owner, units of the
removal or a common transaction. The holders that the removal paid, and those one transfer further, count as its owner;
beyond, units belong to an exchange or to somebody else.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from chain.liquidity.token_flow import TokenFlow

SAME_TRANSACTION, SAME_OWNER, AMOUNT, SOON, FLOW, MIGRATOR = 0.4, 0.4, 0.25, 0.25, 0.3, 0.2
MIN_SCORE = 0.6
AMOUNT_SCALE = 0.1
HALF_LIFE_S = 3600.0
FLOW_HALF_LIFE_S = 2 * 86_400.0
MAX_HOPS = 1
"""Transfers after the removal's own transaction within which units still show whose addition it was."""


Flow = tuple[str, str, str | None]
"""A removal's event id, the emitter that its units came to, and the transaction that brought them."""


def score_of(removal: TokenFlow, addition: TokenFlow, holders: Collection[str], flows: Collection[Flow]) -> float:
    """The score of a pair; 0 if nothing is left of one, or if the addition came before in another transaction.

    `holders` got units of the same removal; `flows` are those of this block.
    """
    together = addition.transaction is not None and addition.transaction == removal.transaction
    if not removal.left or not addition.left or (removal.place > addition.place and not together):
        return 0.0
    score = AMOUNT * math.exp(-abs(math.log(addition.left / removal.left)) / AMOUNT_SCALE)
    after_s = max(addition.time_s - removal.time_s, 0.0)
    flowed = (removal.event_id, addition.emitter, addition.transaction) in flows
    same_owner = addition.owner is not None and (addition.owner == removal.owner or addition.owner in holders)
    score += SOON * 2 ** (-after_s / HALF_LIFE_S) + FLOW * flowed * 2 ** (-after_s / FLOW_HALF_LIFE_S)
    score += SAME_OWNER * (same_owner or flowed)
    return score + together * (SAME_TRANSACTION + MIGRATOR * removal.migrated)


def pairs(
    removals: Sequence[TokenFlow], additions: Sequence[TokenFlow], flows: Collection[Flow] = ()
) -> Iterator[tuple[float, TokenFlow, TokenFlow, int]]:
    """Score, removal, addition and the matched units, best first. The units are taken from both `left`."""
    open_by_token: dict[str, list[TokenFlow]] = {}
    holders: dict[str, set[str]] = {}  # a holder of one token of a removal may well hold the others
    for one in removals:
        open_by_token.setdefault(one.token, []).append(one)
        holders.setdefault(one.event_id, set()).update(one.near_holders(MAX_HOPS))
    scored = [
        (score, removal, addition)
        for addition in additions
        for removal in open_by_token.get(addition.token, ())
        if (score := score_of(removal, addition, holders[removal.event_id], flows)) >= MIN_SCORE
    ]
    scored.sort(key=lambda one: (-one[0], one[1].place, one[1].event_id, one[2].event_id))
    for score, removal, addition in scored:
        amount = min(removal.left, addition.left)
        if amount:
            removal.left -= amount
            addition.left -= amount
            yield min(score, 1.0), removal, addition, amount
