"""Compiles the declarations about the venue itself into readers of one row: its clock, its state, wallets, instruments. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from probes.dialect import declared as words
from probes.dialect.columns import Columns, Text, allowed, clock, names_of, optional_amount, path_of
from probes.dialect.declared import Rows
from probes.dialect.market import Head, Reader, namer, stamp_name
from probes.readings import Instrument, MalformedReason, Market, ServerTime, ServiceState, ServiceStatus, WalletStatus
from probes.venue import Context, Malformed

MAX_SERVICE = 64
"""Characters of the name of a venue's part."""
MAX_TITLE = 300
"""Characters of the venue's own words that are kept."""


def server_times(said: words.ServerTimes, rows: Rows, columns: Columns) -> Reader:
    """The venue's clock, with the unit of its stamp."""
    take, time = columns.take(said.symbol, stamp_name(said.at)), clock(said.at, required=True)

    def read(row: Any, context: Context, head: Head) -> ServerTime:
        moment = time(take(row)[1])
        assert moment is not None, "a required stamp"
        return ServerTime(
            venue=context.venue, received_at=context.received_at, event_time=moment, resolution_s=said.resolution_s
        )

    return read


def statuses(said: words.Statuses, rows: Rows, columns: Columns) -> Reader:
    """One declared state or window; windows to come leave the venue operational."""
    take = columns.take(
        None, said.state, said.title, stamp_name(said.begins), stamp_name(said.ends), said.planned, said.service_at
    )  # fmt: skip
    service_path = path_of(said.service_at)
    begins, ends, path = clock(said.begins), clock(said.ends), path_of(said.state)
    ends_path = path_of(stamp_name(said.ends))

    def read(row: Any, context: Context, head: Head) -> ServiceStatus | None:
        _, word, title, begin, end, planned, service = take(row)
        announced = word in said.announced
        state = ServiceState.OPERATIONAL if announced else allowed(said.states, word, path)
        if state is None:
            return None
        if said.service_at is not None and (not isinstance(service, str) or not service):
            raise Malformed(f"{service_path}: missing", MalformedReason.NAME)
        begins_at, ends_at = begins(begin), ends(end)
        if begins_at is not None and ends_at is not None and ends_at < begins_at:
            raise Malformed(f"{ends_path}: before its begin", MalformedReason.STAMP)
        return ServiceStatus(
            venue=context.venue, received_at=context.received_at, state=state,
            title="" if title is None else str(title)[:MAX_TITLE], begins_at=begins_at, ends_at=ends_at,
            planned=announced or planned in said.planned_is, service=str(service or said.service)[:MAX_SERVICE],
        )  # fmt: skip

    return read


def wallets(said: words.Wallets, rows: Rows, columns: Columns) -> Reader:
    """Whether an asset moves over one network; what the row leaves out is unknown."""
    for name in names_of(said.network):
        columns.use(name, Text)
    take = columns.take(said.symbol, said.network, said.deposits, said.withdrawals, said.delayed, said.note)
    deposits_path, withdrawals_path, delayed_path = map(path_of, (said.deposits, said.withdrawals, said.delayed))
    network_path, asset_path = path_of(said.network), path_of(said.symbol)

    def read(row: Any, context: Context, head: Head) -> WalletStatus:
        symbol, network, deposits, withdrawals, delayed, note = take(row)
        asset = symbol or head.symbol or (context.instrument.base if context.instrument is not None else "")
        if not asset or (rows.subject and not (symbol or head.symbol)):
            raise Malformed(f"{asset_path}: missing", MalformedReason.NAME)
        if said.network is not None and not network:
            raise Malformed(f"{network_path}: missing", MalformedReason.NAME)
        return WalletStatus(
            venue=context.venue, asset=asset, network=str(network or asset), received_at=context.received_at,
            deposits=None if deposits is None else allowed(said.flags, deposits, deposits_path),
            withdrawals=None if withdrawals is None else allowed(said.flags, withdrawals, withdrawals_path),
            delayed=None if delayed is None else allowed(said.delays, delayed, delayed_path),
            note="" if note is None else str(note)[:MAX_TITLE],
        )  # fmt: skip

    return read


def listing(said: words.Listing, rows: Rows, columns: Columns) -> Reader:
    """An instrument, as `Instrument`; the rows' reader makes one listing of all."""
    take = columns.take(
        said.symbol, said.base, said.quote, said.kind, said.contract_size, said.inverse, said.trading
    )  # fmt: skip
    path, size_path, trading_path, kind_path = map(path_of, (said.symbol, said.contract_size, said.trading, said.kind))
    name_of, ended = namer(rows, said.symbol), said.trading_not
    if ended is None and said.trading_is and all(isinstance(one, bool) for one in said.trading_is):
        ended = frozenset({True, False})  # a flag: what is neither says nothing, and ends no contract

    def read(row: Any, context: Context, head: Head) -> Instrument | None:
        symbol, base, quote, kind, size, inverse, trading = take(row)
        market: Market | None = rows.market
        if said.kind is not None:
            if kind in (None, "") and kind not in said.kinds:
                raise Malformed(f"{kind_path}: missing", MalformedReason.STATE)
            market = said.kinds.get(kind)
        if market is None:
            return None
        if said.split and symbol:
            base, _, quote = symbol.partition(said.split)
        if not symbol or not isinstance(base, str) or not isinstance(quote, str) or not base or not quote:
            raise Malformed(f"{path}: symbol, base or quote missing", MalformedReason.NAME)
        trades = said.trading is None or trading in said.trading_is
        if not trades and (trading in (None, "") or (ended is not None and trading not in ended)):
            raise Malformed(f"{trading_path}: {str(trading)[:40]!r} is not allowed", MalformedReason.STATE)
        contract_size = optional_amount(size, size_path)
        if contract_size is None and said.contract_size is not None and market is not Market.SPOT:
            raise Malformed(f"{size_path}: missing", MalformedReason.SIZE)
        if contract_size is not None and (contract_size < 0 or (not contract_size and trades)):
            raise Malformed(f"{size_path}: not above zero", MalformedReason.SIZE)
        return Instrument(
            symbol=name_of(symbol, context, head.symbol), base=base, quote=quote, market=market,
            contract_size=contract_size or Decimal(1), inverse=inverse in said.inverse_is,
            trading=trades,
        )  # fmt: skip

    return read
