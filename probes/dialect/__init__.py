"""Compiles a venue's declarations (`declared.py`) into the readers of the form `probes/venue.py`, once, when it is imported.

Knows no venue's name: the wire's names and units stand in the venue's own file. Pure.
"""

from probes.dialect.answers import answer, budget_headers, calls, check, post, refusals, rows, sends, signs
from probes.dialect.beside import codes_beside, venue
from probes.dialect.codes import codes
from probes.dialect.declared import (
    NO_YES,
    YES_NO,
    Books,
    Channel,
    Clock,
    Control,
    Deleveragings,
    Errors,
    Frames,
    FundingRates,
    InsuranceFunds,
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
from probes.dialect.status_page import PARTS as PAGE_STATES
from probes.dialect.status_page import status_page
from probes.dialect.subscriptions import BOOK_WORDS, FIGURE_WORDS, FORCED_WORDS, asking

__all__ = [
    "BOOK_WORDS",
    "FIGURE_WORDS",
    "FORCED_WORDS",
    "NO_YES",
    "PAGE_STATES",
    "YES_NO",
    "Books",
    "Channel",
    "Clock",
    "Control",
    "Deleveragings",
    "Errors",
    "Field",
    "Frames",
    "FundingRates",
    "InsuranceFunds",
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
    "codes_beside",
    "either",
    "frames",
    "post",
    "protobuf",
    "refusals",
    "rows",
    "sends",
    "signs",
    "status_page",
    "venue",
]
