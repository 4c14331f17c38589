"""What the declarations of every venue must say, found by the folder: no list of venues is kept here."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.venue_skeleton import MARK
from probes import venues
from tests.probes.cases import ROOT as CASES

FOLDER = Path(venues.__file__).parent


@pytest.mark.parametrize("name", venues.NAMES)
def test_nothing_of_a_new_venue_is_left_to_fill_in(name: str) -> None:
    files = [FOLDER / f"{name}.py", *sorted(one for one in (CASES / name).rglob("*") if one.is_file())]
    left = [
        f"{file.name if file.parent == FOLDER else file.relative_to(CASES)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if MARK in line
    ]
    assert left == []
