"""Kills the process with SIGKILL at any point and restarts it: the event log must be the same, byte for byte."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from web3.contract import AsyncContract

from tests.chain.following import low
from tests.chain.proxies.test_upgrades_on_a_real_node import proxy_on
from tests.evm.anvil import Anvil, running

ROOT = Path(__file__).parents[3]


async def _chain(anvil: Anvil, blocks: int, every: int) -> tuple[AsyncContract, int, int]:
    """Builds `blocks` blocks with an upgrade in every `every`-th; returns the proxy, the first and the last block."""
    proxy, admin, first, second = await proxy_on(anvil)
    began = await anvil.height() + 1
    for turn in range(blocks // every):
        to = (second if turn % 2 == 0 else first).address
        await admin.functions.upgrade(proxy.address, to).transact({"from": anvil.accounts[0]})
        await anvil.mine(every - 1)
    return proxy, began, await anvil.height()


async def _run_once(how: str, anvil: Anvil, folder: Path, chain: tuple[AsyncContract, int, int], point: int) -> int:
    proxy, first, last = chain
    words = [
        "-m",
        "tests.chain.killed_process",
        how,
        anvil.url,
        str(folder),
        str(first),
        str(last),
        str(point),
        low(proxy),
    ]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT)
    async with asyncio.timeout(100):
        return await process.wait()


async def _check_same_log(how: str, folder: Path, *, blocks: int, every: int, points: Sequence[int]) -> None:
    async with running() as anvil:
        chain = await _chain(anvil, blocks, every)
        whole, broken = folder / "whole", folder / "broken"
        whole.mkdir()
        broken.mkdir()
        assert await _run_once(how, anvil, whole, chain, 0) == 0
        for point in points:
            assert await _run_once(how, anvil, broken, chain, point) == -signal.SIGKILL
        assert await _run_once(how, anvil, broken, chain, 0) == 0
    assert (broken / "events").read_bytes() == (whole / "events").read_bytes()
    assert _kinds(whole) == ["ContractUpgraded", "CodeCompared"] * (blocks // every)


def _kinds(folder: Path) -> list[str]:
    """Returns the kinds of the complete lines."""
    return [json.loads(line)["kind"] for line in (folder / "events").read_bytes().split(b"\n")[:-1]]


@pytest.mark.parametrize("how", ["follow", "scan"])
async def test_a_killed_chain_reader_resumes_and_writes_the_same_log(how: str, tmp_path: Path) -> None:
    await _check_same_log(how, tmp_path, blocks=120, every=6, points=(3, 20))


@pytest.mark.parametrize("point", [9, 10, 12, 13, 14])
async def test_a_watcher_killed_between_an_upgrade_and_its_comparison_compares_later(
    point: int, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    async with running() as anvil:
        chain = await _chain(anvil, 2, 2)
        assert await _run_once("follow", anvil, whole, chain, 0) == 0
        assert await _run_once("follow", anvil, broken, chain, point) == -signal.SIGKILL
        assert _kinds(broken) == ["ContractUpgraded"]
        assert await _run_once("follow", anvil, broken, chain, 0) == 0
    assert _kinds(whole) == ["ContractUpgraded", "CodeCompared"]
    assert (broken / "events").read_bytes() == (whole / "events").read_bytes()


@pytest.mark.acceptance
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["follow", "scan"])
async def test_a_reader_of_two_thousand_blocks_killed_repeatedly_writes_the_same_log(how: str, tmp_path: Path) -> None:
    dice = random.Random(how)
    points = [*range(1, 15), *(dice.randint(15, 120) for _ in range(16))]
    await _check_same_log(how, tmp_path, blocks=2000, every=4, points=points)
