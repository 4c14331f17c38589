"""The operator's table of hot wallets and tokens: read, checked, and handed to the networks' watchers."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.detector import WatchedWallet
from chain.events import Address
from monitor.assembly import watcher_settings
from monitor.errors import OperatorError
from monitor.settings.load import load_settings

HOT, TOKEN = "0x" + "Aa" * 20, "0x" + "Cc" * 20
TABLE = f"""
[assets.ETH]
tokens = [{{ network = "ethereum", address = "{TOKEN}" }}]
contracts = [{{ network = "ethereum", address = "{TOKEN}" }}]
[networks.ethereum]
nodes = [{{ url = "http://127.0.0.1:8545" }}]
[venues.bybit]
wallets = [
  {{ network = "ethereum", asset = "ETH", address = "{HOT}" }},
  {{ network = "ethereum", asset = "ETH", address = "{HOT}", token = "{TOKEN}", least = 5 }},
]
[venues.okx]
enabled = false
wallets = [{{ network = "ethereum", asset = "ETH", address = "{HOT}" }}]
"""


def written(folder: Path, table: str) -> Path:
    path = folder / "stormwatch.toml"
    path.write_text(table)
    return path


def test_wallets_and_tokens_reach_the_watcher_of_their_network(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, TABLE), {})
    watch = watcher_settings(settings, "ethereum", {}).watch
    hot, token = Address(HOT.lower()), Address(TOKEN.lower())
    assert watch.wallets == (
        WatchedWallet(venue="bybit", asset="ETH", address=hot),
        WatchedWallet(venue="bybit", asset="ETH", address=hot, token=token, least=5),
    )
    assert watch.tokens == (token,)


@pytest.mark.parametrize(
    ("wrong", "right", "named"),
    [
        (f'address = "{HOT}" }},', 'address = "0x12" },', "venues.bybit.wallets"),
        (f'token = "{TOKEN}"', 'token = "0x12"', "venues.bybit.wallets"),
        ('asset = "ETH", address', 'asset = "DOGE", address', "wallets.asset"),
        ('{ network = "ethereum", asset', '{ network = "base", asset', "wallets.network"),
        ("least = 5", "least = -5", "wallets.least"),
        (
            f'tokens = [{{ network = "ethereum", address = "{TOKEN}"',
            'tokens = [{ network = "ethereum", address = "1"',
            "assets.ETH.tokens",
        ),
    ],
)
def test_what_is_wrong_in_the_table_is_named(tmp_path: Path, wrong: str, right: str, named: str) -> None:
    assert wrong in TABLE
    with pytest.raises(OperatorError) as raised:
        load_settings(written(tmp_path, TABLE.replace(wrong, right, 1)), {})
    assert named in str(raised.value)
