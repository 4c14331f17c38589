"""Tests that log lines on stderr hold no secret: not in the message, its arguments or a traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from monitor.daemon.logs import set_level, set_up_logs
from monitor.settings.tree import LogLevel


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    """Restore the loggers after the test."""
    root, ours = logging.getLogger(), logging.getLogger("stormwatch")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def test_a_secret_in_a_message_or_its_arguments_is_hidden_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(False)
    log = logging.getLogger("stormwatch.store")
    log.warning("the store is away (%s); new rows go to disk", "postgresql://desk:hunter2@db.example:5432/stormwatch")
    log.info("asking https://rpc.example/v3/0123456789abcdef0123456789abcdef")
    shown = capsys.readouterr().err
    assert "the store is away (postgresql://[hidden]@db.example:5432/stormwatch); new rows go to disk" in shown
    assert "https://rpc.example/v3/[hidden]" in shown
    assert "hunter2" not in shown
    assert "0123456789abcdef" not in shown


def test_a_secret_in_a_traceback_is_hidden_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(False)
    try:
        int("wss://desk:hunter2@node.example/ws")
    except ValueError:
        logging.getLogger("stormwatch.daemon").exception("a part failed")
    shown = capsys.readouterr().err
    assert "ERROR stormwatch.daemon a part failed" in shown
    assert "ValueError: invalid literal for int() with base 10: 'wss://[hidden]@node.example/ws'" in shown
    assert "Traceback" in shown
    assert "hunter2" not in shown


def test_a_line_without_a_secret_is_not_changed(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(True)
    logging.getLogger("stormwatch.delivery").debug("sink desk has asset-btc-1767268800-abc123:4")
    assert capsys.readouterr().err.endswith("DEBUG stormwatch.delivery sink desk has asset-btc-1767268800-abc123:4\n")


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (LogLevel.DEBUG, "dIWEwe"),
        (LogLevel.INFO, "IWEwe"),
        (LogLevel.WARNING, "WEwe"),
        (LogLevel.ERROR, "Ee"),
    ],
)
def test_the_log_level_chooses_our_lines_and_a_librarys_from_warning_on(
    capsys: pytest.CaptureFixture[str], level: LogLevel, shown: str
) -> None:
    set_up_logs(False)
    set_level(level)
    ours, foreign = logging.getLogger("stormwatch.x"), logging.getLogger("library")
    ours.debug("d")
    ours.info("I")
    ours.warning("W")
    ours.error("E")
    foreign.info("i")
    foreign.warning("w")
    foreign.error("e")
    lines = capsys.readouterr().err.splitlines()
    assert "".join(one.rpartition(" ")[2] for one in lines) == shown
