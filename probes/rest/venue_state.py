"""Holds the state of one venue between its answers: budgets, clock offset, listing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.clock_offset import ClockOffset
from probes.readings import Instrument
from probes.rest.budget import Budgets
from probes.venue import Venue


@dataclass(slots=True)
class VenueState:
    """The state that one venue's checks and feeds share: known instruments, clock offset, budgets."""

    venue: Venue
    instruments: dict[str, Instrument] = field(default_factory=dict)
    clock_offset: ClockOffset = field(default_factory=ClockOffset)
    budgets: Budgets = field(init=False)

    def __post_init__(self) -> None:
        self.budgets = Budgets(self.venue.id, self.venue.budgets)
