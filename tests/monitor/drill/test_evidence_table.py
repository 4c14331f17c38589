"""Every figure that is read is judged, or its excuse is written down; and docs/evidence.md says what the code does."""

from __future__ import annotations

from monitor.drill import scenario as scenarios
from monitor.drill.evidence_excuses import EXCUSED, NO_EVIDENCE
from monitor.drill.evidence_reads import VALUE, reads_of
from monitor.drill.evidence_table import cells, finds, page, readers
from monitor.signals import Signal, SignalKind
from monitor.signals.kinds import KINDS
from tests.pure_rooms import ROOT

NAMES = {"first": "bid_depth_10_usd", "second": "ask_depth_10_usd"}


class Chooses:
    """A reader with one branch for each kind, a helper, a pattern and a name that is only a word."""

    kinds = frozenset({SignalKind.BOOK, SignalKind.FUNDING})

    def on_signal(self, signal: Signal, at_s: float) -> None:
        if signal.kind is SignalKind.BOOK:
            self._book(signal)
            return
        assert signal.value >= 0
        of = signal.attributes.get
        print(of("interval_s"), str.format(" ", name="mid"), NAMES)

    def _book(self, signal: Signal) -> None:
        for side in ("bid", "ask"):
            print(signal.attributes.get(f"{side}_depth_50_usd"))
        print(signal.attributes["state"] if signal.kind == SignalKind.BOOK else signal.attributes["mid"])


def test_every_figure_is_read_or_excused_in_writing() -> None:
    assert [f"{one.kind}.{one.name}" for one in cells() if not one.readers and not one.excuse] == []


def test_no_excuse_is_written_for_what_is_read_or_does_not_exist() -> None:
    unread = {(one.kind, one.name) for one in cells() if not one.readers}
    stale = [key for key in EXCUSED if key[0] is not None and key not in unread]
    assert stale == []
    assert {name for kind, name in EXCUSED if kind is None} <= {name for _, name in unread}
    assert not [kind for kind in NO_EVIDENCE if not any(one is kind for one, _ in unread)]


def test_the_page_says_what_the_code_does() -> None:
    assert (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8") == page()


def test_a_reader_is_followed_into_the_branch_of_the_kind_and_into_its_helpers() -> None:
    assert reads_of(Chooses, SignalKind.BOOK) == {"bid_depth_50_usd", "ask_depth_50_usd", "state"}


def test_the_value_and_an_alias_of_get_are_seen_and_a_mere_word_is_not() -> None:
    assert reads_of(Chooses, SignalKind.FUNDING) == {VALUE, "interval_s"}


def test_every_kind_has_its_rows() -> None:
    found = {(one.kind, one.name) for one in cells()}
    assert found == {(kind, name) for kind, one in KINDS.items() for name in (VALUE, *one.attributes)}


def test_every_finding_that_a_scenario_needs_is_made_by_some_producer() -> None:
    made = readers().values()
    for name in scenarios.names():
        for finding in scenarios.load(name).expect.findings:
            assert any(finds(one, finding) for one in made), (name, finding)
