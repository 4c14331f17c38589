"""Tests that the purity contract can fail: an import of a clock or a socket in any pure module is found and named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pure_rooms import ROOT
from tests.test_rooms import FLOORS, calls_itself_pure, dotted, modules


def copied(folder: Path) -> None:
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, folder / floor, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)


@pytest.mark.parametrize("planted", ["time", "socket"])
@pytest.mark.slow
def test_an_impure_import_in_a_pure_module_breaks_the_contract(planted: str, tmp_path: Path) -> None:
    copied(tmp_path)
    pure = [one for floor in FLOORS for one in modules(floor) if calls_itself_pure(one.read_text())]
    for one in pure:
        with (tmp_path / one.relative_to(ROOT)).open("a") as file:
            file.write(f"\nimport {planted}\n")

    ended = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip

    assert ended.returncode == 1, ended.stdout + ended.stderr
    missed = [dotted(one) for one in pure if f"{dotted(one)} -> {planted} (l." not in ended.stdout]
    assert not missed
