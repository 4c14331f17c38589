"""Tests of the registry: it finds a folder's modules without a list of names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from monitor.registry import Registry


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[str]:
    folder = tmp_path / "colours_on_disk"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "red.py").write_text('COLOUR = "#f00"\n')
    (folder / "blue.py").write_text('COLOUR = "#00f"\n')
    (folder / "broken.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [one for one in sys.modules if one.startswith("colours_on_disk")]:
        monkeypatch.delitem(sys.modules, name)
    return Registry("colours_on_disk", "COLOUR")


def test_names_are_sorted_and_read_without_importing_a_module(colours: Registry[str]) -> None:
    assert colours.names() == ("blue", "broken", "red")


def test_a_module_gives_what_it_declares(colours: Registry[str]) -> None:
    assert colours.get("red") == "#f00"


def test_a_name_without_a_module_is_a_key_error(colours: Registry[str]) -> None:
    with pytest.raises(KeyError, match="green"):
        colours.get("green")
