"""Ranks the checks for the time when a budget is short: what must be known first is asked first.

Each rank may spend a budget up to a share of its own, so that what is below it cannot take its place. Pure.
"""

from __future__ import annotations

from enum import IntEnum

RESERVE = 0.1
"""The last tenth of a budget is never spent."""


class Priority(IntEnum):
    """The rank of a check; the lowest number is asked first."""

    LIVENESS = 0
    BOOK = 1
    STATE = 2
    STATISTICS = 3


SHARES = {
    Priority.LIVENESS: 1 - RESERVE,
    Priority.BOOK: 0.8,
    Priority.STATE: 0.7,
    Priority.STATISTICS: 0.6,
}
"""How much of a budget may be in use when a request of this rank is sent."""
LIVENESS_CHECK = "server_time"
"""The cheapest check of every venue. It says whether the venue lives, and tries whether a wait is over."""
_STATES = frozenset({"system_status", "wallet_status", "instruments", "key_rights"})


def priority_of(check: str) -> Priority:
    """The rank of a check by its name: liveness, books, what the venue declares, then statistics."""
    if check == LIVENESS_CHECK:
        return Priority.LIVENESS
    if check.startswith("book"):
        return Priority.BOOK
    return Priority.STATE if check in _STATES else Priority.STATISTICS
