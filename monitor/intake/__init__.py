"""Turns the readings of probes and the events of chain into signals: the only connection from them to the monitor.

The `match` statements end with `assert_never`: the type checker reports a new kind of reading or event here. The intake
corrects venue stamps by the offset of the venue's clock; no event time is later than `received_at`. It is the one door for text
from outside: beyond it every name and attribute is one bounded line of printable characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from chain.events import (
    BehaviourMismatch,
    ChainEvent,
    CodeCompared,
    ControlChanged,
    CustomEventSeen,
    HolderFrozen,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PlacedEvent,
    PoolCreated,
    PoolDepth,
    PoolDrained,
    PositionLiquidated,
    Retracted,
    SupplyJumped,
    TokenUsed,
    WalletResumed,
    WalletSilent,
)
from chain.events.network import HeadResumed, HeadSeen, HeadStalled, NodeFault, NodeMeasured, Reorged
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued, UpgradeSaid
from chain.explorers.answers import SourceSeen
from monitor.intake.chain import EventRule, describe, source_attributes, token_of, whereabouts
from monitor.intake.congestion import Congestion
from monitor.intake.venues import REFERENCE, DraftSignal, draft_of
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.signals.plain_text import one_line
from probes.readings import (
    BookMeasured,
    Instrument,
    InstrumentsListed,
    Liquidation,
    MarkPrice,
    OpenInterest,
    Reading,
    VenueClock,
    Volume,
)
from probes.readings.dollars import is_in_dollars

CONTROL_VENUE = "control"
MAX_NAME = 128
MAX_TEXT = 2048
"""Characters of a name and of a text attribute; the longest list of functions has some 1,500."""


class Intake:
    """Turns readings and chain events into signals, and numbers the signals of each source.

    `assets` are the watched tickers; `contracts` and `pools` map (network, lower-case address) to the assets that they
    belong to, `tickers` tokens to the one that they are (or USD); `rules` maps (network, name) to what an event of the operator's
    own is evidence of. A fact about several assets becomes one signal for each; a fact about an asset or instrument that is not
    watched becomes none and is counted.
    """

    def __init__(
        self,
        *,
        vantage: str,
        assets: Iterable[str],
        contracts: Mapping[tuple[str, str], Sequence[str]] | None = None,
        pools: Mapping[tuple[str, str], Sequence[str]] | None = None,
        rules: Mapping[tuple[str, str], EventRule] | None = None,
        tickers: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self._vantage = vantage
        self._assets = frozenset(assets)
        self._contracts = dict(contracts or {})
        self._pools = dict(pools or {})
        self._rules, self._tickers = dict(rules or {}), dict(tickers or {})
        self._instruments: dict[tuple[str, str], Instrument] = {}
        self._offset: dict[str, timedelta] = {}
        self._price: dict[tuple[str, str], float] = {}
        """(venue, asset) -> its last price in dollars: a mark, or the last trade of a ticker."""
        self._dollars: dict[str, tuple[float, datetime]] = {}
        """Asset -> the last of these prices at any venue, and when it came."""
        self._congestion = Congestion()
        self._seq: Counter[str] = Counter()
        self.unwatched = 0

    def know(self, venue: str, instruments: Iterable[Instrument]) -> None:
        """Learn which asset an instrument belongs to, before its venue lists it."""
        for one in instruments:
            self._instruments[venue, one.symbol] = one

    def reading(self, reading: Reading, link: str | None = None) -> list[Signal]:
        """The signals of one reading. `link` names the span that recorded it."""
        if isinstance(reading, InstrumentsListed):
            self.know(reading.venue, (one for one in reading.instruments if one.base in self._assets))
            return []
        if isinstance(reading, VenueClock):
            self._offset[reading.venue] = timedelta(seconds=reading.offset_s)
        priced = self._priced(reading)
        if priced is None:
            return []
        reading = priced
        draft = draft_of(reading)
        if draft is None:
            return []
        asset = draft.asset
        if draft.instrument is not None:
            known = self._instruments.get((reading.venue, draft.instrument))
            asset = None if known is None else known.base
            if draft.kind in _PRICED:
                draft = replace(draft, attributes={**draft.attributes, "quote": _dollar_quote(known)})
        if (asset is None and draft.instrument is not None) or (asset is not None and asset not in self._assets):
            self.unwatched += 1
            return []
        return [self._from_venue(reading.venue, draft, asset, link)]

    def _priced(self, reading: Reading) -> Reading | None:
        """The reading in dollars, by the last dollar price of its asset at this venue. None: its size in dollars is unknown."""
        if not isinstance(reading, MarkPrice | Volume | OpenInterest | Liquidation | BookMeasured):
            return reading
        known = self._instruments.get((reading.venue, reading.instrument))
        dollars = is_in_dollars(known)
        match reading:
            case MarkPrice(mark=price) | Volume(last=price) if known is not None and dollars and price is not None:
                self._price[reading.venue, known.base] = price
                self._dollars[known.base] = (price, reading.received_at)
            case _:
                pass
        price = None if known is None else self._price.get((reading.venue, known.base))
        match reading:
            case Volume(usd=None, base=Decimal()) | OpenInterest(usd=None) if (
                price is not None and reading.base is not None
            ):
                return replace(reading, usd=reading.base * Decimal(str(price)))
            case Liquidation() if known is not None and not dollars:
                return None if price is None else replace(reading, notional_usd=reading.quantity * Decimal(str(price)))
            case BookMeasured() if known is not None and not dollars:
                return _depth_at(reading, None if price is None or not reading.mid else price / reading.mid)
            case _:
                return reading

    def _from_venue(self, venue: str, draft: DraftSignal, asset: str | None, link: str | None) -> Signal:
        happened = draft.received_at
        if draft.event_time is not None:
            happened = min(draft.event_time - self._offset.get(venue, timedelta()), draft.received_at)
            if draft.received_at - happened > _MAX_AGE and venue not in self._offset:
                happened = draft.received_at  # the venue's clock is unknown, the event is not old
        subject = Subject(
            asset=asset,
            venue=None if venue in (CONTROL_VENUE, REFERENCE) else venue,
            instrument=_name(draft.instrument),
            network=_name(draft.network),
            vantage=self._vantage,
        )
        source = f"{venue}/{draft.stream}"
        value, received_at = float(draft.value), draft.received_at
        return Signal(
            draft.kind,
            subject,
            happened,
            received_at,
            source,
            self._next(source),
            value,
            _harmless(draft.attributes),
            link,
        )

    def event(self, event: ChainEvent, link: str | None = None) -> list[Signal]:
        """The signals of one chain event: one for each asset that its contract or pool belongs to."""
        source = f"{_network(event)}/chain"
        match event:
            case HeadSeen():
                head: dict[str, Scalar] = {"lag_s": event.lag_s, "node": event.node, **self._congestion.of(event)}
                return [self._plain(SignalKind.HEAD, event.network, event.seen_at, source, event.block_number, head)]
            case HeadStalled():
                stall: dict[str, Scalar] = {"answered": event.answered, "block": event.block_number}
                stall["since"] = event.since.isoformat() if event.since else None
                return [
                    self._plain(SignalKind.HEAD_STALLED, event.network, event.seen_at, source, event.stalled_s, stall)
                ]
            case HeadResumed():
                end: dict[str, Scalar] = {"block": event.block_number, "since": event.since.isoformat()}
                return [
                    self._plain(SignalKind.HEAD_RESUMED, event.network, event.seen_at, source, event.stalled_s, end)
                ]
            case NodeMeasured():
                return []  # for the metrics alone
            case NodeFault():
                fault: dict[str, Scalar] = {"node": event.node, "fault": event.fault.value, "detail": event.detail}
                return [
                    self._plain(SignalKind.NODE_FAULT, event.network, event.seen_at, f"{event.network}/nodes", 1, fault)
                ]
            case Reorged():
                at: dict[str, Scalar] = {"common": event.common_number}
                return [self._plain(SignalKind.REORG, event.network, event.seen_at, source, event.depth, at)]
            case Retracted():
                return [
                    Signal(
                        SignalKind.RETRACTION, subject, event.seen_at, event.seen_at, source, self._next(source), 1.0,
                        {"retracts": event.event_id}, link,
                    )
                    for subject in self._subjects(event.event)
                ]  # fmt: skip
            case (
                ContractUpgraded()
                | UpgradeSaid()
                | CodeCompared()
                | UpgradeQueued()
                | OperationEnded()
                | LiquidityMoved()
                | LiquidityMigrated()
                | LiquidityAccounted()
                | PoolDepth()
                | PoolDrained()
                | SupplyJumped()
                | ControlChanged()
                | HolderFrozen()
                | WalletSilent()
                | WalletResumed()
                | TokenUsed()
                | BehaviourMismatch()
                | PositionLiquidated()
                | PoolCreated()
                | CustomEventSeen()
            ) as placed:
                return self._placed(placed, source, link)
            case _ as never:
                assert_never(never)

    def source(self, event: ContractUpgraded, seen: SourceSeen, now: datetime) -> list[Signal]:
        """The signals of a check of an upgrade's new source: one for each asset that the contract belongs to."""
        attributes = _harmless(source_attributes(event, seen))
        source, kind, verified = f"{event.place.network}/{seen.by}", SignalKind.SOURCE_CHECKED, float(seen.verified)
        return [
            Signal(kind, subject, now, now, source, self._next(source), verified, attributes)
            for subject in self._subjects(event)
        ]

    def _placed(self, event: PlacedEvent, source: str, link: str | None) -> list[Signal]:
        kind, value, own = describe(event, self._tickers)
        place = event.place
        attributes = _harmless(
            {"event_id": event.event_id, "block": place.block_number, "transaction": place.transaction, **own}
            | ({"disputed": True} if place.disputed else {})
        )
        found, happened = [], min(place.block_time, event.seen_at)
        for subject in self._subjects(event):
            words: Mapping[str, Scalar] = attributes
            if isinstance(event, PositionLiquidated) and event.usd is None:
                words = {**attributes, "usd": self._worth(subject.asset, event.quantity, event.seen_at)}
            elif (token := token_of(event)) is not None:
                words = {**attributes, "usd": self._worth_of(place.network, token, attributes["amount"], event.seen_at)}
            elif isinstance(event, CustomEventSeen):
                rule = self._rules[str(place.network), event.rule]
                words = {**attributes, "leg": rule.leg, "grade": rule.grade}
            number = self._next(source)
            found.append(Signal(kind, subject, happened, event.seen_at, source, number, float(value), words, link))
        return found

    def _worth(self, asset: str | None, quantity: float | None, now: datetime) -> float | None:
        """A quantity of an asset in dollars, at its last price at any venue. None: no price at hand, or an old one."""
        price, came = self._dollars.get(asset or "", (None, now))
        return None if price is None or quantity is None or now - came > _MAX_PRICE_AGE else quantity * price

    def _worth_of(self, network: str, token: str, amount: Scalar, now: datetime) -> float | None:
        """The same of a token that the operator names as one asset's: its own name proves nothing, and is no key to a price."""
        assets = self._contracts.get((network, token), ())
        if len(assets) != 1 or not isinstance(amount, int | float):
            return None
        return self._worth(assets[0], float(amount), now)

    def _subjects(self, event: PlacedEvent) -> list[Subject]:
        match event:
            case PoolCreated():
                return self._owners_of(event)
            case CustomEventSeen():
                return self._chosen_for(event)
            case WalletSilent() | WalletResumed():
                return self._wallets_of(event)
            case HolderFrozen() if not event.pools and (own := self._frozen_wallets(event)):
                return own
            case _:
                pass
        network = str(event.place.network)
        contract, pools = whereabouts(event)
        assets = self._contracts.get((network, contract or ""), ()) or tuple(
            dict.fromkeys(asset for at in pools for asset in self._pools.get((network, at), ()))
        )
        pool = None if isinstance(event, SupplyJumped) else next(iter(pools), None)
        return [
            Subject(asset=asset, network=network, contract=contract, pool=pool, vantage=self._vantage)
            for asset in (assets or (None,))
        ]

    def _chosen_for(self, event: CustomEventSeen) -> list[Subject]:
        """One for each asset that the operator's rule names."""
        network = str(event.place.network)
        rule = self._rules.get((network, event.rule))
        return [
            Subject(asset=asset, network=network, contract=event.contract, vantage=self._vantage)
            for asset in (() if rule is None else rule.assets)
        ]

    def _frozen_wallets(self, event: HolderFrozen) -> list[Subject]:
        network = str(event.place.network)
        return [
            Subject(asset=asset, venue=venue, network=network, vantage=self._vantage)
            for venue, asset in event.wallets
            if asset in self._assets
        ]

    def _owners_of(self, event: PoolCreated) -> list[Subject]:
        """One for each asset that a token of the new pool belongs to."""
        network = str(event.place.network)
        owned = [
            (asset, one) for one in (event.token0, event.token1) for asset in self._contracts.get((network, one), ())
        ]
        return [
            Subject(asset=asset, network=network, contract=token, pool=event.pool, vantage=self._vantage)
            for asset, token in dict(owned).items()
        ]

    def _wallets_of(self, event: WalletSilent | WalletResumed) -> list[Subject]:
        if event.asset not in self._assets:
            self.unwatched += 1
            return []
        network = str(event.place.network)
        return [Subject(asset=event.asset, venue=event.venue, network=network, vantage=self._vantage)]

    def _plain(
        self, kind: SignalKind, network: str, at: datetime, source: str, value: float, attributes: dict[str, Scalar]
    ) -> Signal:
        subject = Subject(network=network, vantage=self._vantage)
        return Signal(kind, subject, at, at, source, self._next(source), float(value), _harmless(attributes))

    def tick(self, now: datetime) -> Signal:
        """The clock's signal: the passing of time is an event like any other."""
        return Signal(SignalKind.TICK, Subject(vantage=self._vantage), now, now, "clock", self._next("clock"), 0.0)

    def loop_lag(self, began: datetime, late_s: float) -> Signal:
        """Our own event loop was late: a period that began then. It sorts before everything that was read late."""
        return Signal(
            SignalKind.LOOP_LAG, Subject(vantage=self._vantage), began, began, "loop", self._next("loop"), float(late_s)
        )

    def expect(
        self, source: str, subject: Subject, gap_s: float, now: datetime, attributes: Mapping[str, Scalar]
    ) -> Signal:
        """Declare a source that should send at least every `gap_s`."""
        return Signal(SignalKind.EXPECT, subject, now, now, source, self._next(source), float(gap_s), attributes)

    def _next(self, source: str) -> int:
        self._seq[source] += 1
        return self._seq[source]


