"""Chooses which head to follow among those that the nodes report, and which nodes are behind or on another chain. No I/O.

A head counts once as many providers have it as the quorum wants. Nobody is at fault where no majority of providers says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from chain.blocks.block import Header
from chain.events.network import NodeFaultKind
from chain.nodes import forks
from chain.nodes.health import NodeState
from chain.nodes.voices import majority, voices
from chain.rpc.errors import NodeFailure

LAG_BLOCKS = 3
MAX_CHECKS = 3
"""Checks of the head, in a row, after which a node that lags or reports another chain counts as faulty. One check is not enough:
forks of one block are common, and a single node that claims a too high head makes all others look late."""
DEEP_CHECKS = 2
"""The same for a node whose chain parted from the majority's two blocks ago or more."""
CONFIRM_BLOCKS, MIN_CONFIRM_S = 1 / 8, 2.0
"""How long a head waits for the quorum, as a share of the seconds after which a network stands still, and at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """Holds the believed chain: the names of its nodes, and of the others that parted from it long ago.

    `contested`: as many providers, or more together, report others.
    """

    nodes: frozenset[str]
    contested: bool = False
    parted: frozenset[str] = frozenset()


def believed_chain(
    states: Mapping[str, NodeState],
    seen: Mapping[str, Mapping[int, str]],
    tip: Header | None,
    ours: Callable[[str], bool],
) -> Believed:
    """Choose the chain of most providers; of equal ones the one that is `ours`, then the one with the highest head.

    `states`: the nodes with a head, by name; `seen`: by node, hashes by number; `ours`: whether this node has our last block
    and its head has not stalled.
    """
    heads = {name: state.head for name, state in states.items() if state.head is not None}
    providers = {name: state.node.provider for name, state in states.items()}
    chains = forks.by_chain(heads, seen)
    choices = {name: at for at, names in enumerate(chains) for name in names}
    counted = voices(choices, providers)

    def weight(at: int) -> tuple[Fraction, bool, int]:
        return counted[at], any(map(ours, chains[at])), heads[chains[at][0]].number

    best = max(range(len(chains)), key=weight)
    highest = heads[chains[best][0]].number
    parted = {
        name
        for at, names in enumerate(chains)
        for name in names
        if at != best and tip is not None and seen[name].get(tip.number, tip.hash) != tip.hash
        if heads[name].number > tip.number or highest > tip.number + 1
    }
    contested = majority(choices, providers) != best
    return Believed(nodes=frozenset(chains[best]), contested=contested, parted=frozenset(parted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Holds the head to follow and a node that has it. `contested`: no majority stands behind it."""

    node: str
    head: Header
    contested: bool


class HeadChoice:
    """Chooses heads of one network. `quorum`: how many providers must have a block; `stall_s`: of the network."""

    def __init__(self, quorum: int, stall_s: float) -> None:
        self._quorum = quorum
        self._confirm_s = max(stall_s * CONFIRM_BLOCKS, MIN_CONFIRM_S)
        self._alone_since: datetime | None = None

    def chosen(
        self,
        states: Mapping[str, NodeState],
        believed: Believed,
        tip: Header | None,
        holds: Callable[[Header], bool],
        now: datetime,
    ) -> Chosen:
        """Return the highest head of the believed chain that the quorum has.

        If fewer providers are ahead of it for a while, and as many as are not, the highest head is followed as contested.
        """
        ranked = sorted(
            ((name, states[name].head) for name in believed.nodes),
            key=lambda one: (-_number(one[1]), one[1] is None or not holds(one[1])),
        )
        claims = [(name, head) for name, head in ranked if head is not None]
        sure = self._confirmed(claims, states)
        node, highest = claims[0]
        if sure is not None:
            gap = highest.number - sure[1].number
            ahead = {name: _number(state.head) > sure[1].number for name, state in states.items() if not state.behind}
            if gap == 0 or majority(ahead, _providers(states)) is False or not (holds(sure[1]) or gap > LAG_BLOCKS):
                self._alone_since = None
                return Chosen(node=sure[0], head=sure[1], contested=believed.contested)
        if self._alone_since is None:
            self._alone_since = now
        if (now - self._alone_since).total_seconds() < self._confirm_s:
            if sure is not None and not holds(sure[1]):
                return Chosen(node=sure[0], head=sure[1], contested=believed.contested)
            if tip is not None:
                return Chosen(node=node, head=tip, contested=believed.contested)
        return Chosen(node=node, head=highest, contested=True)

    def _confirmed(
        self, claims: Sequence[tuple[str, Header]], states: Mapping[str, NodeState]
    ) -> tuple[str, Header] | None:
        current = {state.node.provider for state in states.values() if not state.behind}
        wanted, heard = max(min(self._quorum, len(current)), 1), set[str]()
        for name, head in claims:
            heard.add(states[name].node.provider)
            if len(heard) == wanted:
                return name, head
        return None


def check_heads(
    states: Mapping[str, NodeState],
    believed: Believed,
    tip: Header | None,
    holds: Callable[[Header], bool],
    now: datetime,
    stall_s: float,
) -> list[tuple[str, NodeFailure]]:
    """Count the checks at which each node lagged or reported another chain; return new faults by node.

    Only a majority of providers makes a fault. A node that lags also proves it itself: its new head is one that we left long ago.
    """
    faults: list[tuple[str, NodeFailure]] = []
    highest = max(_number(states[name].head) for name in believed.nodes)
    left = tip.number - LAG_BLOCKS if tip else 0
    moves = any(state.head_age_s(now) < stall_s for state in states.values())
    for name, state in states.items():
        number = _number(state.head)
        state.forked = 0 if name in believed.nodes else state.forked + 1
        checks = DEEP_CHECKS if name in believed.parted else MAX_CHECKS
        if not state.forked:
            state.reported_forked, state.forked_at = False, None
        else:
            state.forked_at = state.forked_at or now
        if state.forked >= checks and not state.reported_forked and _upheld(states, believed, state.forked_at):
            state.reported_forked = True
            faults.append((name, NodeFailure(NodeFaultKind.FORKED, f"reports another chain at block {number}")))
        state.late = state.late + 1 if highest - number > LAG_BLOCKS and not state.forked else 0
        passed = majority(
            {one: _number(other.head) > number + LAG_BLOCKS for one, other in states.items()}, _providers(states)
        )
        late = bool(passed) or (state.moved and state.head is not None and number < left and holds(state.head))
        stalled = moves and state.head_age_s(now) >= stall_s
        state.behind = state.late >= MAX_CHECKS and (state.behind or late or stalled)
        if not state.late:
            state.reported_behind = False
        elif state.behind and late and not state.reported_behind:
            state.reported_behind = True
            faults.append((name, NodeFailure(NodeFaultKind.BEHIND, f"{highest - number} blocks behind")))
    return faults


def _upheld(states: Mapping[str, NodeState], believed: Believed, since: datetime | None) -> bool:
    """Whether a majority of providers went on upon the believed chain after `since`: a node that stands still upholds nothing."""
    went_on = {
        name: name in believed.nodes and since is not None and state.moved_at is not None and state.moved_at > since
        for name, state in states.items()
    }
    return not believed.contested and majority(went_on, _providers(states)) is True


def _number(head: Header | None) -> int:
    return -1 if head is None else head.number


def _providers(states: Mapping[str, NodeState]) -> dict[str, str]:
    return {name: state.node.provider for name, state in states.items()}
