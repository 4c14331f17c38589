"""Serves Etherscan and Sourcify on loopback, as their documentation describes them (see source.toml)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "a-key-nobody-may-see"


def verified(name: str, *, proxy: str = "0", implementation: str = "") -> dict[str, str]:
    return {
        "SourceCode": "contract Vault {}", "ABI": "[]", "ContractName": name, "CompilerVersion": "v0.8.37+commit.0",
        "CompilerType": "solc", "OptimizationUsed": "1", "Runs": "200", "ConstructorArguments": "",
        "EVMVersion": "Default", "Library": "", "ContractFileName": "", "LicenseType": "MIT", "Proxy": proxy,
        "Implementation": implementation, "SwarmSource": "", "SimilarMatch": "",
    }  # fmt: skip


def unverified() -> dict[str, str]:
    return dict.fromkeys(verified(""), "") | {"ABI": "Contract source code not verified", "Proxy": "0"}


@dataclass(slots=True)
class Explorer:
    """Holds contracts by address; each item of `instead` replaces one answer, whatever the request."""

    known: dict[str, dict[str, str]] = field(default_factory=dict)
    sourcify: dict[str, Any] = field(default_factory=dict)
    instead: list[web.Response] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def etherscan(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.instead:
            return self.instead.pop(0)
        if request.query.get("apikey") != KEY:
            return web.json_response({"status": "0", "message": "NOTOK", "result": "Invalid API Key"})
        found = self.known.get(request.query["address"], unverified())
        return web.json_response({"status": "1", "message": "OK", "result": [found]})

    async def looked_up(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.match_info) | dict(request.query))
        if self.instead:
            return self.instead.pop(0)
        address = request.match_info["address"]
        place = {"chainId": request.match_info["chain"], "address": address}
        found = self.sourcify.get(address)
        if found is None:
            return web.json_response({"match": None, "creationMatch": None, "runtimeMatch": None, **place}, status=404)
        return web.json_response({"match": "exact_match", **place, "compilation": found})


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Explorer]:
    explorer = Explorer()
    application = web.Application()
    application.router.add_get("/v2/api", explorer.etherscan)
    application.router.add_get("/server/v2/contract/{chain}/{address}", explorer.looked_up)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        assert site._server is not None
        explorer.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
        yield explorer
    finally:
        await runner.cleanup()
