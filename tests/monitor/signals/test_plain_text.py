"""Text from outside on one line, without what steers a terminal."""

from __future__ import annotations

import pytest

from monitor.errors import OperatorError
from monitor.signals.plain_text import one_line

HOSTILE = {
    "an escape": "\x1b[2J",
    "a bell": "\x07",
    "a line feed": "\n",
    "a carriage return": "\r",
    "a C1 control sequence introducer": "\x9b31m",
    "a next line": "\x85",
    "a line separator": "\u2028",
    "a right-to-left override": "\u202e",
    "an embedding": "\u202a",
    "an isolate": "\u2066",
    "the end of an isolate": "\u2069",
    "a zero-width space": "\u200b",
    "half a surrogate pair": "\ud800",
    "a zero": "\x00",
    "a delete": "\x7f",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_each_character_that_is_not_printable_becomes_a_space(name: str) -> None:
    text = HOSTILE[name]
    assert one_line(f"a{text}b") == f"a {text[1:]}b"
    assert one_line(f"a{text}b").isprintable()


def test_printable_text_is_not_changed() -> None:
    for text in ("BTCUSDT", "", "Ωμέγα ±2 % → «é»", "1000PEPE_USDT", "我踏马来了USDT"):
        assert one_line(text) == text


def test_long_text_is_cut_and_says_so() -> None:
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"


def test_an_operators_error_is_one_bounded_line_without_escapes() -> None:
    error = str(OperatorError("FILE\x1b[2J", "x\n\u202e", "a\x9bb", "y" * 10_000))
    assert error.isprintable()
    assert len(error) == 2000
