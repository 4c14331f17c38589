"""Reports that a token's issuer froze a watched pool or hot wallet, lifted it, or destroyed what it held there.

The list is read from the token in each block where it has one; a log only explains the change. Sources: TetherToken.sol
(isBlackListed, AddedBlackList, RemovedBlackList, DestroyedBlackFunds) and FiatTokenV1.sol (isBlacklisted, Blacklisted,
UnBlacklisted).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from chain.blocks.abi import topic_of
from chain.blocks.block import Block, Log
from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallWord, CodeHash, Reads
from chain.events import Address, ControlSeen, HolderFrozen, PlacedEvent
from chain.liquidity import pools
from chain.liquidity.drains import OWN_COINS
from chain.watch import Watch

STAGE = 1

GETTERS = ("0xe47d6060", "0xfe575a87")
"""isBlackListed(address), isBlacklisted(address)."""
FROZEN = frozenset(map(topic_of, ("AddedBlackList(address)", "Blacklisted(address)")))
LIFTED = frozenset(map(topic_of, ("RemovedBlackList(address)", "UnBlacklisted(address)")))
DESTROYED = topic_of("DestroyedBlackFunds(address,uint256)")
TOPICS = FROZEN | LIFTED | {DESTROYED}
MAX_POOLS = 8
Pair = tuple[Address, Address]
"""A token and a holder."""


class _Memory(msgspec.Struct):
    lists: dict[str, str] = {}  # token -> the getter that answers there; "": none does
    frozen: dict[str, bool] = {}  # token and holder, joined -> the last answer


class Freezes:
    """The watched pools and wallets, by token and holder."""

    def __init__(self, watch: Watch) -> None:
        self._pools: dict[Pair, list[Address]] = {}
        self._wallets: dict[Pair, list[tuple[str, str]]] = {}
        for pool in watch.pools:
            made = pools.make_pool(pool)
            holder = made.log_source[0] if made else pool.address
            for token in dict.fromkeys((pool.token0, pool.token1, *pool.tokens)):
                if token is not None and token not in OWN_COINS:
                    self._pools.setdefault((token, holder), []).append(pool.address)
        for wallet in watch.wallets:
            if wallet.token is not None:
                self._wallets.setdefault((wallet.token, wallet.address), []).append((wallet.venue, wallet.asset))
        self._pairs: tuple[Pair, ...] = tuple(dict.fromkeys((*self._pools, *self._wallets)))
        self._tokens = frozenset(token for token, _ in self._pairs)
        self._memory = _Memory()
        self._reads: Reads | None = None

    def reads(self) -> Reads:
        """The lists' logs, and each holder's place on them."""
        if self._reads is None:
            state = frozenset(self._wanted())
            topics = TOPICS if self._pairs else frozenset[str]()
            self._reads = Reads(addresses=self._tokens, topics=topics, state=state, deferrable=state)
        return self._reads

    def _wanted(self) -> Iterator[AnyRead]:
        for token, holder in self._pairs:
            known = self._memory.lists.get(token)
            if known is None:
                yield CodeHash(token)  # always answers: without it, nothing was read there
                yield CallWord(token, UNKNOWN_FUNCTION)
                yield from (_read(token, holder, getter) for getter in GETTERS)
            elif known:
                yield _read(token, holder, known)

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """What logs say, then what the lists show and no log said."""
        found: list[PlacedEvent] = []
        for log in block.logs:
            if log.address in self._tokens and log.topics and log.topics[0] in TOPICS:
                pair = (log.address, log.address_at(0))
                if pair in self._pools or pair in self._wallets:
                    found.append(self._logged(block, log, pair))
        if block.state:
            self._learn(block)
            found.extend(self._compared(block))
        return found

    def memory(self) -> bytes:
        """Which list each token has, and who was on it."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory, self._reads = msgspec.json.decode(memory, type=_Memory), None

    def _learn(self, block: Block) -> None:
        """Find which getter a token answers. A token that answers any call has none."""
        for token, holder in self._pairs:
            if token in self._memory.lists or CodeHash(token) not in block.state:
                continue
            any_call = CallWord(token, UNKNOWN_FUNCTION) in block.state
            answers = [one for one in GETTERS if _read(token, holder, one) in block.state]
            self._memory.lists[token] = answers[0] if answers and not any_call else ""
            self._reads = None

    def _compared(self, block: Block) -> Iterator[HolderFrozen]:
        for pair in self._pairs:
            token, holder = pair
            answer = block.state.get(_read(token, holder, self._memory.lists.get(token) or GETTERS[0]))
            if not self._memory.lists.get(token) or answer not in (0, 1):
                continue
            key, now = token + holder, answer == 1
            before = self._memory.frozen.get(key)
            self._memory.frozen[key] = now
            if before is not None and before is not now:
                yield self._event(block, None, pair, frozen=now)

    def _logged(self, block: Block, log: Log, pair: Pair) -> HolderFrozen:
        frozen = log.topics[0] not in LIFTED
        if "".join(pair) in self._memory.frozen:
            self._memory.frozen["".join(pair)] = frozen
        return self._event(block, log, pair, frozen=frozen)

    def _event(self, block: Block, log: Log | None, pair: Pair, *, frozen: bool) -> HolderFrozen:
        token, holder = pair
        return HolderFrozen(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id(log.index if log else "-", "frozen", token, holder),
            token=token,
            holder=holder,
            frozen=frozen,
            destroyed=log.word(1) if log and log.topics[0] == DESTROYED else None,
            seen_by=ControlSeen.LOG if log else ControlSeen.STATE,
            pools=tuple(self._pools.get(pair, ())[:MAX_POOLS]),
            wallets=tuple(dict.fromkeys(self._wallets.get(pair, ()))),
        )


def _read(token: Address, holder: Address, getter: str) -> CallWord:
    return CallWord(token, getter + holder[2:].rjust(64, "0"))


def make(watch: Watch) -> Freezes:
    """The detector for this watch."""
    return Freezes(watch)
