"""Finds where liquidity that left a pool went: matches it with additions elsewhere, follows it into wallets and bridges.

Liquidity that comes back to its own pool is a rebalancing: it uses up units of the removal and is not reported. An addition
taken out again within two blocks was just-in-time liquidity and counts as neither a removal nor an addition; collected fees
are no liquidity. The account of each token's removals, over an hour, is reported whenever it changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import msgspec

from chain.blocks.block import Block, Log
from chain.blocks.reads import NO_CODE, AccountDelegate, AnyRead, CallWord, CodeHash, Reads
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address, LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PlacedEvent
from chain.events.liquidity import MAX_INTO
from chain.liquidity import pools
from chain.liquidity.accounting import WINDOW_S, Holders, account_of
from chain.liquidity.matching import MAX_HOPS, Flow, Succession, pairs
from chain.liquidity.token_flow import NATIVE, TokenFlow, flows_of
from chain.liquidity.token_names import DECIMALS, MAX_DECIMALS
from chain.watch import Watch

STAGE = 2

HORIZON_S = 7 * 86_400.0
JIT_BLOCKS = 2
JIT_LEEWAY = 1.1
"""Just-in-time liquidity takes out at most this multiple of what it brought, as the price may have moved in between."""
MAX_OPEN = 512
MAX_ASKED = 64
MAX_CODES = 2048
UNWATCHED = "unwatched pool"
"""The kind of a pool that nobody watches."""

WITHDRAWAL = "0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65"
"""WETH9 unwraps."""
MIGRATORS = frozenset({"0xa5644e29708357803b5a882d272c41cc0df92b34"})
"""Contracts whose purpose is migration: Uniswap's V3Migrator (ethereum)."""


class _Memory(msgspec.Struct):
    removals: list[TokenFlow] = []
    additions: list[TokenFlow] = []
    wallets: dict[str, bool] = {}
    reported: dict[str, list[int]] = {}
    decimals: dict[str, int] = {}  # of tokens with a successor, and of these
    hhi: dict[str, float] = {}


