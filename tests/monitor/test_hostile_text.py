"""Text that a venue or a chain chose: from the door to every outlet it is one printable line, and no formula."""

from __future__ import annotations

import csv
import io
import logging
import re

import pytest

from chain.events import NetworkId
from chain.events.network import NodeFault, NodeFaultKind
from chain.explorers.answers import SourceSeen
from monitor.cli.commands.replay import line_of
from monitor.cli.shared import print_table
from monitor.intake import MAX_NAME, MAX_TEXT, Intake
from monitor.signals import Signal, SignalKind, Subject
from monitor.snapshot.clean import cell
from monitor.snapshot.story import story
from monitor.snapshot.tables import csv_bytes, table
from monitor.telemetry.log_sink import _as_otel_record
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from probes.readings import Funding, Instrument, Market, Reading, ServiceState, ServiceStatus, WalletStatus
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.intake.test_chain import UPGRADED
from tests.monitor.intake.test_intake import NOW, OTHER, V

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202egnp\u2066x\u2069\x9b31m\r\nBTC\x00\ud800"
ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def intake() -> Intake:
    under_test = Intake(vantage="tokyo", assets=["BTC"])
    under_test.know("bybit", [Instrument(symbol=HOSTILE, base="BTC", quote="USDT", market=Market.PERP)])
    return under_test


def texts(signal: Signal) -> list[str]:
    """Every text of a signal."""
    found = [signal.source, *(str(getattr(signal.subject, name)) for name in Subject.__struct_fields__)]
    return found + [value for value in signal.attributes.values() if isinstance(value, str)]


READINGS: list[Reading] = [
    WalletStatus(venue=V, asset="BTC", network=HOSTILE, received_at=NOW, deposits=True, withdrawals=False),
    ServiceStatus(venue=V, received_at=NOW, state=ServiceState.DEGRADED, title=HOSTILE, planned=False),
    Funding(venue=V, instrument=HOSTILE, received_at=NOW, event_time=NOW, rate=0.1, interval_s=28800.0),
]


@pytest.mark.parametrize("reading", READINGS, ids=lambda one: type(one).__name__)
def test_a_venues_text_is_printable_beyond_the_door(reading: Reading) -> None:
    [signal] = intake().reading(reading)
    assert all(text.isprintable() for text in texts(signal))
    assert any("owned" in text for text in texts(signal))


def test_a_nodes_and_an_explorers_text_is_printable_beyond_the_door() -> None:
    fault = NodeFault(
        network=NetworkId("ethereum"), seen_at=NOW, node=HOSTILE, fault=NodeFaultKind.TIMEOUT, detail=HOSTILE
    )
    [signal] = intake().event(fault)
    assert all(text.isprintable() for text in texts(signal))
    [checked] = intake().source(UPGRADED, SourceSeen(address=OTHER, by="x", verified=True, name=HOSTILE), NOW)
    assert all(text.isprintable() for text in texts(checked))


def test_text_is_bounded_at_the_door() -> None:
    [wallet] = intake().reading(
        WalletStatus(venue=V, asset="BTC", network="n" * 10_000, received_at=NOW, deposits=True, withdrawals=False)
    )
    assert wallet.subject.network == "n" * (MAX_NAME - 1) + "…"
    [status] = intake().reading(
        ServiceStatus(venue=V, received_at=NOW, state=ServiceState.DEGRADED, title="t" * 10_000, planned=False)
    )
    assert status.attributes["title"] == "t" * (MAX_TEXT - 1) + "…"


def test_metrics_hold_no_escape_from_a_venues_text() -> None:
    telemetry = Telemetry(TelemetrySettings(), vantage="x", version="1", env={})
    for reading in READINGS:
        telemetry.record(reading)
    body = telemetry.prometheus()[0].decode()
    assert "gnp" in body
    assert not ESCAPES.search(body)


def hostile_signal(**subject: str) -> Signal:
    return Signal(
        SignalKind.WALLET, Subject(asset="BTC", vantage="x", **subject), NOW, NOW, "bybit/wallet_status", 1, 0.0,
        {"detail": HOSTILE.replace("\ud800", "")},
    )  # fmt: skip


def test_a_csv_holds_no_escape_and_one_line_a_signal() -> None:
    body = csv_bytes(table([hostile_signal(network=HOSTILE.replace("\ud800", ""), instrument="a\nb")])).decode()
    assert not ESCAPES.search(body)
    assert body.count("\n") == 2


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\x1b=1", "\u202e=1", " =1", "\u00a0=1", "＝1"]
)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    body = csv_bytes(table([hostile_signal(network=text)])).decode()
    [row] = csv.DictReader(io.StringIO(body))
    assert row["network"].startswith("'")
    assert cell("plain") == "plain"


def test_a_page_of_an_incident_holds_no_escape() -> None:
    page = story([change(1, headline=f"STORM {HOSTILE}")], {}, 0, {}, False)
    assert not ESCAPES.search(page)
    assert page.splitlines()[0].startswith("# STORM")


def test_a_table_on_the_screen_holds_no_escape_and_reads_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(f"[red]venue[/red] {HOSTILE}", ("what",), [(HOSTILE,), ("[bold]x[/bold]",)])
    print_table(f"[red]empty[/red] {HOSTILE}", ("what",), [])
    shown = capsys.readouterr().out
    assert not ESCAPES.search(shown)
    for whole in ("[red]venue[/red]", "[bold]x[/bold]", "[red]empty[/red]"):
        assert whole in shown


def test_replay_shows_a_change_on_one_line_without_escapes() -> None:
    shown = line_of(change(1, headline=f"STORM {HOSTILE}"))
    assert "STORM" in shown
    assert shown.isprintable()


def test_an_exported_log_line_holds_no_escape() -> None:
    record = logging.LogRecord("stormwatch.feed", logging.ERROR, "x.py", 1, "venue says %s", (HOSTILE,), None)
    assert str(_as_otel_record(record).body).isprintable()
