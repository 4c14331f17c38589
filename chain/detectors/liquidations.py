"""Reports liquidations at watched lending protocols and venues by their logs, in units of the asset where these are known.

Every log counts: the feed is complete. What turns an amount into units (the token of a collateral, its decimals, a cToken's
rate) is asked until it is known, for ten minutes a day; the rate once a day. Until then a quantity is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from chain.blocks.abi import Unreadable, Words, address_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallWord, Reads
from chain.events import Address, PlacedEvent, PositionLiquidated
from chain.liquidity.lenders import lender
from chain.liquidity.lending import DECIMALS, MAX_DECIMALS, Lender, Liquidated
from chain.watch import Watch, WatchedCollateral, WatchedLender

STAGE = 1

RATE_S = 86_400
"""A cToken's rate grows by some percent a year: a day-old one is exact to a few hundredths of a percent."""
ASK_S = 600
"""What does not answer for so long is asked again after `RATE_S`, or once a liquidation needs it."""
ONE = 10**18
ADDRESS_LENGTH = 42


class _Unit(msgspec.Struct):
    """What is known of one collateral at one market. `rate` is decimal: more than 64 bits."""

    token: str | None = None
    decimals: int | None = None
    rate: str | None = None
    rate_s: int = 0
    asked_s: int = 0


class _Memory(msgspec.Struct):
    units: dict[str, _Unit] = {}


class Liquidations:
    """One network's liquidations."""

    def __init__(self, watch: Watch) -> None:
        self._collateral = {one.address: one for one in watch.collateral}
        known = ((one, lender(one.protocol)) for one in watch.lenders)
        self._lenders = {one.address: (one, form) for one, form in known if form is not None and self._collateral}
        self._memory = _Memory()
        self._time_s = 0
        self._addresses = frozenset(self._lenders)
        self._topics = frozenset(form.topic for _, form in self._lenders.values())
        self._reads = Reads()
        self._plan()

    def reads(self) -> Reads:
        """The logs, and what is not yet known of each collateral."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The liquidations of watched collateral in this block, in order."""
        if not self._lenders:
            return []
        self._time_s = int(block.header.time.timestamp())
        self._learn(block)
        found: list[PlacedEvent] = [event for log in block.logs for event in self._of(block, log)]
        self._plan()
        return found

    def memory(self) -> bytes:
        """What is known of each collateral."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        known = msgspec.json.decode(memory, type=_Memory).units
        self._memory = _Memory({key: known.get(key, unit) for key, unit in self._memory.units.items()})
        self._plan()

    def _of(self, block: Block, log: Log) -> Iterator[PositionLiquidated]:
        watched, form = self._lenders.get(log.address, (None, None))
        if watched is None or form is None or not log.topics or log.topics[0] != form.topic:
            return
        try:
            said = form.read(log)
        except Unreadable:
            return
        collateral = None if said is None else self._collateral.get(said.collateral)
        if said is not None and collateral is not None:
            yield self._event(block, log, watched, form, said, collateral)

    def _event(
        self,
        block: Block,
        log: Log,
        watched: WatchedLender,
        form: Lender,
        said: Liquidated,
        collateral: WatchedCollateral,
    ) -> PositionLiquidated:
        unit = self._memory.units.get(_key(watched, said.collateral), _Unit())
        amount = said.amount
        if form.rate is not None:
            amount = None if amount is None or unit.rate is None else amount * int(unit.rate) // ONE
        decimals = unit.decimals if collateral.decimals is None else collateral.decimals
        if (amount is None or decimals is None) and not self._asks(unit):
            unit.asked_s = 0
        return PositionLiquidated(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id("liquidated", log.index),
            protocol=watched.protocol,
            market=watched.address,
            collateral=said.collateral,
            account=said.account,
            long=said.long,
            amount=amount,
            decimals=decimals,
            usd=said.usd,
        )

    def _lacking(self) -> Iterator[tuple[_Unit, str, AnyRead, int]]:
        """What is not known: the unit, the field, the read, and the word of its answer."""
        for watched, form in self._lenders.values():
            for one in self._collateral.values():
                if (len(one.address) == ADDRESS_LENGTH) is form.ids:
                    continue
                unit = self._memory.units.setdefault(_key(watched, one.address), _Unit())
                if form.rate is not None and (unit.rate is None or self._time_s - unit.rate_s >= RATE_S):
                    yield unit, "rate", form.rate(one.address), 0
                if one.decimals is not None or unit.decimals is not None or not form.decimals:
                    continue
                if form.token is not None and unit.token is None:
                    yield unit, "token", *form.token(watched.address, one.address)
                else:
                    yield unit, "decimals", CallWord(Address(unit.token or one.address), DECIMALS), 0

    def _learn(self, block: Block) -> None:
        for unit, field, read, position in list(self._lacking()):
            if unit.asked_s == 0 or self._time_s - unit.asked_s >= RATE_S:
                unit.asked_s = self._time_s
            answer = block.state.get(read)
            if field == "token" and isinstance(answer, bytes) and len(answer) >= 32 * (position + 1):
                unit.token, unit.asked_s = address_of(Words(answer).word(position)), 0
            elif field == "decimals" and isinstance(answer, int) and answer <= MAX_DECIMALS:
                unit.decimals, unit.asked_s = answer, 0
            elif field == "rate" and isinstance(answer, int):
                unit.rate, unit.rate_s, unit.asked_s = str(answer), self._time_s, 0

    def _plan(self) -> None:
        asked: frozenset[AnyRead] = frozenset(read for unit, _, read, _ in self._lacking() if self._asks(unit))
        if self._reads.state != asked or self._reads.addresses != self._addresses:
            self._reads = Reads(addresses=self._addresses, topics=self._topics, state=asked, deferrable=asked)

    def _asks(self, unit: _Unit) -> bool:
        return unit.asked_s == 0 or not ASK_S <= self._time_s - unit.asked_s < RATE_S


def _key(watched: WatchedLender, collateral: str) -> str:
    return f"{watched.address}/{collateral}"


def make(watch: Watch) -> Liquidations:
    """The detector for this watch."""
    return Liquidations(watch)