class Migrations:
    """Open removals, and additions so recent that they may be just-in-time."""

    def __init__(self, watch: Watch) -> None:
        self._memory = _Memory()
        self._touched: set[str] = set()
        self._bridges = frozenset(watch.bridges)
        watched = [(one, pools.make_pool(one)) for one in watch.pools]
        self._emitters = {str(one.address): pool.log_source[0] for one, pool in watched if pool is not None}
        self._kinds = {str(one.address): one.kind for one in watch.pools}
        self._all_emitters = frozenset(self._emitters.values())
        tokens = {token for one in watch.pools for token in (one.token0, one.token1, *one.tokens) if token}
        self._tokens = frozenset(tokens - {NOBODY})
        self._successors = watch.successors
        self._asked: list[Address] = []
        self._lacked = 0
        self._reads: Reads | None = None

    def reads(self) -> Reads:
        """The transfers of all tokens in watched pools, and the code of those who hold units of a removal."""
        asked: dict[str, None] = {}
        for token_flow in self._memory.removals:
            asked |= dict.fromkeys(holder for holder in token_flow.holders if self._unknown(holder))
        holders = [Address(holder) for holder in asked][:MAX_ASKED]
        lacking = self._lacking()
        if holders != self._asked or self._reads is None or len(lacking) != self._lacked:
            self._lacked = len(lacking)
            reads: set[AnyRead] = {read for one in holders for read in (CodeHash(one), AccountDelegate(one))}
            reads.update(CallWord(token, DECIMALS) for token in lacking)
            topics = frozenset({TRANSFER, WITHDRAWAL}) if self._tokens else frozenset()
            self._asked, self._reads = holders, Reads(addresses=self._tokens, topics=topics, state=frozenset(reads))
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Matches whose addition is in this block, and the accounts that changed."""
        for token in self._lacking() if block.state else ():
            decimals = block.state.get(CallWord(token, DECIMALS))
            if decimals is not None and decimals <= MAX_DECIMALS:
                self._memory.decimals[token] = decimals
        moves = [event for event in earlier if isinstance(event, LiquidityMoved)]
        if not moves and not self._memory.removals:
            return []
        self._touched.clear()
        self._forget(block)
        for event in moves:
            self._take(event)
        del self._memory.removals[:-MAX_OPEN]
        del self._memory.additions[:-MAX_OPEN]
        flows = self._follow(block)
        self._learn(block)
        number = block.header.number
        young = [one for one in self._memory.additions if one.block_number == number]
        found: list[PlacedEvent] = []
        for score, removal, addition, amount in pairs(self._memory.removals, young, flows, self._successions()):
            for holder, taken in removal.used(amount, addition).items():
                self._exchange(removal, addition.emitter, holder, taken)
            self._touched.add(removal.token)
            if removal.pool != addition.pool:
                found.append(_migrated(block, removal, addition, amount, score))
        for removal in self._memory.removals:
            removal.sold(self._all_emitters)
        return [*found, *self._accounts(block)]

    def memory(self) -> bytes:
        """The open removals and additions. Written by the standard library: amounts have up to 256 bits."""
        return json.dumps(msgspec.to_builtins(self._memory), separators=(",", ":")).encode()

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.convert(json.loads(memory), _Memory)

    def _lacking(self) -> list[Address]:
        """The tokens of a succession whose decimals are not known."""
        tokens = (token for one in self._successors for token in (one.old, one.new))
        return [token for token in tokens if token not in self._memory.decimals]

    def _successions(self) -> dict[str, Succession]:
        """The declared successors at their ratios in smallest units. Decimals that are not known count as equal."""
        found: dict[str, Succession] = {}
        for one in self._successors:
            old, new = (self._memory.decimals.get(token, 0) for token in (one.old, one.new))
            equal = not {one.old, one.new} <= self._memory.decimals.keys()
            found[one.new] = Succession(one.old, one.ratio * (1 if equal else Fraction(10) ** (new - old)))
        return found

    def _unknown(self, holder: str) -> bool:
        return holder not in self._memory.wallets and holder not in self._bridges

    def _forget(self, block: Block) -> None:
        now_s = block.header.time.timestamp()
        self._memory.removals = [
            one
            for one in self._memory.removals
            if one.time_s >= now_s - WINDOW_S or (one.left and one.time_s >= now_s - HORIZON_S)
        ]
        youngest = block.header.number - JIT_BLOCKS
        self._memory.additions = [one for one in self._memory.additions if one.block_number >= youngest]

    def _take(self, event: LiquidityMoved) -> None:
        token_flows = flows_of(event, self._emitters.get(event.pool, event.pool))
        for one in token_flows:
            if one.hhi_after is not None:
                self._memory.hhi[one.token] = one.hhi_after
        if not event.removed:
            self._memory.additions.extend(token_flows)
        elif not self._just_in_time(token_flows):
            self._touched |= {one.token for one in token_flows}
            self._memory.removals.extend(token_flows)

    def _just_in_time(self, removal: Sequence[TokenFlow]) -> bool:
        """Whether this takes out an addition no older than two blocks, unmatched; that addition is forgotten with it."""
        came: dict[str, list[TokenFlow]] = {}
        for one in self._memory.additions:
            came.setdefault(one.event_id, []).append(one)
        for event_id, added in came.items():
            same = all((one.pool, one.owner) == (added[0].pool, added[0].owner) for one in removal)
            if same and all(one.left == one.amount for one in added) and _no_more_than(removal, added):
                self._memory.additions = [one for one in self._memory.additions if one.event_id != event_id]
                return True
        return False

    def _follow(self, block: Block) -> set[Flow]:
        """Move units between holders by the tokens' logs. Returns which transactions brought units of which removal to pools."""
        flows: set[Flow] = set()
        token_flows: dict[str, list[TokenFlow]] = {}
        for token_flow in self._memory.removals:
            token_flows.setdefault(token_flow.token, []).append(token_flow)
        paying = pools.pays_out_topics()
        collects = {(str(log.address), log.transaction) for log in block.logs if log.topics and log.topics[0] in paying}
        arrived: dict[tuple[str, str, str], str] = {}
        for log in block.logs:
            followed = token_flows.get(log.address)
            if followed is None or log.topics[:1] not in ((TRANSFER,), (WITHDRAWAL,)):
                continue
            sender, receiver, amount = _passed(log)
            for token_flow in followed:
                passing = arrived.get((token_flow.event_id, token_flow.token, sender)) == log.transaction
                if not (passing or self._may_send(token_flow, sender, log, collects)):
                    continue
                to = receiver or token_flow.owner or NATIVE
                pooled = to in self._all_emitters
                if pooled and token_flow.hops.get(sender, 0) > MAX_HOPS:
                    continue  # by now these units are somebody else's
                moved = token_flow.passed(sender, to, amount, hops=_hops(token_flow, sender, log, passing=passing))
                amount -= moved
                if moved:
                    self._touched.add(token_flow.token)
                    arrived[token_flow.event_id, token_flow.token, to] = log.transaction
                    token_flow.migrated |= to in MIGRATORS
                    known = (token_flow.owner, *self._all_emitters, *token_flow.placed)
                    if sender in MIGRATORS and to not in known and len(token_flow.placed) < MAX_INTO:
                        token_flow.placed.append(to)
                    if pooled:
                        flows.add((token_flow.event_id, to, log.transaction))
        return flows

    def _exchange(self, removal: TokenFlow, emitter: str, holder: str, amount: int) -> None:
        """Units are interchangeable: a holder gets units of other removals in the pool for those that a match took from it."""
        for other in self._memory.removals:
            if amount and other.token == removal.token and other is not removal and other.emitter != emitter:
                amount -= other.passed(emitter, holder, amount)

    def _may_send(self, token_flow: TokenFlow, sender: str, log: Log, collects: set[tuple[str, str]]) -> bool:
        if log.transaction == token_flow.transaction:
            return True
        if sender == token_flow.emitter:
            return (token_flow.pool, log.transaction) in collects
        return self._memory.wallets.get(sender, False) or sender == token_flow.owner

    def _learn(self, block: Block) -> None:
        """Learn which holders are wallets: no code, or only a delegation."""
        asked = [
            (holder, token_flow.token)
            for token_flow in self._memory.removals
            for holder in token_flow.holders
            if self._unknown(holder)
        ]
        for holder, token in asked:
            code = block.state.get(CodeHash(Address(holder)))
            if code is not None:
                delegated = bool(block.state.get(AccountDelegate(Address(holder))))
                self._touched.add(token)
                self._memory.wallets[holder] = code in (0, NO_CODE) or delegated
        while len(self._memory.wallets) > MAX_CODES:
            del self._memory.wallets[next(iter(self._memory.wallets))]

    def _unwatched(self) -> set[tuple[str, str]]:
        """Removals and the pools that nobody watches to which a migrator brought both of their tokens.

        A migrator sends to the pool of its own factory and, what is left over, to the owner. No other contract is taken at its
        word: anybody can write one that looks like a pool.
        """
        got: dict[tuple[str, str], int] = {}
        for token_flow in self._memory.removals:
            for holder in token_flow.placed:
                if not self._memory.wallets.get(holder, False):
                    got[token_flow.event_id, holder] = got.get((token_flow.event_id, holder), 0) + 1
        return {where for where, tokens in got.items() if tokens > 1}

    def _accounts(self, block: Block) -> Iterator[LiquidityAccounted]:
        since_s = block.header.time.timestamp() - WINDOW_S
        by_token: dict[str, list[TokenFlow]] = {}
        for token_flow in self._memory.removals:
            if token_flow.time_s >= since_s and token_flow.token in self._touched:
                by_token.setdefault(token_flow.token, []).append(token_flow)
        open_tokens = {token_flow.token for token_flow in self._memory.removals}
        self._memory.reported = {
            token: reported for token, reported in self._memory.reported.items() if token in open_tokens
        }
        holders = Holders(
            wallets={holder for holder, is_one in self._memory.wallets.items() if is_one},
            bridges=self._bridges,
            contracts={holder for holder, is_one in self._memory.wallets.items() if not is_one},
            pools=self._unwatched(),
            converted={one.old for one in self._successors},
        )
        for token, token_flows in by_token.items():
            found = account_of(token_flows, holders)
            sums = [found.removed, found.readded, found.to_wallets, found.to_bridges, found.open] if found else []
            if found is None or self._memory.reported.get(token) == sums:
                continue
            self._memory.reported[token] = sums
            yield LiquidityAccounted(
                place=block.place(),
                seen_at=block.seen_at,
                event_id=block.event_id("accounted", token),
                token=Address(token),
                pool=Address(found.pool),
                removed=found.removed,
                readded=found.readded,
                to_wallets=found.to_wallets,
                to_bridges=found.to_bridges,
                open=found.open,
                unexplained=found.unexplained,
                depth_share=found.depth_share,
                level=found.level,
                hhi_before=found.hhi_before,
                hhi_after=self._memory.hhi.get(token),
                pool_kind=self._kinds.get(found.pool, ""),
                successor=None if found.successor is None else Address(found.successor),
                into=tuple((Address(at), self._kinds.get(at, UNWATCHED), units) for at, units in found.into[:MAX_INTO]),
            )


