"""Matches removals with additions: the score of a pair, and the matched pairs, best first, each unit used once.

score = w_tx·[same transaction] + w_own·[same owner, or the owner or the pool got units of the removal]
+ w_amt·exp(−|ln(a/r)|/0.1) + w_dt·2^(−Δt/1 h) + w_flow·[that transaction brought its units to the pool]·2^(−Δt/2 d)
+ w_mig·[through a known migrator]. A pair matches from 0.6 on, and its score is reported as at most 1
(`docs/detection.md`, "Rates and grades"). The weights are such that no pair matches without a common owner, units of the
removal or a common transaction. The holders that the removal paid, and those one transfer further, count as its owner;
beyond, units belong to an exchange or to somebody else.

An addition of a token's declared successor may match a removal of the token itself, at the declared ratio, whoever owns it;
so may the other tokens of the same two moves. It counts like a common owner.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

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


@dataclass(frozen=True, slots=True)
class Succession:
    """A token that takes the place of `old`: `units` of its smallest units for one of the old token's."""

    old: str
    units: Fraction = Fraction(1)


SAME = Succession("")
Successions = Mapping[str, Succession]
"""By the new token."""


def score_of(
    removal: TokenFlow,
    addition: TokenFlow,
    holders: Collection[str],
    flows: Collection[Flow],
    succession: Succession | None = None,
) -> float:
    """The score of a pair; 0 if nothing is left of one, or if the addition came before in another transaction.

    `holders` got units of the same removal; `flows` are those of this block. `succession`: one token succeeds the other, or it
    does in the same two moves.
    """
    together = addition.transaction is not None and addition.transaction == removal.transaction
    if not removal.left or not addition.left or (removal.place > addition.place and not together):
        return 0.0
    added = float(addition.left / (succession or SAME).units)
    score = AMOUNT * math.exp(-abs(math.log(added / removal.left)) / AMOUNT_SCALE)
    after_s = max(addition.time_s - removal.time_s, 0.0)
    flowed = (removal.event_id, addition.emitter, addition.transaction) in flows
    same_owner = addition.owner is not None and (addition.owner == removal.owner or addition.owner in holders)
    score += SOON * 2 ** (-after_s / HALF_LIFE_S) + FLOW * flowed * 2 ** (-after_s / FLOW_HALF_LIFE_S)
    score += SAME_OWNER * (same_owner or flowed or succession is not None)
    return score + together * (SAME_TRANSACTION + MIGRATOR * removal.migrated)


def pairs(
    removals: Sequence[TokenFlow],
    additions: Sequence[TokenFlow],
    flows: Collection[Flow] = (),
    successions: Successions | None = None,
) -> Iterator[tuple[float, TokenFlow, TokenFlow, int]]:
    """Score, removal, addition and the matched units of the removal, best first. The units are taken from both `left`.

    A removal that matches by a declared successor remembers it.
    """
    successions = successions or {}
    open_by_token: dict[str, list[TokenFlow]] = {}
    holders: dict[str, set[str]] = {}  # a holder of one token of a removal may well hold the others
    for one in removals:
        open_by_token.setdefault(one.token, []).append(one)
        holders.setdefault(one.event_id, set()).update(one.near_holders(MAX_HOPS))
    joined = _joined(open_by_token, additions, successions)
    scored = []
    for addition in additions:
        succession = successions.get(addition.token)
        candidates = [(one, SAME if (one.event_id, addition.event_id) in joined else None)
                      for one in open_by_token.get(addition.token, ())]  # fmt: skip
        candidates += [(one, succession) for one in open_by_token.get(succession.old if succession else "", ())]
        for removal, by in candidates:
            score = score_of(removal, addition, holders[removal.event_id], flows, by)
            if score >= MIN_SCORE:
                scored.append((score, removal, addition, by))
    scored.sort(key=lambda one: (-one[0], one[1].place, one[1].event_id, one[2].event_id))
    for score, removal, addition, by in scored:
        units = (by or SAME).units
        amount = min(removal.left, int(addition.left / units))
        if amount:
            removal.left -= amount
            addition.left -= int(amount * units)
            if by is not None:
                removal.successor = joined[removal.event_id, addition.event_id]
            yield min(score, 1.0), removal, addition, amount


def _joined(
    removals: Mapping[str, Sequence[TokenFlow]], additions: Sequence[TokenFlow], successions: Successions
) -> dict[tuple[str, str], str]:
    """The removals and additions (their events) of which one has an old token and the other its successor: that successor."""
    return {
        (one.event_id, addition.event_id): addition.token
        for addition in additions
        if (succession := successions.get(addition.token)) is not None and addition.left
        for one in removals.get(succession.old, ())
        if one.left
    }
