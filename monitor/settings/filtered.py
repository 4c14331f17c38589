"""Checks that the assets and venues that sinks and maintenance windows name exist, so that a typing error filters nothing out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from monitor.errors import Mistakes, OperatorError, nearest


def check_filters(sinks: Mapping[str, Mapping[str, Any]], assets: Collection[str], venues: Collection[str]) -> None:
    """Check each sink's `assets` and `venues` against what there is. Raises OperatorError with all mistakes.

    Wrong types are left to the sink that reads its table.
    """
    mistakes = Mistakes()
    for sink in sorted(sinks):
        for key, known in (("assets", assets), ("venues", venues)):
            given = sinks[sink].get(key)
            for index, name in enumerate(given if isinstance(given, list) else ()):
                if isinstance(name, str):
                    with mistakes:
                        check_name(f"sinks.{sink}.{key}[{index}]", name, known)
    mistakes.tell()


def check_name(key: str, name: str, known: Collection[str]) -> None:
    """Check that `name` is one of `known`. Raises OperatorError."""
    if name not in known:
        allowed = ", ".join(sorted(known)) or "(none is configured)"
        raise OperatorError(key, name, allowed, nearest(name, sorted(known)))
