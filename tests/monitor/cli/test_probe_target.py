"""`stormwatch probe --target NAME` asks one of the operator's own targets, and ends with 1 if it is not as it should be."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tomllib
from pathlib import Path

import pytest

from tests.probes.loopback import say, serving

PROGRAM = "from monitor.cli import main; main()"


async def stormwatch(folder: Path, *given: str, **env: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *given, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200", **env},
    )  # fmt: skip
    out, complaint = await process.communicate()
    return process.returncode, out.decode(), complaint.decode()


@pytest.mark.parametrize(("height", "code", "outcome"), [(16, 0, "ok"), (17, 1, "unmet $.height: 16 below 17")])
async def test_a_target_is_asked_once_with_its_conditions(tmp_path: Path, height: int, code: int, outcome: str) -> None:
    async with serving({"/": say('{"height":16}')}) as served:
        (tmp_path / "stormwatch.toml").write_text(
            f'[targets.rpc]\nurl_env = "RPC"\nheaders_env = {{ X-Key = "KEY" }}\n'
            f'conditions = [{{ path = "$.height", least = {height} }}]'
        )
        given = {"RPC": f"{served.url}/?p4th", "KEY": "s3cret"}
        ended, out, complaint = await stormwatch(tmp_path, "probe", "--target", "rpc", **given)
        _, as_json, _ = await stormwatch(tmp_path, "probe", "--target", "rpc", "--json", **given)

    assert (ended, complaint) == (code, "")
    assert "target rpc: 1 requests" in out
    assert outcome in out
    assert json.loads(as_json)["venue"] == "target:rpc"
    assert served.headers[0]["X-Key"] == "s3cret"
    assert not any(secret in out + as_json for secret in ("s3cret", "p4th"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["probe", "--target", "rcp"], ["--target", "'rpc'"]),
        (["probe", "okx", "--target", "rpc"], ["VENUE", "nothing beside --target"]),
        (["probe", "--target", "rpc", "--asset", "BTC"], ["--asset", "nothing beside --target"]),
        (["probe"], ["VENUE", "--target NAME"]),
    ],
)
async def test_a_mistake_is_named_and_ends_with_2(tmp_path: Path, given: list[str], words: list[str]) -> None:
    (tmp_path / "stormwatch.toml").write_text('[targets.rpc]\nurl = "http://127.0.0.1:9/"')
    code, _, complaint = await stormwatch(tmp_path, *given)

    assert code == 2
    for word in words:
        assert word in complaint


async def test_without_targets_the_remedy_says_where_to_add_one(tmp_path: Path) -> None:
    code, _, complaint = await stormwatch(tmp_path, "probe", "--target", "rpc")

    assert code == 2
    assert "add [targets.rpc]" in complaint


FULL = """
[assets.BTC]
[venues.okx]
[targets.rpc]
url = "https://user:s3cret@node.example/v3/p4th"
headers_env = { X-Key = "KEY" }
body = { method = "eth_blockNumber", params = [] }
conditions = [{ path = "$.result", least = 1 }]
[coinglass]
key_env = "CG_KEY"
"""


async def test_config_check_names_the_targets_and_finds_secrets_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "stormwatch.toml").write_text(FULL)
    good, out, _ = await stormwatch(tmp_path, "config", "check", "--offline", KEY="k3y", CG_KEY="k3y")
    _, as_json, _ = await stormwatch(tmp_path, "config", "check", "--offline", "--json", KEY="k3y", CG_KEY="k3y")
    no_header, _, header = await stormwatch(tmp_path, "config", "check", "--offline", CG_KEY="k3y")
    no_key, _, key = await stormwatch(tmp_path, "config", "check", "--offline", KEY="k3y")

    assert (good, no_header, no_key) == (0, 2, 2)
    assert "targets: rpc" in out
    assert json.loads(as_json)["targets"] == ["rpc"]
    assert json.loads(as_json)["market_totals"] == ["OKX"]
    assert "targets.rpc.headers_env.X-Key" in header
    assert "coinglass.key_env" in key


async def test_config_show_shows_a_target_as_settings_without_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "stormwatch.toml").write_text(FULL)
    code, out, _ = await stormwatch(tmp_path, "config", "show", KEY="k3y", CG_KEY="k3y")

    shown = tomllib.loads(out)["targets"]["rpc"]
    assert code == 0
    assert shown["url"] == "https://node.example/…"
    assert shown["conditions"][0]["path"] == "$.result"
    assert shown["body"]["method"] == "eth_blockNumber"
    assert not any(secret in out for secret in ("s3cret", "p4th", "k3y"))


async def test_all_mistakes_of_the_targets_are_printed_each_in_its_line(tmp_path: Path) -> None:
    (tmp_path / "stormwatch.toml").write_text('[targets.a]\nurl = "ftp://x"\nweight = 3\nstatuses = [301]')
    code, _, complaint = await stormwatch(tmp_path, "config", "check", "--offline")

    assert code == 2
    assert len(complaint.strip().splitlines()) == 3
    assert "Traceback" not in complaint
