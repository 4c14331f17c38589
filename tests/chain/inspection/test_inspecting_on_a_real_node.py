"""Inspects proxies on a real node: who can change them, after which delay, since when, and at what cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chain.events import Address, NetworkId
from chain.inspection.authority import Decider
from chain.inspection.controllers import Controller
from chain.inspection.inspect import Inspection, inspect
from chain.nodes.group import NodeGroup
from chain.nodes.web3_node import Web3Node
from chain.rpc.errors import NodeFailure
from tests.chain.following import low
from tests.chain.proxies.changing import CHANGING
from tests.chain.proxies.making import Deployer
from tests.evm.anvil import running

NETWORK = NetworkId("local")


class Counted:
    """A loopback relay in front of a node; it counts the requests it forwards."""

    def __init__(self, port: int) -> None:
        self.requests = 0
        self._port = port

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._pass(reader, forth, count=True), self._pass(back, writer, count=False))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while body := await reader.read(65536):
                self.requests += body.count(b"POST / HTTP/1.1") * count
                writer.write(body)
                await writer.drain()
            writer.close()


async def inspection_of(url: str, address: str) -> Inspection:
    nodes = NodeGroup(NETWORK, [Web3Node(url, chain_id=31337)], lambda: datetime.now(UTC))
    try:
        return await inspect(nodes, NETWORK, Address(address.lower()))
    finally:
        await nodes.close()


async def test_the_delay_of_the_timelock_that_owns_the_admin_of_a_proxy_is_found_in_four_batches() -> None:
    async with running() as anvil:
        first, second = await anvil.deploy("WETH9"), await anvil.deploy("UniswapV2Factory", anvil.accounts[0])
        admin = await anvil.deploy("ProxyAdmin")
        proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
        receipt = await anvil.send(admin.functions.upgrade(proxy.address, second.address))
        account = anvil.accounts[0]
        timelock = await anvil.deploy("TimelockController", 172_800, [account], [account], account)
        await anvil.send(admin.functions.transferOwnership(timelock.address))
        relay = Counted(int(anvil.url.rsplit(":", 1)[1]))
        async with relay.open() as url:
            found = await inspection_of(url, proxy.address)
        assert found.kind == "eip1967_transparent"
        assert found.roles == {"implementation": low(second), "admin": low(admin)}
        assert found.controllers == (
            Controller(address=low(admin), what="contract"),
            Controller(address=low(timelock), what="timelock", delay_s=172_800),
        )
        assert found.delay_s == 172_800
        assert found.decided_by == Decider(address=Address(account.lower()), what="account", keys=1, delay_s=172_800)
        assert found.since is not None
        assert (found.since.block_number, found.since.changes) == (receipt["blockNumber"], 2)
        assert found.since.transaction == receipt["transactionHash"].to_0x_hex()
        assert found.since.block_time is not None
        assert found.last_change is not None
        assert found.last_change.lost is not None
        assert found.last_change.gained is not None
        assert "0xd0e30db0" in found.last_change.lost  # WETH9's deposit()
        assert "0xc9c65396" in found.last_change.gained  # the factory's createPair(address,address)
        assert "0xc9c65396(address,address)" in found.last_change.signatures
        assert found.last_change.new_compiler == "solc 0.5.16"
        assert found.functions == 8
        assert relay.requests == 5  # the chain id when the node is opened, and four batches


async def test_the_inspection_shows_who_can_change_each_kind() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        me = deployer.me
        wanted: dict[str, tuple[tuple[tuple[str, int | None], ...], int | None]] = {
            "eip1967_transparent": ((("contract", None), ("account", None)), 0),
            "eip1967_beacon": ((("account", None),), 0),
            "eip1967_uups": ((("account", None),), 0),
            "eip2535": ((("account", None),), 0),
            "unitroller": ((("account", None),), 0),
            "safe": ((("safe", 1),), 0),
            "eip7702": ((("account", None),), 0),
            "eip1822": ((), None),
            "balancer_relayer": ((), None),
        }
        for name, (controllers, delay_s) in wanted.items():
            deployed = await CHANGING[name][0](deployer)
            found = await inspection_of(anvil.url, deployed.address)
            assert (name, tuple((one.what, one.threshold) for one in found.controllers)) == (name, controllers)
            assert (name, found.delay_s) == (name, delay_s)
            if name == "eip2535":
                assert sorted(found.facets.values()) == [1, 2, 4]
                assert found.functions == 7
                assert found.since is not None
            if name == "eip1967_beacon":
                assert found.controllers[0].address == me
                assert found.since is not None


async def test_a_contract_that_is_not_a_proxy_has_the_kind_none() -> None:
    async with running() as anvil:
        account = anvil.accounts[0]
        plain = [
            await anvil.deploy("WETH9"),
            await anvil.deploy("UniswapV2Factory", account),
            await anvil.deploy("ProxyAdmin"),
            await anvil.deploy("TimelockController", 60, [account], [account], account),
            await anvil.deploy("UpgradeableBeacon", (await anvil.deploy("WETH9")).address),
        ]
        for address in [account, "0x" + "ab" * 20, *(one.address for one in plain)]:
            found = await inspection_of(anvil.url, address)
            assert (address, found.kind, found.controllers, found.delay_s) == (address, None, (), None)


async def test_the_command_prints_the_inspection_as_a_table_and_as_json(tmp_path: Path) -> None:
    async with running() as anvil:
        deployed = await CHANGING["safe"][0](Deployer(anvil))
        (tmp_path / "stormwatch.toml").write_text(f"[networks.local]\nnodes = [{{ url = '{anvil.url}' }}]\n")
        shown, as_json = await asyncio.gather(
            *(command(tmp_path, deployed.address, *more) for more in ((), ("--json",)))
        )
        assert shown.returncode == as_json.returncode == 0, (shown, as_json)
        assert "safe" in shown.stdout
        assert deployed.roles["implementation"] in shown.stdout
        body = json.loads(as_json.stdout)
        assert (body["kind"], body["roles"]) == ("safe", deployed.roles)
        assert body["controllers"][0]["threshold"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [(("0x12", "--network", "local"), "ADDRESS"), (("0x" + "1" * 40, "--network", "nowhere"), "--network")],
)
async def test_the_command_reports_a_usage_error_in_one_line(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "stormwatch.toml").write_text("[networks.local]\nnodes = [{ url = 'http://127.0.0.1:1' }]\n")
    ended = await command(tmp_path, *words)
    assert (ended.returncode, message in ended.stderr, len(ended.stderr.strip().splitlines())) == (2, True, 1), ended


async def test_the_command_reports_an_unreachable_node(tmp_path: Path) -> None:
    (tmp_path / "stormwatch.toml").write_text("[networks.local]\nnodes = [{ url = 'http://127.0.0.1:1' }]\n")
    ended = await command(tmp_path, "0x" + "1" * 40)
    assert (ended.returncode, "networks.local.nodes" in ended.stderr) == (2, True), ended
    with pytest.raises(NodeFailure):
        await inspection_of("http://127.0.0.1:1", "0x" + "1" * 40)


async def command(folder: Path, address: str, *more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", "from monitor.cli import main; main()", "chain", "inspect", address]
    words += more if "--network" in more else ("--network", "local", *more)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200"}
    return await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, check=False, cwd=folder, env=env, timeout=60
    )
