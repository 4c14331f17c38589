"""`stormwatch chain scan` as a process: what it prints, what it writes, and how it resumes after a kill."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from tests.chain.following import low
from tests.chain.proxies.test_upgrades_on_a_real_node import proxy_on
from tests.evm.anvil import Anvil, running
from tests.monitor.cli.test_mistakes import stormwatch

ROOT = Path(__file__).parents[3]
UPGRADES = 40
KINDS = ["ContractUpgraded", "CodeCompared"] * UPGRADES


async def _chain(anvil: Anvil, folder: Path) -> tuple[str, int, int]:
    """A proxy with several upgrades, and settings that name the node; the first and the last block."""
    proxy, admin, first, second = await proxy_on(anvil)
    began = await anvil.height() + 1
    for turn in range(UPGRADES):
        to = (second if turn % 2 == 0 else first).address
        await anvil.send(admin.functions.upgrade(proxy.address, to))
    (folder / "stormwatch.toml").write_text(f"[networks.local]\nnodes = [{{ url = '{anvil.url}' }}]\n")
    return low(proxy), began, await anvil.height()


def _scan(folder: Path, chain: tuple[str, int, int], *more: str) -> Any:
    proxy, first, last = chain
    words = ("chain", "scan", "--network", "local", "--from", str(first), "--to", str(last), "--contract", proxy)
    return stormwatch(*words, *more, cwd=folder, COLUMNS="80")


def _events(text: str) -> list[dict[str, Any]]:
    """The lines, without the times of our clock."""
    return [{**json.loads(line), "seen_at": ""} for line in text.splitlines()]


async def test_a_range_is_printed_as_a_table_and_as_json_with_the_way_it_was_read(tmp_path: Path) -> None:
    async with running() as anvil:
        chain = await _chain(anvil, tmp_path)
        table = await asyncio.to_thread(_scan, tmp_path, chain)
        lines = await asyncio.to_thread(_scan, tmp_path, chain, "--json")
        sparse = await asyncio.to_thread(_scan, tmp_path, chain, "--json", "--sampled")
    assert table.returncode == lines.returncode == sparse.returncode == 0, table.stderr
    assert table.stdout.count("UTC: L3 upgrade\n") == UPGRADES
    assert "every block" in lines.stderr
    assert "once in 512 blocks" in sparse.stderr
    assert table.stdout.count("UTC: what the upgrade changed\n") == UPGRADES
    assert table.stdout.count("kind      eip1967_transparent") == UPGRADES, "as an inspection calls it"
    assert "changed by  L3: one key" in table.stdout
    wide = [line for line in table.stdout.splitlines() if len(line) > 80]
    assert all(len(line.split()) <= 2 for line in wide), wide
    assert [one["kind"] for one in _events(lines.stdout)] == KINDS
    assert _events(lines.stdout) == _events(sparse.stdout)


async def test_a_killed_scan_resumes_and_writes_the_same_file(tmp_path: Path) -> None:
    async with running() as anvil:
        chain = await _chain(anvil, tmp_path)
        assert (await asyncio.to_thread(_scan, tmp_path, chain, "-o", "whole")).returncode == 0
        for lines in (1, 5, 17):
            await _killed_at(tmp_path, chain, lines)
        if (tmp_path / "broken.checkpoint").exists():
            ended = await asyncio.to_thread(_scan, tmp_path, chain, "-o", "broken")
            assert ended.returncode == 0, ended.stderr
        again = await asyncio.to_thread(_scan, tmp_path, chain, "-o", "whole")
    assert _events((tmp_path / "broken").read_text()) == _events((tmp_path / "whole").read_text())
    assert [one["kind"] for one in _events((tmp_path / "whole").read_text())] == KINDS
    assert not any((tmp_path / f"{name}.checkpoint").exists() for name in ("whole", "broken"))
    assert again.returncode == 2, "a complete file is not overwritten"
    assert "name another" in again.stderr


async def _killed_at(folder: Path, chain: tuple[str, int, int], lines: int) -> None:
    """Scan into a file and kill the scan after so many lines, or let it end."""
    proxy, first, last = chain
    words = ["chain", "scan", "--network", "local", "--from", str(first), "--to", str(last), "--contract", proxy]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from monitor.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *words, "-o", "broken", cwd=folder, stderr=asyncio.subprocess.DEVNULL
    )
    while process.returncode is None:
        if (folder / "broken").exists() and (folder / "broken").read_bytes().count(b"\n") >= lines:
            process.send_signal(signal.SIGKILL)
        await asyncio.sleep(0.001)
    await process.wait()


async def test_a_file_of_other_blocks_is_not_resumed(tmp_path: Path) -> None:
    async with running() as anvil:
        proxy, first, last = await _chain(anvil, tmp_path)
        (tmp_path / "out").write_text("{}\n")
        (tmp_path / "out.checkpoint").write_text('["local", 1, 2, true]\n')
        ended = await asyncio.to_thread(_scan, tmp_path, (proxy, first, last), "-o", "out")
    assert ended.returncode == 2
    assert "--output" in ended.stderr
    assert (tmp_path / "out").read_text() == "{}\n"


def test_an_invalid_address_is_reported(tmp_path: Path) -> None:
    (tmp_path / "stormwatch.toml").write_text("[networks.local]\nnodes = [{ url = 'http://127.0.0.1:1' }]\n")
    ended = _scan(tmp_path, ("0x12", 1, 2))
    assert ended.returncode == 2
    assert "--contract" in ended.stderr
