"""Declares and checks what is watched for liquidations on chain: `[[networks.NAME.lending]]` and `[[assets.X.collateral]]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chain.liquidity import lenders
from chain.liquidity.lending import MAX_DECIMALS
from monitor.errors import Mistakes, OperatorError, nearest

MAX_LENDERS = 64
MAX_COLLATERAL = 256
_ID = re.compile(r"^0x[0-9a-fA-F]{64}$")

CheckAddress = Callable[[str, str], None]
"""Checks an address: the key to name, the address. Raises OperatorError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LenderRef:
    """A contract that writes liquidations: a lending pool, a cToken, a Comet, Morpho, or GMX's EventEmitter."""

    protocol: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralRef:
    """What is liquidated when this asset is: a token, a Compound V2 cToken, a GMX market, or the id of a Morpho market.

    `decimals` is for an amount whose token does not state its own (the market of the network's own coin, and GMX).
    """

    network: str
    address: str
    decimals: int | None = None


def check_lending(name: str, lending: Sequence[LenderRef], check_address: CheckAddress) -> None:
    """Check the contracts of one network; all mistakes are told at once. Raises OperatorError."""
    mistakes = Mistakes()
    key, known = f"networks.{name}.lending", lenders.protocols()
    if len(lending) > MAX_LENDERS:
        mistakes.add(OperatorError(key, len(lending), f"at most {MAX_LENDERS} contracts", "take some out"))
    for at, one in enumerate(lending):
        with mistakes:
            check_address(f"{key}[{at}].address", one.address)
        if one.protocol not in known:
            remedy = nearest(one.protocol, known)
            mistakes.add(OperatorError(f"{key}[{at}].protocol", one.protocol, ", ".join(known), remedy))
    mistakes.tell()


def check_collateral(asset: str, collateral: Sequence[CollateralRef], check_address: CheckAddress) -> None:
    """Check what is liquidated of one asset; all mistakes are told at once. Raises OperatorError."""
    mistakes = Mistakes()
    key = f"assets.{asset}.collateral"
    if len(collateral) > MAX_COLLATERAL:
        mistakes.add(OperatorError(key, len(collateral), f"at most {MAX_COLLATERAL}", "take some out"))
    for at, one in enumerate(collateral):
        with mistakes:
            if not _ID.match(one.address):
                check_address(f"{key}[{at}].address", one.address)
        if one.decimals is not None and not 0 <= one.decimals <= MAX_DECIMALS:
            mistakes.add(
                OperatorError(
                    f"{key}[{at}].decimals", one.decimals, f"0 to {MAX_DECIMALS}", "18 is usual: wei of ether"
                )
            )
    mistakes.tell()
