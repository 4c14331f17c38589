"""The limits of rented nodes, as their services document them. Each is a meter for `tests.chain.metered`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from aiohttp import web

from chain.rpc.messages import Ask
from tests.chain.metered import Meter, Refused, Window, dropped, error


class CallsPerSecond(Meter):
    """25 calls a second, each item of a batch counted; a batch that does not fit is refused whole with HTTP 429."""

    def __init__(self, most: float = 25) -> None:
        super().__init__()
        self._window = Window(most)

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        return None if self._window.take(len(asks), now_s) else web.Response(status=429)


class RequestsPerSecond(Meter):
    """`most` requests a second, whatever is in them; beyond, HTTP 429."""

    def __init__(self, most: float = 10) -> None:
        super().__init__()
        self._window = Window(most)

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        return None if self._window.take(1, now_s) else web.Response(status=429)


class BatchItems(Meter):
    """Batches of at most `most`: the error of the whole batch names the number, or the connection is dropped."""

    def __init__(self, most: int, *, drops: bool = False) -> None:
        super().__init__()
        self._most = most
        self._drops = drops

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        if len(asks) <= self._most:
            return None
        if self._drops:
            return dropped()
        message = f"Batch of more than {self._most} requests are not allowed on free tier"
        return web.json_response({"jsonrpc": "2.0", "id": None, "error": error(31, message)})


class AnswerSize(Meter):
    """Answers of at most `most` bytes together; beyond, one error stands for the batch (reth, -32008)."""

    def __init__(self, most: int = 20_000) -> None:
        super().__init__()
        self._most = most

    def size(self, body: bytes) -> web.StreamResponse | None:
        if len(body) <= self._most:
            return None
        self.refused += 1
        return web.json_response({"jsonrpc": "2.0", "id": None, "error": error(-32008, "Response is too big")})


class LogRanges(Meter):
    """eth_getLogs over at most 10 blocks (a free plan); an inspection's whole history is refused too."""

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        message = "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range."
        refused = {
            at: error(-32600, message)
            for at, (method, params) in enumerate(asks)
            if method == "eth_getLogs" and "blockHash" not in params[0] and _span(params[0]) > 10
        }
        return refused or None


def _span(wanted: dict[str, str]) -> int:
    last = wanted.get("toBlock", "latest")
    return 1 << 30 if last == "latest" else int(last, 16) - int(wanted["fromBlock"], 16) + 1


class ComputeUnits(Meter):
    """500 units a second, by method; beyond, HTTP 429 with an error of its own."""

    UNITS = {"eth_getLogs": 60, "eth_call": 26, "eth_getBlockByNumber": 20, "eth_getCode": 20, "eth_getStorageAt": 20}

    def __init__(self) -> None:
        super().__init__()
        self._window = Window(500)

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        units = sum(self.UNITS.get(method, 20) for method, _ in asks)
        if self._window.take(units, now_s):
            return None
        message = "Your app has exceeded its compute units per second capacity."
        return web.json_response({"jsonrpc": "2.0", "id": None, "error": error(429, message)}, status=429)


class SomeItems(Meter):
    """Refuses 5 % of the items of each batch for the rate, at random, and answers the others."""

    def __init__(self, share: float = 0.05) -> None:
        super().__init__()
        self._dice = random.Random(5)
        self._share = share

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        refused = {at: error(429, "Too Many Requests") for at in range(len(asks)) if self._dice.random() < self._share}
        return refused or None


class EachFourth(Meter):
    """HTTP 429 with Retry-After: 1 on each fourth request."""

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        fourth = sum(self.requests.values()) % 4 == 0
        return web.Response(status=429, headers={"Retry-After": "1"}) if fourth else None


class Connections(Meter):
    """One open request at a time."""

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        return web.json_response(
            {"jsonrpc": "2.0", "id": None, "error": error(-32000, "too many connections")}
        ) if self.open > 1 else None  # fmt: skip


class Gateway(Meter):
    """Each third answer is a page of HTML, nothing, 503, or cut short, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self._cut = False
        self._bad = 0

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        if sum(self.requests.values()) % 3:
            return None
        self._bad += 1
        return (
            web.Response(text="<html>504 Gateway Time-out</html>", content_type="text/html"),
            web.Response(body=b"", content_type="application/json"),
            web.Response(status=503),
            web.Response(body=b'[{"jsonrpc":"2.0","id":', content_type="application/json"),
        )[self._bad % 4]
