"""Compiles a venue's declarations (`declared.py`) into the readers of the form `probes/venue.py`, once, when it is imported.

Knows no venue's name: the wire's names and units stand in the venue's own file. Pure.
"""

from probes.dialect.answers import answer, budget_headers, calls, check, post, refusals, sends, signs
from probes.dialect.codes import codes
from probes.dialect.declared import (
    NO_YES,
    YES_NO,
    Books,
    Channel,
    Clock,
    Control,
    Errors,
    Frames,
    FundingRates,
    Intervals,
    Liquidations,
    Listing,
    LongShortRatios,
    MarkPrices,
    Means,
    Name,
    OpenInterests,
    Rows,
    ServerTimes,
    Stamp,
    Statuses,
    Unit,
    Volumes,
    Wallets,
    Without,
)
from probes.dialect.frames import either, frames
from probes.dialect.protobuf import Field, protobuf
from probes.dialect.status_page import status_page
from probes.dialect.subscriptions import BOOK_WORDS, FIGURE_WORDS, FORCED_WORDS, asking

__all__ = [
    "BOOK_WORDS",
    "FIGURE_WORDS",
    "FORCED_WORDS",
    "NO_YES",
    "YES_NO",
    "Books",
    "Channel",
    "Clock",
    "Control",
    "Errors",
    "Field",
    "Frames",
    "FundingRates",
    "Intervals",
    "Liquidations",
    "Listing",
    "LongShortRatios",
    "MarkPrices",
    "Means",
    "Name",
    "OpenInterests",
    "Rows",
    "ServerTimes",
    "Stamp",
    "Statuses",
    "Unit",
    "Volumes",
    "Wallets",
    "Without",
    "answer",
    "asking",
    "budget_headers",
    "calls",
    "check",
    "codes",
    "either",
    "frames",
    "post",
    "protobuf",
    "refusals",
    "sends",
    "signs",
    "status_page",
]
