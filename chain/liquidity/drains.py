"""Finds what a pool loses within a minute without a removal of liquidity, and names the cause as far as the block shows it.

Reserves are compared at the ends of blocks; liquidity that was added or removed in between is taken out. A loss counts from a
fifth of a token's reserve. For a product of reserves that is a price moved by more than half; a trade that takes so much is not
routine. Where the pool is flat (stable swaps), a trade may take what lies within ±2 %, and half of the reserve at most, before
it counts. Concentrated liquidity counts by its virtual reserves, and only if the price left ±5 %: elsewhere it is thin by design.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address, DrainCause
from chain.liquidity.pool import signed

WINDOW_S = 60.0
DRAINED = 0.2
FLAT_DRAINED = 0.5
MIN_TICKS = 488
"""1.0001^488 = 1.05: the price has left ±5 %."""
MINT_WINDOW_S = 3600.0
MAX_MINTS = 256
ALONE = 0.9
"""From this part of the units on, one address counts as the receiver."""
NOWHERE = frozenset({NOBODY, Address("0x" + "dead".rjust(40, "0"))})
INTERNAL_BALANCE = topic_of("InternalBalanceChanged(address,address,int256)")
"""Balancer's Vault credits an account without a transfer. Source: UserBalance.sol (v2-vault)."""
REBASES = frozenset(map(topic_of, ("LogRebase(uint256,uint256)", "Rebase(uint256,uint256)")))
"""Ampleforth's, and that of its forks."""

OWN_COINS = frozenset({NOBODY, Address("0x" + "e" * 40)})
"""How pools name the network's own coin, whose transfers write no log."""

Reserves = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a pool lost: reserves before and after, and the token (its position) that lost the largest share."""

    before: Reserves
    after: Reserves
    most: int

    @property
    def share(self) -> float:
        """The share of that token's reserve, 0..1."""
        return 1 - self.after[self.most] / self.before[self.most]


def with_moves(reserves: Reserves, moves: Iterable[Sequence[int]]) -> Reserves:
    """Reserves with liquidity added (positive amounts) or removed (negative)."""
    for amounts in moves:
        reserves = tuple(max(held + amount, 0) for held, amount in zip(reserves, amounts, strict=True))
    return reserves


class Baseline:
    """The reserves of one pool at the beginning of a minute, with the liquidity moved since taken out."""

    def __init__(self, at_s: float, tick: int | None, reserves: Reserves) -> None:
        self.at_s, self.tick, self.reserves = at_s, tick, reserves

    def loss(self, tick: int | None, now: Reserves, near: Sequence[int] | None) -> Loss | None:
        """The loss since then, if it counts. `near`: each token's ±2 % depth before (None: not known)."""
        climbed = 0 if tick is None or self.tick is None else tick - self.tick
        if tick is not None and abs(climbed) < MIN_TICKS:
            return None
        shares = [1 - one / held if held else 0.0 for held, one in zip(self.reserves, now, strict=True)]
        bought = 1 if climbed < 0 else 0  # the price of token0 rises while it is bought
        order = sorted(range(len(now)), key=lambda at: (-shares[at], at != bought))
        most = order[0]
        if shares[most] < self._limit(most, near, concentrated=tick is not None):
            return None
        return Loss(before=self.reserves, after=now, most=most)

    def _limit(self, token: int, near: Sequence[int] | None, *, concentrated: bool) -> float:
        if concentrated:
            return DRAINED
        if near is None:
            return FLAT_DRAINED
        return min(max(near[token] / self.reserves[token], DRAINED), FLAT_DRAINED)

    def memory(self) -> list[object]:
        """Time, tick and reserves."""
        return [self.at_s, self.tick, list(self.reserves)]


def recalled(plain: Sequence[object] | None) -> Baseline | None:
    """The baseline that `memory` gave."""
    if plain is None:
        return None
    at_s, tick, reserves = plain
    assert isinstance(at_s, int | float)
    assert isinstance(reserves, list)
    return Baseline(float(at_s), tick if isinstance(tick, int) else None, tuple(int(one) for one in reserves))


