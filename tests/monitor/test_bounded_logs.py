"""The bound of our own log: each message a few times a minute, with the number held back; one printable line each."""

from __future__ import annotations

import asyncio
import io
import logging
import sys

import pytest

from monitor.daemon.logs import MAX_CHARS, MAX_FOREIGN, MAX_MESSAGES, MAX_OWN, BoundedHandler, RedactingFormatter


class BoundedLog:
    """A bounded handler on a text, with a clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._text = io.StringIO()
        inner = logging.StreamHandler(self._text)
        inner.setFormatter(RedactingFormatter("%(levelname)s %(name)s %(message)s"))
        self.handler = BoundedHandler(inner, lambda: self.now_s)

    def log(self, name: str, text: str, *arguments: object, error: BaseException | None = None) -> None:
        exc_info = None if error is None else (type(error), error, error.__traceback__)
        self.handler.handle(logging.LogRecord(name, logging.ERROR, "x.py", 1, text, arguments, exc_info))

    def lines(self) -> list[str]:
        """What was written since the last call."""
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.splitlines()


def test_a_message_of_ours_passes_so_many_times_a_minute_whatever_its_arguments() -> None:
    bounded = BoundedLog()
    for number in range(1000):
        bounded.log("stormwatch.web", "client %s left", number)
    assert bounded.lines() == [f"ERROR stormwatch.web client {number} left" for number in range(MAX_OWN)]
    bounded.log("stormwatch.web", "another message")
    assert bounded.lines() == ["ERROR stormwatch.web another message"]


def test_after_a_minute_the_number_held_back_is_said_before_the_next_line_of_any_message() -> None:
    bounded = BoundedLog()
    for number in range(1000):
        bounded.log("stormwatch.web", "client %s left", number)
    bounded.now_s += 59.9
    bounded.log("stormwatch.other", "something else")
    assert not [line for line in bounded.lines() if "held back" in line]
    bounded.now_s += 0.1
    bounded.log("stormwatch.other", "something else")
    assert bounded.lines() == [
        f"WARNING stormwatch.web {1000 - MAX_OWN} more lines like this were held back: client %s left",
        "ERROR stormwatch.other something else",
    ]
    bounded.log("stormwatch.web", "client %s left", 7)
    assert bounded.lines() == ["ERROR stormwatch.web client 7 left"]


def test_nothing_is_said_of_a_message_that_was_not_held_back() -> None:
    bounded = BoundedLog()
    bounded.log("stormwatch.web", "once")
    bounded.now_s += 120
    bounded.log("stormwatch.web", "once")
    bounded.handler.close()
    assert bounded.lines() == ["ERROR stormwatch.web once"] * 2


def test_a_message_of_a_library_passes_once_a_minute_for_each_type_of_error() -> None:
    bounded = BoundedLog()
    for number in range(50):
        bounded.log("asyncio", f"Task exception was never retrieved\nfuture: <Task {number}>", error=ValueError("a"))
        bounded.log("asyncio", f"Task exception was never retrieved\nfuture: <Task {number}>", error=KeyError("a"))
    assert MAX_FOREIGN == 1
    assert [line for line in bounded.lines() if line.startswith("ERROR")] == [
        "ERROR asyncio Task exception was never retrieved future: <Task 0>"
    ] * 2


def test_the_end_says_what_was_held_back() -> None:
    bounded = BoundedLog()
    for _ in range(5):
        bounded.log("asyncio", "socket.accept() out of system resource")
    bounded.lines()
    bounded.handler.close()
    assert bounded.lines() == [
        "WARNING asyncio 4 more lines like this were held back: socket.accept() out of system resource"
    ]


def test_ever_new_messages_take_bounded_memory_and_lose_no_count() -> None:
    bounded = BoundedLog()
    for _ in range(2):
        bounded.log("asyncio", "the first")
    for number in range(MAX_MESSAGES + 100):
        bounded.log("asyncio", f"message {number}")
    assert len(bounded.handler._windows) == MAX_MESSAGES
    assert [line for line in bounded.lines() if "the first" in line and "1 more" in line]


async def test_a_flood_of_asyncios_own_errors_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    root, asyncios = logging.getLogger(), logging.getLogger("asyncio")
    before = root.handlers[:]
    bounded = BoundedHandler(logging.StreamHandler(sys.stderr))
    root.handlers[:] = [bounded]
    try:
        for _ in range(5000):
            context = {"message": "socket.accept() out of system resource", "exception": OSError(24, "Too many")}
            asyncio.get_running_loop().call_exception_handler(context)
    finally:
        root.handlers[:] = before
    assert asyncios.level <= logging.ERROR
    bounded.close()
    shown = capsys.readouterr().err
    assert "4999 more lines" in shown
    assert len(shown) < 1000


def test_a_message_is_one_printable_line() -> None:
    bounded = BoundedLog()
    bounded.log("stormwatch.feed", "venue says %s", "down\x1b[2J\r\n12:00:00 ERROR stormwatch forged \u202e\x9b31m")
    [line] = bounded.lines()
    assert line.isprintable()


def test_no_line_of_a_traceback_looks_like_a_line_of_ours() -> None:
    bounded = BoundedLog()
    bounded.log("stormwatch.feed", "failed", error=ValueError("a\nERROR stormwatch.feed forged\x1b[31m"))
    first, *rest = bounded.lines()
    assert first == "ERROR stormwatch.feed failed"
    assert rest
    assert all(line.startswith("  ") and line.isprintable() for line in rest)


def test_a_long_line_is_cut_in_its_middle() -> None:
    bounded = BoundedLog()
    bounded.log("stormwatch.feed", "begin %s end", "x" * 1_000_000)
    [line] = bounded.lines()
    assert len(line) < MAX_CHARS + 100
    assert line.startswith("ERROR stormwatch.feed begin")
    assert line.endswith("end")
    assert "characters" in line
