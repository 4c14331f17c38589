"""Defines a pool: it remembers its reserves from its logs and its reads, without any I/O.

Each kind is one file in `chain/liquidity/pools`, found by folder, with `KINDS` and `make(watched)`. A new pool knows
nothing and asks for its state in `reads`; from then on it follows its logs where these are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chain.blocks.block import Log
from chain.blocks.reads import CallBytes, CallWord, Reads, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address
from chain.liquidity.depth import Depth

MAX_POSITIONS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Liquidity that left (`removed`) or entered. `amounts` go by the pool's tokens, in smallest units.

    `share` is the larger share of the reserves before (concentrated: of the liquidity that is active in the position's
    range). `before` and `after` are each token's depth within ±2 %, None where it cannot be known.
    """

    removed: bool
    amounts: tuple[int, ...]
    share: float
    owner: Address | None
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None


class Pool(Protocol):
    """One watched pool. Logs come in order of the chain, and the state of a block after its logs."""

    @property
    def tokens(self) -> tuple[Address, ...]:
        """Its tokens, in the pool's order; empty until they are known."""
        ...

    @property
    def log_source(self) -> tuple[Address, str]:
        """The address that emits its logs, and their second topic if that address emits them for many pools (else empty)."""
        ...

    @property
    def position_manager(self) -> Address | None:
        """The contract that holds its positions as NFTs; None where there is none."""
        ...

    def on_position_transfer(self, log: Log) -> None:
        """Take a Transfer of the position manager: a position has a new owner, maybe one of this pool."""
        ...

    def reads(self) -> Reads:
        """Its logs, and the state that is still to be read."""
        ...

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Take one of its logs; `same` are all logs of that transaction (this one among them)."""
        ...

    def on_state(self, state: StateRead) -> None:
        """Take the answers at the end of the block."""
        ...

    def trades(self, bps: int) -> Depth | None:
        """The trades that move the price of a two-token pool by ±bps, exactly; None where they are not known or not exact."""
        ...

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """Each token's depth within ±bps (the amount that leaves on one side and enters on the other); None: not known."""
        ...

    def reserves(self) -> tuple[int, ...] | None:
        """Its reserves of each token (concentrated: the virtual reserves at the price); None: not known."""
        ...

    def tick(self) -> int | None:
        """The current tick of concentrated liquidity; None for other pools."""
        ...

    def memory(self) -> Any:
        """All that it remembers, as JSON values."""
        ...

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        ...


class Positions:
    """The owners of a position manager's NFTs that this pool has seen; the least recently seen are forgotten."""

    def __init__(self) -> None:
        self._owners: dict[str, Address] = {}

    def learn(self, token: str, owner: Address) -> None:
        """Take a position of this pool with its owner."""
        self._owners.pop(token, None)
        self._owners[token] = owner
        while len(self._owners) > MAX_POSITIONS:
            del self._owners[next(iter(self._owners))]

    def transferred(self, log: Log) -> None:
        """Take an ERC-721 Transfer. If the NFT is burnt, its last owner stays known for later logs of the block."""
        if len(log.topics) == 4 and log.topics[3] in self._owners and log.address_at(1) != NOBODY:
            self.learn(log.topics[3], log.address_at(1))

    def of_transaction(self, token: str, position_manager: Address, same: Sequence[Log]) -> Address | None:
        """The owner of a position that a log of this transaction names, as known before or logged in it."""
        for one in same:
            if one.address == position_manager and one.topics[:1] == (TRANSFER,) and one.topics[3:] == (token,):
                self.learn(token, one.address_at(1) if one.address_at(1) != NOBODY else one.address_at(0))
        return self._owners.get(token)

    def memory(self) -> Any:
        """Tokens and owners, oldest first."""
        return list(self._owners.items())

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        self._owners = {token: Address(owner) for token, owner in plain}


def words_of(state: StateRead, read: CallBytes) -> tuple[int, ...]:
    """The 32-byte words of a whole answer; none where it could not be read."""
    body = state.get(read) or b""
    return tuple(int.from_bytes(body[at : at + 32], "big") for at in range(0, len(body) - 31, 32))


def call(address: Address, selector: str, *words: int) -> CallWord:
    """A call with words for arguments (negative ones as two's complement)."""
    return CallWord(address, selector + "".join(f"{word % (1 << 256):064x}" for word in words))


def signed(word: int, bits: int) -> int:
    """The low `bits` of a word as two's complement."""
    word &= (1 << bits) - 1
    return word - (1 << bits) if word >> (bits - 1) else word


def share_of(amounts: Sequence[int], reserves: Sequence[int]) -> float:
    """The largest share these amounts are of the reserves, at most 1; 1 of reserves that are empty."""
    shares = [
        min(amount / held, 1.0) if held > 0 else 1.0 for amount, held in zip(amounts, reserves, strict=True) if amount
    ]
    return max(shares, default=0.0)
