"""Prints the drill's scenarios: the list of them, and what one plays, from which facts, and what it expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.cli.render.inspection import Line
from monitor.cli.shared import print_json, print_report, print_table
from monitor.drill.facts import GRADES, Fact
from monitor.drill.scenario import Expect, Scenario, Stage
from monitor.drill.verdict import RouteAnswers


def print_all(scenarios: Sequence[Scenario], *, json: bool) -> None:
    """One line for each scenario."""
    if json:
        for one in scenarios:
            listed = {
                "scenario": one.name,
                "title": one.title,
                "length_s": one.length_s,
                "expected": one.expect.words(),
            }
            print_json({**listed, "facts": len(one.facts)})
        return
    rows = [(one.name, f"{one.length_s:g} s", one.expect.words(), _written_from(one), one.title) for one in scenarios]
    print_table(
        "scenarios; facts: the grades of those that a replay is written from",
        ("scenario", "length", "expected", "facts", "title"),
        rows,
        ("scenario", "expected"),
    )


def print_one(scenario: Scenario, *, json: bool) -> None:
    """What one scenario plays. As JSON: the whole scenario, as its file gives it."""
    if json:
        print_json(scenario)
        return
    print_report(f"{scenario.name}: {scenario.title}", _lines(scenario))


def print_routes(routes: Sequence[RouteAnswers]) -> None:
    """What each sink of the desk answered, and how long it took."""
    print_report("what your sinks answered", (line for one in routes for line in _answers(one)))


def _answers(one: RouteAnswers) -> Iterator[Line]:
    state = {True: "works", False: "DID NOT TAKE IT", None: "not tried"}[one.works]
    yield 0, one.sink, f"{one.type}: {state}; {one.said}"
    if one.median_s is not None and one.max_s is not None:
        took = f"an attempt took {one.median_s:.2f} s, at most {one.max_s:.2f} s"
        latency = "" if one.latency_s is None else f"; from judged to delivered at most {one.latency_s:.2f} s"
        yield 2, "", f"{one.delivered} delivered, {one.failed} failed; {took}{latency}"


def _written_from(scenario: Scenario) -> str:
    return ", ".join(sorted({one.grade.value for one in scenario.facts})) or "invented"


def _lines(scenario: Scenario) -> Iterator[tuple[int, str, str]]:
    pace = f", {scenario.compressed:g} s of the incident in one" if scenario.compressed > 1 else ""
    yield 0, "length", f"{scenario.length_s:g} s{pace}"
    yield 0, "world", f"{scenario.asset} at {scenario.price:g} USD on {', '.join(scenario.venues)}"
    yield from ((0, label, text) for label, text in _expected(scenario.expect))
    for name, carried in scenario.providers.items():
        yield 0, "provider", f"{name} carries {', '.join(carried)}"
    yield 0, "played", "seconds of the scenario"
    for stage in scenario.stages:
        yield 1, _span(stage), stage.title + (f" ({', '.join(stage.venues)})" if stage.venues else "")
    if not scenario.facts:
        yield 0, "facts", "none: it is invented and encodes no incident"
    else:
        yield 0, "facts", "UTC, with grade and sources"
    for fact in scenario.facts:
        yield 1, fact.grade.value, _fact(fact)
    for grade in sorted({one.grade for one in scenario.facts}):
        yield 0, f"grade {grade.value}", GRADES[grade]
    yield from ((0, "assumed", one) for one in scenario.assumed)


def _expected(expect: Expect) -> Iterator[tuple[str, str]]:
    within = (
        ""
        if expect.at_most
        else f" within {expect.within_s:g} s of the third leg's onset at {expect.third_leg_at_s:g} s"
    )
    yield "expected", expect.words() + within
    if expect.fault:
        yield "the fault", f"{expect.fault}, named in some change"
    if expect.never_fault:
        yield "never", f"the fault {' or '.join(expect.never_fault)}"
    if expect.flagged_by_s is not None:
        yield "first flagged", f"something by {expect.flagged_by_s:g} s"
    if expect.open_until_s:
        yield "open", f"no incident ends before {expect.open_until_s:g} s"
    if expect.lost:
        yield "lost", f"the vantage {expect.lost} is reported to have lost its network, and what was flagged holds"
    if expect.findings:
        yield "found", ", ".join(expect.findings)
    if expect.never_found:
        yield "not found", ", ".join(expect.never_found)


def _span(stage: Stage) -> str:
    return f"{stage.at_s:g}-{stage.until_s:g}" if stage.until_s is not None else f"{stage.at_s:g}-"


def _fact(fact: Fact) -> str:
    played = "not played" if fact.at_s is None else f"played at {fact.at_s:g} s"
    return f"{fact.when}: {fact.said} ({played}; {', '.join(fact.sources) or 'no source'})"
