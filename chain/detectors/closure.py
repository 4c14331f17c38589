"""Watches the rest of the path from a contract to the last code that it runs: code hashes, and slots that point on.

The declared places end at the first target. What a call touches beyond it (an access list, else a trace; asked at first sight
and after each change) shows the accounts and slots of the whole path: nested proxies and clones, a beacon behind a clone, a
registry. A slot that holds the address of an account on the path points on; other slots do not matter. From then on each pointer
and the code hash of each account is read in every block. A node that can show neither leaves the path at its declared places.
Where a log may have led to other code, the new path and its words are asked in that block: a change in the next one shows.
Of a diamond or router one function of each facet is called too, as its loupe or the logs of its changes name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from chain.blocks.abi import address_of
from chain.blocks.block import Block, Write
from chain.blocks.delegates import NEUTRAL, PRECOMPILED, Touched
from chain.blocks.reads import (
    NO_CODE,
    UNKNOWN_FUNCTION,
    AnyRead,
    CallBytes,
    CodeHash,
    PathCode,
    Read,
    Reads,
    SlotWord,
    StateRead,
    TouchedState,
)
from chain.blocks.standards import NOBODY
from chain.control.timelocks import Executions
from chain.events import Address, PlacedEvent, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from chain.proxies.diamonds import CUTS, EXTENSIONS, FACETS
from chain.proxies.kinds import every
from chain.proxies.places import PlaceTable
from chain.proxies.table_claims import answered_table
from chain.proxies.upgrade_memory import SilentRepeats, Upgrade, upgraded
from chain.watch import Watch

STAGE = 2

MAX_ASKED = 256
"""Contracts whose calls are examined in one block."""
MAX_LOGGED = 32
"""Contracts whose new paths are asked in the block of a log; those beyond follow with the next blocks."""
MAX_TRIES = 2
"""Blocks that were asked and did not answer, after which the path ends at the declared places."""
MAX_ACCOUNTS = 8
MAX_POINTERS = 16
MAX_FUNCTIONS = 12
"""Facets of a contract whose paths are followed; each may add `PER_FUNCTION` accounts and pointers."""
PER_FUNCTION = 2
CUSTOM, PATH = "custom", "path"
"""The kinds that events name: a slot of the contract itself that no kind declares; another contract on its path."""

Writes = dict[tuple[Address, int], list[Write]]
"""The writes of a block, by account and slot."""


class _Path(msgspec.Struct):
    """Beyond the contract: the code hash of each account, and the word of each pointer ("account slot"); "": not read yet. After
    a change it is `due` from the next block with state on, so that a range of blocks read for logs alone does not end there.
    `was` holds the accounts of the path before. `functions` maps a facet to one of its functions; `serving` a pointer to the
    one function whose facet it holds. `traced`: a trace showed it, not an access list.
    """

    due: bool = True
    tries: int = 0
    found: bool = False
    codes: dict[str, str] = {}
    pointers: dict[str, str] = {}
    functions: dict[str, str] = {}
    serving: dict[str, str] = {}
    was: list[str] = []
    traced: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all of it was read."""
        return "" not in self.codes.values() and "" not in self.pointers.values()

    def unread(self) -> set[AnyRead]:
        """The reads of the words that are not known."""
        codes = {PathCode(Address(account)) for account, code in self.codes.items() if not code}
        return codes | {_slot(pointer) for pointer, word in self.pointers.items() if not word}

    def leads_on(self, before: _Path) -> bool:
        """Whether it leads on from the new account that an upgrade names: to a further one, or by a slot of that account."""
        new = self.codes.keys() - before.codes.keys() - {*before.was}
        return len(new) > 1 or any(pointer.split(" ")[0] in new for pointer in self.pointers)

    def narrow(self) -> bool:
        """Keep the slots that hold an account of the path, and accounts with code, once all of them were read."""
        if not self.is_whole:
            return False
        before = self.pointers, self.codes
        named = {slot: address_of(int(word, 16)) for slot, word in self.pointers.items()}
        self.pointers = {slot: self.pointers[slot] for slot, account in named.items() if account in self.codes}
        self.codes = {at: code for at, code in self.codes.items() if code != f"{NO_CODE:#x}" or at in named.values()}
        return before != (self.pointers, self.codes)


class _Memory(msgspec.Struct):
    paths: dict[str, _Path] = {}


