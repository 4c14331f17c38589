"""After an upgrade its source is requested in the background, and the answer becomes signals."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web

from chain.blocks.standards import NOBODY
from chain.events import Address, Role
from chain.events.upgrades import ContractUpgraded
from chain.explorers.answers import SourceSeen
from monitor.daemon.explorer_checks import MAX_OPEN, SourceChecks, books_of
from monitor.errors import OperatorError
from monitor.settings import Settings
from monitor.settings.explorer import ExplorerSettings
from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS
from tests.chain.explorers.loopback import KEY, Explorer, opened, verified
from tests.monitor.intake.test_chain import COMPARED, UPGRADED, intake

UP = UPGRADED


def settings(explorer: Explorer) -> Settings:
    return Settings(
        explorer=ExplorerSettings(
            etherscan_key_env="KEY_OF_MINE", etherscan_url=f"{explorer.url}/v2/api", calls_per_s=1000
        )
    )


async def checked(explorer: Explorer, event: ContractUpgraded, enough: int) -> list[tuple[str, SourceSeen]]:
    found: list[tuple[str, SourceSeen]] = []
    done = asyncio.Event()

    def take(event: ContractUpgraded, seen: SourceSeen) -> None:
        found.append((event.event_id, seen))
        if len(found) == enough:
            done.set()

    books = books_of(settings(explorer), "ethereum", {"KEY_OF_MINE": KEY})
    async with SourceChecks(books, take, checks_s=(0.0, 0.0, 0.0)) as checks:
        checks.on_event(event)
        async with asyncio.timeout(10):
            await done.wait()
    return found


async def test_the_source_of_the_new_code_is_reported_when_it_is_known() -> None:
    async with opened() as explorer:
        explorer.known[UP.new] = verified("Vault")
        explorer.instead.append(web.Response(status=503))
        [(event_id, seen)] = await checked(explorer, UP, 1)
    assert (event_id, seen.verified, seen.name) == (UP.event_id, True, "Vault")


async def test_unverified_code_is_reported_at_once_and_again_when_it_is_verified() -> None:
    async with opened() as explorer:
        first = web.json_response({"status": "1", "message": "OK", "result": [{"SourceCode": "", "Proxy": "0"}]})
        explorer.instead.append(first)
        explorer.known[UP.new] = verified("Vault")
        found = await checked(explorer, UP, 2)
    assert [seen.verified for _, seen in found] == [False, True]


async def test_new_code_at_the_same_address_is_requested_by_that_address() -> None:
    async with opened() as explorer:
        explorer.known[UP.contract] = verified("Vault")
        [(_, seen)] = await checked(explorer, replace(UP, role=Role.CODE, new="0x" + "7" * 64), 1)
    assert seen.address == UP.contract


async def test_a_role_without_code_is_not_requested_and_a_flood_of_upgrades_is_bounded() -> None:
    async with opened() as explorer:
        books = books_of(settings(explorer), "ethereum", {"KEY_OF_MINE": KEY})
        async with SourceChecks(books, lambda *_: None, checks_s=(60.0,)) as checks:
            checks.on_event(replace(UP, role=Role.ADMIN))
            checks.on_event(replace(UP, role=Role.FACET, new=NOBODY))
            checks.on_event(COMPARED)
            checks.on_event("no event")
            assert not checks._open
            for _ in range(MAX_OPEN + 5):
                checks.on_event(UP)
            assert len(checks._open) == MAX_OPEN
        async with SourceChecks((), lambda *_: None) as unasked:
            unasked.on_event(UP)
            assert not unasked._open


def test_no_explorer_is_asked_by_default_and_a_missing_key_is_an_operator_error() -> None:
    assert books_of(Settings(), "ethereum", {}) == ()
    assert len(books_of(Settings(explorer=ExplorerSettings(sourcify=True)), "ethereum", {})) == 1
    with pytest.raises(OperatorError, match="etherscan_key_env"):
        books_of(Settings(explorer=ExplorerSettings(etherscan_key_env="KEY_OF_MINE")), "ethereum", {})
    with pytest.raises(ValueError, match="calls_per_s"):
        ExplorerSettings(calls_per_s=0)


def test_a_source_check_becomes_a_signal_for_each_asset_of_the_contract() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    seen = SourceSeen(address=Address(UP.new), by="etherscan", verified=False)
    [signal] = intake().source(UP, seen, now)
    assert (signal.kind, signal.value, signal.subject.asset) == (SignalKind.SOURCE_CHECKED, 0.0, "ETH")
    assert signal.attributes["upgrade"] == UP.event_id
    assert set(signal.attributes) == set(KINDS[signal.kind].attributes)
