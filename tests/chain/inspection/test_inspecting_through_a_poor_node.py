"""Inspects through a node that returns too little: a loopback relay in front of a real node removes data."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from chain.events.network import NodeFaultKind
from chain.rpc.errors import NodeFailure
from tests.chain.following import low
from tests.chain.inspection.test_inspecting_on_a_real_node import inspection_of
from tests.evm.anvil import Anvil, running

Spoil = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


@contextlib.asynccontextmanager
async def spoiled(anvil: Anvil, spoil: Spoil) -> AsyncIterator[str]:
    """A relay that passes every answer through `spoil(request, answer)`."""

    async def relay(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        async with aiohttp.ClientSession() as session, session.post(anvil.url, json=asked) as response:
            answers = {one["id"]: one for one in await response.json()}
        return web.json_response([spoil(one, answers[one["id"]]) for one in asked])

    application = web.Application()
    application.router.add_post("/", relay)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        assert site._server is not None
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    finally:
        await runner.cleanup()


def without_times(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if question["method"] == "eth_getLogs":
        for one in answer["result"]:
            del one["blockTimestamp"]
    return answer


def without_logs(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if question["method"] == "eth_getLogs":
        return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32602, "message": "block range is too wide"}}
    return answer


def at_most_ten_blocks(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Refuses as bor and Alchemy do, and names the limit."""
    if question["method"] == "eth_getLogs":
        wanted = question["params"][0]
        if wanted["toBlock"] == "latest" or int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= 10:
            message = "exceed maximum block range: 10"
            return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32000, "message": message}}
    return answer


def without_code(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if question["method"] == "eth_getCode":
        return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32000, "message": "header not found"}}
    return answer


async def test_a_log_without_a_block_time_takes_the_time_from_its_block() -> None:
    async with running() as anvil:
        proxy, block = await upgraded(anvil)
        async with spoiled(anvil, without_times) as url:
            found = await inspection_of(url, proxy)
        header = await anvil.web3.eth.get_block(block)
        assert found.since is not None
        assert found.since.block_number == block
        assert found.since.block_time is not None
        assert found.since.block_time.timestamp() == header["timestamp"]


async def test_without_any_logs_the_block_of_the_last_change_is_found_by_its_old_state() -> None:
    async with running() as anvil:
        proxy, block = await upgraded(anvil)
        await anvil.mine(300)
        async with spoiled(anvil, without_logs) as url:
            found = await inspection_of(url, proxy)
        header = await anvil.web3.eth.get_block(block)
        assert (found.kind, found.last_change, found.not_read) == ("eip1967_transparent", None, ("logs", "roles"))
        assert found.since is not None
        assert (found.since.block_number, found.since.transaction, found.since.found_by) == (block, "", "state")
        assert found.since.block_time is not None
        assert found.since.block_time.timestamp() == header["timestamp"]
        assert [one.what for one in found.controllers] == ["contract", "account"]


async def test_a_node_that_gives_logs_of_few_blocks_shows_the_transaction_of_the_last_change_too() -> None:
    async with running() as anvil:
        proxy, block = await upgraded(anvil)
        await anvil.mine(300)
        async with spoiled(anvil, at_most_ten_blocks) as url:
            found = await inspection_of(url, proxy)
        [sent] = (await anvil.web3.eth.get_block(block))["transactions"]
        assert found.since is not None
        assert (found.since.block_number, found.since.transaction) == (block, f"0x{bytes(sent).hex()}")  # type: ignore[arg-type]


@pytest.mark.parametrize(("more", "since"), [(300, True), (500, False)])
async def test_without_old_state_the_newest_ranges_are_searched_and_what_is_known_is_said(
    more: int, since: bool
) -> None:
    def poor(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        at = (question["params"] or [None])[-1]
        if question["method"] == "eth_getStorageAt" and isinstance(at, str) and at != "latest":
            message = "missing trie node 00 (path ) state is not available"
            return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32000, "message": message}}
        return at_most_ten_blocks(question, answer)

    async with running() as anvil:
        proxy, block = await upgraded(anvil)
        await anvil.mine(more)
        async with spoiled(anvil, poor) as url:
            found = await inspection_of(url, proxy)
        if since:
            assert found.since is not None
            assert (found.since.block_number, found.since.found_by) == (block, "ranges")
        else:
            assert found.since is None
            assert found.unchanged_since == block + more - 40 * 10 + 1, "forty ranges of ten blocks"


async def test_members_of_roles_are_asked_for_where_a_node_gives_no_logs() -> None:
    async with running() as anvil:
        token = await anvil.deploy("ERC20PresetMinterPauser", "T", "T")
        async with spoiled(anvil, without_logs) as url:
            found = await inspection_of(url, low(token))
    [power] = found.authorities
    assert (power.address, power.by) == (anvil.accounts[0].lower(), "DEFAULT_ADMIN_ROLE, MINTER_ROLE, PAUSER_ROLE")
    assert (found.what, found.not_read) == ("token", ("logs", "roles"))


async def test_a_node_that_returns_no_code_is_a_failure_and_not_an_empty_account() -> None:
    async with running() as anvil:
        proxy, _ = await upgraded(anvil)
        async with spoiled(anvil, without_code) as url:
            with pytest.raises(NodeFailure) as raised:
                await inspection_of(url, proxy)
        assert raised.value.fault is NodeFaultKind.BEHIND


@pytest.mark.parametrize(
    "method", ["eth_getLogs", "eth_getCode", "eth_getBlockByNumber", "eth_getStorageAt", "eth_call"]
)
async def test_a_malformed_answer_of_a_node_is_a_named_failure(method: str) -> None:
    async with running() as anvil:
        proxy, _ = await upgraded(anvil)
        nonsense: list[object] = [17, "0xzz", [{"address": 5}], None]

        def spoil(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            return {**answer, "result": nonsense[0]} if question["method"] == method else answer

        async with spoiled(anvil, spoil) as url:
            while nonsense:
                with pytest.raises(NodeFailure) as raised:
                    await inspection_of(url, proxy)
                assert raised.value.fault in (NodeFaultKind.MALFORMED, NodeFaultKind.BEHIND)
                nonsense.pop(0)


async def upgraded(anvil: Anvil) -> tuple[str, int]:
    first, second = await anvil.deploy("WETH9"), await anvil.deploy("WETH9")
    admin = await anvil.deploy("ProxyAdmin")
    proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
    receipt = await anvil.send(admin.functions.upgrade(proxy.address, second.address))
    return low(proxy), int(receipt["blockNumber"])
