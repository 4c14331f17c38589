"""Defines what the operator watches on one network: contracts, pools, lenders, timelocks, bridges, wallets, tokens. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from chain.events import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedContract:
    """Names a contract whose code is watched. `timelock` is the address that may upgrade it, if known."""

    address: Address
    timelock: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPool:
    """Names a pool. Missing tokens are read from the pool before its first block.

    A pool inside another contract (`manager`: V4's PoolManager, Balancer's Vault) is named by its id if it has one (32 bytes),
    else by its own address. `positions` is the contract that holds its positions as NFTs, if it is not the usual one. `tokens`
    are all tokens if there are more than two. `tick_spacing` is for pools that do not report it, `fee_ppm` for pairs whose swap
    fee (in millionths) is not the original 0.3 %.
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
    """Names a venue's hot wallet for an asset. `token` is the ERC-20 that it pays out; None: the network's own coin.

    `least` is the smallest outflow that counts, in the smallest unit; for the own coin it must exceed the fees of a transaction.
    """

    venue: str
    asset: str
    address: Address
    token: Address | None = None
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedLender:
    """Names a contract that writes liquidations, and its protocol (`chain/liquidity/lenders`)."""

    address: Address
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCollateral:
    """Names what a liquidation is of: a token, a Compound V2 cToken, a GMX market, or the id of a Morpho market (32 bytes).

    `decimals` is for an amount whose token does not state its own.
    """

    address: str
    decimals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSuccessor:
    """Declares that the token `new` takes the place of `old`; one whole unit of the old is `ratio` units of the new."""

    old: Address
    new: Address
    ratio: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCondition:
    """What the argument at this position must be: equal to a value, above or below a number. None: not asked."""

    argument: int
    equals: str | int | None = None
    above: int | None = None
    below: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedEvent:
    """Describes an event of the operator's own: it counts where one of `addresses` writes it and all conditions are met.

    `signature` is one that `chain/blocks/event_signature.py` reads.
    """

    name: str
    signature: str
    addresses: tuple[Address, ...]
    conditions: tuple[EventCondition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Lists what is watched on one network. Addresses are lower-case. `bridges`: contracts that move tokens to other networks."""

    contracts: tuple[WatchedContract, ...] = ()
    pools: tuple[WatchedPool, ...] = ()
    timelocks: tuple[Address, ...] = ()
    bridges: tuple[Address, ...] = ()
    wallets: tuple[WatchedWallet, ...] = ()
    tokens: tuple[Address, ...] = ()
    """Tokens whose use is reported every hour."""
    lenders: tuple[WatchedLender, ...] = ()
    collateral: tuple[WatchedCollateral, ...] = ()
    """What is liquidated there; other liquidations are not reported."""
    factories: tuple[Address, ...] = ()
    """Contracts that make pools: new ones of watched tokens are reported."""
    events: tuple[WatchedEvent, ...] = ()
    successors: tuple[WatchedSuccessor, ...] = ()
