"""Writes any tree of settings as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def as_toml(tree: Mapping[str, Any]) -> str:
    """A tree of plain values as TOML: values first, then tables. None is left out, because TOML has no null."""
    return "\n".join(_table(tree, ())).strip()


def _table(tree: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    values = [
        f"{key} = {_value(value)}"
        for key, value in tree.items()
        if not isinstance(value, Mapping) and value is not None
    ]
    lines = ([f"[{'.'.join(map(_key, path))}]"] if path and (values or not tree) else []) + values
    if lines:
        lines.append("")
    for key, value in tree.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, str(key)))
    return lines


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(key))} = {_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
