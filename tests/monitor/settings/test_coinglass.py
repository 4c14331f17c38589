"""The cross-check with CoinGlass is off without a key; with one, it asks for the watched venues that have a liquidation feed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from monitor.errors import OperatorError, SeveralMistakes
from monitor.settings.check import check
from monitor.settings.coinglass import EXCHANGES, coinglass_access
from monitor.settings.reader import read
from monitor.settings.tree import Settings
from probes import venues


def settings(text: str) -> Settings:
    found = read(Settings, tomllib.loads(f"[coinglass]\n{text}"))
    check(found)
    return found


def test_without_a_key_it_is_off() -> None:
    assert coinglass_access(settings("").coinglass, ["okx"], {"COINGLASS_KEY": "s3cret"}) is None


def test_with_a_key_of_the_environment_it_asks_for_the_watched_venues() -> None:
    one = settings('key_env = "COINGLASS_KEY"\ninterval = "4h"').coinglass
    access = coinglass_access(one, ["okx", "binance_usdm", "coinbase"], {"COINGLASS_KEY": "s3cret"})

    assert access is not None
    assert (access.key, access.interval, access.exchanges) == ("s3cret", "4h", ("Binance", "OKX"))
    assert access.headers["CG-API-KEY"] == "s3cret"


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    one = settings(f'key_file = "{tmp_path}/key"\nexchanges = ["Bybit"]').coinglass
    access = coinglass_access(one, [], {})

    assert access is not None
    assert (access.key, access.exchanges) == ("s3cret", ("Bybit",))


def test_only_venues_with_a_liquidation_feed_are_summed() -> None:
    for name in EXCHANGES:
        declared = venues.declared(name)
        feeds = [one.name for one in declared.feeds] + [one.name for one in declared.checks]
        assert any("liquidation" in one for one in feeds), name


@pytest.mark.parametrize(
    ("text", "key", "word"),
    [
        ('url = "http://api.example"', "coinglass.url", "in the clear"),
        ('url = "http://127.0.0.1.example"', "coinglass.url", "in the clear"),
        ('url = "ftp://x"', "coinglass.url", "https://"),
        ('key_env = "A"\nkey_file = "b"', "coinglass.key_file", "take one out"),
        ('interval = "2h"', "coinglass.interval", "1h"),
        ('exchanges = ["Binance,OKX"]', "coinglass.exchanges", "Binance"),
        ("every_s = 1", "coinglass.every_s", "60 s"),
        ("timeout_s = 0", "coinglass.timeout_s", "above 0"),
    ],
)
def test_a_mistake_is_told_with_its_key(text: str, key: str, word: str) -> None:
    with pytest.raises(OperatorError) as caught:
        settings(text)
    assert caught.value.key == key
    assert word in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SeveralMistakes) as caught:
        settings('interval = "2h"\nevery_s = 1')
    assert [one.key for one in caught.value.mistakes] == ["coinglass.interval", "coinglass.every_s"]


@pytest.mark.parametrize("text", ['key_env = "NO_SUCH_KEY"', 'key_file = "/no/such/file"'])
def test_a_key_that_is_not_there_is_told(text: str) -> None:
    with pytest.raises(OperatorError, match=r"coinglass\.key_"):
        coinglass_access(settings(text).coinglass, ["okx"], {})


def test_no_venue_to_sum_is_told() -> None:
    with pytest.raises(OperatorError, match="no venue with a liquidation feed"):
        coinglass_access(settings('key_env = "K"').coinglass, ["coinbase"], {"K": "s3cret"})
