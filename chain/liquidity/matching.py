"""Which addition a removal became: the score of a pair, and the pairs taken, best first, each unit used once.

score = w_tx·[same transaction] + w_own·[same owner, or money of the removal in the owner's hands or on its way to the pool]
+ w_amt·exp(−|ln(a/r)|/0.1) + w_dt·2^(−Δt/1 h) + w_flow·[that transaction brought its money to the pool]·2^(−Δt/2 d)
+ w_mig·[through a known migrator]; from 0.6 on, told as at most 1 (facts on detection, §5; the flow is ours). The
weights are such that without a common owner, its money or a common transaction no pair gets there. Money counts as the
owner's in the hands that the removal paid and one transfer further: beyond, it is an exchange's, or somebody else's.
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
"""How many transfers after the removal's own transaction money still tells whose addition it was."""


Flow = tuple[str, str, str | None]
"""A removal's event id, the pool's teller its money came to, and the transaction that brought it."""


def score_of(removal: TokenFlow, addition: TokenFlow, holders: Collection[str], flows: Collection[Flow]) -> float:
    """How well they fit; 0 where nothing is left of one, or where it came before the other in another transaction.

    `holders` got something of the same removal; `flows` are those of this block.
    """
    together = addition.transaction is not None and addition.transaction == removal.transaction
    if not removal.left or not addition.left or (removal.place > addition.place and not together):
        return 0.0
    score = AMOUNT * math.exp(-abs(math.log(addition.left / removal.left)) / AMOUNT_SCALE)
    after_s = max(addition.time_s - removal.time_s, 0.0)
    flowed = (removal.event_id, addition.emitter, addition.transaction) in flows
    of_one_hand = addition.owner is not None and (addition.owner == removal.owner or addition.owner in holders)
    score += SOON * 2 ** (-after_s / HALF_LIFE_S) + FLOW * flowed * 2 ** (-after_s / FLOW_HALF_LIFE_S)
    score += SAME_OWNER * (of_one_hand or flowed)
    return score + together * (SAME_TRANSACTION + MIGRATOR * removal.migrated)


def pairs(
    removals: Sequence[TokenFlow], additions: Sequence[TokenFlow], flows: Collection[Flow] = ()
) -> Iterator[tuple[float, TokenFlow, TokenFlow, int]]:
    """Score, removal, addition and the units they share, best first. The units are taken from both `left`."""
    open_by_token: dict[str, list[TokenFlow]] = {}
    holders: dict[str, set[str]] = {}  # whoever got one token of a removal may well have got the others
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
