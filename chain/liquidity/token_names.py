"""Reads what a token calls itself (ERC-20 `symbol` and `decimals`), and makes it harmless: anybody may choose any name. Pure.

Older tokens (MKR, SAI) answer `symbol` with 32 bytes instead of a string. Source: ERC-20; DSToken.
"""

from __future__ import annotations

from chain.blocks.abi import Unreadable, Words, selector_of
from chain.blocks.reads import CallBytes, CallWord, StateRead
from chain.events import Address, TokenName

SYMBOL = f"0x{selector_of('symbol()').hex()}"
DECIMALS = f"0x{selector_of('decimals()').hex()}"
MAX_SYMBOL = 16
MAX_DECIMALS = 36
"""More decimals than this are no answer."""
_WORD = 32


def reads_of(token: Address) -> tuple[CallBytes, CallWord]:
    """The reads of a token's name and decimals."""
    return CallBytes(token, SYMBOL), CallWord(token, DECIMALS)


def name_in(token: Address, state: StateRead) -> TokenName | None:
    """The token's name by these answers; None where it has none."""
    symbol, decimals = reads_of(token)
    said = _said(state.get(symbol) or b"")
    if not said:
        return None
    shown = "".join(one if one.isprintable() else "?" for one in said[:MAX_SYMBOL])
    places = state.get(decimals)
    return TokenName(
        token=token,
        symbol=shown,
        decimals=places if places is not None and places <= MAX_DECIMALS else None,
        odd=shown != said or not said.isascii(),
    )


def _said(answer: bytes) -> str:
    """The text of an answer: a string, or bytes that end at the first zero."""
    if len(answer) == _WORD:
        body = answer.partition(b"\0")[0]
    else:
        try:
            body = Words(answer).text(0)[: 4 * MAX_SYMBOL + 4]
        except Unreadable:
            return ""
    return body.decode("utf-8", "replace").strip(" \0")
