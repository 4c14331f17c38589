"""Snapshots: complete, the same bytes each time, readable by a person, and safe to give to third parties."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import OperatorError
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Level
from monitor.signals import Signal, Subject
from monitor.snapshot import MANIFEST, Beside, folder_name, write_snapshot
from monitor.snapshot.clean import cell, clean, clean_settings, prose
from monitor.snapshot.tables import COLUMNS, parquet_bytes, table
from tests.branches import Reached
from tests.monitor.alerting.sinks.changes import INCIDENT, change, evidence, signal
from tests.monitor.cli.test_exits import capacity

SETTINGS = {"vantage": "local", "sinks": {"desk": {"secret_env": "DESK_SECRET", "url": "https://desk.example/…"}}}
NAMES = {
    "incident.md",
    "incident.html",
    "runbooks/perfect-storm.md",
    "runbooks/calm.md",
    "incident.json",
    "signals.csv",
    "signals.parquet",
    "config.json",
    "versions.json",
    "traces.json",
    MANIFEST,
}


def storm() -> list[IncidentChange]:
    """Opened as a squall, raised, ended."""
    return [
        change(1, level=Level.SQUALL, peak=Level.SQUALL, pages=False, headline="SQUALL BTC"),
        change(2, kind=ChangeKind.RAISED),
        change(
            3,
            kind=ChangeKind.ENDED,
            state=IncidentState.ENDED,
            level=Level.CALM,
            pages=False,
            headline="CALM BTC",
            runbook="ops/runbooks/calm.md",
        ),
    ]


def written(
    into: Path,
    changes: list[IncidentChange] | None = None,
    signals: list[Signal] | None = None,
    remarks: tuple[str, ...] = (),
) -> Path:
    return write_snapshot(
        into,
        changes=storm() if changes is None else changes,
        signals=[signal(n) for n in range(5)] if signals is None else signals,
        beside=Beside(
            settings_public=SETTINGS,
            versions={"stormwatch": "0.1.0"},
            traces={INCIDENT: "0af7651916cd43dd8448eb211c80319c"},
            remarks=remarks,
        ),
    )


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a snapshot by its path inside."""
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def all_text(folder: Path) -> str:
    """Every byte of every file but the parquet, as text; and the parquet's cells."""
    import pyarrow.parquet as pq

    shown = [body.decode() for name, body in files(folder).items() if not name.endswith(".parquet")]
    return "\n".join([*shown, str(pq.read_table(folder / "signals.parquet").to_pylist())])


def test_the_folder_and_the_zip_hold_the_same_files(tmp_path: Path) -> None:
    folder = written(tmp_path)

    assert folder == tmp_path / INCIDENT
    assert set(files(folder)) == NAMES
    with zipfile.ZipFile(tmp_path / f"{INCIDENT}.zip") as packed:
        assert {entry.filename: packed.read(entry) for entry in packed.infolist()} == {
            f"{INCIDENT}/{name}": body for name, body in files(folder).items()
        }
    assert {one.name for one in tmp_path.iterdir()} == {INCIDENT, f"{INCIDENT}.zip"}


def test_the_page_says_who_acknowledged_the_incident_and_until_when_it_was_silenced(tmp_path: Path) -> None:
    remarks = ("acknowledged by Ann <b> at 2026-01-01 12:00:00 UTC", "silenced until 2026-01-01 13:00:00 UTC by Bo")
    page = (written(tmp_path, remarks=remarks) / "incident.md").read_text()

    first = " ".join(page.splitlines()[2:8])
    assert "acknowledged by Ann" in first, "whoever is woken sees at once that somebody takes care"
    assert page.index("## Where it stands") < page.index("- silenced until 2026-01-01 13:00:00 UTC by Bo")
    assert "<b>" not in page


def test_the_manifest_proves_every_other_file(tmp_path: Path) -> None:
    folder = written(tmp_path)
    lines = [line.partition("  ") for line in (folder / MANIFEST).read_text().splitlines()]
    listed = {name: digest for digest, _gap, name in lines}

    assert set(listed) == NAMES - {MANIFEST}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in listed.items())