class Mints:
    """Units of tokens made in the last hour, by token and receiver; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[float, int]] = {}

    def take(self, logs: Iterable[Log], at_s: float) -> None:
        """Take the Transfers from nobody."""
        for log in logs:
            if log.topics[:1] == (TRANSFER,) and len(log.topics) < 4 and log.address_at(0) == NOBODY:
                self.add(log.address, log.address_at(1), log.word(2), at_s)

    def add(self, token: str, receiver: str, units: int, at_s: float) -> None:
        """Add units to what the receiver got within the last hour."""
        key = f"{token}{receiver}"
        before_s, before = self._made.pop(key, (at_s, 0))
        recent = at_s - before_s <= MINT_WINDOW_S
        self._made[key] = (at_s, units + (before if recent else 0))
        while len(self._made) > MAX_MINTS or at_s - next(iter(self._made.values()))[0] > MINT_WINDOW_S:
            del self._made[next(iter(self._made))]

    def of(self, token: str, receiver: str, at_s: float) -> int:
        """The units of a token made for this receiver within the last hour."""
        made_s, units = self._made.get(f"{token}{receiver}", (0.0, 0))
        return units if at_s - made_s <= MINT_WINDOW_S else 0

    def memory(self) -> dict[str, list[float | int]]:
        """Time and units by token and receiver."""
        return {key: [at_s, units] for key, (at_s, units) in self._made.items()}

    def recall(self, plain: Mapping[str, Sequence[float | int]]) -> None:
        """Restore the memory that `memory` gave."""
        self._made = {key: (float(one[0]), int(one[1])) for key, one in plain.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one block shows of a pool: its swaps' transactions, all logs, and who holds its tokens (`emitter`).

    `alone`: the emitter holds the tokens of this pool only. `virtual`: the reserves are virtual. `tokens`, `began` (its reserves
    before the block, without the liquidity that the block removed) and `loss` go by position.
    """

    tokens: tuple[Address, ...]
    emitter: Address
    alone: bool
    virtual: bool
    swaps: Collection[str]
    logs: Sequence[Log]
    began: Reserves
    loss: Loss
    at_s: float


def cause_of(scene: Scene, mints: Mints) -> tuple[DrainCause, Address | None, str | None]:
    """The cause, the address that got most of the lost token, and the transaction in which most of it left (None: not known)."""
    loss, token = scene.loss, scene.tokens[scene.loss.most]
    lost = scene.began[loss.most] - loss.after[loss.most]
    left = _left(scene, token)
    transaction = max(left, key=lambda one: (left[one], one), default=None) or next(iter(sorted(scene.swaps)), None)
    if 2 * _burnt(scene, token) >= lost:
        return DrainCause.BURN, None, transaction
    by = _receiver(scene, token, left or dict.fromkeys(scene.swaps, 0))
    unlogged = not scene.alone or scene.virtual or token in OWN_COINS
    if scene.swaps and (unlogged or 2 * sum(left.values()) >= lost):
        paid = [at for at in range(len(scene.tokens)) if loss.after[at] > scene.began[at]]
        came = max(paid, key=lambda at: loss.after[at] / max(scene.began[at], 1), default=None)
        made = mints.of(scene.tokens[came], by, scene.at_s) if by is not None and came is not None else 0
        if came is not None and 2 * made >= loss.after[came] - scene.began[came]:
            return DrainCause.MINT, by, transaction
        return DrainCause.SWAP, by, transaction
    if 2 * sum(left.values()) >= lost:
        return DrainCause.TAKEN, by, transaction
    if any(log.topics and log.topics[0] in REBASES and log.address == token for log in scene.logs):
        return DrainCause.REBASE, None, transaction
    return DrainCause.UNKNOWN if unlogged else DrainCause.SYNC, None, transaction


def _left(scene: Scene, token: Address) -> dict[str, int]:
    """Units of the token that left the emitter, by transaction, less those that came back in it."""
    found: dict[str, int] = defaultdict(int)
    for log in scene.logs:
        if log.address == token and log.topics[:1] == (TRANSFER,):
            sign = (log.address_at(0) == scene.emitter) - (log.address_at(1) == scene.emitter)
            if sign and (scene.alone or log.transaction in scene.swaps):
                found[log.transaction] += sign * log.word(2)
    return {transaction: units for transaction, units in found.items() if units > 0}


def _burnt(scene: Scene, token: Address) -> int:
    return sum(
        log.word(2)
        for log in scene.logs
        if scene.alone
        and log.address == token
        and log.topics[:1] == (TRANSFER,)
        and log.address_at(0) == scene.emitter
        and log.address_at(1) in NOWHERE
    )


def _receiver(scene: Scene, token: Address, within: Collection[str]) -> Address | None:
    """The address that gained nearly all of the token in these transactions; None where several did, or nobody is named."""
    gained: dict[Address, int] = defaultdict(int)
    for log in scene.logs:
        if log.transaction not in within or not log.topics:
            continue
        if log.topics[0] == TRANSFER and log.address == token:
            gained[log.address_at(0)] -= log.word(2)
            gained[log.address_at(1)] += log.word(2)
        elif log.topics[0] == INTERNAL_BALANCE and log.address == scene.emitter and log.address_at(1) == token:
            gained[log.address_at(0)] += signed(log.word(2), 256)
    kept = {at: units for at, units in gained.items() if units > 0 and at not in (scene.emitter, *NOWHERE)}
    most = max(kept, key=lambda at: (kept[at], at), default=None)
    return most if most is not None and kept[most] >= ALONE * sum(kept.values()) else None