class Closure:
    """One network's watched contracts."""

    def __init__(self, watch: Watch) -> None:
        self._contracts = tuple(dict.fromkeys(contract.address for contract in watch.contracts))
        self._watched = frozenset(self._contracts)
        self._topics = frozenset(PlaceTable(every()).logs) | frozenset(CUTS)
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
                    reads |= {CodeHash(contract), *_questions(contract, *path.functions.values())}
            state = frozenset(reads | writes)
            self._reads = Reads(state=state, deferrable=state, writes=frozenset(writes))
        return self._reads

    def checks(self, block: Block) -> Reads:
        """The new paths where a log may be of an upgrade. Where a timelock executed, also the writes: they tell in whose
        transaction a pointer moved.
        """
        state = self._new_paths(block)
        if block.writes is not None or not any(log in self._executions for log in block.logs):
            return Reads(state=state)
        return Reads(state=state, writes=self.reads().writes)

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
            before = self._path(contract)
            functions = _after(before.functions, (one for one in upgrades if one.contract == contract))
            self._memory.paths[contract] = _new_path(block, contract, functions, before)  # what it was is reported
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

    def _new_paths(self, block: Block) -> frozenset[AnyRead]:
        """What calls touch of the contracts whose path a log of this block may have changed; once answered, the words there."""
        logged = {log.address for log in block.logs if log.topics and log.topics[0] in self._topics}
        if not logged:
            return frozenset()
        concerned = [one for one in self._contracts if not logged.isdisjoint((one, *self._path(one).codes))]
        if not concerned:
            return frozenset()
        answers, wanted = block.state | block.checked, set[AnyRead]()
        for contract in concerned[:MAX_LOGGED]:
            before = self._path(contract)
            found = _found(answers, contract, before.functions, _Path())
            if found is None:
                asked = _questions(contract, *before.functions.values())
                known = before.found or before.was
                wanted.update(one for one in asked if not known or one.traced == before.traced)
            elif found.leads_on(before):
                wanted |= found.unread()
        return frozenset(wanted.difference(answers))

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
                    yield self._pointed(block, contract, pointer, old, new, write)
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
        self, block: Block, contract: Address, pointer: str, old: str, new: Address, write: Write | None
    ) -> ContractUpgraded:
        at, serving = _slot(pointer), self._path(contract).serving.get(pointer)
        upgrade = Upgrade(
            contract=contract,
            kind=CUSTOM if at.address == contract else PATH,
            role=Role.FACET if serving else Role.IMPLEMENTATION,
            old=address_of(int(old, 16)),
            new=new,
            seen_by=SeenBy.TRACE if write else SeenBy.SLOT,
            at=write,
            gained=(serving,) if serving else (),
            lost=(serving,) if serving else (),
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
            if path.narrow():
                self._reads = None
            return
        if not path.due:
            path.due, self._reads = True, None
            return
        at_once = _answer(block.checked, contract, UNKNOWN_FUNCTION) is not None
        if path.tries >= MAX_TRIES or not (at_once or CodeHash(contract) in block.state):
            return
        self._memory.paths[contract] = path
        self._reads = None
        functions = _functions(block, contract, path.functions)
        if functions != path.functions:
            path.functions = functions  # asked for in the next block
            return
        found = _found(block.state | block.checked, contract, functions, path)
        if found is None:
            path.tries += 1
        else:
            self._memory.paths[contract] = found


def _new_path(block: Block, contract: Address, functions: dict[str, str], before: _Path) -> _Path:
    """The path after a change, as this block's own answers show it; else one that the next block with state asks for, as where
    the path ends at the new target: a range of blocks does not end at each upgrade.
    """
    answers = block.state | block.checked
    known = all(_answer(answers, contract, body) is not None for body in functions.values())
    found = _found(answers, contract, functions, _Path()) if known else None
    if found and found.leads_on(before):
        return found
    return _Path(due=False, functions=functions, was=[*before.codes] or before.was, traced=before.traced)


def _found(answers: StateRead, contract: Address, functions: dict[str, str], known: _Path) -> _Path | None:
    """The path that the calls touch by a block's answers, with the words that are known; None where no node answered."""
    found = {body: _answer(answers, contract, body) for body in (UNKNOWN_FUNCTION, *functions.values())}
    if found[UNKNOWN_FUNCTION] is None:
        return None
    touched = [(body, at, slots) for body, some in found.items() for at, slots in some or ()]
    accounts = [at for _, at, _ in touched if at not in (contract, NEUTRAL) and int(at, 16) >= PRECOMPILED]
    gone = [at for at, code in known.codes.items() if code == f"{NO_CODE:#x}"]
    more = PER_FUNCTION * len(functions)
    kept = list(dict.fromkeys([*gone, *accounts]))[: MAX_ACCOUNTS + more]
    bodies: dict[str, str] = {}
    for body, at, slots in touched:
        for slot in slots if at == contract or at in kept else ():
            bodies.setdefault(f"{at} {slot:#x}", body if at == contract else UNKNOWN_FUNCTION)
    pointers = list(bodies)[: MAX_POINTERS + more]
    path = _Path(
        found=True,
        codes={at: known.codes.get(at) or _word(answers, PathCode(Address(at))) for at in kept},
        pointers={pointer: known.pointers.get(pointer) or _word(answers, _slot(pointer)) for pointer in pointers},
        functions=functions,
        serving={one: body for one, body in bodies.items() if one in pointers and body != UNKNOWN_FUNCTION},
        traced=answers.get(TouchedState(contract, UNKNOWN_FUNCTION)) is None,
    )
    path.narrow()
    return path


def _word(answers: StateRead, read: Read[int]) -> str:
    word = answers.get(read)
    return "" if word is None else f"{word:#x}"


def _questions(contract: Address, *functions: str) -> list[TouchedState]:
    return [
        TouchedState(contract, body, traced=traced)
        for body in (UNKNOWN_FUNCTION, *functions)
        for traced in (False, True)
    ]


def _answer(answers: StateRead, contract: Address, body: str) -> Touched | None:
    found = answers.get(TouchedState(contract, body))
    return answers.get(TouchedState(contract, body, traced=True)) if found is None else found


def _functions(block: Block, contract: Address, known: dict[str, str]) -> dict[str, str]:
    """One function of each facet, by the loupe that answered in this block; else those known by logs."""
    table = answered_table(block, [CallBytes(contract, body) for body in (FACETS, EXTENSIONS)])
    if table is None:
        return known
    found: dict[str, str] = {}
    for selector, facet in sorted(table.items()):
        if facet != contract:
            found.setdefault(facet, selector)
    return dict(list(found.items())[:MAX_FUNCTIONS])


def _after(functions: dict[str, str], upgrades: Iterable[ContractUpgraded]) -> dict[str, str]:
    """One function of each facet, after these changes."""
    found = dict(functions)
    for one in upgrades:
        if one.role is Role.FACET:
            found = {facet: function for facet, function in found.items() if function not in one.lost}
            if one.gained and one.new not in (NOBODY, one.contract) and len(found) < MAX_FUNCTIONS:
                found.setdefault(one.new, one.gained[0])
    return found


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
