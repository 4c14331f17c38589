"""`stormwatch drill list` and `--explain`: every shipped scenario is listed, and what one plays is told without playing it."""

from __future__ import annotations

import json
from pathlib import Path

from monitor.drill.scenario import names
from tests.monitor.cli.test_commands import output_of

SCENARIO = """
name = "told"
title = "It fell, compressed 60 times"
length_s = "30s"
seed = 1
asset = "RIFT"
price = 2.5
compressed = 60
assumed = ["the size of each forced order"]
[expect]
level = "watch"
at_most = true
fault = "venue"
findings = ["withdrawals"]
[[stages]]
at_s = 5
until_s = 10
title = "forced orders at one venue"
venues = ["okx"]
liquidations_per_s = 3
[[facts]]
when = "2025-04-13 18:00"
said = "the price fell by half"
grade = "B"
sources = ["a report"]
at_s = 5
[[facts]]
when = "2025-04-13"
said = "it was a Sunday"
grade = "K"
"""


def test_the_list_has_every_scenario_with_its_length_expectation_and_title() -> None:
    lines = [json.loads(line) for line in output_of("drill", "list", "--json").splitlines()]
    assert tuple(one["scenario"] for one in lines) == names()
    storm = next(one for one in lines if one["scenario"] == "perfect-storm")
    assert (storm["length_s"], storm["expected"], storm["facts"]) == (80, "perfect-storm", 0)
    quiet = next(one for one in lines if one["scenario"] == "quiet")
    assert (quiet["expected"], quiet["title"][:14]) == ("at most calm", "A quiet market")
    shown = output_of("drill", "list")
    assert all(name in shown for name in names())
    assert "at most calm" in shown
    assert shown == output_of("drill", "--list")


def test_an_explanation_tells_stages_facts_with_grade_and_source_and_what_was_assumed(tmp_path: Path) -> None:
    path = tmp_path / "told.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    text = " ".join(output_of("drill", str(path), "--explain").split())
    for words in (
        "30 s, 60 s of the incident in one",
        "at most watch",
        "the fault venue, named in some change",
        "found withdrawals",
        "5-10 forced orders at one venue (okx)",
        "B 2025-04-13 18:00: the price fell by half (played at 5 s; a report)",
        "K 2025-04-13: it was a Sunday (not played; no source)",
        "grade B several independent reports",
        "assumed the size of each forced order",
    ):
        assert words in text, words


def test_an_explanation_of_an_invented_scenario_says_that_it_encodes_no_incident() -> None:
    text = " ".join(output_of("drill", "perfect-storm", "--explain").split())
    assert "encodes no incident" in text
    assert "perfect-storm within 60 s of the third leg's onset at 40 s" in text


def test_an_explanation_of_a_quiet_twin_is_of_the_twin() -> None:
    text = " ".join(output_of("drill", "flow-2025-12-27", "--quiet-twin", "--explain").split())
    assert "flow-2025-12-27-quiet-twin" in text
    assert "at most watch" in text


def test_an_explanation_as_json_is_the_whole_scenario(tmp_path: Path) -> None:
    path = tmp_path / "told.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    told = json.loads(output_of("drill", str(path), "--explain", "--json"))
    assert told["facts"][0] == {
        "when": "2025-04-13 18:00", "said": "the price fell by half", "grade": "B", "sources": ["a report"], "at_s": 5,
    }  # fmt: skip
    assert (told["compressed"], told["expect"]["findings"]) == (60, ["withdrawals"])
