"""Renders an inspection in words for the engineer on call: what it is, who can change it, how long that takes, since when.

A report is lines of an indent, a label and a text. Addresses and hashes are whole, so that they can be copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.cli.render.upgrades import change_lines, source_words

if TYPE_CHECKING:
    from chain.control.queue import Pending
    from chain.inspection.authority import Authority, Decider
    from chain.inspection.inspect import Inspection

Line = tuple[int, str, str]
"""Indent, label, text."""

WHAT = {
    "access_manager": "an AccessManager",
    "account": "an account: one key",
    "anyone": "ANYONE",
    "beacon": "a beacon",
    "contract": "a contract",
    "governor": "a governor: votes decide",
    "multicall": "a multicall",
    "nft": "a token of single pieces (NFT)",
    "nobody": "nobody: control was given up",
    "pool": "a pool",
    "pool_factory": "a factory of pools",
    "proxy_admin": "a ProxyAdmin",
    "safe": "a Safe",
    "timelock": "a timelock",
    "token": "a token",
    "unread": "not read",
}
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))
DAY_S = 86_400
NOT_READ = {"logs": "the history of its target", "roles": "the holders of roles", "queue": "what waits in its timelock"}


def report(inspection: Inspection) -> Iterator[Line]:
    """All lines, the most important first."""
    yield (
        0,
        "at",
        f"block {inspection.block_number} of {inspection.network}, {inspection.block_time:%Y-%m-%d %H:%M:%S} UTC",
    )
    yield 0, "what", kind_words(inspection)
    yield from _target_lines(inspection)
    yield from control_lines(inspection)
    for one in inspection.pending:
        yield from pending_lines(one, inspection)
    yield from _since_lines(inspection)
    if inspection.last_change:
        yield 0, "last change", ""
        yield from ((2, label, text) for label, text in change_lines(inspection.last_change))
    if inspection.code_size:
        functions = "functions not read" if inspection.functions is None else f"{inspection.functions} functions"
        yield 0, "code", f"{inspection.code_size} bytes, {functions}"
    if not inspection.last_change:
        yield from ((0, "source", f"{link} (if verified)") for link in inspection.links)
    yield from ((0, f"at {one.by}", source_words(one)) for one in inspection.sources)
    if inspection.not_read:
        yield 0, "not read", f"{', '.join(NOT_READ[one] for one in inspection.not_read)}: the node refuses those logs"


def kind_words(inspection: Inspection) -> str:
    """What it is, and whether that can change."""
    what = WHAT.get(inspection.what or "", inspection.what or "")
    if inspection.kind:
        fixed = ", its target cannot change" if inspection.fixed else ""
        runs = f"{what}, " if inspection.what in ("token", "pool", "timelock", "beacon", "safe") else ""
        return f"{runs}a proxy of kind {inspection.kind}{fixed}"
    if not inspection.code_size:
        return "no contract: an account, or nothing at all"
    return f"{what or 'a contract'}, no known proxy"


def control_lines(inspection: Inspection) -> list[Line]:
    """Who can change it, how much that takes, and all who have power over it."""
    if inspection.fixed or not (inspection.kind or inspection.authorities):
        return []
    grade = risk(inspection)
    level = f"L{grade}: " if grade else ""
    lines: list[Line] = [
        (0, "changed by" if inspection.kind else "ruled by", level + decider_words(inspection.decided_by))
    ]
    lines += [
        (2 + 2 * one.depth, "", authority_words(one, proxy=bool(inspection.kind))) for one in inspection.authorities
    ]
    return lines


def risk(inspection: Inspection) -> int:
    """How little it takes to change a proxy, 0 to 4: 4 anyone, 3 one key at once, 2 one key within a day or several at once."""
    one = inspection.decided_by
    if not inspection.kind or one is None or one.what == "nobody" or one.keys is None:
        return 0
    if not one.keys:
        return 4
    quick, alone = (one.delay_s or 0) < DAY_S and one.delay_s is not None, one.keys == 1
    at_once = one.delay_s == 0
    return 3 if alone and at_once else 2 if (alone and quick) or at_once else 1


def decider_words(one: Decider | None) -> str:
    """Who needs least to change it."""
    if one is None:
        return "not known: it names no admin, no owner and no role"
    if one.what == "nobody":
        return "nobody: control was given up"
    if one.keys is None:
        return f"not known: the last holder found is {WHAT.get(one.what, one.what)}, {one.address}"
    takes = "not known after which delay" if one.delay_s is None else "at once"
    takes = f"after {delay_words(one.delay_s)}" if one.delay_s else takes
    if one.what == "anyone":
        return f"ANYONE, {takes}"
    if one.what == "account":
        return f"one key, {one.address}, {takes}"
    return f"{one.keys} key{'' if one.keys == 1 else 's'} of the Safe {one.address}, {takes}"


def authority_words(one: Authority, *, proxy: bool = True) -> str:
    """An address with power, what it is, and by what it has that power."""
    more = f", waits {delay_words(one.delay_s)}" if one.delay_s is not None else ""
    if one.threshold:
        of = f" of {len(one.signers)}" if one.signers else ""
        more += f", {one.threshold}{of} must sign"
        more += f": {' '.join(one.signers)}" if one.signers else ""
    again = ", itself" if one.address == one.over else ", as above" if one.again else ""
    beside = "" if one.decides else "; cannot change the code" if proxy else "; does not rule it"
    return f"{one.address} {WHAT.get(one.what, one.what)}{more}{again} ({one.by}{beside})"


def pending_lines(one: Pending, inspection: Inspection) -> Iterator[Line]:
    """What waits in a timelock, when it may run, and what it would call."""
    now = inspection.block_time
    when = "at a time that is not known"
    if one.eta is not None:
        wait_s = (one.eta - now).total_seconds()
        ripe = f"in {delay_words(int(wait_s))}" if wait_s > 0 else "ripe: may run now"
        when = f"from {one.eta:%Y-%m-%d %H:%M:%S} UTC on ({ripe})"
    yield 0, "waiting", f"{when}, in {one.timelock} since block {one.since_block}"
    yield 2, "operation", one.operation
    for call in one.calls:
        runs = f", to run {call.new}" if call.new else ""
        yield 2, "calls", f"{call.function or call.selector} of {call.target}{runs}"
    if one.more_calls:
        yield 2, "calls", f"and {one.more_calls} more"


def delay_words(delay_s: int) -> str:
    """A delay in the largest unit that fits."""
    for size, unit in UNITS:
        if delay_s >= size:
            count = delay_s / size
            return f"{count:.3g} {unit}{'' if count == 1 else 's'}"
    return f"{delay_s} s"


def _target_lines(inspection: Inspection) -> Iterator[Line]:
    for role, address in sorted(inspection.roles.items()):
        yield 0, "runs" if role == "implementation" else role.replace("_", " "), address
    for facet, count in inspection.facets.items():
        yield 0, "facet", f"{facet} ({count} function{'' if count == 1 else 's'})"
    yield from _actual_target(inspection)
    if inspection.source:
        yield 0, "defined by", inspection.source
    if inspection.switches:
        yield 0, "switches", ", ".join(inspection.switches)


def _actual_target(inspection: Inspection) -> Iterator[Line]:
    """The contract that it really delegates to, if that differs from what it declares."""
    from chain.behaviour.declared import Finding

    actual = inspection.delegated
    if actual.target is None or actual.target in inspection.roles.values():
        return
    words = f"{actual.target} (seen in {actual.probes} calls, by {actual.probed_by})"
    if actual.slot is not None:
        words += f", held in slot {actual.slot:#x}"
        words += f" of {actual.slot_of}" if actual.slot_of != inspection.address else ""
    if actual.verdict is Finding.BROKEN:
        yield 0, "L4 WARNING", f"its calls really run {words}"
    else:
        yield 0, "really runs" if inspection.kind else "custom proxy of", words


def _since_lines(inspection: Inspection) -> Iterator[Line]:
    since = inspection.since
    if since is not None:
        at = f", {since.block_time:%Y-%m-%d %H:%M:%S} UTC" if since.block_time else ""
        how = (
            ""
            if since.found_by == "logs"
            else f" (found by {'old state' if since.found_by == 'state' else 'newest logs'})"
        )
        yield 0, "since", f"block {since.block_number}{at}{how}"
        if since.transaction:
            yield 2, "by", since.transaction
        if since.found_by == "logs":
            yield 2, "changes", f"{since.changes} in its logs"
    elif inspection.unchanged_since is not None:
        yield (
            0,
            "since",
            f"not known, not after block {inspection.unchanged_since}: the node refuses older logs and state",
        )
