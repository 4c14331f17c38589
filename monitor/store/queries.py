"""Reads the named queries of queries.sql: each starts with a line `-- name: x` and ends at the next such line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: *(\S+) *$", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    """Parse queries by name. Raises ValueError if a name occurs twice or has no query."""
    parts = _NAME.split(text)
    queries: dict[str, str] = {}
    for name, query in zip(parts[1::2], parts[2::2], strict=True):
        if name in queries or not query.strip():
            raise ValueError(f"query {name!r} occurs twice or is empty")
        queries[name] = query.strip()
    return queries


@cache
def queries() -> Mapping[str, str]:
    """The store's own queries by name."""
    return parse((files("monitor.store") / "queries.sql").read_text(encoding="utf-8"))
