"""`stormwatch venue new`: a venue's first files, which import and say what to fill in; a mistake writes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.venue_skeleton import MARK
from monitor.errors import OperatorError
from tests.pure_rooms import ROOT

SUBJECTS = ("server_time", "instruments", "book_rest", "liquidation")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The ground floor of a checkout, and room for cases."""
    shutil.copytree(ROOT / "probes", tmp_path / "probes", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests/probes/venues").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if "_cache" not in str(one) and one.is_file()}


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=checkout, capture_output=True, text=True, check=False, timeout=100
    )


def test_it_writes_the_venues_file_and_a_documented_and_a_damaged_case_of_each_check_and_feed(checkout: Path) -> None:
    before = files(checkout)
    result = CliRunner().invoke(app, ["venue", "new", "fifteenth", "--checkout", str(checkout), "--json"])
    assert result.exit_code == 0, result.output
    cases = "tests/probes/venues/fifteenth"
    written = files(checkout) - before
    assert written == {"probes/venues/fifteenth.py", f"{cases}/instruments.toml"} | {
        f"{cases}/{subject}/{grade}/{name}"
        for subject in SUBJECTS
        for grade in ("documented", "damaged")
        for name in ("payload.json", "readings.json", "source.toml")
    }
    said = json.loads(result.stdout)["written"]
    assert {str(Path(one).relative_to(checkout)) for one in said} == written
    assert all(MARK in (checkout / one).read_text() for one in written)


def test_the_venues_file_imports_and_passes_the_formatter_the_linter_and_the_type_checker(checkout: Path) -> None:
    assert CliRunner().invoke(app, ["venue", "new", "fifteenth", "--checkout", str(checkout)]).exit_code == 0
    file = "probes/venues/fifteenth.py"
    program = "from probes import venues; print(venues.declared('fifteenth').id, 'fifteenth' in venues.NAMES)"
    ended = run(checkout, "-c", program)
    assert ended.stdout == "fifteenth True\n", ended.stderr
    for words in (("ruff", "format", "--check"), ("ruff", "check"), ("mypy", "--cache-dir=/dev/null")):
        ended = run(checkout, "-m", *words, file)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def refused(checkout: Path, name: str) -> str:
    before = files(checkout)
    result = CliRunner().invoke(app, ["venue", "new", name, "--checkout", str(checkout)])
    assert isinstance(result.exception, OperatorError), result.output
    assert files(checkout) == before
    return str(result.exception)


@pytest.mark.parametrize("name", ["Kraken", "a", "1st", "a-b", "a/b", "../x", "class", "", "x" * 40, "é_venue", "a\nb"])
def test_a_name_that_is_no_modules_name_is_refused_and_nothing_is_written(checkout: Path, name: str) -> None:
    assert "small letters, digits and _" in refused(checkout, name)


def test_a_name_that_a_venue_or_its_cases_have_is_refused_and_nothing_is_written(checkout: Path) -> None:
    assert "gate.py exists" in refused(checkout, "gate")
    (checkout / "tests/probes/venues/fifteenth").mkdir()
    assert "exists; choose another" in refused(checkout, "fifteenth")


def test_a_folder_that_is_no_checkout_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    assert "a checkout of Stormwatch; it has no probes/venues/__init__.py" in refused(tmp_path, "fifteenth")


def test_where_a_file_cannot_be_written_nothing_is_left(checkout: Path) -> None:
    beside = checkout / "tests/probes/venues/.fifteenth.new"
    beside.write_text("in the way")
    assert "nothing was written" in refused(checkout, "fifteenth")
    beside.unlink()
    shutil.rmtree(checkout / "tests/probes/venues")
    (checkout / "tests/probes/venues").write_text("no folder")
    assert "nothing was written" in refused(checkout, "fifteenth")
