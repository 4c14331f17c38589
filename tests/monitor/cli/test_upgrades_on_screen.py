"""`stormwatch chain scan` and `inspect` of an upgraded proxy, run as processes: screen, JSON and its schemas."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from monitor.cli.schemas import schema
from tests.chain.bytecode.layouts.vaults import deployed
from tests.chain.explorers.loopback import KEY, opened, verified
from tests.chain.following import low
from tests.evm.anvil import running
from tests.monitor.cli.test_mistakes import stormwatch


def judged(name: str, text: str) -> list[Any]:
    """Decode the lines and check each against its schema."""
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        Draft202012Validator(schema(name)).validate(one)
    return found


async def test_an_upgrade_is_shown_on_screen_and_as_json_by_the_schemas_without_any_key(tmp_path: Path) -> None:
    async with running() as anvil, opened() as explorer:
        first, second = await deployed(anvil, "Vault"), await deployed(anvil, "VaultReordered")
        admin = await anvil.deploy("ProxyAdmin")
        proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
        at = (await anvil.send(admin.functions.upgrade(proxy.address, second.address)))["blockNumber"]
        explorer.known[low(first)] = verified("Vault")
        (tmp_path / "stormwatch.toml").write_text(
            f"[networks.local]\nnodes = [{{ url = '{anvil.url}' }}]\n[explorer]\netherscan_key_env = 'KEY_OF_MINE'\n"
            f"etherscan_url = '{explorer.url}/v2/api'\ncalls_per_s = 100\n"
        )

        async def output_of(*words: str) -> str:
            given = {"KEY_OF_MINE": KEY, "COLUMNS": "400"}
            ended = await asyncio.to_thread(stormwatch, *words, cwd=tmp_path, **given)
            assert ended.returncode == 0, ended.stderr
            assert KEY not in ended.stdout + ended.stderr
            return str(ended.stdout)

        inspect = ("chain", "inspect", proxy.address, "--network", "local")
        scan = ("chain", "scan", "--network", "local", "--from", str(at), "--to", str(at), "--contract", proxy.address)
        screen, [inspected] = await output_of(*inspect), judged("chain-inspection", await output_of(*inspect, "--json"))
        rows, [upgraded, event] = await output_of(*scan), judged("chain-event", await output_of(*scan, "--json"))
    assert f"{low(second)}: NOT verified" in screen
    assert f"{low(first)}: Vault, v0.8.37+commit.0, MIT" in screen
    assert "hints at another layout (inferred, no proof)" in screen
    assert [one["verified"] for one in inspected["sources"]] == [False, True]
    assert (upgraded["kind"], event["kind"]) == ("ContractUpgraded", "CodeCompared")
    assert event["upgrade_id"] == upgraded["event_id"]
    assert inspected["last_change"]["layout"] == event["change"]["layout"]
    assert "slot 1 held uint256, is read as mapping(address => uint256)" in rows
    assert "1384 → 1384 bytes, solc 0.8.37" in rows
