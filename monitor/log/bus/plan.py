"""Decides which entries of the local log go out together: one by one while the bus keeps up, those of a second when it is behind.

What is sent again after a failure or a kill must be divided as before, or it would be stored under another id. So the plan is
part of the reader's place, and durable before anything is sent by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from monitor.log import Entry, Place

FAR_BEHIND = 32
"""Entries: about half a second of a busy log."""
AHEAD = 64
"""Entries that are planned at once while the bus keeps up: each plan costs a commit of the log."""
MAX_ROWS = 5_000
"""Signals that go out together, unless one entry has more."""


class Stretch(msgspec.Struct, array_like=True, frozen=True):
    """The entries up to the position `end`: each alone, or those of a second together."""

    end: int
    together: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How the entries behind a place are divided, in stretches with rising ends."""

    stretches: tuple[Stretch, ...] = ()

    @property
    def end(self) -> int:
        """The last position that is planned; 0 if none is."""
        return self.stretches[-1].end if self.stretches else 0

    def at(self, place: int) -> Stretch | None:
        """The stretch of the entry behind this position; None if it is not planned."""
        return next((one for one in self.stretches if one.end > place), None)

    def extended(self, place: int, log_end: int) -> Plan:
        """The plan with a stretch behind `place`, which is its end or lies behind it."""
        together = log_end - place >= FAR_BEHIND
        return Plan((*self.stretches, Stretch(log_end if together else place + AHEAD, together)))

    def place(self, position: int) -> Place:
        """The reader's place at this position, with what is planned behind it."""
        return Place(position, msgspec.msgpack.encode([one for one in self.stretches if one.end > position]))


def plan_of(place: Place) -> Plan:
    """The plan of a reader's place. Of one without a plan each entry went out alone."""
    if not place.state:
        return Plan((Stretch(place.position + AHEAD, together=False),))
    return Plan(tuple(msgspec.msgpack.decode(place.state, type=list[Stretch])))


def belongs(entry: Entry, group: Sequence[Entry], stretch: Stretch) -> bool:
    """Whether an entry goes out with these before it: it depends on nothing but what the log holds, and where a group began."""
    return (
        stretch.together
        and entry.position <= stretch.end
        and int(entry.at.timestamp()) == int(group[0].at.timestamp())
        and sum(one.rows for one in group) + entry.rows <= MAX_ROWS
    )
