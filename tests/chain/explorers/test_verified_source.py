from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from aiohttp import web

from chain.explorers import client
from chain.explorers.answers import MAX_CHARACTERS, SourceSeen, etherscan_seen, sourcify_seen
from chain.explorers.client import Etherscan, Sourcify, first_verified
from tests.chain.builders import address
from tests.chain.explorers.loopback import KEY, Explorer, opened, unverified, verified

ONE, TWO = address(1), address(2)
FAST = 1000.0


def book(explorer: Explorer, key: str = KEY, timeout_s: float = 5.0) -> Etherscan:
    return Etherscan(8453, key, url=f"{explorer.url}/v2/api", per_s=FAST, timeout_s=timeout_s)


async def test_a_verified_contract_is_named_with_compiler_and_licence() -> None:
    async with opened() as explorer:
        explorer.known[ONE] = verified("Vault", proxy="1", implementation=TWO.upper().replace("0X", "0x"))
        one = book(explorer)
        found = await one.look_up(ONE)
        await one.close()
    assert found == SourceSeen(
        address=ONE, by="etherscan", verified=True, name="Vault", compiler="v0.8.37+commit.0", licence="MIT",
        proxy=True, implementation=TWO,
    )  # fmt: skip
    assert explorer.asked == [
        {"chainid": "8453", "module": "contract", "action": "getsourcecode", "address": ONE, "apikey": KEY}
    ]


async def test_a_contract_without_verified_source_is_reported_as_unverified() -> None:
    async with opened() as explorer:
        one = book(explorer)
        found = await one.look_up(ONE)
        await one.close()
    assert found == SourceSeen(address=ONE, by="etherscan", verified=False, proxy=False)


NOTOK = {"status": "0", "message": "NOTOK"}
REFUSALS: dict[str, Any] = {
    "rate": lambda: web.json_response(
        NOTOK | {"result": "Max rate limit reached, please use API Key for higher rate limit"}
    ),
    "chain": lambda: web.json_response(NOTOK | {"result": "Missing or unsupported chainid parameter"}),
    "throttled": lambda: web.Response(status=429),
    "page": lambda: web.Response(text="<html>down for maintenance</html>"),
    "elsewhere": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "huge": lambda: web.Response(body=b"[" * (client.MAX_BYTES + 1)),
    "deep": lambda: web.Response(body=b"[" * 200_000),
    "list": lambda: web.json_response([]),
    "empty": lambda: web.json_response({"status": "1", "message": "OK", "result": []}),
    "odd": lambda: web.json_response({"status": "1", "message": "OK", "result": [{"SourceCode": 7}]}),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
async def test_an_invalid_answer_gives_no_result_and_shows_no_key(
    refusal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened() as explorer:
        explorer.instead.append(refusal())
        one = book(explorer)
        assert await one.look_up(ONE) is None
        assert await one.look_up(ONE) is not None  # the next request is answered
        await one.close()
    assert KEY not in caplog.text.replace(str(explorer.asked), "")
    assert KEY not in repr(vars(one))


async def test_an_explorer_that_is_down_or_hangs_gives_no_result() -> None:
    nobody = Etherscan(1, KEY, url="http://127.0.0.1:1/v2/api", per_s=FAST)
    assert await nobody.look_up(ONE) is None
    await nobody.close()
    async with opened() as explorer:
        slow = book(explorer, timeout_s=0.0)
        assert await slow.look_up(ONE) is None
        await slow.close()


async def test_a_wrong_key_gives_no_result() -> None:
    async with opened() as explorer:
        one = book(explorer, key="wrong")
        assert await one.look_up(ONE) is None
        await one.close()


async def test_requests_respect_the_rate_limit_of_the_plan() -> None:
    async with opened() as explorer:
        one = Etherscan(1, KEY, url=f"{explorer.url}/v2/api", per_s=20.0)
        began = time.perf_counter()
        for _ in range(30):
            await one.look_up(ONE)
        took_s = time.perf_counter() - began
        await one.close()
    assert took_s >= (30 - 20) / 20.0 - 0.05


async def test_sourcify_is_queried_without_a_key() -> None:
    async with opened() as explorer:
        explorer.sourcify[ONE] = {"name": "Vault", "compiler": "solc", "compilerVersion": "0.8.37+commit.0"}
        one = Sourcify(10, url=f"{explorer.url}/server/", per_s=FAST)
        found, other = await one.look_up(ONE), await one.look_up(TWO)
        explorer.instead.append(web.Response(status=500))
        assert await one.look_up(ONE) is None
        await one.close()
    assert found == SourceSeen(address=ONE, by="sourcify", verified=True, name="Vault", compiler="solc 0.8.37+commit.0")
    assert other == SourceSeen(address=TWO, by="sourcify", verified=False)
    assert explorer.asked[0] == {"chain": "10", "address": ONE, "fields": "compilation"}


async def test_an_explorer_that_has_the_source_wins_over_one_that_has_not() -> None:
    async with opened() as explorer:
        explorer.sourcify[ONE] = {"name": "Vault"}
        books = (book(explorer), Sourcify(10, url=f"{explorer.url}/server", per_s=FAST))
        found, other = await first_verified(books, ONE), await first_verified(books, TWO)
        explorer.instead += [web.Response(status=500), web.Response(status=500)]
        assert await first_verified(books, ONE) is None
        for one in books:
            await one.close()
    assert found is not None
    assert (found.by, found.verified) == ("sourcify", True)
    assert other is not None
    assert (other.by, other.verified) == ("etherscan", False)


def test_untrusted_names_are_shortened_and_made_printable() -> None:
    found = etherscan_seen(ONE, {"status": "1", "result": [verified("A\x1b[31m\n" + "x" * 500) | {"LicenseType": 7}]})
    assert found is not None
    assert found.name is not None
    assert found.name.isprintable()
    assert len(found.name) <= MAX_CHARACTERS
    assert found.licence is None
    assert etherscan_seen(ONE, {"status": "1", "result": [unverified() | {"Proxy": "?"}]}) == SourceSeen(
        address=ONE, by="etherscan", verified=False
    )


@pytest.mark.parametrize("answer", [None, [], {}, {"match": "no such word"}, {"match": 7}])
def test_an_invalid_lookup_gives_no_result(answer: Any) -> None:
    assert sourcify_seen(ONE, answer) is None


def test_a_match_without_details_still_counts_as_verified() -> None:
    assert sourcify_seen(ONE, {"match": "match"}) == SourceSeen(address=ONE, by="sourcify", verified=True)
