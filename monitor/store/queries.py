"""Reads the named queries of queries.sql: each begins with a line `-- name: x` and ends where the next begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: *(\S+) *$", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    """Queries by name. Raises ValueError where a name comes twice or stands before nothing."""
    parts = _NAME.split(text)
    queries: dict[str, str] = {}
    for name, query in zip(parts[1::2], parts[2::2], strict=True):
        if name in queries or not query.strip():
            raise ValueError(f"query {name!r} comes twice or is empty")
        queries[name] = query.strip()
    return queries


@cache
def queries() -> Mapping[str, str]:
    """The store's own queries by name."""
    return parse((files("monitor.store") / "queries.sql").read_text(encoding="utf-8"))
