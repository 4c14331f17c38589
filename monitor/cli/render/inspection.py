"""What an inspection found, in words for whoever is woken by it: kind, who can change it, how long that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.inspection.controllers import Controller
    from chain.inspection.inspect import Inspection

WHAT = {
    "account": "an account: one key decides",
    "contract": "a contract",
    "nobody": "nobody: given up",
    "safe": "a Safe",
    "timelock": "a timelock",
    "unread": "not looked at",
}
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def kind_words(found: Inspection) -> str:
    """What it is, and whether that can change."""
    if found.kind:
        return f"{found.kind} ({found.source})" + (", cannot change" if found.fixed else "")
    return "no known proxy" if found.code_size else "no contract: an account, or nothing at all"


def controller_words(one: Controller) -> str:
    """Who can change it."""
    more = f", waits {delay_words(one.delay_s)}" if one.delay_s is not None else ""
    if one.threshold:
        more += (
            f", {one.threshold} signature{'s' if one.threshold > 1 else ''} suffice{'' if one.threshold > 1 else 's'}"
        )
    return f"{one.address} ({WHAT.get(one.what, one.what)}{more})"


def control_lines(found: Inspection) -> list[tuple[str, object]]:
    """Who can change it, from the proxy outwards, and through which delay; nothing of what is no proxy or cannot change."""
    if not found.kind or found.fixed:
        return []
    lines: list[tuple[str, object]] = [("changed by", controller_words(one)) for one in found.controllers]
    if not lines:
        lines.append(("changed by", "not known: it names no admin and no owner"))
    return [*lines, ("delay", _delay(found.delay_s))]


def delay_words(delay_s: int) -> str:
    """Seconds, and what they are in the largest unit that fits."""
    for size, unit in UNITS:
        if delay_s >= size:
            count = delay_s / size
            return f"{delay_s} s ({count:.3g} {unit}{'' if count == 1 else 's'})"
    return f"{delay_s} s"


def _delay(delay_s: int | None) -> str:
    if delay_s is None:
        return "not known"
    return delay_words(delay_s) if delay_s else "none: a change takes effect at once"
