"""The operator's lenders and collateral: read, checked with all mistakes at once, and passed to watchers, intake and coverage."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.watch import WatchedCollateral, WatchedLender
from monitor.daemon.assembly import network_expectations, watcher_settings
from monitor.errors import OperatorError, SeveralMistakes
from monitor.settings.load import load_settings

POOL, TOKEN, MARKET = "0x" + "Aa" * 20, "0x" + "Cc" * 20, "0x" + "Dd" * 32
TABLE = f"""
[[assets.ETH.collateral]]
network = "ethereum"
address = "{TOKEN}"
[[assets.ETH.collateral]]
network = "ethereum"
address = "{MARKET}"
decimals = 6
[assets.BTC]
[networks.ethereum]
nodes = [{{ url = "http://127.0.0.1:8545" }}]
factories = ["{TOKEN}"]
[[networks.ethereum.lending]]
protocol = "aave_v3"
address = "{POOL}"
"""


def written(folder: Path, table: str) -> Path:
    path = folder / "stormwatch.toml"
    path.write_text(table)
    return path


def test_lenders_and_collateral_reach_the_watcher_of_their_network(tmp_path: Path) -> None:
    watch = watcher_settings(load_settings(written(tmp_path, TABLE), {}), "ethereum", {}).watch
    assert [(one.address, one.protocol) for one in watch.lenders] == [(POOL.lower(), "aave_v3")]
    assert isinstance(watch.lenders[0], WatchedLender)
    assert watch.factories == (TOKEN.lower(),)
    assert watch.collateral == (
        WatchedCollateral(address=TOKEN.lower()),
        WatchedCollateral(address=MARKET.lower(), decimals=6),
    )


def test_a_network_with_lenders_is_a_complete_source_of_the_liquidation_leg_of_its_collateral(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, TABLE), {})
    [one] = network_expectations(settings, "ethereum")
    assert (one.source, one.subject.asset) == ("ethereum/chain", "ETH")
    assert one.attributes == {"leg": "liquidation", "weight": 0.25, "class": "chain", "censoring": "complete"}
    bare = TABLE[: TABLE.index("[[networks")]
    assert list(network_expectations(load_settings(written(tmp_path, bare), {}), "ethereum")) == []


@pytest.mark.parametrize(
    ("right", "wrong", "key"),
    [
        (
            'protocol = "aave_v3"',
            'protocol = "aave_v33"',
            r"networks\.ethereum\.lending\[0\]\.protocol.*aave_v3.*did you",
        ),
        (f'address = "{POOL}"', 'address = "0x12"', r"networks\.ethereum\.lending\[0\]\.address"),
        (f'address = "{TOKEN}"', 'address = "token"', r"assets\.ETH\.collateral\[0\]\.address"),
        (f'factories = ["{TOKEN}"]', 'factories = ["0x1"]', r"networks\.ethereum\.factories"),
        ("decimals = 6", "decimals = 37", r"assets\.ETH\.collateral\[1\]\.decimals.*0 to 36"),
        ('network = "ethereum"', 'network = "base"', r"assets\.ETH\.collateral"),
    ],
)
def test_a_mistake_names_its_key_and_what_is_allowed(tmp_path: Path, right: str, wrong: str, key: str) -> None:
    assert right in TABLE
    with pytest.raises(OperatorError, match=key):
        load_settings(written(tmp_path, TABLE.replace(right, wrong)), {})


def test_all_mistakes_of_a_table_are_told_at_once_and_its_length_is_bounded(tmp_path: Path) -> None:
    wrong = TABLE.replace("aave_v3", "bank").replace(POOL, "0x12")
    with pytest.raises(SeveralMistakes) as caught:
        load_settings(written(tmp_path, wrong), {})
    assert [one.key for one in caught.value.mistakes] == [
        "networks.ethereum.lending[0].address",
        "networks.ethereum.lending[0].protocol",
    ]
    lender = f'[[networks.ethereum.lending]]\nprotocol = "spark"\naddress = "{POOL}"\n'
    with pytest.raises(OperatorError, match="at most 64"):
        load_settings(written(tmp_path, TABLE + 64 * lender), {})
    owned = f'[[assets.ETH.collateral]]\nnetwork = "ethereum"\naddress = "{TOKEN}"\n'
    with pytest.raises(OperatorError, match="at most 256"):
        load_settings(written(tmp_path, 255 * owned + TABLE), {})
