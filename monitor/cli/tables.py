"""Lays out rows as text: one line a row where the output goes into a file or a pipe, and what fits where it is a screen.

On a narrow screen the short cells of a row stay in their columns, and long texts are wrapped below them: no cell is cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.cells import cell_len

GAP = 2
INDENT = 4
LONG = 24
"""A column with a wider cell may be wrapped. On a screen it gets at least so much, or the rows are laid out below each other."""

Row = Sequence[str]


def widths_of(rows: Sequence[Row]) -> list[int]:
    """The widest cell of each column, in columns of a terminal."""
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def long_columns(rows: Sequence[Row], whole: Collection[int]) -> tuple[int, ...]:
    """The columns whose texts may be wrapped; `whole` never are."""
    return tuple(n for n, width in enumerate(widths_of(rows)) if width > LONG and n not in whole)


def fits(rows: Sequence[Row], long: Collection[int], gap: int, screen: int) -> bool:
    """Whether the rows stand side by side on this screen, with at least `LONG` for each long column; a heading may be wrapped."""
    widths = [max(one) for one in zip(widths_of(rows[1:]), heading_words(rows[0]), strict=True)]
    return sum(LONG if n in long else width for n, width in enumerate(widths)) + gap * (len(widths) - 1) <= screen


def heading_words(headings: Row) -> list[int]:
    """The longest word of each heading."""
    return [max(map(cell_len, one.split()), default=0) for one in headings]


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """One line a row, however wide, in columns that stay."""
    widths = widths_of(rows)
    return (_padded(row, range(len(row)), widths) for row in rows)


def flowed(rows: Sequence[Row], long: Collection[int], screen: int) -> Iterator[str]:
    """Each row on as many lines as it needs: its short cells in columns that stay, then its long texts, wrapped."""
    widths = widths_of(rows)
    groups: list[list[int]] = [[]]
    used = 0
    for n in (one for one in range(len(widths)) if one not in long):
        if groups[-1] and used + widths[n] > screen:
            groups.append([])
            used = INDENT
        groups[-1].append(n)
        used += widths[n] + GAP
    for row in rows:
        for number, members in enumerate(group for group in groups if group):
            yield " " * (INDENT if number else 0) + _padded(row, members, widths)
        for n in long:
            yield from (" " * INDENT + line for line in _wrapped(row[n], screen - INDENT))


def _wrapped(text: str, width: int) -> Iterator[str]:
    """The text by whole words; a wide character takes two columns. A longer word stands alone, so that it can be copied."""
    line = ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) > width:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    if line:
        yield line


def _padded(row: Row, members: Sequence[int], widths: Sequence[int]) -> str:
    cells = [row[n] + " " * (widths[n] - cell_len(row[n])) for n in members]
    return (" " * GAP).join(cells).rstrip()
