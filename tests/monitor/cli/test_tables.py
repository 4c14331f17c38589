"""Tables: one line a row in a pipe, no cut cell on a narrow screen, and columns that stay."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from monitor.cli import tables
from monitor.cli.shared import print_table

TEXT = "PERFECT STORM BTC: liquidations 14 times the usual at three venues, withdrawals closed at bybit and okx"
ROWS = [
    ["opened (UTC)", "id", "peak", "state", "headline", "remarks"],
    ["2026-11-24 03:11:01", "venue-binance_usdm-1795489877-6c5dd6", "perfect-storm", "ended_unknown", TEXT, ""],
    ["2026-11-24 03:11:02", "asset-btc-1795489877-6c5dd6", "watch", "open", "名前 " * 30, "acknowledged by Ann"],
]


def words(lines: list[str]) -> set[str]:
    return set(" ".join(lines).split())


def test_in_a_pipe_each_row_is_one_line_whatever_its_width_and_there_is_no_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table("incidents", ROWS[0], ROWS[1:], whole=("id",))
    title, head, *rows, last = capsys.readouterr().out.split("\n")

    assert (title, last) == ("incidents", "")
    assert len(rows) == 3
    assert rows[-1] == "", "a table is followed by an empty line"
    for row, cells in zip(rows, ROWS[1:], strict=False):
        assert all(cell.strip() in row for cell in cells)
        assert [row.index(cell) for cell in cells[:4]] == [head.index(name) for name in ROWS[0][:4]]
    assert "\x1b" not in "".join(rows)


@pytest.mark.parametrize("screen", [40, 60, 80])
def test_on_a_narrow_screen_no_cell_is_lost_and_short_cells_stay_in_their_columns(screen: int) -> None:
    long = tables.long_columns(ROWS, whole=[1])
    assert not tables.fits(ROWS, long, 3, screen)
    lines = list(tables.flowed(ROWS, long, screen))

    assert long == (4,)
    assert words(lines) == words([" ".join(row) for row in ROWS])
    assert all(cell_len(line) <= screen for line in lines)
    peaks = {line.index(row[2]) for row in ROWS for line in lines if re.search(rf"\b{row[2]}\b", line)}
    assert len(peaks) == 1


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_where_the_columns_are_given_a_piped_table_is_as_wide_as_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    print_table("incidents", ROWS[0], ROWS[1:], whole=("id",))
    shown = capsys.readouterr().out.splitlines()
    assert all(cell_len(line.rstrip()) <= int(columns) for line in shown)
    assert {word for row in ROWS for cell in row for word in cell.split()} <= words(shown)


def test_a_wide_screen_holds_the_rows_side_by_side() -> None:
    assert tables.fits(ROWS, tables.long_columns(ROWS, whole=[1]), 3, 170)
