"""What the commands print that need no network: help, settings, schemas, replay."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.commands.run import unused_path
from monitor.cli.shared import print_table
from monitor.correlator import CorrelatorSettings
from monitor.recordings.signals import RecordingWriter, header_of
from monitor.settings import load_settings
from monitor.settings.example import EXAMPLE, as_toml
from monitor.signals import Signal, SignalKind, Subject

T0 = datetime(2026, 11, 1, tzinfo=UTC)


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_help_names_every_command() -> None:
    text = said("--help")
    for name in (
        "run",
        "drill",
        "probe",
        "chain",
        "incidents",
        "snapshot",
        "replay",
        "record",
        "config",
        "db",
        "schema",
    ):
        assert name in text


def test_the_example_can_be_read_and_watches_something(tmp_path: Path) -> None:
    path = tmp_path / "stormwatch.toml"
    path.write_text(EXAMPLE)
    settings = load_settings(path, {})
    assert set(settings.venues) == {"binance_usdm", "bybit", "okx", "gate"}
    assert set(settings.assets) == {"BTC", "ETH"}


def test_config_init_writes_what_config_check_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said("config", "init")
    assert "the settings are good" in said("config", "check")
    assert json.loads(said("config", "check", "--json"))["venues"] == ["binance_usdm", "bybit", "gate", "okx"]


def test_config_show_is_toml_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORMWATCH_STORE__DSN", "postgresql://me:hunter2@db.example/x")
    text = said("config", "show")
    assert "hunter2" not in text
    tree = tomllib.loads(text)
    assert tree["store"]["dsn"] == "postgresql://db.example/…"
    assert tree["web"]["port"] == 9464


def test_config_show_hides_a_secret_under_a_key_that_no_sink_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stormwatch.toml").write_text("[sinks.webhook]\nsecret = 'hunter2'\nurl = 'x.example/hunter2'\n")
    text = said("config", "show")
    assert "hunter2" not in text
    assert "secret = " in text


def test_an_id_stays_whole_in_a_narrow_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    ident = "asset-rift-1795489877-6c5dd6"
    print_table(
        "incidents", ("opened", "id", "headline"), [("2026-11-24 03:11:01", ident, "word " * 20)], whole=("id",)
    )
    assert ident in capsys.readouterr().out


def test_any_tree_of_plain_values_survives_as_toml() -> None:
    tree = {"a": 1, "b": {"c": [1.5, "x\n", True], "d e": {"f": {}}, "g": [{"h": "i"}]}}
    assert tomllib.loads(as_toml(tree)) == tree


def test_replay_prints_the_digest_and_as_json_too(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with RecordingWriter(path, header_of(CorrelatorSettings(), "here", "1", T0)) as writer:
        for second in range(20):
            at = T0 + timedelta(seconds=second)
            writer.on_signals([Signal(SignalKind.TICK, Subject(), at, at, "clock", second + 1, 0.0)])
    assert "digest" in said("replay", str(path))
    last = json.loads(said("replay", str(path), "--json").splitlines()[-1])
    assert last["signals"] == 20
    assert len(last["digest"]) == 64


def test_a_daemon_started_again_keeps_its_older_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    assert unused_path(path, T0) == path
    path.touch()
    assert unused_path(path, T0).name == "a-20261101T000000.jsonl.gz"


def test_drill_lists_its_scenarios() -> None:
    text = said("drill", "--list")
    for name in ("perfect-storm", "quiet", "own-network-down", "exchange-outage-only"):
        assert name in text


def test_listings_come_as_json_too() -> None:
    names = [json.loads(line)["schema"] for line in said("schema", "--json").splitlines()]
    assert names == said("schema").split()
    assert {"scenario": "quiet"}.items() <= json.loads(said("drill", "--list", "--json").splitlines()[-1]).items()


def test_the_version_can_be_asked() -> None:
    assert said("--version").strip()


def test_every_schema_can_be_printed() -> None:
    for name in said("schema").split():
        assert json.loads(said("schema", name))


def test_config_check_says_of_which_nodes_no_traces_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = 'nodes = [{ url = "http://127.0.0.1:8545" }, { url = "https://node.example/v2/key" }]'
    asset = '[assets.BTC]\ncontracts = [{ network = "ethereum", address = "0x' + "a1" * 20 + '" }]'
    for traces, untraced in (("auto", ["ethereum https://node.example"]), ("on", [])):
        Path("stormwatch.toml").write_text(f'[networks.ethereum]\n{nodes}\ntraces = "{traces}"\n{asset}\n')
        assert json.loads(said("config", "check", "--json"))["untraced"] == untraced
        assert ("would not be seen" in said("config", "check")) is bool(untraced)
