"""The operator's table of hot wallets and tokens: read, checked, and passed to the networks' watchers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from chain.events import Address
from chain.watch import WatchedSuccessor, WatchedWallet
from monitor.daemon.assembly import watcher_settings
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
    assert watch.successors == ()


def test_a_declared_successor_reaches_the_watcher_with_its_exact_ratio(tmp_path: Path) -> None:
    said = f'address = "{TOKEN}", successor = "{HOT}", successor_ratio = 0.01 }}]'
    table = TABLE.replace(f'address = "{TOKEN}" }}]', said, 1)
    watch = watcher_settings(load_settings(written(tmp_path, table), {}), "ethereum", {}).watch
    old, new = Address(TOKEN.lower()), Address(HOT.lower())
    assert watch.successors == (WatchedSuccessor(old=old, new=new, ratio=Fraction(1, 100)),)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ('successor = "0x12"', "assets.ETH.tokens.successor"),
        (f'successor = "{TOKEN.lower()}"', "another token"),
        (f'successor = "{HOT}", successor_ratio = 0.0', "successor_ratio"),
        (f'successor = "{HOT}", successor_ratio = -1.0', "successor_ratio"),
        (f'successor = "{HOT}", successor_ratio = 1e30', "successor_ratio"),
        (f'successor = "{HOT}", successor_ratio = nan', "successor_ratio"),
    ],
)
def test_a_mistake_in_a_successor_is_named(tmp_path: Path, said: str, named: str) -> None:
    table = TABLE.replace(f'address = "{TOKEN}" }}]', f'address = "{TOKEN}", {said} }}]', 1)
    with pytest.raises(OperatorError) as raised:
        load_settings(written(tmp_path, table), {})
    assert named in str(raised.value)


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
def test_each_mistake_in_the_table_is_named(tmp_path: Path, wrong: str, right: str, named: str) -> None:
    assert wrong in TABLE
    with pytest.raises(OperatorError) as raised:
        load_settings(written(tmp_path, TABLE.replace(wrong, right, 1)), {})
    assert named in str(raised.value)


LABELLED = """venue,asset,address,token,least,remark
bitfinex,ETH,{hot},,10000000000000000,labelled 2023
Kraken,eth,{hot},{token},,
kraken,DOGE,{hot},,,not watched here
bitfinex,ETH,{hot},,10000000000000000,twice
"""


def test_a_table_of_wallets_is_added_to_the_venues_own(tmp_path: Path) -> None:
    table = tmp_path / "wallets.csv"
    table.write_text(LABELLED.format(hot=HOT, token=TOKEN))
    text = TABLE.replace("[networks.ethereum]", f"[networks.ethereum]\nwallets_file = '{table}'\ncalls_per_s = 7.5")
    settings = watcher_settings(load_settings(written(tmp_path, text), {}), "ethereum", {})
    hot, token = Address(HOT.lower()), Address(TOKEN.lower())
    assert settings.watch.wallets[2:] == (
        WatchedWallet(venue="bitfinex", asset="ETH", address=hot, least=10**16),
        WatchedWallet(venue="kraken", asset="ETH", address=hot, token=token),
    )
    assert settings.calls_per_s == 7.5


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (None, "cannot be read"),
        ("name,address\n", "lacks venue, asset"),
        (f"venue,asset,address\n,ETH,{HOT}\n", "line 2"),
        ("venue,asset,address\nokx,ETH,\n", "`address`"),
        (f"venue,asset,address,token\nokx,ETH,{HOT},0x1\n", "`token`"),
        (f"venue,asset,address,least\nokx,ETH,{HOT},a few\n", "a few"),
        ("venue,asset,address\n" + f"okx,ETH,{HOT}\n" * 10_001, "10000"),
    ],
)
def test_each_mistake_in_a_table_file_is_reported_with_its_line(tmp_path: Path, table: str | None, named: str) -> None:
    path = tmp_path / "wallets.csv"
    if table is not None:
        path.write_text(table)
    text = TABLE.replace("[networks.ethereum]", f"[networks.ethereum]\nwallets_file = '{path}'")
    settings = load_settings(written(tmp_path, text), {})
    with pytest.raises(OperatorError) as raised:
        watcher_settings(settings, "ethereum", {})
    assert named in str(raised.value)
    assert "networks.ethereum.wallets_file" in str(raised.value)


@pytest.mark.parametrize("key", ["quorum", "calls_per_s", "timeout_s", "keep_blocks"])
def test_a_figure_of_a_network_must_be_above_zero(tmp_path: Path, key: str) -> None:
    text = TABLE.replace("[networks.ethereum]", f"[networks.ethereum]\n{key} = 0")
    with pytest.raises(OperatorError) as raised:
        load_settings(written(tmp_path, text), {})
    assert f"networks.ethereum.{key}" in str(raised.value)