def test_the_same_incident_gives_the_same_bytes_in_whatever_order_it_came(tmp_path: Path) -> None:
    signals = [signal(n, {"b": n, "a": "x"}) for n in range(50)]
    turned = [signal(n, {"a": "x", "b": n}) for n in reversed(range(50))]

    first = written(tmp_path / "one", storm(), signals)
    second = written(tmp_path / "two", storm()[::-1], turned)

    assert files(first) == files(second)
    assert first.with_name(f"{INCIDENT}.zip").read_bytes() == second.with_name(f"{INCIDENT}.zip").read_bytes()


def test_the_first_page_says_how_much_could_leave(tmp_path: Path) -> None:
    changes = [replace(one, exit=capacity()) for one in storm()]
    page = (written(tmp_path, changes) / "incident.md").read_text(encoding="utf-8")

    assert (
        "1.2 M USD of BTC can leave within 1 % in a minute" in page.partition("## Can we get out")[2].partition("##")[0]
    )


def test_the_first_page_shows_the_incident_and_its_order_of_events(tmp_path: Path) -> None:
    page = (written(tmp_path) / "incident.md").read_text(encoding="utf-8")

    assert page.startswith("# PERFECT STORM BTC")
    for wanted in (
        "where it stands: ended: calm was seen",
        "level now: calm; highest: perfect-storm",
        "by chance once in 2.7 years",
        "| 2026-01-01 12:01:00.000 | 2 | raised | perfect-storm, pages |",
        "| 12 1/s | 0.2 1/s | L4 |",
        "fragility seen calm with coverage 80%",
        "binance_usdm/liquidation | liquidation | 0% | silent |",
        "the market's",
        "not local: other targets answer",
        "runbook: `ops/runbooks/perfect-storm.md`",
        f"replay id: `{INCIDENT}:3`",
        "0af7651916cd43dd8448eb211c80319c",
        "5 signals lie beside this page",
    ):
        assert wanted in page
    assert page.index("**venue** true") < page.index("**migration** true") < page.index("**liquidation** unknown")


def test_an_incident_without_an_asset_has_its_page_too(tmp_path: Path) -> None:
    local = change(scope="vantage:local", verdict=None, evidence=(), blind=(), counter_evidence=(), far_per_day=0.0)
    page = (written(tmp_path, [local], []) / "incident.md").read_text(encoding="utf-8")

    assert "none: this incident is not about an asset" in page
    assert "by chance: never measured" in page
    assert "0 signals lie beside this page" in page


def test_every_revision_is_in_the_json(tmp_path: Path) -> None:
    written_json = json.loads((written(tmp_path) / "incident.json").read_bytes())
    assert [one["revision"] for one in written_json] == [1, 2, 3]
    assert written_json[1]["evidence"][0]["links"] == list(evidence().links)


def test_signals_are_rows_in_order_of_arrival(tmp_path: Path) -> None:
    folder = written(tmp_path, None, [signal(2), signal(1, value=float("nan")), signal(3, subject=Subject())])
    rows = list(csv.DictReader(io.StringIO((folder / "signals.csv").read_text(encoding="utf-8"))))

    assert list(rows[0]) == list(COLUMNS)
    assert [row["seq"] for row in rows] == ["1", "2", "3"]
    assert [row["value"] for row in rows] == ["", "2000.0", "3000.0"]
    assert rows[0]["event_time"] == "2026-01-01T12:00:01.000000Z"
    assert json.loads(rows[0]["attributes"]) == {"side": "long", "price": 50000.0}
    assert (rows[0]["asset"], rows[2]["asset"]) == ("BTC", "")


SECRETS = (
    "postgres://watcher:hunter2@db.example/x",
    "https://user:p/a@ss@node.example/v3",
    "wss://node.example/ws/0123456789abcdef0123456789abcdef",
    "https://api.example/v1?listenKey=pqia91ma19a5s61cv6a81va65sdf19v8a65a1",
    "Authorization: Bearer abcdef0123456789abcdef",
    "api_key=Zm9vYmFyYmF6cXV4",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefghijABCDEFGHIJ",
    "xoxb-123456789012-abcdefghijkl",
    "sk_live_0123456789abcdefghij",
    "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
    "-----BEGIN EC PRIVATE KEY-----\nMHQCAQEEIK\n-----END EC PRIVATE KEY-----",
)
HUSH = (
    "hunter2",
    "a@ss",
    "0123456789abcdef0123456789abcdef",
    "pqia91ma19a5s61cv6a81va65sdf19v8a65a1",
    "abcdef0123456789abcdef",
    "Zm9vYmFyYmF6cXV4",
    "eyJzdWIiOiIxIn0",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789",
    "xoxb-123456789012",
    "sk_live_0123",
    "4c0883a69102937d",
    "MHQCAQEEIK",
)


