"""Records the true facts of a simulated history: whose liquidity left which pool, and where every unit of it is.

A purse is one person with any number of addresses. Additions, bridge transfers and sales use the removed tokens first, oldest
first. The remaining removed tokens are still in the wallets of the person.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from chain.events import Address

Spot = tuple[int, int]
"""Block number and log index of the log of a move."""
HOUR_S = 3600.0
WALLETS, ELSEWHERE, BACK, BRIDGE, SOLD = "wallets", "elsewhere", "back", "bridge", "sold"


@dataclass(slots=True)
class Lot:
    """One token of one removal; `rest` is the amount its owner still holds."""

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
    """The lots of one person, oldest first."""

    lots: list[Lot] = field(default_factory=list)


class Ledger:
    """Holds all lots of a history, and the true pairs of removals and additions."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.pairs: set[tuple[Spot, Spot]] = set()

    def left(self, purse: Purse, spot: Spot, pool: Address, amounts: dict[Address, int], at_s: float) -> None:
        """Records that liquidity left a pool into this purse."""
        for token, amount in amounts.items():
            if amount:
                lot = Lot(spot=spot, pool=pool, token=token, amount=amount, at_s=at_s, rest=amount)
                self.lots.append(lot)
                purse.lots.append(lot)

    def fleeting(self, purse: Purse, spot: Spot) -> None:
        """Records that this removal only undid an addition made shortly before."""
        for lot in purse.lots:
            lot.fleeting |= lot.spot == spot
        purse.lots = [lot for lot in purse.lots if not lot.fleeting]

    def entered(self, purse: Purse, spot: Spot, pool: Address, amounts: dict[Address, int], at_s: float) -> None:
        """Records that liquidity of this purse entered a pool."""
        for token, amount in amounts.items():
            for lot, part in self._taken(purse, token, amount):
                lot.spent.append((at_s, BACK if lot.pool == pool else ELSEWHERE, part))
                if lot.pool != pool:
                    self.pairs.add((lot.spot, spot))

    def spent(self, purse: Purse, token: Address, amount: int, bucket: str, at_s: float) -> None:
        """Records that tokens were sold, bridged, or (wallets) sent to another owner."""
        for lot, part in self._taken(purse, token, amount):
            lot.spent.append((at_s, bucket, part))

    def sums(self, token: Address, at_s: float) -> dict[str, int]:
        """Returns where all liquidity removed within the hour before is now."""
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
