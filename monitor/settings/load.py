"""Finds, reads and checks the settings: a TOML file, the environment over it, and a check that every name exists.

`STORMWATCH_STORE__DSN` sets `store.dsn`: two underscores step into a table; the value is TOML if it parses as TOML, else text.
Errors are OperatorError with key, value, what is allowed and the remedy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.errors import Mistakes, OperatorError, each
from monitor.settings.check import check
from monitor.settings.reader import read
from monitor.settings.tree import Settings

DEFAULT_FILE = "stormwatch.toml"
PREFIX = "STORMWATCH_"
MAX_BYTES = 10_000_000
MAX_ROUNDS = 50
"""How often what cannot be read is left out, to find what else is wrong."""
_STEP = re.compile(r"[^.\[\]]+")
_NAMES = frozenset({"assets", "networks", "targets"})
"""Tables whose names other tables refer to."""


def load_settings(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings of `path` (default: ./stormwatch.toml if it exists) with the environment over it.

    Raises OperatorError with all mistakes at once: what cannot be read is left out, and the rest is checked.
    """
    tree, mistakes = _file(path), Mistakes()
    for name, text in sorted(env.items()):
        if name.startswith(PREFIX) and "__" in name:
            with mistakes:
                _set(tree, name.removeprefix(PREFIX).lower().split("__"), text, name)
    settings, left_out = _readable(tree, mistakes)
    try:
        if not left_out & _NAMES:  # names of what could not be read are not known
            check(settings)
    except OperatorError as error:
        for one in each(error):
            named: object = (
                one.key.rpartition(".")[2] if one.value == [] else one.value
            )  # nothing of a list could be read
            if not (isinstance(named, str) and named in left_out):
                mistakes.add(one)
    mistakes.tell()
    return settings


def _readable(tree: dict[str, Any], mistakes: Mistakes) -> tuple[Settings, set[str]]:
    """The settings without what cannot be read, and the names of what was left out. Each mistake is noted once."""
    gone: set[str] = set()
    left_out: set[str] = set()
    for _ in range(MAX_ROUNDS):
        try:
            return read(Settings, tree), left_out
        except OperatorError as error:
            for one in each(error):
                if one.value is not None or one.key not in gone:
                    mistakes.add(one)
                steps = _STEP.findall(one.key)
                removed = _leave_out(tree, steps if one.value is not None else steps[:-1])
                if not removed:
                    mistakes.tell()
                gone.add(".".join(removed))
                left_out.add(removed[-1])
    mistakes.tell()
    raise AssertionError("settings that cannot be read have a mistake")


def _leave_out(tree: dict[str, Any], steps: list[str]) -> list[str]:
    """Remove what these steps lead to, of a list all from there on; the steps to it, or none if they lead nowhere.

    What stands before it in a list keeps its index, so that it can still be checked.
    """
    inner: Any = tree
    for at, step in enumerate(steps):
        if not isinstance(inner, dict) or step not in inner:
            return []
        if isinstance(inner[step], list) and at + 1 < len(steps):
            inner[step] = inner[step][: int(steps[at + 1])] if steps[at + 1].isdecimal() else []
            return steps[: at + 1]
        if at == len(steps) - 1 or not isinstance(inner[step], dict):
            del inner[step]
            return steps[: at + 1]
        inner = inner[step]
    return []


def _file(path: Path | None) -> dict[str, Any]:
    chosen = path or Path(DEFAULT_FILE)
    if path is None and not chosen.exists():
        return {}
    try:
        with chosen.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise OperatorError("--config", str(chosen), f"a TOML file of at most {MAX_BYTES} bytes", "name another")
        return tomllib.loads(text.decode("utf-8-sig"))  # editors on Windows begin a file with a byte order mark
    except OSError as error:
        raise OperatorError(
            "--config", str(chosen), "a readable TOML file", f"{error.strerror}; `stormwatch config init` writes one"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(str(chosen), "its text", "valid TOML in UTF-8", f"correct it: {error}") from None


def _set(tree: dict[str, Any], steps: list[str], text: str, name: str) -> None:
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for step in steps[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            raise OperatorError(name, step, "a path through tables", f"{step} is not a table in the file")
        tree = inner
    tree[steps[-1]] = value
