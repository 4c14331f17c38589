"""Makes the JSON Schema of the settings file from the dataclasses that it is read into, for editors and for checks before a run.

The words come from the file that `config init` writes. References between tables and secrets are not in it: `config check` is.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from monitor.alerting import sinks
from monitor.settings.reader import LENGTH, is_length
from monitor.settings.template import FULL
from monitor.settings.tree import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ZONED = r"^\d{4}-\d\d-\d\d[Tt ].*(?:[Zz]|[+-]\d\d:?\d\d)$"
_HEAD = re.compile(r"^(?:# )?\[{1,2}([a-z_]+)(?:\.([A-Za-z_0-9]+))?\]{1,2}$")
_KEY = re.compile(r"^(?:# )?(\w+) = .*? +# (.*)$")
_LENGTH: dict[str, Any] = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": LENGTH.pattern}]}


def settings_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a settings file that was read from TOML; times may be texts."""
    said = _words()
    tree = _of_form(Settings, "", said)
    common = _of_form(sinks.COMMON, "sinks.webhook", said)["properties"]
    kinds = {
        name: _closed({**common, **_of_form(sinks.declared(name).settings, f"sinks.{name}", said)["properties"]}, [])
        for name in sinks.names()
    }
    named = [
        {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": one}
        for name, one in kinds.items()
    ]
    other = {"type": "object", "properties": {"type": {"enum": list(kinds)}}, "required": ["type"], "allOf": named}
    own = {name: {"if": {"required": ["type"]}, "then": other, "else": one} for name, one in kinds.items()}
    tree["properties"]["sinks"] = {"type": "object", "properties": own, "additionalProperties": other}
    return {"$schema": DIALECT, "title": "Settings of Stormwatch", **tree}


def _words() -> dict[str, str]:
    """What the file of `config init` says of each key, by its table's first name, of sinks by both."""
    found: dict[str, str] = {}
    table = ""
    for line in FULL.splitlines():
        if (head := _HEAD.match(line)) is not None:
            table = f"sinks.{head[2]}" if head[1] == "sinks" else head[1]
        elif (key := _KEY.match(line)) is not None:
            found.setdefault(f"{table}.{key[1]}", key[2])
    return found


def _of_form(form: Any, table: str, said: Mapping[str, str]) -> dict[str, Any]:
    hints = get_type_hints(form)
    properties: dict[str, Any] = {}
    for one in fields(form):
        made = _of_hint(hints[one.name], one.name, table or one.name, said)
        words = said.get(f"{table}.{one.name}")
        properties[one.name] = made | ({"description": words} if words else {}) | _default(one.default)
    needed = [one.name for one in fields(form) if one.default is MISSING and one.default_factory is MISSING]
    return _closed(properties, needed)


def _closed(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """A table without other keys."""
    needed = {"required": required} if required else {}
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **needed}


def _default(value: Any) -> dict[str, Any]:
    if isinstance(value, Enum):
        return {"default": value.value}
    if isinstance(value, tuple):
        return {"default": list(value)}
    return {"default": value} if isinstance(value, str | int | float) and value != "" else {}


def _of_hint(hint: Any, name: str, table: str, said: Mapping[str, str]) -> dict[str, Any]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _of_hint(next(arm for arm in get_args(hint) if arm is not type(None)), name, table, said)
    if is_dataclass(hint):
        return _of_form(hint, table, said)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_hint(get_args(hint)[1], name, table, said)}
    if origin is tuple:
        return {"type": "array", "items": _of_hint(get_args(hint)[0], "", table, said)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if hint is float:
        return _LENGTH if is_length(name) else {"type": "number"}
    if hint is datetime:
        return {"type": "string", "pattern": ZONED}
    return {str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}}.get(hint, {})
