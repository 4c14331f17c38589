"""`stormwatch config check` asks what a run would depend on, and tells all that is wrong with it at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.asked import ask
from monitor.cli.foresight import foresee
from monitor.errors import Mistakes, OperatorError, each
from monitor.settings import load_settings
from tests.probes.loopback import Answer, Loopback, say, serving

LISTED = "/api/v5/public/instruments"
SWAPS = say(
    '{"code":"0","msg":"","data":[{"instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT","ctVal":"0.01","ctMult":"1",'
    '"ctType":"linear","state":"live"}]}'
)


async def node(request: web.Request) -> web.StreamResponse:
    """A node of Ethereum, whatever it is asked."""
    asked = await request.json()
    answers = [
        {"jsonrpc": "2.0", "id": one["id"], "result": "0x1"} for one in (asked if isinstance(asked, list) else [asked])
    ]
    return web.json_response(answers if isinstance(asked, list) else answers[0])


async def found(folder: Path, text: str, **env: str) -> tuple[dict[str, str], list[str]]:
    """The mistakes by key, and the warnings."""
    path = folder / "stormwatch.toml"
    path.write_text(f'[store]\nfolder = "{folder}/store"\n{text}')
    settings, mistakes = load_settings(path, env), Mistakes()
    foreseen = foresee(settings, env, mistakes)
    warnings = foreseen.warnings + await ask(settings, foreseen, env, mistakes)
    try:
        mistakes.tell()
    except OperatorError as error:
        return {one.key: str(one) for one in each(error)}, warnings
    return {}, warnings


def okx(served: Loopback, more: str = "") -> str:
    return f'[venues.okx]\nhosts = {{ rest = "{served.url}" }}\n{more}\n'


async def test_what_answers_as_it_should_is_neither_a_mistake_nor_a_warning(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {LISTED: SWAPS, "/node": node, "/target": say("{}"), "/control": say("", 404)}
    async with serving(answers) as served:
        mistakes, warnings = await found(
            tmp_path,
            f'[assets.BTC]\n{okx(served)}[networks.ethereum]\nnodes = [{{ url = "{served.url}/node" }}]\n'
            f'[targets.api]\nurl = "{served.url}/target"\n[controls.targets]\na = "{served.url}/control"\n',
        )

    assert (mistakes, warnings) == ({}, [])
    assert not (tmp_path / "store").exists(), "a check leaves nothing behind"


async def test_an_asset_that_no_venue_lists_and_a_symbol_that_is_unknown_are_mistakes(tmp_path: Path) -> None:
    async with serving({LISTED: SWAPS}) as served:
        wrong = 'instruments = ["BTC-USDT-SWP"]'
        mistakes, _ = await found(tmp_path, f"[assets.BTC]\n[assets.BTCC]\n{okx(served, wrong)}")

    assert set(mistakes) == {"assets", "venues.okx.instruments"}
    assert "did you mean 'BTC'" in mistakes["assets"]
    assert "did you mean 'BTC-USDT-SWAP'" in mistakes["venues.okx.instruments"]


async def test_an_asset_that_one_venue_lists_is_a_warning_at_another_and_unknown_at_one_that_is_silent(
    tmp_path: Path,
) -> None:
    only = 'assets = ["DOGE"]\n[venues.bybit]\nassets = ["DOGE"]\nhosts = { rest = "http://127.0.0.1:1" }'
    async with serving({LISTED: SWAPS}) as served:
        mistakes, warnings = await found(tmp_path, f"[assets.DOGE]\n{okx(served, only)}")

    assert set(mistakes) == {"venues.bybit.hosts"}, "a venue that did not answer may list it"
    assert "venue okx lists no spot or perpetual of DOGE" in warnings


async def test_everything_that_the_settings_name_and_that_is_away_is_told_at_once(tmp_path: Path) -> None:
    async with serving({LISTED: say("{}", 503), "/node": node, "/target": say("", 500)}) as served:
        mistakes, warnings = await found(
            tmp_path,
            f'dsn = "postgresql://me:hunter2@127.0.0.1:1/x"\nconnect_timeout_s = "2s"\n[assets.BTC]\n{okx(served)}'
            f'[networks.ethereum]\nnodes = [{{ url = "http://127.0.0.1:1/s3cret" }}]\n'
            f'[networks.base]\nnodes = [{{ url = "{served.url}/node" }}]\n'
            f'[targets.api]\nurl = "{served.url}/target"\n[controls.targets]\nhere = "http://127.0.0.1:1"\n',
        )

    assert set(mistakes) == {
        "store.dsn", "venues.okx.hosts", "networks.ethereum.nodes[0]", "networks.base.nodes[0]", "targets.api",
    }  # fmt: skip
    assert "a node of chain 8453" in mistakes["networks.base.nodes[0]"]
    assert "chain id 1" in mistakes["networks.base.nodes[0]"]
    assert not any(secret in str(mistakes) for secret in ("hunter2", "s3cret"))
    assert [one for one in warnings if one.startswith("control target here does not answer")]


async def test_what_a_run_would_lack_is_a_warning(tmp_path: Path) -> None:
    async with serving({LISTED: SWAPS}) as served:
        _, warnings = await found(tmp_path, f"{okx(served)}\n[sinks.console]\nenabled = false\n")

    assert [one.partition(":")[0] for one in warnings] == [
        "no [controls] targets",
        "no [assets.NAME]",
        "no [sinks.NAME]",
    ]


@pytest.mark.parametrize("text", ["", "[venues.okx]\nenabled = false\n", "[assets.BTC]\n"])
def test_settings_that_watch_nothing_are_refused_as_by_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stormwatch.toml").write_text(text)
    result = CliRunner().invoke(app, ["config", "check", "--offline"])
    assert isinstance(result.exception, OperatorError)
    assert "config init" in str(result.exception)


def test_a_folder_that_cannot_be_written_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a-file").touch()
    Path("stormwatch.toml").write_text(
        '[store]\nfolder = "a-file/store"\n[targets.api]\nurl = "http://127.0.0.1:1"\n[sinks.webhook]\nurl = "http://x"\n'
        'secret_env = "NO_SUCH"\n'
    )
    result = CliRunner().invoke(app, ["config", "check"])
    assert isinstance(result.exception, OperatorError)
    assert sorted(one.key for one in each(result.exception)) == [
        "sinks.webhook.secret_env",
        "store.folder",
        "targets.api",
    ]


def test_a_check_says_whether_it_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stormwatch.toml").write_text('[targets.api]\nurl = "http://127.0.0.1:1"\n')
    result = CliRunner().invoke(app, ["config", "check", "--offline", "--json"])
    assert json.loads(result.stdout)["asked"] is False
    assert "nobody was asked" in CliRunner().invoke(app, ["config", "check", "--offline"]).stdout
