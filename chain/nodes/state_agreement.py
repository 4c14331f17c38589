"""Compares what providers say of the state: a change is believed when a second provider shows it in the same block.

Only answers that are new or that changed are asked of a second provider; of the others a share is compared in each block, in the
request that this provider gets for the logs anyhow, so that a node that hides a change is found in its block, and among many
reads after `SHARES` blocks. Without a majority of providers the change counts, as disputed: both nodes are named as disputing it,
and neither is at fault. So does a change for which the asked providers leave out their answer. A provider that comes late is
asked again about the last disputes: its voice tells who was at fault.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chain.blocks.abi import address_of
from chain.blocks.block import Header
from chain.blocks.reads import AccountDelegate, AnyRead, CallBytes, CallWord, CodeHash, CoinBalance, SlotWord
from chain.events.network import NodeFaultKind
from chain.nodes.voices import majority

SHARES = 8
"""Blocks after which every answer was compared with that of another provider."""
MAX_UNPACKED = 32
"""Answers that are compared in a block where each of them is a request of its own."""
FEW_PACKED = 512
"""As many answers are compared in every block where they fill a packed call or two."""
MAX_UNSETTLED = 32
"""Disputed answers on which further providers are asked again, the newest."""
MAX_ASKED_AGAIN = 8
"""Times that they are asked about the same answer: a node later than that is behind."""

MAX_KNOWN = 1_000_000
"""Answers that are remembered; beyond it all are compared anew."""
_UNKNOWN = object()

STORED = (SlotWord, CodeHash, AccountDelegate, CoinBalance)
"""Reads that have one true answer in a block. What a call answers may depend on the node's client."""
COMPARED = (*STORED, CallWord, CallBytes)

States = Mapping[str, Mapping[AnyRead, object]]
"""Answers by block hash and read."""
Doubts = Mapping[str, frozenset[AnyRead]]
"""Reads to compare, by block hash."""
AskOthers = Callable[[Doubts, Sequence[str], int], Awaitable[Mapping[str, States]]]
"""Reads these of other providers than those of the named nodes, of at most so many; returns the answers by node."""
Faults = dict[tuple[str, NodeFaultKind], int]
"""The first block of each fault, by node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAgreement:
    """Holds what to believe in place of the first node's answers, what is disputed by block hash, and faults."""

    instead: Mapping[str, Mapping[AnyRead, object]]
    disputed: Mapping[str, frozenset[str]]
    faults: Mapping[tuple[str, NodeFaultKind], int]


@dataclass(slots=True)
class _Unsettled:
    """A dispute without a majority: the answers to a read in a block, by node."""

    header: Header
    votes: dict[str, object]
    asked: int = 0


