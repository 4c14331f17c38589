"""Knows the truth of a played history: whose liquidity left which pool, and what became of every unit of it.

A purse is a person, whatever addresses they use. What they add is first what they took out before, oldest first; what
they send to a bridge or sell is too. The rest of what they took out is still in their wallets.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from chain.events import Address

Spot = tuple[int, int]
"""Block number and log index of the log that tells a move."""
HOUR_S = 3600.0
WALLETS, ELSEWHERE, BACK, BRIDGE, SOLD = "wallets", "elsewhere", "back", "bridge", "sold"


@dataclass(slots=True)
class Lot:
    """One token of one removal; `rest` is what its owner still holds of it."""

    spot: Spot
    pool: Address
    token: Address
    amount: int
    at_s: float
    rest: int
    fleeting: bool = False
    spent: list[tuple[float, str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Purse:
    """One person's lots, oldest first."""

    lots: list[Lot] = field(default_factory=list)


class Ledger:
    """All lots of a history, and the pairs of removals and additions that belong together."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.pairs: set[tuple[Spot, Spot]] = set()

    def left(self, purse: Purse, spot: Spot, pool: Address, amounts: dict[Address, int], at_s: float) -> None:
        """Liquidity left a pool into this purse."""
        for token, amount in amounts.items():
            if amount:
                lot = Lot(spot=spot, pool=pool, token=token, amount=amount, at_s=at_s, rest=amount)
                self.lots.append(lot)
                purse.lots.append(lot)

    def fleeting(self, purse: Purse, spot: Spot) -> None:
        """That removal only undid what was added a moment before."""
        for lot in purse.lots:
            lot.fleeting |= lot.spot == spot
        purse.lots = [lot for lot in purse.lots if not lot.fleeting]

    def entered(self, purse: Purse, spot: Spot, pool: Address, amounts: dict[Address, int], at_s: float) -> None:
        """Liquidity of this purse entered a pool."""
        for token, amount in amounts.items():
            for lot, part in self._taken(purse, token, amount):
                lot.spent.append((at_s, BACK if lot.pool == pool else ELSEWHERE, part))
                if lot.pool != pool:
                    self.pairs.add((lot.spot, spot))

    def spent(self, purse: Purse, token: Address, amount: int, bucket: str, at_s: float) -> None:
        """Sold, bridged, or (wallets) out of the owner's hands."""
        for lot, part in self._taken(purse, token, amount):
            lot.spent.append((at_s, bucket, part))

    def sums(self, token: Address, at_s: float) -> dict[str, int]:
        """What became, by then, of all that left within the hour before."""
        found: dict[str, int] = defaultdict(int)
        for lot in self.lots:
            if lot.token != token or lot.fleeting or not at_s - HOUR_S < lot.at_s <= at_s:
                continue
            gone = [one for one in lot.spent if one[0] <= at_s]
            for _, bucket, part in gone:
                found[bucket] += part
            found[WALLETS] += lot.amount - sum(part for *_, part in gone)
        return found

    @staticmethod
    def _taken(purse: Purse, token: Address, amount: int) -> list[tuple[Lot, int]]:
        found = []
        for lot in purse.lots:
            part = min(lot.rest, amount) if lot.token == token else 0
            if part > 0:
                lot.rest -= part
                amount -= part
                found.append((lot, part))
        return found