@pytest.mark.parametrize(("secret", "hush"), list(zip(SECRETS, HUSH, strict=True)))
def test_a_secret_in_a_venues_text_is_in_no_file(tmp_path: Path, secret: str, hush: str) -> None:
    text = f"error at {secret} today"
    folder = written(
        tmp_path,
        [change(headline=text, evidence=(evidence(said=text, unit=text),), counter_evidence=(text,), scope=text)],
        [signal(1, {"detail": text, text: 1}, source=text, subject=Subject(instrument=text), link=text)],
    )
    assert hush not in all_text(folder)
    assert "[hidden]" in all_text(folder)


def test_addresses_hashes_and_trace_ids_stay_readable() -> None:
    for shown in (
        "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f",
        "0x" + "ab" * 32,
        "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331",
        INCIDENT,
        "binance_usdm/liquidation",
    ):
        assert clean(shown) == shown


def test_settings_hide_a_secrets_value_and_show_its_variable() -> None:
    tree: dict[str, Any] = {
        "password": "hunter2",
        "key_env": "K",
        "ca_file": "ca.pem",
        "in": [{"api_key": "x", "n": 1}],
    }
    assert clean_settings(tree) == {
        "password": "[hidden]",
        "key_env": "K",
        "ca_file": "ca.pem",
        "in": [{"api_key": "[hidden]", "n": 1}],
    }


def test_formulas_in_text_cells_are_escaped_and_numbers_are_unchanged(tmp_path: Path) -> None:
    formulas = [f"{mark}cmd|' /C calc'!A0" for mark in ("=", "+", "-", "@", " =")]
    signals = [signal(n, value=-float(n), subject=Subject(instrument=one)) for n, one in enumerate(formulas)]
    text = (written(tmp_path, None, signals) / "signals.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert [row["instrument"] for row in rows] == [f"'{one}" for one in formulas]
    assert [row["value"] for row in rows] == ["-0.0", "-1.0", "-2.0", "-3.0", "-4.0"]


a_formula = Reached("a text that begins as a formula")
markup = Reached("a text with markup")


@given(st.text() | st.tuples(st.sampled_from("=+-@\t\r\n"), st.text()).map("".join))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    a_formula(text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")))
    assert not cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.text() | st.text(alphabet="|<>[]` a\n\\"))
def test_prose_is_one_line_without_markup(text: str) -> None:
    line = prose(text)
    assert line.isprintable()
    markup(any(mark in text for mark in "|<>[]`"))
    for mark in "|<>[]`":
        assert line.count(mark) == line.count(f"\\{mark}")


def test_an_untrusted_incident_id_stays_inside_the_folder(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", [change(incident_id="../../vantage/évil\n")], [])

    assert folder.resolve().parent == (tmp_path / "in").resolve()
    assert folder_name("..") == "incident"
    assert len(folder_name("x" * 500)) == 120


def test_an_earlier_snapshot_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    folder = written(tmp_path, storm()[:1])
    assert written(tmp_path) == folder
    assert len(json.loads((folder / "incident.json").read_bytes())) == 3

    (folder / MANIFEST).unlink()
    with pytest.raises(OperatorError, match="move what is there away"):
        written(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_operator_error(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("x")
    with pytest.raises(OperatorError) as caught:
        written(taken)
    assert caught.value.key == "--out"


@pytest.mark.parametrize("changes", [[], [change(1), change(1, incident_id="another")]])
def test_a_snapshot_contains_exactly_one_incident(tmp_path: Path, changes: list[IncidentChange]) -> None:
    with pytest.raises(OperatorError, match="exactly one incident"):
        written(tmp_path, changes)


def test_the_parquet_is_the_same_table_with_its_types() -> None:
    import pyarrow.parquet as pq

    packed = parquet_bytes(table([signal(2), signal(1, subject=Subject(instrument="=1"))]))
    assert packed is not None
    rows = pq.read_table(io.BytesIO(packed)).to_pylist()

    assert [(row["seq"], row["value"], row["instrument"]) for row in rows] == [
        (1, 1000.0, "=1"),
        (2, 2000.0, "BTCUSDT"),
    ]
