"""Writes the first screen of an incident, 24 lines of 100 characters: what, since when, how sure, can we get out, what now.

Whoever is woken reads only this. Each answer has a fixed number of lines; what does not fit is cut, and stands further below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap

from monitor.correlator.levels import by_chance
from monitor.incidents import LEVEL_NAMES, Fault, IncidentChange, IncidentState, Leg, LegState
from monitor.signals.plain_text import one_line
from monitor.snapshot.clean import clean, prose
from monitor.snapshot.runbooks import first_steps, name_of

WIDTH = 100
LINES = 24
MAX_TITLE = 98
"""With "# " before it: a title that also fits where 120 characters are allowed."""
MAX_WORD = 47
"""Escaped, a word of so many characters still fits on a line."""
MAX_STEPS = 8

STATES = {
    IncidentState.OPEN: "open",
    IncidentState.HELD_BLIND: "held: we cannot see whether it is over",
    IncidentState.ENDED: "ended: calm was seen",
    IncidentState.ENDED_UNKNOWN: "ended unknown: nobody saw it end, it is not resolved",
    IncidentState.RETRACTED: "retracted: what it rested on was undone",
}

FAULTS = {
    Fault.NONE: "nobody's: no venue was in stress",
    Fault.LOCAL: "ours: our own network or place",
    Fault.PATH: "the way there: the same venue answered elsewhere",
    Fault.VENUE: "the venue's",
    Fault.PROVIDER: "a provider's: venues that it carries failed together, few others did",
    Fault.MARKET: "the market's: most venues at once",
}

_BLOCK = re.compile(r"^([#>+*=~-]|\d+(?=[.)]))")
_SENTENCE = re.compile(r"(?<=[.?!]) +")


def first_screen(changes: Sequence[IncidentChange], runbooks: Mapping[str, str], remarks: Sequence[str] = ()) -> str:
    """The first screen, in Markdown. `changes` are all revisions in order; `runbooks` are texts by file name.

    `remarks` say who acknowledged it, and until when it is silenced.
    """
    last = changes[-1]
    gravest = max(changes, key=lambda one: (one.level, one.revision))
    lines = [
        *_title(gravest.headline),
        "",
        *_answer("What", "; ".join([_what(gravest, last).removesuffix("."), *remarks]), 2),
        *_answer("Since", _since(changes), 2),
        *_answer("How sure", _how_sure(gravest), 2),
        *_answer("Can we get out", _exit(last), 3),
        *_answer("Blind", _blind(last), 3),
    ]
    name = name_of(last.runbook)
    steps = first_steps(runbooks.get(name, ""))[:MAX_STEPS]
    if not steps:
        return "\n".join([*lines, *_answer("What now", f"see the runbook {last.runbook}", 1)]) + "\n"
    lines += ["", f"**What now** (the whole of {fitted(name, 64)} stands below):", ""]
    return "\n".join([*lines, *_steps(steps, LINES - len(lines))]) + "\n"


def fitted(text: str, width: int) -> str:
    """The text as prose of at most `width` characters: longer text is cut and ends with "…"."""
    raw = one_line(clean(text))
    shown = prose(raw)
    while len(shown) > width:
        raw = raw[: len(raw) - max(1, (len(shown) - width) // 2) - 1].rstrip()
        shown = prose(raw) + "…"
    return shown


def _title(headline: str) -> list[str]:
    """The headline as the title; what is too long for one line goes on below it from the last finding that fits."""
    fits = fitted(headline, MAX_TITLE)
    head, found, _ = fitted(headline, MAX_TITLE).rpartition("; ")
    if not fits.endswith("…") or not found or not headline.startswith(f"{head}; "):
        return [f"# {fits}"]
    return [f"# {head}", "", *_wrapped(headline.removeprefix(f"{head}; "), "... ", "", 1)]


def _answer(name: str, text: str, lines: int) -> list[str]:
    return _wrapped(text, f"- **{name}**: ", "  ", lines)


def _steps(steps: Sequence[str], lines: int) -> list[str]:
    """The steps in so many lines: a line for each, and what is left over for the first that need it, by whole sentences."""
    written: list[str] = []
    for number, step in enumerate(steps, 1):
        others = len(steps) - number
        written += _sentences(step, f"{number}. ", max(1, min(2, lines - len(written) - others)))
    return written[:lines]


def _sentences(text: str, head: str, lines: int) -> list[str]:
    """As many whole sentences as fit; the first is cut if it alone does not."""
    sentences = _SENTENCE.split(text)
    for count in range(len(sentences), 1, -1):
        whole = _wrapped(" ".join(sentences[:count]), head, "   ", lines + 1)
        if len(whole) <= lines:
            return whole
    return _wrapped(sentences[0], head, "   ", lines)


def _wrapped(text: str, head: str, indent: str, lines: int) -> list[str]:
    """The text as prose in at most so many lines of WIDTH; no line begins a block of its own in Markdown."""
    words = " ".join(_short(one) for one in one_line(clean(text)).split())
    found = wrap(
        head + prose(words), WIDTH - 2, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    if len(found) > lines:
        found = found[:lines]
        found[-1] = f"{found[-1]} …" if len(found[-1]) <= WIDTH - 4 else f"{found[-1].rpartition(' ')[0]} …"
    return found[:1] + [indent + _BLOCK.sub(_escaped, one.lstrip()) for one in found[1:]]


def _short(word: str) -> str:
    return word if len(word) <= MAX_WORD else word[: MAX_WORD - 1] + "…"


def _escaped(found: re.Match[str]) -> str:
    return f"{found[1]}\\" if found[1].isdigit() else f"\\{found[1]}"


def _level(change: IncidentChange) -> str:
    return LEVEL_NAMES[change.level].replace("-", " ")


def _what(gravest: IncidentChange, last: IncidentChange) -> str:
    drill = "DRILL, nothing happened: " if last.drill else ""
    now = f"; now {_level(last)}" if last.level != gravest.level else ""
    return f"{drill}{_level(gravest)} of {last.scope}{now}; {STATES[last.state]}. Fault: {FAULTS[gravest.fault]}."


def _since(changes: Sequence[IncidentChange]) -> str:
    last = changes[-1]
    said = f"{last.opened_at:%Y-%m-%d %H:%M:%S} UTC, last change at {last.at:%H:%M:%S}"
    begun: dict[Leg, str] = {}
    for change in reversed(changes):  # the onset that was told first is the last to be written
        for leg in change.verdict.legs if change.verdict is not None else ():
            if leg.state is LegState.TRUE and leg.onset is not None:
                begun[leg.leg] = f"{leg.onset:%H:%M:%S}"
    legs = ", ".join(f"{leg} {onset}" for leg, onset in sorted(begun.items(), key=lambda one: (one[1], one[0])))
    return f"{said}; legs: {legs}" if legs else said


def _how_sure(gravest: IncidentChange) -> str:
    chance = by_chance(gravest.far_per_day, gravest.far_basis)
    if gravest.verdict is None:
        return chance
    verdict = gravest.verdict
    states = ", ".join(f"{one.leg} {one.state} (seen {one.coverage:.0%})" for one in verdict.legs)
    return f"storm at least {verdict.p_lo:.0%}, calm at least {1 - verdict.p_hi:.0%}, {chance}; {states}"


def _exit(last: IncidentChange) -> str:
    if last.exit is None:
        return "not known: no way out of it is watched"
    return f"{last.exit.words} (at {last.exit.at:%H:%M:%S})"


def _blind(last: IncidentChange) -> str:
    if not last.blind:
        return "nothing that is watched"
    named = ", ".join(f"{one.source} ({one.reason}) since {one.since:%H:%M:%S}" for one in last.blind[:4])
    more = f", and {len(last.blind) - 4} more" if len(last.blind) > 4 else ""
    return f"{len(last.blind)}: {named}{more}"
