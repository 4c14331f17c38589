"""Tests of the structure: few rooms at the top of each package, and every module that says it is pure is checked."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.pure_rooms import ROOT, pure_files, pure_modules

FLOORS = {"chain": 18, "probes": 16, "monitor": 20}
"""The maximum number of rooms (folders and files) at the top of each package."""


def modules(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


@pytest.mark.parametrize(("floor", "most"), FLOORS.items())
def test_a_top_package_has_few_rooms(floor: str, most: int) -> None:
    rooms = [
        one.name
        for one in (ROOT / floor).iterdir()
        if (one.is_dir() and (one / "__init__.py").exists()) or (one.suffix == ".py" and one.name != "__init__.py")
    ]

    assert len(rooms) <= most, sorted(rooms)


def calls_itself_pure(source: str) -> bool:
    """Whether a module's docstring has a sentence that begins with "Pure"."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return re.search(r"(?:^|[.:;]\s+)Pure\b", docstring) is not None


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_that_says_pure_is_under_the_contract_and_the_coverage_rule() -> None:
    pure = [one for floor in FLOORS for one in modules(floor) if calls_itself_pure(one.read_text())]
    under = pure_modules()
    loose = [name for name in map(dotted, pure) if not any(name == one or name.startswith(f"{one}.") for one in under)]
    paths = [str(one.relative_to(ROOT)) for one in pure]
    uncovered = [path for path in paths if not any(fnmatch(path, pattern) for pattern in pure_files())]

    assert len(pure) > 40
    assert not loose
    assert not uncovered


@pytest.mark.parametrize(
    ("docstring", "pure"),
    [
        ("What a book says. Pure.", True),
        ("Pure readers of shapes.", True),
        ("Rules: pure functions of a market.", False),
        ("Impure. Talks.", False),
    ],
)
def test_a_module_is_pure_if_a_sentence_of_its_docstring_begins_with_pure(docstring: str, pure: bool) -> None:
    assert calls_itself_pure(f'"""{docstring}"""') is pure


@pytest.mark.parametrize("name", pure_modules())
def test_every_room_under_the_contract_exists(name: str) -> None:
    path = ROOT / name.replace(".", "/")

    assert path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("floor", FLOORS)
def test_every_module_has_a_docstring(floor: str) -> None:
    silent = [
        dotted(one)
        for one in modules(floor)
        if one.read_text().strip() and not ast.get_docstring(ast.parse(one.read_text()))
    ]

    assert not silent
