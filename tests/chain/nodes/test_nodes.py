"""Connects to loopback nodes that fail in every known way."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientOSError, web
from multidict import CIMultiDict

from chain import networks
from chain.events import ChainEvent
from chain.events.network import HeadSeen, HeadStalled, NodeFault, NodeFaultKind
from chain.events.upgrades import ContractUpgraded
from chain.nodes.web3_node import Web3Node, _failure, redacted
from chain.rpc.errors import NodeFailure
from chain.rpc.messages import header_ask, header_of
from chain.sync.watcher import ScanIncomplete, Watcher, scan
from tests.chain.following import head_at, kind, low, settings_of, until, watching
from tests.evm.anvil import running

Answer = Callable[[web.Request], web.StreamResponse]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    async def act(request: web.Request) -> web.StreamResponse:
        await request.read()
        return answer(request)

    app = web.Application()
    app.router.add_post("/{rest:.*}", act)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v3/very-secret-key"
    finally:
        await runner.cleanup()


REFUSED = '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"rate limit"}}'


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (lambda _: web.Response(text="<html>down</html>", content_type="text/html"), NodeFaultKind.MALFORMED),
        (
            lambda _: web.Response(text='{"jsonrpc":"2.0","id":1}', content_type="application/json"),
            NodeFaultKind.MALFORMED,
        ),
        (lambda _: web.Response(text="[1, 2]", content_type="application/json"), NodeFaultKind.MALFORMED),
        (lambda _: web.Response(text=REFUSED, content_type="application/json"), NodeFaultKind.THROTTLED),
        (lambda _: web.Response(status=429), NodeFaultKind.THROTTLED),
        (lambda _: web.Response(status=503), NodeFaultKind.REFUSED),
        (lambda _: web.Response(body=b" " * 4096), NodeFaultKind.MALFORMED),
    ],
)
async def test_each_failure_of_a_node_has_its_kind_and_hides_its_key(answer: Answer, fault: NodeFaultKind) -> None:
    async with answering(answer) as url:
        node = Web3Node(url, chain_id=31337, timeout_s=2, max_bytes=1024)
        node.limits.patience_s = 0
        try:
            with pytest.raises(NodeFailure) as failed:
                await node.ask([header_ask(None)])
        finally:
            await node.close()
        assert failed.value.fault is fault
        assert "secret" not in f"{failed.value} {node.name}"


@pytest.mark.parametrize(
    ("stated", "rest_s"),
    [
        (["7"], 7.0),
        (["2", "9"], 9.0),
        (["1e300"], None),
        (["\u0661\u0662"], None),
        (["9" * 400], 259_200.0),
        ([], None),
    ],
)
async def test_a_throttled_node_says_how_long_it_asked_us_to_wait(stated: list[str], rest_s: float | None) -> None:
    headers = CIMultiDict([("Retry-After", one) for one in stated])
    async with answering(lambda _: web.Response(status=429, headers=headers)) as url:
        node = Web3Node(url, chain_id=31337, timeout_s=2)
        node.limits.patience_s = 0
        with pytest.raises(NodeFailure) as failed:
            await node.ask([header_ask(None)])
        await node.close()
    assert (failed.value.fault, failed.value.rest_s) == (NodeFaultKind.THROTTLED, rest_s)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.ENOMEM])
def test_an_error_of_our_own_machine_is_told_as_such(code: int) -> None:
    failure = _failure(ClientOSError(code, "text with a URL"))
    assert (failure.fault, failure.detail) == (
        NodeFaultKind.UNREACHABLE,
        f"our own machine: {errno.errorcode[code]}",
    )


async def test_a_node_with_a_closed_port_is_unreachable() -> None:
    node = Web3Node("http://127.0.0.1:9/key", chain_id=1, timeout_s=2)
    with pytest.raises(NodeFailure) as failed:
        await node.ask([header_ask(None)])
    await node.close()
    assert failed.value.fault is NodeFaultKind.UNREACHABLE


async def test_a_node_that_sends_nothing_times_out() -> None:
    writers: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    node = Web3Node(f"http://127.0.0.1:{port}", chain_id=1, timeout_s=0.2)
    with pytest.raises(NodeFailure) as failed:
        await node.ask([header_ask(None)])
    await node.close()
    silent.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    assert failed.value.fault is NodeFaultKind.TIMEOUT


async def test_a_node_of_another_chain_is_not_used() -> None:
    async with running(chain_id=5) as other, running() as right:
        reported = await until(Watcher(settings_of(other.url, right.url), None), kind(HeadSeen))
        faults = [event for event in reported if isinstance(event, NodeFault)]
        assert [(event.fault, event.node) for event in faults] == [(NodeFaultKind.WRONG_CHAIN, other.url)]
        assert isinstance(reported[-1], HeadSeen)
        assert reported[-1].node == right.url


async def test_when_one_node_stops_the_next_continues_without_a_reorg() -> None:
    async with AsyncExitStack() as second, answering(lambda _: web.Response(text="<html>")) as html, running() as anvil:
        dying = await second.enter_async_context(_relay(anvil.url))
        watcher = Watcher(settings_of(html, dying, anvil.url), None)
        async with asyncio.timeout(30), aclosing(watcher.events()) as events:  # type: ignore[type-var]
            await anext(event async for event in events if isinstance(event, HeadSeen))
            await second.aclose()
            await anvil.mine(3)
            reported = []
            async for event in events:
                reported.append(event)
                if head_at(3)(event):
                    break
        assert {event.fault for event in reported if isinstance(event, NodeFault)} <= {
            NodeFaultKind.UNREACHABLE,
            NodeFaultKind.MALFORMED,
            NodeFaultKind.TIMEOUT,
        }
        assert not [event for event in reported if not isinstance(event, HeadSeen | NodeFault)]


async def test_heads_pushed_over_a_websocket_are_followed() -> None:
    async with running() as anvil:
        first = await anvil.deploy("WETH9")
        admin = await anvil.deploy("ProxyAdmin")
        proxy = await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b"")
        second = await anvil.deploy("WETH9")
        watcher = Watcher(settings_of(anvil.url.replace("http", "ws"), watch=watching(proxy)), None)
        async with asyncio.timeout(30), aclosing(watcher.events()) as events:  # type: ignore[type-var]
            await anext(event async for event in events if isinstance(event, HeadSeen))
            await anvil.send(admin.functions.upgrade(proxy.address, second.address))
            upgraded = await anext(event async for event in events if isinstance(event, ContractUpgraded))
            assert upgraded.new == low(second)


async def test_a_chain_without_new_blocks_is_reported_as_stalled() -> None:
    now = datetime.now(UTC)

    def clock() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    async with running() as anvil:
        reported = await until(Watcher(settings_of(anvil.url), None, clock), kind(HeadStalled))
        assert isinstance(reported[-1], HeadStalled)
        assert reported[-1].stalled_s >= networks.declared("local").stall_s


@pytest.mark.slow
async def test_a_scan_that_no_node_can_answer_reports_where_it_ended() -> None:
    async with answering(lambda _: web.Response(text="<html>")) as url:
        reported: list[ChainEvent] = []
        with pytest.raises(ScanIncomplete) as ended:
            await _exhaust(scan(settings_of(url), 7, 9), reported)
        assert {type(event) for event in reported} == {NodeFault}
        assert ended.value.number == 7


async def _exhaust(events: AsyncIterator[ChainEvent], reported: list[ChainEvent]) -> None:
    async for event in events:
        reported.append(event)  # noqa: PERF401 - the events remain although the iteration fails


def test_the_name_of_a_node_does_not_contain_its_key() -> None:
    assert redacted("https://me:pass@node.example:8545/v3/key?a=b") == "https://node.example:8545"
    assert redacted("wss://[::1]/key") == "wss://[::1]"
    assert redacted("nonsense") == "(not a URL)"


async def test_over_a_websocket_the_answer_to_a_cancelled_request_is_never_given_to_the_next() -> None:
    async with running() as anvil:
        await anvil.mine(40)
        node = Web3Node(anvil.url.replace("http", "ws"), chain_id=31337)
        try:
            for number in range(1, 40):
                giving_up = asyncio.create_task(node.ask([header_ask(0)] * 60))
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                giving_up.cancel()
                await asyncio.gather(giving_up, return_exceptions=True)
                [reported] = await node.ask([header_ask(number)])
                assert header_of(reported).number == number
        finally:
            await node.close()


@asynccontextmanager
async def _relay(url: str) -> AsyncIterator[str]:
    """Opens a loopback port in front of a node; it can be closed."""
    target = int(url.rsplit(":", 1)[1])
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while body := await reader.read(65536):
                writer.write(body)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", target)
        tasks.update({asyncio.create_task(pipe(reader, there[1])), asyncio.create_task(pipe(there[0], writer))})

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
