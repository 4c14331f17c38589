"""Amounts of tokens as people read them: two to four digits, a name, and dollars where they are known."""

from __future__ import annotations

import pytest

from monitor.signals.amounts import amount_of, amount_words, figure_words, symbol_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"), (0.00012, "0.00012"), (950.0, "950"), (1234.0, "1,234"), (12_500.0, "12.5 k"), (1_200_000.0, "1.2 M"),
        (-1_200_000.0, "-1.2 M"), (3.4e9, "3.4 B"), (5e13, "50 T"), (3.4e17, "3.4e+17"),
    ],
)  # fmt: skip
def test_a_figure_is_never_a_long_row_of_digits(value: float, words: str) -> None:
    assert figure_words(value) == words


def test_an_amount_has_its_token_and_its_worth() -> None:
    assert amount_words(1.2e6, "USDC", 1.2e6) == "1.2 M USDC (1.2 M USD)"
    assert amount_words(3, "MKR") == "3 MKR"
    assert symbol_words("UЅDC", odd=True) == "UЅDC?"


def test_a_signal_states_an_amount_only_with_a_name_and_decimals() -> None:
    assert amount_of({"amount": 5.0, "symbol": "RIFT", "usd": 10.0}) == "5 RIFT (10 USD)"
    assert amount_of({"amount": 5.0, "symbol": "RIFT", "usd": None}) == "5 RIFT"
    assert amount_of({"amount": None, "symbol": "RIFT"}) is amount_of({"amount": 5.0, "symbol": None}) is None
