"""Renders an inspection in words for the engineer on call: kind, who can change it, how long that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.inspection.controllers import Controller
    from chain.inspection.inspect import Inspection

CONTROLLER_WORDS = {
    "account": "an account: one key decides",
    "contract": "a contract",
    "nobody": "nobody: control was given up",
    "safe": "a Safe",
    "timelock": "a timelock",
    "unread": "not read",
}
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def kind_words(inspection: Inspection) -> str:
    """What it is, and whether that can change."""
    if inspection.kind:
        return f"{inspection.kind} ({inspection.source})" + (", cannot change" if inspection.fixed else "")
    return "no known proxy" if inspection.code_size else "no contract: an account, or nothing at all"


def controller_words(one: Controller) -> str:
    """Who can change it."""
    more = f", waits {delay_words(one.delay_s)}" if one.delay_s is not None else ""
    if one.threshold:
        more += (
            f", {one.threshold} signature{'s' if one.threshold > 1 else ''} suffice{'' if one.threshold > 1 else 's'}"
        )
    return f"{one.address} ({CONTROLLER_WORDS.get(one.what, one.what)}{more})"


def control_lines(inspection: Inspection) -> list[tuple[str, object]]:
    """Who can change it, from the proxy outwards, and after which delay; empty if it is no proxy or cannot change."""
    if not inspection.kind or inspection.fixed:
        return []
    lines: list[tuple[str, object]] = [("changed by", controller_words(one)) for one in inspection.controllers]
    if not lines:
        lines.append(("changed by", "not known: it names no admin and no owner"))
    return [*lines, ("delay", _delay(inspection.delay_s))]


def delay_words(delay_s: int) -> str:
    """A delay in seconds, and in the largest unit that fits."""
    for size, unit in UNITS:
        if delay_s >= size:
            count = delay_s / size
            return f"{delay_s} s ({count:.3g} {unit}{'' if count == 1 else 's'})"
    return f"{delay_s} s"


def _delay(delay_s: int | None) -> str:
    if delay_s is None:
        return "not known"
    return delay_words(delay_s) if delay_s else "none: a change takes effect at once"
