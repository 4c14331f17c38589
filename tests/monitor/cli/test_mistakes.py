"""An operator's mistake is one line with key, value, what is allowed and the remedy; exit code 2; no traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from monitor.cli import main


def stormwatch(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from monitor.cli import main; main()", *arguments],
        capture_output=True, text=True, cwd=cwd, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200", **env},
    )  # fmt: skip


def ran(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, as it would run in one of its own."""
    out, complaint = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(complaint):
        patch.chdir(cwd)
        for name, value in {"COLUMNS": "200", **env}.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
    out.flush()
    said = out.buffer.getvalue().decode()
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, said, complaint.getvalue())


LOCAL = "[networks.local]\nnodes = [{ url = 'http://127.0.0.1:1' }]\n"
CONFIGS = {
    "unknown key": ("[store]\nfoldr = 'x'", "store.foldr", "folder"),
    "unknown table": ("[vanues.bybit]", "vanues", "venues"),
    "unknown venue": ("[venues.bybitt]", "bybitt", "bybit"),
    "explorer in the clear": ("[explorer]\netherscan_url = 'http://api.example/v2/api'", "http://api.example", "https://"),
    "bad explorer": ("[explorer]\nsourcify_url = 'sourcify'", "explorer.sourcify_url", "https://"),
    "impossible pace": ("[explorer]\ncalls_per_s = 0.0", "explorer", "calls_per_s"),
    "bad unit": ("[controls]\nevery_s = '5 parsecs'", "controls.every_s", "5s"),
    "wrong type": ("vantage = 3", "vantage", "text"),
    "unknown check": ("[venues.okx]\ndisabled = ['book']", "book", "book_ws"),
    "unknown host key": ("[venues.okx.hosts]\nrset = 'https://x'", "rset", "rest"),
    "bad host": ("[venues.okx.hosts]\nrest = 'ftp://x'", "ftp://x", "https://"),
    "unknown network": ("[networks.ethereal]\nnodes = [{ url = 'http://x' }]", "ethereal", "ethereum"),
    "bad address": (LOCAL + "[assets.BTC]\ncontracts = [{ network = 'local', address = '0x12' }]", "0x12", "40"),
    "unknown network of a contract": (
        f"[assets.BTC]\ncontracts = [{{ network = 'local', address = '0x{'a' * 40}' }}]", "local", "none is configured",
    ),
    "lower-case asset": ("[assets.btc]", "btc", "BTC"),
    "bundle of an asset": ("[assets.1000SHIB]", "1000SHIB", "'SHIB'"),
    "node with neither": ("[networks.local]\nnodes = [{}]", "url", "url_env"),
    "unset key variable": ("[venues.bybit]\nkey_env = 'NO_SUCH_KEY'\nsecret_env = 'NO_SUCH'", "NO_SUCH_KEY", "export"),
    "unknown sink": ("[sinks.pigeon]", "pigeon", "console"),
    "unset webhook secret": (
        "[sinks.webhook]\nurl = 'http://127.0.0.1:1'\nsecret_env = 'NO_SUCH_S'", "NO_SUCH_S", "secret_env",
    ),
    "not TOML": ("[store", "stormwatch.toml", "TOML"),
    "no time between checks": ("[venues.bybit]\nevery_s = { server_time = 0 }", "every_s.server_time", "above 0"),
    "impossible address of a host": ("[venues.bybit.hosts]\nrest = 'http://[::1'", "venues.bybit.hosts.rest", "whole URL"),
    "impossible port": ("[controls.targets]\na = 'http://x:99999'", "controls.targets.a", "port"),
    "secret without its key": ("[venues.bybit]\nsecret_env = 'HOME'", "venues.bybit.key_env", "is missing"),
    "no certificates": ("[venues.bybit]\nca_file = 'none.pem'", "none.pem", "PEM"),
    "a node of a variable that is no URL": ("[networks.local]\nnodes = [{ url_env = 'HOME' }]", "url_env (HOME)", "https://"),
    "another database": ("[store]\ndsn = 'mysql://me@host/x'", "store.dsn", "postgresql://"),
    "bound of the earlier spool": ("[store]\nspool_mb = 10", "store.spool_mb", "log.max_mb"),
    "bound of the earlier queue": ("[store]\nqueue_rows = 10", "store.queue_rows", "log.queue_rows"),
    "time of the earlier replay": ("[store]\nresume_s = '1h'", "store.resume_s", "log.keep_s"),
    "time constant without effect": ("[correlator]\nlevel_short_s = 20", "correlator.level_short_s", "it had no effect"),
    "age of the earlier batches": ("[store]\nbatch_s = 1", "store.batch_s", "log.group_s"),
    "unset variable of the database": ("[store]\ndsn_env = 'NO_SUCH_DSN'", "store.dsn_env", "NO_SUCH_DSN"),
    "impossible share": ("[correlator]\nprior = 3.0", "prior", "between 0 and 1"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", CONFIGS)
def test_a_mistake_in_the_settings_is_reported_in_one_line(tmp_path: Path, mistake: str) -> None:
    text, *words = CONFIGS[mistake]
    (tmp_path / "stormwatch.toml").write_text(text)

    ended = ran("config", "check", "--offline", cwd=tmp_path)

    assert ended.returncode == 2, ended
    assert len(ended.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in ended.stderr


SECRETS = {
    "a user in a host": "[venues.bybit.hosts]\nrest = 'htp://me:hunter2@x/hunter2'",
    "two ways to a node": "[networks.local]\nnodes = [{ url = 'http://x/hunter2', url_env = 'A' }]",
    "a node that is no URL": "[networks.local]\nnodes = [{ url = 'x.example/hunter2' }]",
    "a node that is no table": "[networks.local]\nnodes = ['x.example/hunter2']",
    "two ways to a database": "[store]\ndsn = 'host=x password=hunter2'\ndsn_env = 'A'",
    "a mistyped key": "[store]\npassword = 'hunter2'",
    "headers instead of their variable": "[telemetry]\notlp_headers = 'authorization=hunter2'",
    "a secret instead of its variable": "[sinks.webhook]\nurl = 'http://x/hunter2'\nsecret = 'hunter2'",
}


@pytest.mark.parametrize("mistake", SECRETS)
def test_a_mistake_near_a_secret_does_not_show_the_secret(tmp_path: Path, mistake: str) -> None:
    (tmp_path / "stormwatch.toml").write_text(SECRETS[mistake])

    ended = ran("config", "check", "--offline", cwd=tmp_path)

    assert ended.returncode == 2, ended
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "hunter2" not in ended.stdout + ended.stderr


ARGUMENTS = {
    "unknown venue": (("probe", "bybitt"), "bybit"),
    "unknown check": (("probe", "bybit", "server_tim"), "server_time"),
    "signed check without keys": (("probe", "okx", "wallet_status"), "key_env"),
    "bad host option": (("probe", "okx", "--host", "rest"), "NAME=VALUE"),
    "unknown host key": (("probe", "okx", "--host", "rset=http://127.0.0.1:1"), "rest"),
    "bad host": (("probe", "okx", "--host", "rest=x"), "whole URL"),
    "no time to listen": (("probe", "okx", "book_ws", "--listen", "nan"), "--listen"),
    "bad collector": (("drill", "quiet", "--otlp", "x"), "--otlp"),
    "nowhere to write": (("drill", "quiet", "-o", "/proc/x"), "--out"),
    "missing config": (("config", "check", "-c", "none.toml"), "config init"),
    "a venue that cannot be simulated": (("drill", "quiet", "--venues", "okx,bitgett"), "bitget"),
    "unknown scenario": (("drill", "perfect-strom"), "perfect-storm"),
    "missing recording": (("replay", "none.jsonl"), "none.jsonl"),
    "missing series": (("detect", "none.csv"), "none.csv"),
    "unknown schema": (("schema", "signl"), "signal"),
    "unknown scan network": (("chain", "scan", "--network", "local", "--from", "1", "--to", "2"), "none is configured"),
    "nothing to watch": (("run",), "config init"),
    "nothing to record": (("record", "-o", "x.jsonl"), "config init"),
    "recording over a file": (("record", "-o", "."), "--force"),
    "a recording nowhere": (("run", "--record", "/proc/x/y"), "--record"),
    "an option before its command": (("incidents", "--json", "list"), "after list"),
    "vantages without a bus": (("run", "--vantage", "eu"), "--from"),
    "bad clock": (("run", "--clock-start", "noon"), "2026-11-24T01:30:00Z"),
    "both id and time": (("snapshot", "x", "--at", "2026-01-01"), "either"),
}


@pytest.mark.parametrize("mistake", ARGUMENTS)
def test_a_mistake_in_the_arguments_is_reported_in_one_line(tmp_path: Path, mistake: str) -> None:
    arguments, word = ARGUMENTS[mistake]

    ended = ran(*arguments, cwd=tmp_path)

    assert ended.returncode == 2, ended
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert word in ended.stderr


def test_an_unreachable_database_is_reported_without_its_password(tmp_path: Path) -> None:
    ended = ran("incidents", "list", cwd=tmp_path, STORMWATCH_STORE__DSN="postgresql://me:hunter2@127.0.0.1:1/x")

    assert ended.returncode == 2, ended
    assert "store.dsn" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_an_invalid_database_name_is_reported(tmp_path: Path) -> None:
    ended = ran("db", "migrate", cwd=tmp_path, STORMWATCH_STORE__DSN="mysql://x")

    assert ended.returncode == 2, ended
    assert "postgresql://" in ended.stderr


def test_an_unreachable_node_is_reported(tmp_path: Path) -> None:
    (tmp_path / "stormwatch.toml").write_text("[networks.local]\nnodes = [{ url = 'http://127.0.0.1:1' }]\n")

    ended = ran("chain", "scan", "--network", "local", "--from", "1", "--to", "2", cwd=tmp_path)

    assert ended.returncode == 2, ended
    assert "networks.local.nodes" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr


def test_help_imports_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom monitor.cli.app import app\n"
        "heavy = {'web3', 'pandas', 'aiohttp', 'asyncpg', 'opentelemetry'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3]
    )
    assert ended.returncode == 0, ended.stderr
