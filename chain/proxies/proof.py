"""Proves places that count only where a call shows that the proxy runs the code of the address found there. Pure.

A place without that proof counts as empty: it is not read again.
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.blocks.abi import address_of
from chain.blocks.block import Block
from chain.blocks.reads import CallWord, CodeHash, RunsAs, StateRead
from chain.events import Address, Role
from chain.proxies.kind import shown
from chain.proxies.places import WatchedPlace, word_of
from chain.proxies.upgrade_memory import EMPTY, PlaceMemory, PlaceProof, Places


def open_proof(places: Places, contract: Address, where: WatchedPlace) -> RunsAs | None:
    """The call that is still to prove this place."""
    place = places.get(where.key)
    if not where.proved or place is None or place.word is None or place.proof is PlaceProof.SHOWN:
        return None
    return where.proof(contract, place.word)


def is_proved(places: Places, where: WatchedPlace) -> bool:
    """Whether this place needs no proof, or has it."""
    return not where.proved or ((place := places.get(where.key)) is not None and place.proof is PlaceProof.SHOWN)


def proved(places: Places, contract: Address, where: WatchedPlace, word: str, state: StateRead) -> bool:
    """Take a word of a place; returns whether it counts. A place that counts from now on is as if it were read first."""
    if is_proved(places, where):
        return True
    place, asked = places.get(where.key), open_proof(places, contract, where)
    if where.proof(contract, word) is None:
        places[where.key] = PlaceMemory(EMPTY)
    elif place is None or asked is None or place.word != word:
        places[where.key] = PlaceMemory(word)
    elif CodeHash(contract) in state:
        return _settled(place, where, asked, state.get(asked))
    return False


def _settled(place: PlaceMemory, where: WatchedPlace, asked: RunsAs, answer: Address | None) -> bool:
    """If two readings give no answer, this node cannot prove it: then a getter counts, and a low slot does not."""
    if answer is None and place.proof is not PlaceProof.UNANSWERED:
        place.proof = PlaceProof.UNANSWERED
        return False
    if shown(answer, asked, forwards=where.forwards) or (answer is None and isinstance(where.read, CallWord)):
        place.word, place.proof = None, PlaceProof.SHOWN
        return True
    place.word, place.proof = EMPTY, PlaceProof.OPEN
    return False


def confirmed(
    places: Places, own_places: Sequence[WatchedPlace], block: Block, role: Role, new: Address | None
) -> Address | None:
    """The address at a place of this role after the block, if it is the log's new value (or the log has none)."""
    read = confirming(places, own_places, role)
    values = [address_of(word) for one in read if (word := word_of(block.state, one) or word_of(block.checked, one))]
    return next((value for value in values if new in (None, value)), None)


def confirming(places: Places, own_places: Sequence[WatchedPlace], role: Role) -> list[WatchedPlace]:
    """The places that say what a log of this role means: those that held something when they were last read."""
    return [one for one in own_places if one.role == role and holds(places, one.key)]


def holds(places: Places, key: str) -> bool:
    """Whether the word last read at this place was not zero."""
    place = places.get(key)
    return place is not None and place.word is not None and not place.is_empty
