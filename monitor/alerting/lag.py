"""Says how far a sink is behind, and reads what the log holds for it: None for what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.alerting.memory import Memory, decode_memory
from monitor.incidents import IncidentChange
from monitor.log import Entry
from monitor.log.change_json import decode_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a sink is behind. `entries`: entries of all streams that it has not passed; None before it has started.

    `oldest_s`: the age in seconds of the change that it is trying to deliver, or for how long it owes a note if that is longer;
    None if there is neither. `why`: what keeps it, without secrets; empty if nothing does.
    """

    entries: int | None
    oldest_s: float | None
    why: str


def memory_of(state: bytes) -> Memory | None:
    """A reader's memory; None if it cannot be read."""
    try:
        return decode_memory(state)
    except ValueError:
        return None


def change_of(entry: Entry) -> IncidentChange | None:
    """The change of an entry; None if it cannot be read."""
    try:
        return decode_change(entry.body)
    except ValueError:
        return None