class StateVoices:
    """Remembers the last answer to each read of one network, and which disputes were reported."""

    def __init__(self, providers: Mapping[str, str]) -> None:
        self._providers = providers
        self._known: dict[AnyRead, object] = {}
        self._in_dispute: dict[AnyRead, frozenset[object]] = {}
        self._unsettled: dict[tuple[str, AnyRead], _Unsettled] = {}
        self._listed: frozenset[AnyRead] = frozenset()
        self._order: tuple[AnyRead, ...] = ()
        self._next = 0

    def share(self, reads: frozenset[AnyRead], *, packs: bool) -> frozenset[AnyRead]:
        """Return the reads of which another provider is asked in this block: each of them in turn."""
        if reads is not self._listed:
            self._listed = reads
            self._order = tuple(sorted((one for one in reads if isinstance(one, COMPARED)), key=_address))
        count = max(-(-len(self._order) // SHARES), FEW_PACKED) if packs else MAX_UNPACKED
        count = min(count, len(self._order))
        at = self._next % max(len(self._order), 1)
        self._next = at + count
        return frozenset((self._order + self._order)[at : at + count])

    async def agreed(
        self,
        run: Sequence[Header],
        said: Mapping[str, States],
        others: AskOthers,
        logged: Callable[[str, AnyRead], bool],
    ) -> StateAgreement:
        """Decide on the answers of the first node in `said`; the other nodes answered a share of the same reads.

        `logged`: whether a log of this block, by its hash, says that the answer may have changed.
        """
        first = next(iter(said))
        settled = await self._settled(others)
        doubts = self._doubts(run, said, logged)
        if doubts:
            heard = await others(doubts, [first], 1)
            said = _joined(said, heard)
            left = {block: self._open(said, block, reads) for block, reads in doubts.items()}
            left = {block: reads for block, reads in left.items() if reads}
            if left and heard:
                said = _joined(said, await others(left, [first, *heard], len(self._providers)))
        judged = self._judged(run, said, doubts, first)
        return replace(judged, faults={**judged.faults, **settled})

    def unsettled(self) -> tuple[Header, ...]:
        """Return the blocks of the disputes on which further providers are asked."""
        return tuple({one.header.hash: one.header for one in self._unsettled.values()}.values())

    async def _settled(self, others: AskOthers) -> Faults:
        """Ask those that gave no answer yet about the last disputes; return who was at fault."""
        faults: Faults = {}
        if not self._unsettled:
            return faults
        doubts: dict[str, frozenset[AnyRead]] = {}
        for block, read in self._unsettled:
            doubts[block] = doubts.get(block, frozenset()) | {read}
        asked = {name for one in self._unsettled.values() for name in one.votes}
        heard = await others(doubts, sorted(asked), len(self._providers))
        for (block, read), one in list(self._unsettled.items()):
            one.votes |= {name: states[block][read] for name, states in heard.items() if read in states.get(block, ())}
            one.asked += 1
            most = majority(one.votes, self._providers)
            if most is not None:
                self._forged(one.votes, most, one.header, faults)
            if most is not None or one.asked >= MAX_ASKED_AGAIN:
                del self._unsettled[block, read]
        return faults

    def _doubts(
        self, run: Sequence[Header], said: Mapping[str, States], logged: Callable[[str, AnyRead], bool]
    ) -> dict[str, frozenset[AnyRead]]:
        found: dict[str, frozenset[AnyRead]] = {}
        open_reads: set[AnyRead] = set()  # what is believed of them is not known before the others answer
        state, *compared = said.values()
        for header in run:
            words, block = state.get(header.hash, {}), header.hash
            doubtful: set[AnyRead] = {
                one
                for one, word in words.items()
                if isinstance(one, COMPARED)
                and (
                    one in open_reads
                    or one in self._in_dispute
                    or self._known.get(one, _UNKNOWN) != word
                    or logged(block, one)
                )
            }
            for some in compared:
                shared = some.get(block, {})
                doubtful |= {one for one, word in shared.items() if one in words and words[one] != word}
            if doubtful:
                found[block] = frozenset(doubtful)
                open_reads |= doubtful
        return found

    def _judged(self, run: Sequence[Header], said: Mapping[str, States], doubts: Doubts, first: str) -> StateAgreement:
        if len(self._known) > MAX_KNOWN:
            self._known, self._in_dispute = {}, {}
        instead: dict[str, dict[AnyRead, object]] = {}
        disputed: dict[str, frozenset[str]] = {}
        faults: Faults = {}
        for header in run:
            about: set[str] = set()
            for read in doubts.get(header.hash, ()):
                votes = _votes(said, header.hash, read)
                word = self._word(read, votes, about)
                alone = self._parties(votes) == 1 < self._parties(said) and isinstance(read, STORED)
                if alone and self._known.get(read, word) != word:
                    about |= _about(read, word)  # those who were asked leave it out
                if word != votes[first]:
                    instead.setdefault(header.hash, {})[read] = word
                if isinstance(read, STORED):
                    self._name(read, votes, header, faults)
                self._known[read] = word
            if about:
                disputed[header.hash] = frozenset(about)
        return StateAgreement(instead=instead, disputed=disputed, faults=faults)

    def _word(self, read: AnyRead, votes: Mapping[str, object], about: set[str]) -> object:
        """The believed answer; without a majority the one that is a change, until the dispute is about others."""
        most = majority(votes, self._providers)
        if most is not None:
            self._in_dispute.pop(read, None)
            return most
        words = frozenset(votes.values())
        before = self._known.get(read)
        about |= {name for word in words for name in _about(read, word)}
        if self._in_dispute.get(read) == words and before in words:
            return before
        return next((word for word in votes.values() if word != before), before)

    def _name(self, read: AnyRead, votes: Mapping[str, object], header: Header, faults: Faults) -> None:
        words = frozenset(votes.values())
        most = majority(votes, self._providers)
        if most is None and self._in_dispute.get(read) != words:
            self._in_dispute[read] = words
            for name in votes:
                faults.setdefault((name, NodeFaultKind.DISPUTED), header.number)
        if most is not None:
            self._forged(votes, most, header, faults)
            return
        self._unsettled[header.hash, read] = _Unsettled(header, dict(votes))
        while len(self._unsettled) > MAX_UNSETTLED:
            del self._unsettled[next(iter(self._unsettled))]

    def _open(self, said: Mapping[str, States], block: str, reads: frozenset[AnyRead]) -> frozenset[AnyRead]:
        """The reads whose answers differ, or that one provider alone answered."""
        votes = {one: _votes(said, block, one) for one in reads}
        return frozenset(
            one for one, words in votes.items() if self._parties(words) < 2 or len(set(words.values())) > 1
        )

    def _parties(self, names: Iterable[str]) -> int:
        return len({self._providers.get(name, name) for name in names})

    def _forged(self, votes: Mapping[str, object], most: object, header: Header, faults: Faults) -> None:
        for name, word in votes.items():
            if word != most:
                faults.setdefault((name, NodeFaultKind.FORGED), header.number)


def _votes(said: Mapping[str, States], block: str, read: AnyRead) -> dict[str, object]:
    return {name: some[block][read] for name, some in said.items() if read in some.get(block, ())}


def _joined(one: Mapping[str, States], other: Mapping[str, States]) -> dict[str, States]:
    found = dict(one)
    for name, states in other.items():
        mine = found.get(name, {})
        found[name] = {block: {**mine.get(block, {}), **states.get(block, {})} for block in (*mine, *states)}
    return found


def _about(read: AnyRead, word: object) -> set[str]:
    return {read.address, *_names(word)}


def _names(word: object) -> tuple[str, ...]:
    """How an event may write this word: as an address, or as a hash."""
    return (address_of(word), f"0x{word:064x}") if isinstance(word, int) and word else ()


def _address(read: AnyRead) -> str:
    return read.address
