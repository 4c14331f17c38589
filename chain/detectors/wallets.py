"""Reports when a venue's hot wallets have paid nothing out for longer than their rhythm allows: withdrawals are halted.

There is one stream for each venue and asset on a network, over all its wallets; a transfer between two of them is no
outflow. Outflows of tokens are seen by Transfer logs, those of the network's own coin by the sum of the wallets' balances,
which must fall by `least` (fees must not count), one outflow a block at most. Time is block time, and a block adds at most
`MAX_STEP_S`, so that a stalled chain is not a silent wallet. A gap is known to one block only, so a silence must exceed
the usual one by one block more. If balances could not be read, the length of the silence is unknown from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from chain.blocks.abi import topic_of
from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, CoinBalance, Reads
from chain.events import Address, PlacedEvent, WalletResumed, WalletSilent
from chain.usage.outflow_rhythm import OutflowRhythm
from chain.watch import Watch, WatchedWallet

STAGE = 1

TRANSFER = topic_of("Transfer(address,address,uint256)")
PER_DAY = (1.0, 1 / 7, 1 / 91)
"""False reports of a silence per day, by chance alone. A silence is reported at each of these rates as it lasts longer."""
MAX_STEP_S = 120
MIN_COIN = 10**16
"""The smallest fall of the own coin that counts if the operator names none: 0.01 of an 18-decimal coin."""


class _Stream(msgspec.Struct):
    rhythm: OutflowRhythm = msgspec.field(default_factory=OutflowRhythm)
    silent_s: int | None = None  # since the last outflow; None: not known
    reported: int = 0  # at how many rates of PER_DAY this silence was reported
    first_event_id: str = ""
    held: str = ""  # decimal: the wallets' balances of the own coin together, when last read


class _Memory(msgspec.Struct):
    time_s: int | None = None
    streams: dict[str, _Stream] = {}


class Wallets:
    """One network's streams of outflows."""

    def __init__(self, watch: Watch) -> None:
        self._rows: dict[tuple[str, str], list[WatchedWallet]] = {}
        for wallet in watch.wallets:
            self._rows.setdefault((wallet.venue, wallet.asset), []).append(wallet)
        self._own = {venue: {one.address for one in watch.wallets if one.venue == venue} for venue, _ in self._rows}
        self._memory = _Memory()
        tokens = frozenset(row.token for row in watch.wallets if row.token)
        reads: frozenset[AnyRead] = frozenset(CoinBalance(row.address) for row in watch.wallets if not row.token)
        self._reads = Reads(addresses=tokens, topics=frozenset({TRANSFER} if tokens else ()), state=reads)

    def reads(self) -> Reads:
        """Transfers of the tokens paid out, and the balances of the wallets that pay the own coin."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Silences longer than usual, and those that ended."""
        now_s = int(block.header.time.timestamp())
        step_s = min(max(now_s - (now_s if self._memory.time_s is None else self._memory.time_s), 0), MAX_STEP_S)
        self._memory.time_s = now_s
        found: list[PlacedEvent] = []
        for (venue, asset), rows in self._rows.items():
            stream = self._memory.streams.setdefault(f"{venue} {asset}", _Stream())
            if stream.silent_s is not None:
                stream.silent_s += step_s
            paid = self._paid_tokens(block, venue, rows) or self._paid_coin(block, stream, rows)
            found.extend(self._judged(block, stream, venue, asset, None if paid else step_s))
        return found

    def memory(self) -> bytes:
        """The rhythms, the balances, and the silences under way."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)

    def _paid_tokens(self, block: Block, venue: str, rows: Sequence[WatchedWallet]) -> bool:
        if not block.logs:
            return False
        pays: dict[tuple[Address | None, Address], int] = {(row.token, row.address): row.least for row in rows}
        for log in block.logs:
            if log.topics and log.topics[0] == TRANSFER:
                least = pays.get((log.address, log.address_at(0)))
                if least is not None and log.word(2) >= max(least, 1) and log.address_at(1) not in self._own[venue]:
                    return True
        return False

    def _paid_coin(self, block: Block, stream: _Stream, rows: Sequence[WatchedWallet]) -> bool:
        coin = [row for row in rows if not row.token]
        if not coin:
            return False
        read = [block.state.get(CoinBalance(address)) for address in sorted({row.address for row in coin})]
        known = [balance for balance in read if balance is not None]
        if len(known) < len(read):
            stream.held, stream.silent_s = "", None
            return False
        before, now = stream.held, sum(known)
        stream.held = str(now)
        least = max(row.least for row in coin) or MIN_COIN
        return bool(before) and int(before) - now >= least

    def _judged(
        self, block: Block, stream: _Stream, venue: str, asset: str, step_s: int | None
    ) -> Iterator[PlacedEvent]:
        silent_s, allowed = stream.silent_s, [stream.rhythm.allowed_s(per_day) for per_day in PER_DAY]
        if step_s is None:  # an outflow
            if stream.reported:
                yield self._resumed(block, stream, venue, asset)
            if silent_s is not None:
                longest = allowed[-1]
                stream.rhythm.learn(silent_s if longest is None else min(silent_s, int(longest) + 1))
            stream.silent_s, stream.reported, stream.first_event_id = 0, 0, ""
            return
        for stage, allowed_s in enumerate(allowed):
            if silent_s is None or allowed_s is None or silent_s <= allowed_s + step_s or stage < stream.reported:
                continue
            event_id = block.event_id("silent", venue, asset, stage)
            stream.reported, stream.first_event_id = stage + 1, stream.first_event_id or event_id
            yield WalletSilent(
                place=block.place(),
                seen_at=block.seen_at,
                event_id=event_id,
                venue=venue,
                asset=asset,
                silent_s=float(silent_s),
                usual_s=allowed_s + step_s,
                per_day=PER_DAY[stage],
                rate_per_day=stream.rhythm.rate_per_day,
            )

    def _resumed(self, block: Block, stream: _Stream, venue: str, asset: str) -> WalletResumed:
        return WalletResumed(
            place=block.place(),
            seen_at=block.seen_at,
            event_id=block.event_id("resumed", venue, asset),
            venue=venue,
            asset=asset,
            silent_s=float(stream.silent_s or 0),
            silent_event_id=stream.first_event_id,
        )


def make(watch: Watch) -> Wallets:
    """The detector for this watch."""
    return Wallets(watch)
