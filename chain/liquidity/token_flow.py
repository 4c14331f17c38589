"""Follows the units of one token of one move of liquidity from holder to holder, by the token's transfers.

A removal's units begin at the pool. Within the transaction that moved them they are followed through every contract;
later only from wallets and from the position's own owner, because tokens that a contract sends later may belong to anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from chain.blocks.standards import NOBODY
from chain.events import LiquidityMoved

SOMEWHERE = "somewhere"
"""The holder of units of which the holder was forgotten: there were too many."""
NATIVE = "native"
"""The holder of a wrapped coin that an unknown owner unwrapped."""
MAX_HOLDERS = 16
DUST = 1000
"""The code of a holder of less than a thousandth of a removal is not read."""


class TokenFlow(msgspec.Struct, array_like=True):
    """One token of one move: `left` units of `amount` are not matched yet, and `held` has the units by holder.

    `emitter` is the contract that holds the pool's tokens. Units matched to other pools are in `went` by pool, those that
    came back to the same pool in `rebalanced`. `placed` are the holders to which a known migrator sent units. `successor` is the
    declared one of its token, or of another token of its move, if it was matched by that. `depth` is the
    loss of the token's ±2 % depth, of `depth_before` (0: not known).
    """

    event_id: str
    pool: str
    pool_kind: str
    emitter: str
    token: str
    owner: str | None
    transaction: str | None
    block_number: int
    time_s: float
    amount: int
    left: int
    share: float
    removed: bool
    depth: int = 0
    depth_before: int = 0
    hhi_before: float | None = None
    hhi_after: float | None = None
    went: dict[str, int] = {}
    rebalanced: int = 0
    migrated: bool = False
    held: dict[str, int] = {}
    hops: dict[str, int] = {}
    log_index: int = 0
    placed: list[str] = []
    successor: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Its place in the chain: block number and log index."""
        return self.block_number, self.log_index

    def passed(self, sender: str, receiver: str, amount: int, *, hops: int = 0) -> int:
        """Move units from sender to receiver (`hops` further from the removal). Returns how many, at most those there."""
        moved = min(self.held.get(sender, 0), amount)
        if moved and sender != receiver:
            far = self.hops.get(sender, 0) + hops
            self._give(sender, moved)
            self.held[receiver] = self.held.get(receiver, 0) + moved
            if far:
                self.hops[receiver] = max(far, self.hops.get(receiver, 0))
            while len(self.held) > MAX_HOLDERS:
                least = min(
                    (holder for holder in self.held if holder != SOMEWHERE),
                    key=lambda holder: (self.held[holder], holder),
                )
                self._lose(least)
        return moved

    def sold(self, emitters: Collection[str]) -> None:
        """Take units out of the match that are in other pools without being liquidity there: they were sold."""
        for holder in [one for one in self.held if one in emitters and one != self.emitter]:
            self.left -= min(self.held[holder], self.left)
            self._lose(holder)

    def near_holders(self, max_hops: int) -> set[str]:
        """The holders of units at most so many transfers from the removal, without its own pool and unknown holders."""
        return {
            holder
            for holder in self.held
            if self.hops.get(holder, 0) <= max_hops and holder not in (self.emitter, SOMEWHERE, NATIVE, NOBODY)
        }

    def used(self, amount: int, addition: TokenFlow) -> dict[str, int]:
        """Take units for a match: first those at the pool they went to, then its owner's, then its own pool's, then any.

        Returns the units taken by holder, without those of that pool.
        """
        if addition.pool == self.pool:
            self.rebalanced += amount
        else:
            self.went[addition.pool] = self.went.get(addition.pool, 0) + amount
        first = [one for one in (addition.emitter, addition.owner, self.owner, self.emitter) if one is not None]
        elsewhere: dict[str, int] = {}
        for holder in [*first, *sorted(self.held)]:
            taken = min(self.held.get(holder, 0), amount)
            if taken:
                self._give(holder, taken)
                amount -= taken
                if holder != addition.emitter:
                    elsewhere[holder] = elsewhere.get(holder, 0) + taken
        return elsewhere

    def held_by(self, holders: Iterable[str]) -> int:
        """The units of these holders."""
        return sum(self.held.get(holder, 0) for holder in holders)

    @property
    def holders(self) -> list[str]:
        """The holders of more than dust of it, without its own pool and unknown holders."""
        return [
            holder
            for holder, amount in self.held.items()
            if amount * DUST > self.amount and holder not in (self.emitter, SOMEWHERE, NATIVE, NOBODY)
        ]

    def _give(self, holder: str, amount: int) -> None:
        self.held[holder] -= amount
        if not self.held[holder]:
            del self.held[holder]
            self.hops.pop(holder, None)

    def _lose(self, holder: str) -> None:
        self.held[SOMEWHERE] = self.held.get(SOMEWHERE, 0) + self.held.pop(holder)
        self.hops.pop(holder, None)


def flows_of(event: LiquidityMoved, emitter: str) -> list[TokenFlow]:
    """The tokens of a move, each as a flow. The native coin logs no transfers: its owner counts as its holder at once."""
    depths = {one.token: one for one in event.depth}
    found: list[TokenFlow] = []
    for token, amount in ((event.token0, event.amount0), (event.token1, event.amount1), *event.more):
        if amount > 0:
            depth = depths.get(token)
            holder = (event.owner or NATIVE) if token == NOBODY else emitter
            found.append(
                TokenFlow(
                    event_id=event.event_id,
                    pool=event.pool,
                    pool_kind=event.pool_kind,
                    emitter=emitter,
                    token=token,
                    owner=event.owner,
                    transaction=event.place.transaction,
                    block_number=event.place.block_number,
                    time_s=event.place.block_time.timestamp(),
                    amount=amount,
                    left=amount,
                    share=event.share,
                    removed=event.removed,
                    depth=depth.moved if depth else 0,
                    depth_before=depth.token_before if depth else 0,
                    hhi_before=depth.hhi_before if depth else None,
                    hhi_after=depth.hhi_after if depth else None,
                    held={holder: amount} if event.removed else {},
                    log_index=event.place.log_index or 0,
                )
            )
    return found
