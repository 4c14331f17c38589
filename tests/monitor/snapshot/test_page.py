"""The page of a snapshot: one file, nothing fetched, every text escaped; and the picture in it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.incidents import IncidentChange
from monitor.snapshot.clean import prose
from monitor.snapshot.page import page
from monitor.snapshot.picture import PNG, SVG, pictures
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.cli.test_exits import capacity
from tests.monitor.snapshot.test_snapshot import files, storm, written

VOID = {"meta", "img", "br", "link"}


class Read(HTMLParser):
    """The elements, attributes and text of a page; `open` is empty at the end of a well-formed one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def drawn() -> list[IncidentChange]:
    return [replace(one, exit=capacity()) for one in storm()]


def test_the_page_is_one_file_that_fetches_nothing_and_shows_the_same_as_the_markdown(tmp_path: Path) -> None:
    shown = Read((written(tmp_path) / "incident.html").read_text(encoding="utf-8"))

    assert not shown.open
    assert not {"script", "a", "link", "iframe", "object", "form"} & set(shown.tags)
    assert "src" not in shown.attributes
    assert shown.tags.count("h1") == 1
    for wanted in ("Can we get out", "PERFECT STORM BTC", "binance_usdm/liquidation", "Start again what was stopped"):
        assert wanted in shown.text
    assert "**" not in shown.text
    assert {"table", "ul", "ol", "code", "strong"} <= set(shown.tags)


@given(st.text() | st.text(alphabet="|<>[]()`*\\!\"'&# \n-1.a"))
def test_every_text_of_a_stranger_stays_text(text: str) -> None:
    plain = Read(
        page(f"# {prose(text)}\n\n- **x**: {prose(text)}\n  {prose(text)}\n\n| {prose(text)} |\n| --- |\n| a |\n", {})
    )

    assert not plain.open
    assert set(plain.tags) <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "ul", "ol", "li", "strong",
        "table", "thead", "tbody", "tr", "th", "td", "p",
    }  # fmt: skip
    assert set(plain.attributes) <= {"lang", "charset", "name", "content", "http-equiv", "scope", "tabindex"}


def test_the_picture_is_inside_the_page_with_words_for_who_does_not_see_it() -> None:
    shown = Read(page("# x\n\n![the legs](incident.svg)\n", {SVG: b"<svg/>"}))

    assert shown.attributes["src"] == ["data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()]
    assert shown.attributes["alt"] == ["the legs"]


def test_the_picture_names_each_leg_and_what_could_leave_and_is_the_same_twice(tmp_path: Path) -> None:
    first = pictures(drawn())

    assert set(first) == {SVG, PNG}
    assert first == pictures(drawn())
    svg = first[SVG].decode()
    for wanted in (
        ">liquidation<",
        ">venue<",
        ">migration<",
        "coverage, %",
        "could leave within 1 %, M USD",
        "12:00:30",
    ):
        assert wanted in svg
    assert first[PNG].startswith(b"\x89PNG")
    assert not re.search(r"<script|<a |href=\"http", svg)


def test_the_picture_of_an_incident_whose_exits_nobody_watches_says_so_and_a_venues_incident_has_none() -> None:
    assert b"could leave: not known" in pictures(storm())[SVG]
    assert pictures([change(verdict=None)]) == {}


def test_an_asset_whose_name_is_a_formula_or_in_a_strange_script_is_drawn() -> None:
    svg = pictures([change(scope="asset:$x^{2$_\\frac 币\x1b[31m</svg><script>")])[SVG]

    assert b"<script" not in svg
    assert b"\x1b" not in svg


def test_the_runbooks_lie_beside_the_page(tmp_path: Path) -> None:
    found = files(written(tmp_path))

    assert found["runbooks/perfect-storm.md"] == Path("ops/runbooks/perfect-storm.md").read_bytes()
    assert json.loads(found["versions.json"]) == {"stormwatch": "0.1.0"}
