"""Writes the matrix of venues and capabilities into README.md (`make matrix`): between two marks, as the command prints it."""

from __future__ import annotations

from monitor.cli.venue_facts import markdown
from tests.pure_rooms import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- made by `make matrix` -->\n", "<!-- end of the matrix -->\n"


def with_matrix(text: str, matrix: str) -> str:
    """The page with this matrix between its marks. Raises ValueError if it does not have each mark once, in order."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(f"README.md needs {BEGIN.strip()!r} and then {END.strip()!r}, each once")
    return f"{before}{begin}\n{matrix}\n{end}{after}"


if __name__ == "__main__":
    README.write_text(with_matrix(README.read_text(encoding="utf-8"), markdown()), encoding="utf-8")
