"""Which nodes tell the same chain: their heads, and the hashes they give for each other's heights. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from chain.blocks.block import Header


def consistent(heads: Iterable[Header], holds: Callable[[Header], bool], tip: Header | None) -> bool:
    """Whether these heads need no second look: each is followed already, or all others are the same next block."""
    fresh = {head.hash: head for head in heads if not holds(head)}
    if not fresh:
        return True
    [head, *others] = fresh.values()
    return not others and tip is not None and head.parent_hash == tip.hash


def heights(heads: Iterable[Header], tip: Header | None) -> tuple[int, ...]:
    """The block numbers at which the nodes are compared."""
    return tuple(sorted({head.number for head in heads} | ({tip.number} if tip else set())))


def by_chain(heads: Mapping[str, Header], seen: Mapping[str, Mapping[int, str]]) -> list[list[str]]:
    """The nodes by the chain they tell, the highest head first in each. `seen`: by node, hashes by number.

    Two nodes tell one chain if they give the same hash at the highest number both have.
    """
    found: list[list[str]] = []
    for name in sorted(heads, key=lambda one: -heads[one].number):
        for chain_ in found:
            if _agree(seen[chain_[0]], seen[name]):
                chain_.append(name)
                break
        else:
            found.append([name])
    return found


def _agree(first: Mapping[int, str], second: Mapping[int, str]) -> bool:
    common = first.keys() & second.keys()
    return bool(common) and first[max(common)] == second[max(common)]
