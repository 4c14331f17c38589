"""What each venue's own error codes and budget headers mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from probes import venues
from probes.readings import Refusal
from probes.venue import Usage
from tests.probes.test_dialects import NOW


@pytest.mark.parametrize(
    ("venue", "status", "body", "kind"),
    [
        ("binance_usdm", 200, b'{"serverTime":1}', None),
        ("binance_usdm", 200, b'{"code":-1121,"msg":"Invalid symbol."}', Refusal.BAD_REQUEST),
        ("binance_usdm", 429, b'{"code":-1003,"msg":"Too many requests"}', Refusal.THROTTLED),
        ("binance_usdm", 429, b'{"code":-1015,"msg":"?"}', Refusal.THROTTLED),
        ("binance_usdm", 429, b'{"code":-1121,"msg":"?"}', None),
        ("binance_usdm", 418, b'{"code":-1003,"msg":"Way too many requests"}', Refusal.BANNED),
        ("binance_usdm", 503, b'{"code":-1007,"msg":""}', Refusal.EXECUTION_UNKNOWN),
        ("binance_usdm", 503, b"<html>", None),
        ("binance_usdm", 400, b'{"code":1,"msg":"\xff"}', None),
        ("bybit", 403, b"403, access too frequent. Please try it again later.", Refusal.BANNED),
        ("bybit", 403, b"<html>CloudFront</html>", Refusal.GEO_BLOCKED),
        ("bybit", 200, b"{}", None),
        ("mexc", 200, b'{"success":true,"code":0,"data":{}}', None),
        ("mexc", 200, b'{"serverTime":1}', None),
        ("mexc", 400, b'{"code":400,"msg":"api key required"}', Refusal.UNAUTHORIZED),
        (
            "mexc",
            400,
            b'{"code":700003,"msg":"Timestamp for this request is outside of the recvWindow."}',
            Refusal.UNAUTHORIZED,
        ),
        ("mexc", 400, b'{"code":700006,"msg":"IP non white list"}', Refusal.UNAUTHORIZED),
        ("mexc", 400, b'{"code":10007,"msg":"bad symbol"}', Refusal.BAD_REQUEST),
        ("mexc", 429, b'{"code":429,"msg":"Too Many Requests"}', Refusal.THROTTLED),
        ("mexc", 200, b'{"success":false,"code":510,"message":"Requests are too frequent"}', Refusal.THROTTLED),
        ("mexc", 200, b'{"success":false,"code":501,"message":"System busy"}', Refusal.OVERLOADED),
        ("mexc", 200, b'{"success":false,"code":500,"message":"System internal error!"}', Refusal.VENUE_ERROR),
        ("mexc", 200, b'{"success":false,"code":1001,"message":"Contract does not exist"}', Refusal.BAD_REQUEST),
        ("mexc", 200, b'{"success":false,"code":8888,"message":"?"}', Refusal.UNKNOWN_CODE),
        ("okx", 200, b'{"code":"0","msg":"","data":[]}', None),
        ("okx", 200, b'{"code":"0","data":[["1","2"]]}', None),
        ("okx", 200, b'{"code":"50011","msg":"Too Many Requests"}', Refusal.THROTTLED),
        ("okx", 401, b'{"code":50103,"msg":""}', Refusal.UNAUTHORIZED),
        ("okx", 503, b"upstream", None),
        ("binance_spot", 200, b'{"serverTime":1}', None),
        ("binance_spot", 400, b'{"code":-1121,"msg":"Invalid symbol."}', Refusal.BAD_REQUEST),
        (
            "binance_spot",
            400,
            b'{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}',
            Refusal.UNAUTHORIZED,
        ),
        (
            "binance_spot",
            401,
            b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}',
            Refusal.UNAUTHORIZED,
        ),
        ("binance_spot", 429, b'{"code":-1003,"msg":"Too much request weight used"}', Refusal.THROTTLED),
        ("binance_spot", 429, b'{"code":-1121,"msg":"?"}', None),
        ("binance_spot", 418, b'{"code":-1003,"msg":"Way too much request weight used"}', Refusal.BANNED),
        ("binance_spot", 451, b'{"code":0,"msg":"Service unavailable from a restricted location"}', None),
        ("binance_spot", 503, b'{"code":-1016,"msg":"This service is no longer available."}', Refusal.MAINTENANCE),
        ("binance_spot", 504, b'{"code":-1007,"msg":"?"}', Refusal.EXECUTION_UNKNOWN),
        ("binance_spot", 200, b'{"code":-9999,"msg":"?"}', Refusal.UNKNOWN_CODE),
        ("bitget", 200, b'{"code":"00000","data":[]}', None),
        ("bitget", 429, b'{"code":"429","msg":"Too Many Requests"}', Refusal.THROTTLED),
        ("bitget", 200, b'{"code":"40200","msg":"Server upgrade"}', Refusal.MAINTENANCE),
        ("bitget", 200, b'{"code":"99999","msg":"?"}', Refusal.UNKNOWN_CODE),
        ("coinbase", 200, b'{"sequence":1,"bids":[]}', None),
        (
            "coinbase",
            429,
            b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}',
            Refusal.THROTTLED,
        ),
        ("coinbase", 404, b'{"message":"NotFound"}', Refusal.BAD_REQUEST),
        ("kraken", 200, b'{"error":[],"result":{}}', None),
        ("kraken", 200, b'{"error":["WGeneral:Slow"],"result":{}}', None),
        ("kraken", 200, b'{"error":["EAPI:Rate limit exceeded"]}', Refusal.THROTTLED),
        ("kraken", 200, b'{"error":["EGeneral:Temporary lockout"]}', Refusal.BANNED),
        ("kraken", 200, b'{"error":["EService:Busy"]}', Refusal.OVERLOADED),
        ("kraken", 200, b'{"error":["EService:Unavailable"]}', Refusal.VENUE_ERROR),
        ("kraken", 200, b'{"error":["EService:Market in cancel_only mode"]}', Refusal.MAINTENANCE),
        ("kraken", 200, b'{"error":["EAPI:Invalid nonce"]}', Refusal.UNAUTHORIZED),
        ("kraken", 200, b'{"error":["EQuery:Unknown asset pair"]}', Refusal.BAD_REQUEST),
        ("kraken", 200, b'{"error":["EGeneral:Invalid arguments:count"]}', Refusal.BAD_REQUEST),
        ("kraken", 200, b'{"error":["ENew:Words"]}', Refusal.UNKNOWN_CODE),
        ("kraken", 520, b'{"error":["ENew:Words"]}', None),
        ("kraken", 520, b"<html>", None),
        ("htx", 200, b'{"code":200,"message":"success","data":{"marketStatus":1}}', None),
        ("htx", 200, b'{"status":"ok","ts":1}', None),
        (
            "htx",
            200,
            b'{"status":"error","err_code":1032,"err_msg":"The number of access exceeded the limit."}',
            Refusal.THROTTLED,
        ),
        (
            "htx",
            200,
            b'{"status":"error","err_code":1014,"err_msg":"This contract doesnt exist.","ts":1}',
            Refusal.BAD_REQUEST,
        ),
        (
            "htx",
            200,
            b'{"status":"error","err-code":"invalid-parameter","err-msg":"invalid symbol"}',
            Refusal.BAD_REQUEST,
        ),
        (
            "htx",
            200,
            b'{"status":"error","err-code":"system-maintenance","err-msg":"System is in maintenance!"}',
            Refusal.MAINTENANCE,
        ),
        ("htx", 200, b'{"status":"error","err_code":1004,"err_msg":"System busy."}', Refusal.OVERLOADED),
        ("htx", 200, b'{"status":"error","err_code":1000,"err_msg":"System error."}', Refusal.VENUE_ERROR),
        ("htx", 200, b'{"status":"error","err-code":"api-signature-not-valid","err-msg":""}', Refusal.UNAUTHORIZED),
        ("htx", 200, b'{"status":"error","err_code":9999,"err_msg":"?"}', Refusal.UNKNOWN_CODE),
        ("htx", 404, b'{"status":404,"error":"Not Found","path":"/x"}', None),
        ("deribit", 200, b'{"jsonrpc":"2.0","result":1,"testnet":false}', None),
        ("deribit", 429, b'{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}', Refusal.THROTTLED),
        ("deribit", 400, b'{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params"}}', Refusal.BAD_REQUEST),
        ("deribit", 200, b'{"error":{"code":11051,"message":"system_maintenance"}}', Refusal.MAINTENANCE),
        ("deribit", 400, b'{"error":{"code":13028,"message":"temporarily_unavailable"}}', Refusal.OVERLOADED),
        ("deribit", 200, b'{"error":{"code":99999}}', Refusal.UNKNOWN_CODE),
        ("deribit", 500, b'{"error":{"code":99999}}', None),
        ("kraken_futures", 200, b'{"result":"success","serverTime":"2026-11-01T00:00:00.000Z"}', None),
        ("kraken_futures", 200, b'{"result":"error","error":"apiLimitExceeded"}', Refusal.THROTTLED),
        ("kraken_futures", 200, b'{"result":"error","error":"Unavailable"}', Refusal.VENUE_ERROR),
        ("kraken_futures", 200, b'{"result":"error","error":"invalidArgument"}', Refusal.BAD_REQUEST),
        ("kraken_futures", 401, b'{"result":"error","error":"authenticationError"}', Refusal.UNAUTHORIZED),
        ("kraken_futures", 200, b'{"result":"error","error":"newWords"}', Refusal.UNKNOWN_CODE),
        ("kucoin", 200, b'{"code":"200000","data":1}', None),
        ("kucoin", 429, b'{"code":"429000","msg":"Too Many Requests"}', Refusal.THROTTLED),
        ("kucoin", 200, b'{"code":"400100","msg":"symbol is invalid"}', Refusal.BAD_REQUEST),
        ("kucoin", 401, b'{"code":"400002","msg":"Invalid KC-API-TIMESTAMP."}', Refusal.UNAUTHORIZED),
        ("kucoin", 401, b'{"code":"400007","msg":"Access denied, requires more permission."}', Refusal.UNAUTHORIZED),
        ("kucoin", 403, b'{"code":"400301","msg":"Operation restricted"}', Refusal.GEO_BLOCKED),
        ("kucoin", 500, b'{"code":"500000","msg":"Internal Server Error"}', Refusal.VENUE_ERROR),
        ("kucoin", 200, b'{"code":"999999","msg":"?"}', Refusal.UNKNOWN_CODE),
        ("kucoin", 503, b"<html>", None),
        ("gate", 200, b"[]", None),
        ("hyperliquid", 429, b"null", None),
        ("gate", 429, b'{"label":"TOO_MANY_REQUESTS","message":"Request Rate limit Exceeded"}', Refusal.THROTTLED),
        ("gate", 400, b'{"label":"NEW_LABEL","detail":"?"}', None),
        ("gate", 200, b'{"label":"NEW_LABEL","detail":"?"}', Refusal.UNKNOWN_CODE),
    ],
)
def test_a_venues_own_codes_name_the_refusal(venue: str, status: int, body: bytes, kind: Refusal | None) -> None:
    refused = venues.declared(venue).refuse(status, {}, body, NOW)
    assert (refused and refused.kind) == kind


@pytest.mark.parametrize("venue", ["binance_usdm", "binance_spot"])
def test_a_ban_of_binance_states_its_end(venue: str) -> None:
    body = b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1793491260000. Please use the websocket."}'
    refused = venues.declared(venue).refuse(418, {}, body, NOW)
    assert refused is not None
    assert (refused.kind, refused.until) == (Refusal.BANNED, datetime(2026, 11, 1, 0, 1, tzinfo=UTC))


@pytest.mark.parametrize(("resets", "known"), [("1793491260", True), ("0", False), ("1e12", False), ("x", False)])
def test_a_throttled_answer_of_gate_states_when_its_window_ends(resets: str, known: bool) -> None:
    body = b'{"label":"TOO_MANY_REQUESTS","message":""}'
    refused = venues.declared("gate").refuse(429, {"x-gate-ratelimit-reset-timestamp": resets}, body, NOW)
    assert refused is not None
    assert (refused.until == datetime(2026, 11, 1, 0, 1, tzinfo=UTC)) == known


@pytest.mark.parametrize(("left", "wait_s"), [("1500", 1.5), ("0", 0.0), ("-1", None), ("soon", None)])
def test_a_throttled_answer_of_kucoin_states_how_long_its_window_lasts(left: str, wait_s: float | None) -> None:
    headers, refuse = {"gw-ratelimit-reset": left}, venues.declared("kucoin").refuse
    refused = refuse(429, headers, b'{"code":"429000","msg":"Too Many Requests"}', NOW)
    ours = refuse(400, headers, b'{"code":"400100","msg":"?"}', NOW)
    assert refused is not None
    assert ours is not None
    assert (refused.retry_after_s, ours.retry_after_s) == (wait_s, None)


@pytest.mark.parametrize(
    ("words", "known"),
    [("EService: Throttled: 1793491260", True), ("EService:Throttled", False), ("EService:Throttled:x", False)],
)
def test_a_throttled_answer_of_kraken_may_state_its_end(words: str, known: bool) -> None:
    refused = venues.declared("kraken").refuse(200, {}, json.dumps({"error": [words]}).encode(), NOW)
    assert refused is not None
    assert refused.kind is Refusal.THROTTLED
    assert (refused.until == datetime(2026, 11, 1, 0, 1, tzinfo=UTC)) == known


@pytest.mark.parametrize(
    ("venue", "headers", "usages"),
    [
        ("binance_usdm", {"x-mbx-used-weight-1m": "120"}, [Usage(budget="ip", used=120)]),
        ("binance_usdm", {}, []),
        ("binance_spot", {"x-mbx-used-weight-1m": "120"}, [Usage(budget="ip", used=120)]),
        ("binance_spot", {"x-sapi-used-ip-weight-1m": "12"}, [Usage(budget="sapi", used=12)]),
        ("binance_spot", {}, []),
        ("bybit", {"x-bapi-limit": "50", "x-bapi-limit-status": "49"}, [Usage(budget="uid", remaining=49, limit=50)]),
        ("bybit", {"x-bapi-limit": "50"}, []),
        (
            "gate",
            {"x-gate-ratelimit-requests-remain": "199", "x-gate-ratelimit-limit": "200"},
            [Usage(budget="ip", remaining=199, limit=200)],
        ),
        (
            "gate",
            {
                "x-gate-ratelimit-requests-remain": "199",
                "x-gate-ratelimit-limit": "200",
                "x-gate-ratelimit-reset-timestamp": "1793491210",
            },
            [Usage(budget="ip", remaining=199, limit=200, resets_at=datetime.fromtimestamp(1793491210, UTC))],
        ),
        ("gate", {"x-gate-ratelimit-limit": "200"}, []),
        ("htx", {"x-hb-ratelimit-requests-remain": "4499"}, [Usage(budget="ip", remaining=4499)]),
        (
            "htx",
            {"ratelimit-limit": "240", "ratelimit-remaining": "9"},
            [Usage(budget="swaps", remaining=9, limit=240)],
        ),
        (
            "kucoin",
            {"gw-ratelimit-remaining": "1990", "gw-ratelimit-limit": "2000", "gw-ratelimit-reset": "12000"},
            [Usage(budget="ip", remaining=1990, limit=2000, resets_at=NOW + timedelta(seconds=12))],
        ),
        ("okx", {"x-ratelimit": "1"}, []),
    ],
)
def test_budget_headers_are_read_if_a_venue_sends_them(
    venue: str, headers: dict[str, str], usages: list[Usage]
) -> None:
    assert list(venues.declared(venue).usage(headers, NOW)) == usages