def _hops(token_flow: TokenFlow, sender: str, log: Log, *, passing: bool) -> int:
    """How many steps a transfer adds: none in the removal's own transaction, when it only passes units on, or from the pool."""
    return 0 if passing or log.transaction == token_flow.transaction or sender == token_flow.emitter else 1


def _no_more_than(removal: Sequence[TokenFlow], added: Sequence[TokenFlow]) -> bool:
    if 0 < removal[0].share <= JIT_LEEWAY * added[0].share:
        return True
    brought = {one.token: one.amount for one in added}
    return all(one.amount <= JIT_LEEWAY * brought.get(one.token, 0) for one in removal)


def _passed(log: Log) -> tuple[str, str | None, int]:
    """Sender, receiver and amount; the receiver is None where the coin was unwrapped, because no log names it."""
    if log.topics[0] == WITHDRAWAL:
        return log.address_at(0), None, log.word(1)
    return log.address_at(0), log.address_at(1), log.word(2)


def _migrated(block: Block, removal: TokenFlow, addition: TokenFlow, amount: int, score: float) -> LiquidityMigrated:
    depth_share = removal.depth * amount / removal.amount / removal.depth_before if removal.depth_before else None
    return LiquidityMigrated(
        place=replace(block.place(), transaction=addition.transaction),
        seen_at=block.seen_at,
        event_id=block.event_id("migrated", removal.token, removal.event_id, addition.event_id),
        token=Address(removal.token),
        from_pool=Address(removal.pool),
        to_pool=Address(addition.pool),
        amount=amount,
        share=removal.share * amount / removal.amount,
        score=score,
        removal_id=removal.event_id,
        addition_id=addition.event_id,
        from_kind=removal.pool_kind,
        to_kind=addition.pool_kind,
        depth_share=depth_share,
        successor=None if removal.successor is None else Address(removal.successor),
    )


def make(watch: Watch) -> Migrations:
    """The detector for this watch."""
    return Migrations(watch)
