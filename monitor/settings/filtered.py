"""Checks that the assets and venues that sinks and maintenance windows name exist, so that a typing error filters nothing out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from monitor.errors import Mistakes, OperatorError, nearest
from monitor.incidents import LEGS
from monitor.settings.maintenance import MaintenanceSettings

MAX_WINDOWS = 256
MAX_WINDOW = timedelta(days=90)
MAX_REASON = 200


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


def check_maintenance(windows: Sequence[MaintenanceSettings], assets: Collection[str], venues: Collection[str]) -> None:
    """Check the times, the reason and the names of each window. Raises OperatorError with all mistakes."""
    mistakes = Mistakes()
    if len(windows) > MAX_WINDOWS:
        mistakes.add(
            OperatorError("maintenance", len(windows), f"at most {MAX_WINDOWS}", "take out those that are over")
        )
    for index, one in enumerate(windows):
        key = f"maintenance[{index}]"
        with mistakes:
            if not timedelta() < one.end - one.start <= MAX_WINDOW:
                allowed = f"a time after start, at most {MAX_WINDOW.days} days after it"
                raise OperatorError(f"{key}.end", one.end.isoformat(), allowed, "correct one of the two")
        with mistakes:
            if not one.reason.strip() or len(one.reason) > MAX_REASON:
                allowed = f"1 to {MAX_REASON} characters"
                raise OperatorError(f"{key}.reason", one.reason[:MAX_REASON], allowed, "write what the work is")
        for where, names, known in (("assets", one.assets, assets), ("venues", one.venues, venues)):
            for name in names:
                with mistakes:
                    check_name(f"{key}.{where}", name, known)
        for leg in one.legs:
            if leg not in LEGS:
                mistakes.add(OperatorError(f"{key}.legs", leg.value, ", ".join(LEGS), "choose one of them"))
    mistakes.tell()


def check_name(key: str, name: str, known: Collection[str]) -> None:
    """Check that `name` is one of `known`. Raises OperatorError."""
    if name not in known:
        allowed = ", ".join(sorted(known)) or "(none is configured)"
        raise OperatorError(key, name, allowed, nearest(name, sorted(known)))
