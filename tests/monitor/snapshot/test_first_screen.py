"""The first screen of a snapshot: 24 lines of 100 characters, six answers, and no text of a stranger breaks it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.incidents import IncidentChange, IncidentState, Level
from monitor.snapshot.first_screen import first_screen, fitted
from monitor.snapshot.runbooks import first_steps, shipped
from tests.branches import Reached
from tests.monitor.alerting.sinks.changes import blindness, change
from tests.monitor.cli.test_exits import capacity

NAMES = ("perfect-storm.md", "storm-suspected.md", "squall.md", "watch.md", "calm.md", "venue.md", "local.md")
RUNBOOKS = shipped(NAMES)


def screen(*changes: IncidentChange) -> list[str]:
    return first_screen(changes, RUNBOOKS).splitlines()


def test_the_first_screen_answers_what_since_when_how_sure_can_we_get_out_what_is_blind_and_what_now() -> None:
    lines = screen(change(1, exit=capacity()))
    text = " ".join(" ".join(lines).split())

    for wanted in (
        "- **What**: perfect storm of asset:BTC; open. Fault: the market's",
        "- **Since**: 2026-01-01 12:00:00 UTC",
        "legs: venue 12:00:05, migration 12:00:20",
        "- **How sure**: storm at least 62%, calm at least 3%, by chance once in 2.7 years; liquidation unknown (seen 75%)",
        "- **Can we get out**: 1.2 M USD of BTC can leave within 1 % in a minute",
        "- **Blind**: 1: binance_usdm/liquidation (silent) since 12:00:08",
        "1. Rule out our own network.",
        "2. Stop what makes it worse:",
        "3. Get out where it is still possible.",
        '4. "Withdrawals enabled" is a claim.',
        "5. The token itself:",
    ):
        assert wanted in text
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", NAMES)
def test_every_runbook_ships_and_gives_first_steps_that_fit(name: str) -> None:
    steps = first_steps(RUNBOOKS[name])
    lines = screen(change(exit=capacity(), runbook=f"https://desk.example/runbooks/{name}"))

    assert len(steps) >= 3
    assert sum(bool(re.match(r"\d\. ", line)) for line in lines) == min(len(steps), 8)
    assert len(lines) <= 24


def test_what_to_do_now_is_the_step_of_the_present_level_and_not_of_the_gravest() -> None:
    over = change(2, level=Level.CALM, state=IncidentState.ENDED, runbook="ops/runbooks/calm.md", verdict=None)
    text = "\n".join(screen(change(1), over))

    assert "now calm; ended: calm was seen" in text
    assert "calm.md" in text
    assert "Rule out our own network" not in text


def test_a_drill_says_on_the_first_screen_that_nothing_happened() -> None:
    assert "- **What**: DRILL, nothing happened: perfect storm" in "\n".join(screen(change(drill=True)))


def test_a_headline_that_is_too_long_for_a_title_goes_on_below_it_from_a_whole_finding() -> None:
    first = "PERFECT STORM BTC: 12:00 migration: upgrade; 12:00 venue: binance_usdm failures 22%"
    lines = screen(change(headline=f"{first}; 12:01 liquidations 360x normal"))
    assert [one.replace("\\", "") for one in lines[:3]] == [
        f"# {first}",
        "",
        "... 12:01 liquidations 360x normal",
    ]


def test_an_unknown_runbook_is_named() -> None:
    assert "- **What now**: see the runbook https\\://desk.example/own.md" in screen(
        change(runbook="https://desk.example/own.md")
    )


def test_an_exit_that_nobody_watches_and_a_full_view_are_said_in_words() -> None:
    lines = screen(change(exit=None, blind=()))

    assert "- **Can we get out**: not known: no way out of it is watched" in lines
    assert "- **Blind**: nothing that is watched" in lines


long = Reached("a text that must be cut")
block = Reached("a word that could begin a block of Markdown")
blocks = st.lists(st.sampled_from(["#", "##", ">", "-", "+", "1.", "1)", "words"]), min_size=1).map(" ".join)
hostile = (
    st.text()
    | st.text(alphabet="|<>[]`@# -+1.\\", max_size=400)
    | st.text(alphabet="|<>[]`@# -+1.\\", min_size=99, max_size=400)
    | st.just("https://evil.example/" + "x" * 500)
    | blocks
)


@given(hostile, hostile)
def test_no_text_of_a_stranger_widens_lengthens_or_links_the_first_screen(first: str, second: str) -> None:
    long(len(first) > 98)
    block(any(one[:1] in "#>-+1" for one in first.split()))
    lines = screen(
        change(
            headline=first,
            scope=second,
            blind=tuple(replace(blindness(), source=first, reason=second) for _ in range(9)),
        )
    )

    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith("# ")
    assert not any(re.match(r" *(#|>|\d+\.|-) ", line) for line in lines[2:] if line.startswith("  "))
    assert not re.search(r"(?<!\\)[<>\[\]@]|[a-z]://", "\n".join(lines))


@given(hostile, st.integers(2, 98))
def test_a_fitted_text_is_never_longer_than_asked(text: str, width: int) -> None:
    assert len(fitted(text, width)) <= width
