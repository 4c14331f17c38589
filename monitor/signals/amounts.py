"""Writes amounts of tokens for people: "1.2 M USDC (1.2 M USD)", never a long row of digits.

A token names itself, so a name that may look like another one is marked, and the address stays where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitor.signals import Scalar

STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
PLAIN = 10_000
"""A figure below this one is written out."""
ODD = "?"
"""Follows a name that has letters outside of ASCII, or had to be changed."""


def figure_words(value: float) -> str:
    """A figure in two to four digits: 950, 12.5 k, 1.2 M, 3.4e+15, 0.00012."""
    size = abs(value)
    if size >= 1e15:
        return f"{value:.2g}"
    for step, sign in STEPS:
        if size >= max(step, PLAIN):
            return f"{value / step:.3g} {sign}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.3g}"


def symbol_words(symbol: str, *, odd: bool) -> str:
    """A token's name, marked where it is odd."""
    return f"{symbol}{ODD}" if odd else symbol


def amount_words(amount: float, symbol: str, usd: float | None = None) -> str:
    """An amount in whole units of a token, with its worth in dollars where that is known."""
    worth = "" if usd is None else f" ({figure_words(usd)} USD)"
    return f"{figure_words(amount)} {symbol}{worth}"


def amount_of(attributes: Mapping[str, Scalar]) -> str | None:
    """The amount that a signal states by `amount`, `symbol` and `usd`; None where the token has no name or no decimals."""
    amount, symbol, usd = (attributes.get(one) for one in ("amount", "symbol", "usd"))
    if symbol is None or not isinstance(amount, int | float):
        return None
    return amount_words(amount, str(symbol), usd if isinstance(usd, int | float) else None)
