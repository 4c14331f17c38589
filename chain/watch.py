"""What the operator asks to be watched on one network: contracts, pools, timelocks, bridges, wallets, tokens. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from chain.events import Address


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
