"""An answer of CoinGlass gives the newest interval that is complete; a refusal, a strange row or an absent amount gives none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from probes.readings import MalformedReason, Refusal
from probes.rest.liquidation_totals import MAX_ROWS, Asked, newest_total
from probes.venue import Malformed, Refused

DAY = datetime(2022, 7, 28, tzinfo=UTC)
"""1658966400000 of the documented example (docs.coinglass.com, "Coin Liquidation History")."""
ASKED = Asked(asset="BTC", interval="4h", exchanges=("Binance", "OKX"))


def row(after_s: float = 0, long: Any = 5916885.14234, short: Any = 12969583.87632) -> dict[str, Any]:
    at_ms = 1658966400000 + int(after_s * 1000)
    return {"time": at_ms, "aggregated_long_liquidation_usd": long, "aggregated_short_liquidation_usd": short}


def answer(*rows: Any, code: Any = "0", **more: Any) -> bytes:
    return json.dumps({"code": code, "msg": "success", "data": list(rows), **more}).encode()


def test_the_newest_complete_interval_counts() -> None:
    total = newest_total(answer(row(), row(14_400, "7", 1), row(28_800)), ASKED, DAY + timedelta(seconds=28_860))

    assert total is not None
    assert (total.venue, total.asset, total.exchanges) == ("coinglass", "BTC", 2)
    assert (total.begins_at, total.interval_s) == (DAY + timedelta(hours=4), 14_400.0)
    assert (total.long_usd, total.short_usd) == (7.0, 1.0)


@pytest.mark.parametrize(("after_s", "there"), [(14_459, False), (14_460, True)])
def test_an_interval_counts_a_minute_after_its_end(after_s: float, there: bool) -> None:
    total = newest_total(answer(row()), ASKED, DAY + timedelta(seconds=after_s))

    assert (total is not None) is there


def test_an_answer_without_rows_says_nothing() -> None:
    assert newest_total(answer(), ASKED, DAY) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("401", Refusal.UNAUTHORIZED),
        (401, Refusal.UNAUTHORIZED),
        ("429", Refusal.THROTTLED),
        ("400", Refusal.BAD_REQUEST),
        ("500", Refusal.VENUE_ERROR),
        ("30001", Refusal.UNKNOWN_CODE),
    ],
)
def test_a_code_in_a_good_status_is_a_refusal(code: Any, kind: Refusal) -> None:
    with pytest.raises(Refused) as caught:
        newest_total(json.dumps({"code": code, "msg": "API key missing."}).encode(), ASKED, DAY)

    assert caught.value.kind is kind
    assert caught.value.detail == f"code {code} API key missing."


def test_a_message_that_is_no_text_is_left_out() -> None:
    with pytest.raises(Refused, match=r"code 401$"):
        newest_total(b'{"code":"401","msg":{}}', ASKED, DAY)


@pytest.mark.parametrize("amount", [None, "", "much", -1, True, "nan", "1e999", [], 10**400])
def test_an_amount_that_is_none_is_malformed_and_never_zero(amount: Any) -> None:
    with pytest.raises(Malformed) as caught:
        newest_total(answer(row(long=amount)), ASKED, DAY + timedelta(days=1))
    assert caught.value.reason is MalformedReason.FIGURE


@pytest.mark.parametrize("body", [answer(7), answer(row(60)), b'{"code":"0"}', answer(*[{}] * (MAX_ROWS + 1))])
def test_rows_that_cannot_be_read_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        newest_total(body, ASKED, DAY + timedelta(days=1))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}"])
def test_what_is_no_answer_cannot_be_decoded(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        newest_total(body, ASKED, DAY)


def test_the_question_names_the_asset_the_interval_and_the_venues() -> None:
    assert ASKED.query == {"exchange_list": "Binance,OKX", "symbol": "BTC", "interval": "4h", "limit": "3"}
