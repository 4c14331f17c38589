"""Holds the state of one venue between its answers: budgets, clock offset, listing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from probes.clock_offset import ClockOffset
from probes.readings import Instrument
from probes.rest.budget import Budgets
from probes.rest.priority import LIVENESS_CHECK
from probes.venue import FundingIntervals, Venue

MAX_GONE_SHARE = 0.1
"""Of a listing: venues delist a few contracts a day, a broken answer lacks many."""


@dataclass(slots=True)
class VenueState:
    """The state that one venue's checks and feeds share: known instruments, funding intervals, clock offset, budgets."""

    venue: Venue
    instruments: dict[str, Instrument] = field(default_factory=dict)
    funding: FundingIntervals | None = None
    clock_offset: ClockOffset = field(default_factory=ClockOffset)
    budgets: Budgets = field(init=False)

    def list_instruments(self, listed: Sequence[Instrument], *, whole: bool) -> None:
        """Take a listing. What it does not list any more of its markets is not trading: delisted, settling or renamed.

        A listing that is not `whole`, or that lacks more than a tenth of what was known, shows what it lists and ends nothing.
        """
        names = {one.symbol for one in listed}
        markets = {one.market for one in listed}
        gone = [
            one
            for one in self.instruments.values()
            if one.trading and one.market in markets and one.symbol not in names
        ]
        self.instruments.update((one.symbol, one) for one in listed)
        if whole and len(gone) <= max(1, MAX_GONE_SHARE * len(names)):
            self.instruments.update((one.symbol, replace(one, trading=False)) for one in gone)

    def __post_init__(self) -> None:
        liveness = [one.call(None) for one in self.venue.checks if one.name == LIVENESS_CHECK]
        self.budgets = Budgets(self.venue.id, self.venue.budgets, liveness)
