"""Lines for people: they fit the terminal, cut no word, and cannot steer it."""

from __future__ import annotations

import pytest

from monitor.cli.shared import print_report

ADDRESS, HASH = "0x" + "a" * 40, "0x" + "b" * 64


def test_lines_fit_into_eighty_columns_and_no_word_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = [(0, "changed by", f"one key, {ADDRESS}, after 2 days"), (2, "by", HASH), (4, "", f"{ADDRESS} {ADDRESS}")]
    print_report("title", lines)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert (shown.count(ADDRESS), shown.count(HASH)) == (3, 1)
    first = shown.splitlines()[1]
    assert first.startswith("changed by  one key")
    assert f"  by        {HASH}" in shown


def test_a_label_that_is_too_long_stays_apart_from_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_report("title", [(2, "a label that is too long", "text")])
    assert "a label that is too long text" in capsys.readouterr().out


def test_control_characters_of_a_chain_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_report("t\x1b[2J", [(0, "l\x07", "a\x1b[31m\nb")])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert len(shown.splitlines()) == 2
