"""No request of ours follows a redirect: a loopback server points to another one, which must never be asked.

One test for each way out of the process, and one that reads the code, so that a new way out cannot forget it.
"""

from __future__ import annotations

import ast
import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from chain.events.network import NodeFaultKind
from chain.explorers.client import Etherscan, Sourcify
from chain.nodes.web3_node import Web3Node
from chain.rpc.errors import NodeFailure
from monitor.alerting.sink import Refused, note_of
from monitor.alerting.sinks.webhook import WebhookSettings, WebhookSink
from monitor.incidents import Level
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from probes.controls import Controls
from probes.readings import FeedChanged, FeedEvent, Market, Refusal, RequestTimed
from probes.rest.client import RestAccess, RestClient
from probes.rest.http import USER_AGENT, RedirectRefused, session, tls_context, utc_now
from probes.rest.venue_state import VenueState
from probes.venues import declared
from tests.chain.builders import address
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.telemetry.samples import check
from tests.probes.feeds.running_feed import FeedLog, feed, watched
from tests.probes.loopback import serving

ROOT = Path(__file__).parents[1]
STATUSES = (301, 302, 303, 307, 308)


@dataclass(slots=True)
class Server:
    """A server on loopback that remembers the requests it got."""

    host: str = ""
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def opened(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Server]:
    server = Server()

    async def taken(request: web.Request) -> web.StreamResponse:
        server.asked.append(f"{request.method} {request.path}")
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", taken)
    runner = web.AppRunner(application, shutdown_timeout=0.05, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.host = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def redirecting(status: int, scheme: str = "http") -> AsyncIterator[tuple[Server, Server]]:
    """A server that redirects every request, and the one that it points to, which answers everything."""

    async def here(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            return socket
        return web.json_response({})

    async with opened(here) as elsewhere:

        async def away(request: web.Request) -> web.StreamResponse:
            await request.read()
            return web.Response(status=status, headers={"Location": f"{scheme}://{elsewhere.host}/latest/meta-data"})

        async with opened(away) as first:
            yield first, elsewhere


@pytest.mark.parametrize("status", [300, *STATUSES])
async def test_a_redirect_of_a_venue_is_a_refusal_of_its_own_and_says_nothing_about_the_venue(status: int) -> None:
    venue = declared("binance_usdm")
    async with redirecting(status) as (first, elsewhere), session(tls_context(), USER_AGENT) as client:
        hosts = dict.fromkeys(venue.hosts, f"http://{first.host}")
        rest = RestClient(VenueState(venue), client, utc_now, RestAccess(hosts=hosts))
        (timing, *_) = await rest.ask(venue.checks[0], None)
    assert isinstance(timing, RequestTimed)
    assert (timing.refusal, timing.status) == (Refusal.REDIRECTED, status)
    assert timing.detail == f"HTTP {status}, redirect refused"
    assert Refusal.REDIRECTED.is_ours
    assert (len(first.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("status", STATUSES)
async def test_the_session_of_the_probes_refuses_a_redirect_even_where_a_call_forgets_to(status: int) -> None:
    async with redirecting(status) as (first, elsewhere), session(tls_context(), USER_AGENT) as client:
        with pytest.raises(RedirectRefused, match=f"HTTP {status}, redirect refused"):
            await client.get(f"http://{first.host}/")
    assert (len(first.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("status", STATUSES)
async def test_a_feed_whose_handshake_is_redirected_says_so_and_asks_nobody_else(status: int) -> None:
    log = FeedLog()
    async with redirecting(status) as (first, elsewhere):
        running = asyncio.create_task(run_feed(f"ws://{first.host}/ws", log))
        try:
            closed = await log.until(lambda one: isinstance(one, FeedChanged) and one.event is FeedEvent.CLOSED)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert isinstance(closed, FeedChanged)
    assert closed.detail == f"could not connect: redirected (HTTP {status}, redirect refused)"
    assert first.asked[0] == "GET /ws"
    assert elsewhere.asked == []


async def run_feed(url: str, log: FeedLog) -> None:
    from probes.feeds.runner import FeedRunner
    from probes.feeds.settings import FeedSetting

    one = feed("binance_usdm", "liquidation")
    async with session(tls_context(), USER_AGENT) as client:
        setting = FeedSetting(
            url=url, client=client, clock=utc_now, emit=log.put, instruments=watched("binance_usdm", Market.PERP)
        )
        await FeedRunner(VenueState(declared("binance_usdm")), one, setting).run()


async def test_a_redirect_of_a_control_target_is_not_followed() -> None:
    async with redirecting(302) as (first, elsewhere):
        readings = Controls({"one": f"http://{first.host}/"}, every_s=0.05, timeout_s=5.0).readings()
        async with asyncio.timeout(10):
            timing = await anext(readings)
        await readings.aclose()
    assert isinstance(timing, RequestTimed)
    assert timing.status == 302
    assert elsewhere.asked == []


@pytest.mark.parametrize("status", [300, *STATUSES])
@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_redirect_of_a_node_is_a_named_fault(status: int, scheme: str) -> None:
    async with redirecting(status, scheme) as (first, elsewhere):
        node = Web3Node(f"{scheme}://{first.host}/key", chain_id=1, timeout_s=5)
        with pytest.raises(NodeFailure) as failed:
            await node.ask([("eth_blockNumber", [])])
        await node.close()
    assert (failed.value.fault, failed.value.detail) == (
        NodeFaultKind.REFUSED,
        f"HTTP {status}, redirect refused",
    )
    assert (len(first.asked), elsewhere.asked) == (1, [])


async def test_a_redirect_of_a_nodes_head_subscription_is_a_named_fault() -> None:
    async with redirecting(307, "ws") as (first, elsewhere):
        node = Web3Node(f"ws://{first.host}/key", chain_id=1, timeout_s=5)
        with pytest.raises(NodeFailure, match="redirect refused"):
            await anext(node.heads())
    assert (len(first.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("explorer", ["etherscan", "sourcify"])
async def test_a_redirect_of_an_explorer_is_no_entry_and_is_logged_without_its_address(
    status: int, explorer: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with redirecting(status) as (first, elsewhere):
        url = f"http://{first.host}/"
        book = Etherscan(1, "hush", url=url) if explorer == "etherscan" else Sourcify(1, url=url)
        with caplog.at_level(logging.WARNING, "stormwatch.explorers"):
            assert await book.look_up(address(1)) is None
        await book.close()
    assert caplog.messages == [f"an explorer answered HTTP {status}: redirect refused"]
    assert (len(first.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("status", [300, *STATUSES])
async def test_a_redirect_of_a_webhook_is_a_refusal_of_its_own(status: int) -> None:
    async with redirecting(status) as (first, elsewhere), aiohttp.ClientSession() as client:
        settings = WebhookSettings(url=f"http://{first.host}/hook", secret_env="S")
        outcome = await WebhookSink(settings, {"S": "hush"}).deliver(client, note_of(change(), Level.WATCH))
    assert outcome == Refused(why=f"HTTP {status}, redirect refused")
    assert (first.asked, elsewhere.asked) == (["POST /hook"], [])


@pytest.mark.parametrize("status", STATUSES)
async def test_a_redirect_of_a_collector_is_a_failed_export_and_no_header_reaches_another(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with redirecting(status) as (first, elsewhere):
        settings = TelemetrySettings(
            otlp_endpoint=f"http://{first.host}", otlp_headers_env="H", export_timeout_s=5, export_interval_s=60
        )
        telemetry = Telemetry(settings, vantage="home", version="1", env={"H": "authorization=hush"})
        telemetry.record(check())
        await telemetry.close()
    assert {"POST /v1/traces", "POST /v1/metrics"} <= set(first.asked)
    assert elsewhere.asked == []
    assert any(f"HTTP {status}, redirect refused" in one for one in caplog.messages), "a lost export is told"


async def test_a_good_answer_passes_the_session_that_refuses_redirects() -> None:
    async with serving() as venue, session(tls_context(), USER_AGENT) as client, client.get(venue.url) as answer:
        assert answer.status == 404


VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
MAKERS = {
    "probes/rest/http.py": "its session refuses redirects itself",
    "chain/nodes/web3_node.py": "one call, which says so",
    "chain/explorers/client.py": "one call, which says so",
    "monitor/alerting/sink_reader.py": "passed to sinks, whose calls say so",
}
"""The files that may open a client session, and why no redirect is followed there."""
SOCKETS = {
    "probes/feeds/runner.py": "its session is the one of probes/rest/http.py",
    "probes/feeds/targets.py": "its sessions are those of probes/rest/http.py",
}
FOREIGN = ("requests", "urllib.request", "urllib3", "httpx", "http.client", "websockets")
FOREIGN_AT = {
    "monitor/telemetry/export.py": "a session that fails on a redirect",
    "chain/nodes/web3_node.py": "a connection that fails on a redirect",
    "monitor/cli/status.py": "http.client follows none",
}


def sources() -> list[Path]:
    return sorted(one for floor in ("probes", "chain", "monitor") for one in (ROOT / floor).rglob("*.py"))


def violations(path: str, code: str) -> list[str]:
    """The calls of one file that might follow a redirect."""
    tree = ast.parse(code)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                known = any(name == one or name.startswith(f"{one}.") for one in FOREIGN)
                if known and path not in FOREIGN_AT:
                    found.append(f"{path}:{node.lineno} imports {name}")
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {one.arg: one.value for one in node.keywords}
        off = (
            isinstance(keywords.get("allow_redirects"), ast.Constant)
            and ast.unparse(keywords["allow_redirects"]) == "False"
        )
        if name == "ClientSession" and path not in MAKERS:
            found.append(f"{path}:{node.lineno} opens a session")
        if name == "ws_connect" and path not in SOCKETS:
            found.append(f"{path}:{node.lineno} opens a socket")
        if name in VERBS and node.args and "aiohttp" in code and not off and _sends(tree, node):
            found.append(f"{path}:{node.lineno} calls {name} without allow_redirects=False")
    return found


def _sends(tree: ast.AST, call: ast.Call) -> bool:
    """Whether a call's answer is awaited or entered: `mapping.get(key)` is neither."""
    receiver = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if receiver.rpartition(".")[2].lstrip("_") in ("session", "client", "aiohttp") and not isinstance(
        call.func, ast.Name
    ):
        return not _is_json_client(receiver)
    for node in ast.walk(tree):
        if isinstance(node, ast.Await) and node.value is call:
            return True
        if isinstance(node, ast.AsyncWith) and any(item.context_expr is call for item in node.items):
            return True
    return False


def _is_json_client(receiver: str) -> bool:
    """`_JsonClient.get` of chain/explorers/client.py is our own; the session inside it is checked."""
    return receiver == "self._client"


def test_no_file_opens_a_way_out_that_could_follow_a_redirect() -> None:
    files = sources()
    assert len(files) > 200
    found = [one for path in files for one in violations(str(path.relative_to(ROOT)), path.read_text())]
    assert not found


def test_the_lists_of_allowed_files_name_only_files_that_need_it() -> None:
    for path in (*MAKERS, *SOCKETS, *FOREIGN_AT):
        assert (ROOT / path).exists()
    assert [path for path in MAKERS if "ClientSession(" not in (ROOT / path).read_text()] == []
    assert [path for path in SOCKETS if "ws_connect(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize(
    "line",
    [
        "async with client.get(url) as answer: pass",
        "async with client.post(url, allow_redirects=True) as answer: pass",
        "await self._session.request('GET', url)",
        "asking = session.post(url)",
        "aiohttp.ClientSession()",
        "await client.ws_connect(url)",
        "import requests",
        "from urllib.request import urlopen",
    ],
)
def test_the_reading_of_the_code_finds_each_way_out(line: str) -> None:
    assert violations("probes/new.py", f"import aiohttp\nasync def ask() -> None:\n    {line}\n")


def test_the_reading_of_the_code_accepts_calls_without_redirects_and_look_ups() -> None:
    code = "import aiohttp\nasync def ask() -> None:\n    names.get(1)\n    client.get(url, allow_redirects=False)\n"
    assert violations("probes/new.py", code) == []
