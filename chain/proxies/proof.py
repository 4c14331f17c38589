"""Places that mean something only where a call shows that the proxy runs the code of the address found there. Pure.

What a contract's places held is a mapping from place to word (hexadecimal); the proof of a place stands beside it under
its key and a question mark. A place that was shown to mean nothing counts as empty: it is not read again.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from chain.blocks.abi import address_of
from chain.blocks.reads import CallWord, CodeHash, RunsAs, StateRead
from chain.blocks.standards import NOBODY
from chain.events import Address
from chain.proxies.kind import shown
from chain.proxies.places import WatchedPlace, word_of

EMPTY = "0x0"
Held = MutableMapping[str, str]


def open_proof(held: Held, contract: Address, where: WatchedPlace) -> RunsAs | None:
    """The call that is still to show that this place means something."""
    if not where.proved or where.key not in held or proof_of(where) in held:
        return None
    return where.proof(contract, held[where.key])


def proved(held: Held, contract: Address, where: WatchedPlace, word: str, state: StateRead) -> bool:
    """Take a word of a place; whether it counts. One that counts from now on is forgotten, as if it were seen first."""
    if not where.proved or proof_of(where) in held:
        return True
    asked = open_proof(held, contract, where)
    if where.proof(contract, word) is None:
        held[where.key] = EMPTY
    elif asked is None or held.get(where.key) != word:
        held[where.key] = word
        held.pop(_unanswered(where), None)
    elif CodeHash(contract) in state:
        return _settled(held, where, asked, state.get(asked))
    return False


def _settled(held: Held, where: WatchedPlace, asked: RunsAs, answer: Address | None) -> bool:
    """No answer at two readings: this node cannot tell. Then a getter is believed, a low slot is not."""
    if answer is None and _unanswered(where) not in held:
        held[_unanswered(where)] = EMPTY
        return False
    held.pop(_unanswered(where), None)
    if shown(answer, asked, handed=where.handed) or (answer is None and isinstance(where.need, CallWord)):
        held[proof_of(where)] = f"{int(answer or NOBODY, 16):#x}"
        del held[where.key]
        return True
    held[where.key] = EMPTY
    return False


def confirmed(
    held: Held, fields: Sequence[WatchedPlace], state: StateRead, role: str, new: Address | None
) -> Address | None:
    """What a place of this role reads in this state, if it is what a log says (or the log does not say)."""
    read = [one for one in fields if one.role == role and held.get(one.key, EMPTY) != EMPTY]
    values = [address_of(word) for one in read if (word := word_of(state, one))]
    return next((value for value in values if new in (None, value)), None)


def proof_of(where: WatchedPlace) -> str:
    """Under which key the proof of a place is kept."""
    return f"{where.key}?"


def _unanswered(where: WatchedPlace) -> str:
    return f"{where.key}!"