_MAX_AGE = timedelta(hours=1)
_MAX_PRICE_AGE = timedelta(minutes=10)
_PRICED = frozenset({SignalKind.BOOK, SignalKind.MARK_PRICE})
"""Kinds whose prices are compared with other venues' prices, where both are in dollars."""


def _dollar_quote(known: Instrument | None) -> str | None:
    return known.quote if known is not None and is_in_dollars(known) else None


def _depth_at(book: BookMeasured, rate: float | None) -> BookMeasured:
    """A book whose prices are no dollars: its depths at so many dollars a unit of its quote, and no slippage."""
    depths = {} if rate is None else {bps: (bids * rate, asks * rate) for bps, (bids, asks) in book.depth_usd.items()}
    return replace(book, depth_usd=depths, slippage_bps={})


def _name(text: str | None) -> str | None:
    return None if text is None else one_line(text, MAX_NAME)


def _harmless(attributes: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
    return {name: one_line(value, MAX_TEXT) if isinstance(value, str) else value for name, value in attributes.items()}


def _network(event: ChainEvent) -> str:
    match event:
        case HeadSeen() | HeadStalled() | HeadResumed() | NodeFault() | NodeMeasured() | Reorged() | Retracted():
            return str(event.network)
        case _:
            return str(event.place.network)
