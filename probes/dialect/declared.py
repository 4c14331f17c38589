"""Declares what a venue's messages say: for each capability the fields, their units and their allowed values.

A `Rows` names where the rows of a message are and what each row says. The names are the wire's own; `rows.py` compiles them
into typed decoders once. What a table cannot say is a function: `Rows.unfold` (of a row), `Frames.unpack` (of a frame).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from probes.readings import Censoring, Market, Refusal, ServiceState, Side

Name = str | int | tuple[str, ...]
"""A field: its name (dotted inside an inner object), its position in a list, or several names: the first given counts."""

YES_NO: Mapping[Any, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
"""A flag that says "open"."""
NO_YES: Mapping[Any, bool] = {key: not value for key, value in YES_NO.items()}
"""A flag that says "closed"."""


class Clock(StrEnum):
    """The unit of a stamp. ANY: seconds or milliseconds, told apart by size."""

    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"
    ISO = "iso"
    ANY = "any"


class Unit(StrEnum):
    """The unit of a size: base units, contracts of the instrument's listed size, or quote units (divided by the price).

    CONTRACTS passes over inverse contracts; with USD_CONTRACTS their listed size is in USD, and base units go by the price.
    """

    BASE = "base"
    CONTRACTS = "contracts"
    USD_CONTRACTS = "usd_contracts"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time of the venue's. Empty and 0 mean that there is none."""

    name: Name
    clock: Clock = Clock.MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What each capability may have: the instrument's symbol and a time. Without them: those of the frame or request.

    A row without a required figure is refused; one of an `optional` capability says nothing of it.
    """

    symbol: Name | None = None
    at: Stamp | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTimes(Said):
    """The venue's clock: `at` is required. `resolution_s` is the unit of the stamp, in seconds."""

    resolution_s: float = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Statuses(Said):
    """Declared states. Values of `state` that `states` does not have are odd; None as a state passes the row over.

    Without a row that counts now, the venue is `healthy` (None: unknown). A row of a state in `announced` is to come.
    `service` is the part of the venue that all rows speak of; or `service_at` is the field that names it, which must be there.
    """

    state: Name
    states: Mapping[Any, ServiceState | None]
    announced: frozenset[Any] = frozenset()
    title: Name | None = None
    begins: Stamp | None = None
    ends: Stamp | None = None
    planned: Name | None = None
    planned_is: frozenset[Any] = frozenset()
    healthy: ServiceState | None = ServiceState.OPERATIONAL
    service: str = ""
    service_at: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallets(Said):
    """Deposits and withdrawals of an asset (`symbol`) by network; each flag's values are a table from the wire to open or not."""

    network: Name | None = None
    deposits: Name | None = None
    withdrawals: Name | None = None
    flags: Mapping[Any, bool] = field(default_factory=lambda: YES_NO)
    delayed: Name | None = None
    delays: Mapping[Any, bool] = field(default_factory=lambda: YES_NO)
    note: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Said):
    """Instruments. Base and quote are fields, or the symbol's parts at `split`. `kinds`: a field's values to markets.

    A value that `kinds` maps to None, or `inverse` values, follow the listing's own words; one not in `kinds` passes over.
    A `trading` or `kind` that is missing is odd; so is a word that neither `trading_is` nor `trading_not` has, where the latter
    is given.
    """

    base: Name | None = None
    quote: Name | None = None
    split: str = ""
    kind: Name | None = None
    kinds: Mapping[Any, Market] = field(default_factory=dict)
    contract_size: Name | None = None
    inverse: Name | None = None
    inverse_is: frozenset[Any] = frozenset()
    trading: Name | None = None
    trading_is: frozenset[Any] = frozenset()
    trading_not: frozenset[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidations(Said):
    """Forced orders. `sides` maps the wire's word to the side that was liquidated; "+" and "-" are the size's sign.

    Of two `side` fields the second counts where the first is empty, or a word that `sides` maps to None.
    A price or size that is missing or not above zero, an unknown side or a missing time makes the row odd. Where `price` and
    `size` are those of what was filled, 0 says that nothing was yet: then the order's own, `order_price` and `order_size`, count.
    """

    price: Name
    size: Name
    order_price: Name | None = None
    order_size: Name | None = None
    side: Name | None = None
    sides: Mapping[Any, Side | None]
    unit: Unit = Unit.BASE
    censoring: Censoring
    backlog: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterests(Said):
    """Open interest: `size` × `scale` (0.5 where both sides are counted). USD by `usd`, else by the `mark` of the row.

    A row in which the field `unless` is given says nothing by this declaration.
    """

    size: Name
    unit: Unit = Unit.BASE
    scale: Decimal = Decimal(1)
    contract_size: Name | None = None
    usd: Name | None = None
    mark: Name | None = None
    unless: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRates(Said):
    """Funding: `rate` × `scale` is a fraction per interval; `interval` × `interval_s` its length, else `fixed_interval_s`.

    Else it is the time from `next_at` to `following`, the settlement after it, or that of the venue's own list (`Intervals`).
    """

    rate: Name
    scale: float = 1.0
    next_at: Stamp | None = None
    following: Stamp | None = None
    interval: Name | None = None
    interval_s: float = 1.0
    fixed_interval_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals(Said):
    """A list of funding intervals: `interval` × `interval_s` seconds by `symbol`; `otherwise_s` for those that it leaves out."""

    interval: Name
    interval_s: float = 3600.0
    otherwise_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrices(Said):
    """Mark and index price in quote units. Without a name of the mark, a row has the index alone."""

    mark: Name | None = None
    index: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShortRatios(Said):
    """Longs over shorts: `ratio`, or `longs` / `shorts`. `basis`: accounts, top_accounts, top_positions or taker_volume."""

    ratio: Name | None = None
    longs: Name | None = None
    shorts: Name | None = None
    basis: str = "accounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class InsuranceFunds(Said):
    """What a fund against losses beyond margin holds: `balance` in `currency`, else in the `fixed_currency`.

    With a `symbol` each row is the pool of an instrument. Without one it is the pool of all that is settled in the currency.
    """

    balance: Name
    currency: Name | None = None
    fixed_currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleveragings(Said):
    """Auto-deleveraging of an instrument: `states` maps the wire's words to whether it goes on; other words are odd."""

    state: Name
    states: Mapping[Any, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes(Said):
    """Traded in 24 h: `quote` in USD-like units, `base` in `unit`, the last price. `quote` is required where it is declared.

    `priced`: the venue states no quote volume, and base times the last price counts for it.
    """

    base: Name | None = None
    quote: Name | None = None
    last: Name | None = None
    unit: Unit = Unit.BASE
    priced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Books(Said):
    """A book or a change of one. `at` is the gateway's stamp (else the frame's), `engine_at` the matching engine's.

    Levels: `bids` and `asks` of `level` (two names, or two positions; `pairs`: each is a list of just the two), or
    one list `updates` whose rows name their `side`.
    A side that is missing makes the book odd, unless the venue leaves out a side without a change (`one_sided`).
    Sequence: `last_id` (without it: the frame's), and `prev_id` (must be our last id) or `first_id` (must be our last id plus
    one); `last_id` alone steps by one. A book that is not `numbered` cannot show a gap. `whole`: always, never, or a field
    that is true or one of `whole_kinds` (another word that is none of `change_kinds` is odd); the frame's kind may be one
    of these too; or the number `restarts_at`. `width`: the places of a level's list; a shorter one is odd.
    """

    bids: Name | None = None
    asks: Name | None = None
    updates: Name | None = None
    level: tuple[str, str] | tuple[int, int] = (0, 1)
    pairs: bool = False
    width: int = 0
    side: str = "side"
    bid_is: frozenset[str] = frozenset()
    one_sided: bool = False
    unit: Unit = Unit.BASE
    first_id: Name | None = None
    last_id: Name | None = None
    prev_id: Name | None = None
    numbered: bool = True
    engine_at: Stamp | None = None
    whole: bool | str = False
    whole_kinds: frozenset[str] = frozenset()
    change_kinds: frozenset[str] = frozenset({"change", "delta", "update"})
    restarts_at: int | None = None


class Without:
    """The allowed values of a field: all but the texts with this part. A field that is gone is left to the readers."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __contains__(self, value: object) -> bool:
        return not (isinstance(value, str) and self.part in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Where rows are and what they say. `where`: the dotted path to a list of rows or to one row ("" is the message itself).

    `each`: the rows are lists inside these rows, and `subject` is the outer row's symbol or asset. `only`: the values that a
    field must have, other rows are passed over. `first`/`last`: how many rows count, from which end. `unfold`: one row as the
    wire has it (with `whole`: all of them as they stand), to the rows that it means. Our symbol is `prefix` and the wire's.
    """

    says: tuple[Said, ...]
    where: str = ""
    each: str = ""
    subject: str = ""
    only: Mapping[str, Container[Any]] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None
    unfold: Callable[[Any], Sequence[Any]] | None = None
    whole: bool = False
    market: Market = Market.PERP
    prefix: str = ""


class Means(StrEnum):
    """What a control frame means."""

    ACK = "ack"
    PONG = "pong"
    REFUSED = "refused"
    SHUTDOWN = "shutdown"
    REPLY = "reply"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A frame without news: it has `path`, with one of `values` (any that is not null, without them) or a text with `like` in it.

    `code` and `text` are paths of a refusal's code and words, or of an acknowledgement's subject (`text`). `names` gives the
    topics that the whole frame confirms or refuses (`complete`: all that came of the request), `id` the path of the request
    that it answers. An acknowledgement whose `outcome` (a path) is not one of `outcome_is` is malformed. `reply` makes the text
    to send back, where the venue pings.
    """

    path: str
    values: Container[Any] | None = None
    like: str = ""
    means: Means
    code: str = ""
    text: str = ""
    names: Callable[[Any], Sequence[str]] | None = None
    complete: bool = False
    id: str = ""
    outcome: str = ""
    outcome_is: frozenset[Any] = frozenset()
    reply: Callable[[Any], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The frame around the rows: dotted paths of channel, payload ("": the frame), kind, symbol, sequence, and both stamps.

    `news`: the kinds that carry rows (empty: any; "" is that of a frame without a kind). `topic` splits a channel's text into
    its key in the routes and its symbol. `texts` are whole frames that are no JSON. `unpack` is called first on each frame
    (compression, a list's form). `refusals`: as those of `Errors`; other codes are bad requests. `proves`: of a route whose
    frames mostly carry nothing for us, the topic that such a frame is a word of, with "{channel}" and "{symbol}" of the frame.
    Where the payload is the frame, a list of such is read by the channel that its first row with a known one names.
    """

    channel: str = "channel"
    payload: str = "data"
    kind: str = ""
    news: frozenset[str] = frozenset()
    symbol: str = ""
    sequence: str = ""
    at: Stamp | None = None
    engine_at: Stamp | None = None
    topic: Callable[[str], tuple[str, str]] | None = None
    texts: Mapping[bytes, Means] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    unpack: Callable[[bytes], bytes] | None = None
    proves: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel that a feed asks for. `topic` is its name for the venue: with "{}", of each instrument; else of all at once.

    `name` is what it is called here (without it: the topic). Further fields: as `probes.venue.Topic`.
    """

    topic: str
    speaks: tuple[type, ...]
    name: str = ""
    main: bool = True
    rare: bool = False
