"""The form of a detector: pure memory that turns blocks into events, and what the operator wants watched.

Detectors do not know each other. Those of stage 2 are given what stage 1 saw in the same block; an event they give
with the id of an earlier one takes its place. Memory is handed over as bytes, so that a reorg or a restart can put
it back. Detectors have no timer: all they say stands in a block, and block time is the only time they need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from chain.block import Block, Needs
from chain.events import Address, PlacedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedContract:
    """A contract whose code matters. `timelock` is who may upgrade it, where known."""

    address: Address
    timelock: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPool:
    """A pool. Tokens left empty are asked of the pool before its first block is read.

    A pool that lives inside another contract (`manager`: V4's PoolManager, Balancer's Vault) goes by its id where it
    has one (32 bytes), else by its own address. `positions` is who keeps its positions as NFTs, where not the usual
    one; `tokens` are all of them where there are more than two; `tick_spacing` is for pools that do not tell it, `fee_ppm` for
    pairs whose swap fee (in millionths) is not the 0.3 % of the original.
    """

    address: Address
    kind: str
    token0: Address | None = None
    token1: Address | None = None
    tokens: tuple[Address, ...] = ()
    manager: Address | None = None
    positions: Address | None = None
    tick_spacing: int | None = None
    fee_ppm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedWallet:
    """A venue's hot wallet for an asset. `token` is the ERC-20 it pays out; None: the network's own coin.

    `least` is the smallest outflow that counts, in the smallest unit; for the own coin it must exceed fees paid.
    """

    venue: str
    asset: str
    address: Address
    token: Address | None = None
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What to watch on one network. Addresses are lower-case. `bridges` are where tokens leave for other networks."""

    contracts: tuple[WatchedContract, ...] = ()
    pools: tuple[WatchedPool, ...] = ()
    timelocks: tuple[Address, ...] = ()
    bridges: tuple[Address, ...] = ()
    wallets: tuple[WatchedWallet, ...] = ()
    tokens: tuple[Address, ...] = ()
    """Tokens whose use is told hour by hour."""


class Detector(Protocol):
    """Turns blocks, given in chain order, into events. Each module in chain/detectors has `STAGE` and `make(watch)`."""

    def needs(self) -> Needs:
        """What to read of the next block; may change from block to block with what was seen."""
        ...

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The events of this block. `earlier` is what stage 1 saw in it (empty for stage 1 itself)."""
        ...

    def memory(self) -> bytes:
        """All that is remembered. Equal memories give equal bytes."""
        ...

    def recall(self, memory: bytes) -> None:
        """Be as when `memory` gave these bytes. Raises ValueError where they are not such a memory."""
        ...


@runtime_checkable
class Parted(Protocol):
    """A detector whose memory is kept in parts, so that what did not change from block to block is kept once."""

    def parts(self) -> dict[str, bytes]:
        """All that is remembered, by part. Equal memories give equal parts."""
        ...

    def recall_parts(self, parts: Mapping[str, bytes]) -> None:
        """Be as when `parts` gave these."""
        ...
