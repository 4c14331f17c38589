"""States what a protocol with liquidations must declare: its log, how the log is read, and what makes an amount a quantity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chain.blocks.abi import selector_of
from chain.blocks.block import Log
from chain.blocks.reads import CallBytes, CallWord
from chain.events import Address

DECIMALS = f"0x{selector_of('decimals()').hex()}"
MAX_DECIMALS = 36
"""More decimals than this are no answer: the largest in use are 24, and amounts must stay figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidated:
    """What one log says. `collateral` is the token, market or id by which an operator names it."""

    collateral: str
    account: Address
    amount: int | None
    long: bool = True
    usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """One form of liquidation log. `protocols` are all that write it; an operator says which one an address is.

    `read` gives None for a log that is no liquidation, and raises `Unreadable` for a malformed one. `token` is the call that
    names the token of a collateral, at a word of its answer (None: the collateral is the token). `rate` is the call that
    gives how much of the token, in 1e18, one unit of the collateral is (None: one). `decimals`: whether the token states how
    many decimals the amount has; else the operator must. `ids`: the collateral is named by 32 bytes, else by an address.
    """

    protocols: tuple[str, ...]
    source: str
    topic: str
    read: Callable[[Log], Liquidated | None]
    token: Callable[[Address, str], tuple[CallBytes, int]] | None = None
    rate: Callable[[str], CallWord] | None = None
    decimals: bool = True
    ids: bool = False
