"""Says what a route missed: changes that were too old to be sent on their own when their turn came, told by one note.

Pure. A change counts if the route's rule would have sent it, judged in order with the notes that the route had got before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.alerting.routing import LastNote, Rule, decide, last_note_after
from monitor.incidents import IncidentChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """`changes` of one incident were not sent in time, `pages` of them pages, from `first_at` to `last_at` (event time).

    `late`: the change of the note itself is one of them; else it is in time, and shows the state after them.
    """

    changes: int
    pages: int
    first_at: datetime
    last_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Unsent:
    """A change that the route has not got, and whether it is too old to be sent on its own."""

    change: IncidentChange
    late: bool


def missed_of(rule: Rule, last_note: LastNote | None, unsent: Sequence[Unsent]) -> Missed | None:
    """What a note with the last change of `unsent` (one incident, in order) says was missed; None if nothing was.

    Changes between a late one and the last one count as well: the note stands for them, and they are never sent.
    """
    missed: list[IncidentChange] = []
    for index, one in enumerate(unsent):
        if not decide(rule, last_note, one.change).goes:
            continue
        last_note = last_note_after(last_note, one.change)
        if one.late or index < len(unsent) - 1:
            missed.append(one.change)
    if not missed:
        return None
    return Missed(
        changes=len(missed),
        pages=sum(one.pages for one in missed),
        first_at=missed[0].at,
        last_at=missed[-1].at,
        late=unsent[-1].late,
    )
