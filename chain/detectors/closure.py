"""Watches the rest of the path from a contract to the last code that it runs: code hashes, and slots that point on.

The declared places end at the first target. What a call touches beyond it (an access list, else a trace; asked at first sight
and after each change) shows the accounts and slots of the whole path: nested proxies and clones, a beacon behind a clone, a
registry. A slot that holds the address of an account on the path points on; other slots do not matter. From then on each pointer
and the code hash of each account is read in every block. A node that can show neither leaves the path at its declared places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Write
from chain.blocks.delegates import NEUTRAL, PRECOMPILED
from chain.blocks.reads import NO_CODE, UNKNOWN_FUNCTION, AnyRead, CodeHash, PathCode, Reads, SlotWord, TouchedState
from chain.control.timelocks import Executions
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.upgrade_memory import SilentRepeats, Upgrade, upgraded
from chain.watch import Watch

STAGE = 2

MAX_ASKED = 256
"""Contracts whose calls are examined in one block."""
MAX_TRIES = 2
"""Blocks that were asked and did not answer, after which the path ends at the declared places."""
MAX_ACCOUNTS = 8
MAX_POINTERS = 16
CUSTOM, PATH = "custom", "path"
"""The kinds that events name: a slot of the contract itself that no kind declares; another contract on its path."""

Writes = dict[tuple[Address, int], list[Write]]
"""The writes of a block, by account and slot."""


class _Path(msgspec.Struct):
    """Beyond the contract: the code hash of each account, and the word of each pointer ("account slot"); "": not read yet. After
    a change it is `due` from the next block with state on, so that a range of blocks read for logs alone does not end there.
    """

    due: bool = True
    tries: int = 0
    found: bool = False
    codes: dict[str, str] = {}
    pointers: dict[str, str] = {}


class _Memory(msgspec.Struct):
    paths: dict[str, _Path] = {}


class Closure:
    """One network's watched contracts."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = tuple(dict.fromkeys(contract.address for contract in watch.contracts))
        self._watched = frozenset(self._contracts)
        self._memory = _Memory()
        self._reads: Reads | None = None
        self._silent = SilentRepeats()
        self._executions = Executions()

    def reads(self) -> Reads:
        """The pointers and code hashes of each path; of paths that are not known, what a call touches."""
        if self._reads is None:
            reads: set[AnyRead] = set()
            writes: set[SlotWord] = set()
            left = MAX_ASKED
            for contract in self._contracts:
                path = self._path(contract)
                writes.update(map(_slot, path.pointers))
                reads.update(PathCode(Address(account)) for account in path.codes)
                if path.due and not path.found and path.tries < MAX_TRIES and left:
                    left -= 1
                    reads |= {CodeHash(contract), *_questions(contract)}
            state = frozenset(reads | writes)
            self._reads = Reads(state=state, deferrable=state, writes=frozenset(writes))
        return self._reads

    def checks(self, block: Block) -> Reads:
        """The writes of a block in which a timelock executed: they tell in whose transaction a pointer moved."""
        if block.writes is not None or not any(log in self._executions for log in block.logs):
            return Reads()
        return Reads(writes=self.reads().writes)

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Changes on the paths that the declared places did not show in this block."""
        self._silent.clear()
        found: list[PlacedEvent] = []
        upgrades = [one for one in earlier if isinstance(one, ContractUpgraded) and one.contract in self._watched]
        if block.state or block.writes:
            writes = _by_slot(block.writes or ())
            news = frozenset((one.contract, one.new) for one in upgrades)
            for contract, path in self._memory.paths.items():
                if not block.still.issuperset((contract, *path.codes)) or writes:
                    found += self._changes(block, Address(contract), writes, news)
        for contract in dict.fromkeys(one.contract for one in upgrades):
            self._memory.paths[contract] = _Path(due=False)  # another path, or another place on it: what it was is told
            self._reads = None
        for contract in self._contracts if block.state else ():
            self._learn(block, contract)
        return found

    def memory(self) -> bytes:
        """The paths."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)
        self._reads = None

    def _path(self, contract: Address) -> _Path:
        return self._memory.paths.get(contract) or _Path()

    def _changes(
        self, block: Block, contract: Address, writes: Writes, news: frozenset[tuple[Address, str]]
    ) -> Iterator[ContractUpgraded]:
        path = self._path(contract)
        changed = False
        for pointer, before in path.pointers.items():
            for word, write in _steps(block, _slot(pointer), writes):
                new, old = address_of(word), path.pointers[pointer]
                path.pointers[pointer] = f"{word:#x}"
                if old and new != address_of(int(old, 16)) and (contract, new) not in news:
                    yield self._pointed(block, contract, _slot(pointer), old, new, write)
            changed = changed or (bool(before) and path.pointers[pointer] != before)
        for account, before in path.codes.items():
            now = block.state.get(PathCode(Address(account)))
            if now is None or f"{now:#x}" == before:
                continue
            path.codes[account] = f"{now:#x}"
            if before:
                changed = True
                yield self._recoded(block, contract, Address(account), int(before, 16), now)
        if changed:
            path.found, path.tries = False, 0
            self._reads = None

    def _pointed(
        self, block: Block, contract: Address, at: SlotWord, old: str, new: Address, write: Write | None
    ) -> ContractUpgraded:
        upgrade = Upgrade(
            contract=contract,
            kind=CUSTOM if at.address == contract else PATH,
            role=Role.IMPLEMENTATION,
            old=address_of(int(old, 16)),
            new=new,
            seen_by=SeenBy.TRACE if write else SeenBy.SLOT,
            at=write,
            holder=None if at.address == contract else at.address,
        )
        return self._silent.numbered(upgraded(block, upgrade))

    def _recoded(self, block: Block, contract: Address, account: Address, old: int, new: int) -> ContractUpgraded:
        upgrade = Upgrade(
            contract=contract,
            kind=PATH,
            role=Role.CODE,
            old=f"0x{old:064x}",
            new=f"0x{new:064x}",
            seen_by=SeenBy.CODE,
            holder=account,
        )
        return upgraded(block, upgrade)

    def _learn(self, block: Block, contract: Address) -> None:
        """Take what a call of the contract touches; then keep what points on."""
        path = self._path(contract)
        if path.found:
            self._narrow(path)
            return
        if not path.due:
            path.due, self._reads = True, None
            return
        if path.tries >= MAX_TRIES or CodeHash(contract) not in block.state:
            return
        self._memory.paths[contract] = path
        self._reads = None
        answers = (block.state.get(read) for read in _questions(contract))
        touched = next((one for one in answers if one is not None), None)
        if touched is None:
            path.tries += 1
            return
        accounts = [at for at, _ in touched if at not in (contract, NEUTRAL) and int(at, 16) >= PRECOMPILED]
        gone = [at for at, code in path.codes.items() if code == f"{NO_CODE:#x}"]
        kept = list(dict.fromkeys([*gone, *accounts]))[:MAX_ACCOUNTS]
        slots = [f"{at} {slot:#x}" for at, some in touched if at == contract or at in kept for slot in some]
        path.found = True
        path.codes = {at: path.codes.get(at, "") for at in kept}
        path.pointers = {slot: path.pointers.get(slot, "") for slot in slots[:MAX_POINTERS]}

    def _narrow(self, path: _Path) -> None:
        """Keep the slots that hold an account of the path, and accounts with code, once all of them were read."""
        if "" in path.codes.values() or "" in path.pointers.values():
            return
        named = {slot: address_of(int(word, 16)) for slot, word in path.pointers.items()}
        pointers = {slot: path.pointers[slot] for slot, account in named.items() if account in path.codes}
        codes = {at: code for at, code in path.codes.items() if code != f"{NO_CODE:#x}" or at in named.values()}
        if (pointers, codes) != (path.pointers, path.codes):
            path.pointers, path.codes, self._reads = pointers, codes, None


def _questions(contract: Address) -> tuple[TouchedState, TouchedState]:
    return TouchedState(contract, UNKNOWN_FUNCTION), TouchedState(contract, UNKNOWN_FUNCTION, traced=True)


def _slot(pointer: str) -> SlotWord:
    account, slot = pointer.split(" ")
    return SlotWord(Address(account), int(slot, 16))


def _by_slot(writes: Iterable[Write]) -> Writes:
    found: Writes = {}
    for write in writes:
        found.setdefault((write.address, write.slot), []).append(write)
    return found


def _steps(block: Block, read: SlotWord, writes: Writes) -> Iterator[tuple[int, Write | None]]:
    """The values of a slot in this block: each write, then what the state holds."""
    for write in writes.get((read.address, read.slot), ()):
        yield write.value, write
    if (word := block.state.get(read)) is not None:
        yield word, None


def make(watch: Watch) -> Closure:
    """The detector for this watch."""
    return Closure(watch)
