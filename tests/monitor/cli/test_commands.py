"""The output of commands that need no network: help, settings, schemas, replay."""

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
from monitor.settings.template import FULL, MINIMAL
from monitor.settings.toml_text import as_toml
from monitor.signals import Signal, SignalKind, Subject

T0 = datetime(2026, 11, 1, tzinfo=UTC)


def output_of(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_help_names_every_command() -> None:
    text = output_of("--help")
    for name in (
        "run",
        "drill",
        "score",
        "probe",
        "venues",
        "venue",
        "chain",
        "incidents",
        "snapshot",
        "replay",
        "record",
        "config",
        "db",
        "schema",
        "status",
        "detect",
        "export",
        "top",
    ):
        assert name in text


@pytest.mark.parametrize("text", [FULL, MINIMAL])
def test_the_example_settings_are_valid_and_watch_something(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stormwatch.toml"
    path.write_text(text)
    settings = load_settings(path, {})
    assert set(settings.venues) == {"binance_usdm", "bybit", "okx", "gate"}
    assert set(settings.assets) == {"BTC", "ETH"}


def test_config_init_writes_settings_that_config_check_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output_of("config", "init", "--minimal")
    assert Path("stormwatch.toml").read_text() == MINIMAL
    output_of("config", "init", "--force")
    assert Path("stormwatch.toml").read_text() == FULL
    assert "the settings are good" in output_of("config", "check", "--offline")
    assert json.loads(output_of("config", "check", "--offline", "--json"))["venues"] == [
        "binance_usdm",
        "bybit",
        "gate",
        "okx",
    ]


def test_config_show_is_toml_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORMWATCH_STORE__DSN", "postgresql://me:hunter2@db.example/x")
    text = output_of("config", "show")
    assert "hunter2" not in text
    tree = tomllib.loads(text)
    assert tree["store"]["dsn"] == "postgresql://db.example/…"
    assert tree["web"]["port"] == 9464


def test_config_show_hides_a_secret_under_an_unknown_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stormwatch.toml").write_text("[sinks.webhook]\nsecret = 'hunter2'\nurl = 'x.example/hunter2'\n")
    text = output_of("config", "show")
    assert "hunter2" not in text
    assert "secret = " in text


def test_an_id_is_not_cut_in_a_narrow_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    ident = "asset-rift-1795489877-6c5dd6"
    print_table(
        "incidents", ("opened", "id", "headline"), [("2026-11-24 03:11:01", ident, "word " * 20)], whole=("id",)
    )
    assert ident in capsys.readouterr().out


def test_any_tree_of_plain_values_is_unchanged_after_toml() -> None:
    tree = {"a": 1, "b": {"c": [1.5, "x\n", True], "d e": {"f": {}}, "g": [{"h": "i"}]}}
    assert tomllib.loads(as_toml(tree)) == tree


def test_replay_prints_the_digest_as_text_and_as_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with RecordingWriter(path, header_of(CorrelatorSettings(), "here", "1", T0)) as writer:
        for second in range(20):
            at = T0 + timedelta(seconds=second)
            writer.signals([Signal(SignalKind.TICK, Subject(), at, at, "clock", second + 1, 0.0)])
    assert "digest" in output_of("replay", str(path))
    last = json.loads(output_of("replay", str(path), "--json").splitlines()[-1])
    assert last["signals"] == 20
    assert len(last["digest"]) == 64


def test_a_restarted_daemon_keeps_its_older_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    assert unused_path(path, T0) == path
    path.touch()
    assert unused_path(path, T0).name == "a-20261101T000000.jsonl.gz"


def test_drill_lists_its_scenarios() -> None:
    text = output_of("drill", "--list")
    for name in ("perfect-storm", "quiet", "own-network-down", "exchange-outage-only"):
        assert name in text


def test_listings_are_available_as_json() -> None:
    names = [json.loads(line)["schema"] for line in output_of("schema", "--json").splitlines()]
    assert names == output_of("schema").split()
    assert {"scenario": "two-regions"}.items() <= json.loads(
        output_of("drill", "--list", "--json").splitlines()[-1]
    ).items()


def test_the_version_is_printed() -> None:
    assert output_of("--version").strip()


def test_every_schema_can_be_printed() -> None:
    for name in output_of("schema").split():
        assert json.loads(output_of("schema", name))


def test_config_check_lists_the_nodes_without_traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = 'nodes = [{ url = "http://127.0.0.1:8545" }, { url = "https://node.example/v2/key" }]'
    asset = '[assets.BTC]\ncontracts = [{ network = "ethereum", address = "0x' + "a1" * 20 + '" }]'
    for traces, untraced in (("auto", ["ethereum https://node.example"]), ("on", [])):
        Path("stormwatch.toml").write_text(f'[networks.ethereum]\n{nodes}\ntraces = "{traces}"\n{asset}\n')
        assert json.loads(output_of("config", "check", "--offline", "--json"))["untraced"] == untraced
        assert ("would not be seen" in output_of("config", "check", "--offline")) is bool(untraced)
