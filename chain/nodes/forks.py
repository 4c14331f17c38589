"""Groups nodes by the chain they report, by their heads and by their hashes at common heights. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from chain.blocks.block import Header


def consistent(heads: Iterable[Header], holds: Callable[[Header], bool], tip: Header | None) -> bool:
    """Whether these heads need no comparison: each one is known, or all unknown ones are the same next block."""
    fresh = {head.hash: head for head in heads if not holds(head)}
    if not fresh:
        return True
    [head, *others] = fresh.values()
    return not others and tip is not None and head.parent_hash == tip.hash


def heights(heads: Iterable[Header], tip: Header | None) -> tuple[int, ...]:
    """The block numbers at which the nodes are compared."""
    return tuple(sorted({head.number for head in heads} | ({tip.number} if tip else set())))


def by_chain(heads: Mapping[str, Header], seen: Mapping[str, Mapping[int, str]]) -> list[list[str]]:
    """Group the nodes by the chain they report, the highest head first in each group. `seen`: by node, hashes by number.

    Two nodes report the same chain if they give the same hash at the highest number that both have.
    """
    found: list[list[str]] = []
    for name in sorted(heads, key=lambda one: -heads[one].number):
        for names in found:
            if _agree(seen[names[0]], seen[name]):
                names.append(name)
                break
        else:
            found.append([name])
    return found


def _agree(first: Mapping[int, str], second: Mapping[int, str]) -> bool:
    common = first.keys() & second.keys()
    return bool(common) and first[max(common)] == second[max(common)]
